"""npu-smi is asked once, with a short time-out, and what it does not say is one sentence."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from planted_toolkit import SMI, plant_smi

from nerctl.backends.npu_smi import Card, read_npu_smi
from nerctl.errors import DeviceError


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path


def test_driver_and_cards_are_read_and_chips_and_processes_are_no_cards(planted: Path) -> None:
    plant_smi(planted, f"[ \"$1\" = info ] || exit 3\ncat <<'END'\n{SMI.replace('HEALTH', 'Warning')}END")
    driver = read_npu_smi()
    assert driver.version == "25.5.2"
    assert driver.cards == (Card(0, "910B3", "OK"), Card(5, "910B3", "Warning"))


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("echo 'dcmi module initialize failed. ret is -8005' >&2; exit 1", "ended with 1 and said: dcmi module initialize"),
        ("exit 0", "ended with 0 and said: nothing"),
        ("exec sleep 30", "no answer within 0.3 s"),
    ],
)
def test_an_npu_smi_that_fails_says_nothing_or_hangs_is_one_sentence(planted: Path, script: str, says: str) -> None:
    plant_smi(planted, script)
    begin = time.perf_counter()
    with pytest.raises(DeviceError, match=says):
        read_npu_smi(seconds=0.3)
    assert time.perf_counter() - begin < 10


def test_no_npu_smi_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DeviceError, match="not on PATH"):
        read_npu_smi()
    (tmp_path / "npu-smi").write_text("no program")
    (tmp_path / "npu-smi").chmod(0o755)
    with pytest.raises(DeviceError, match="cannot be run"):
        read_npu_smi()
