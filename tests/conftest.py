"""Fixtures that more than one room uses: the reference material, and a tiny encoder with a corpus of its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings
from made_corpus import made_sentences, write_columns, write_encoder

# Whether a property holds does not depend on how busy the machine is.
settings.register_profile("nerctl", deadline=None)
settings.load_profile("nerctl")

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

SHARED = Path(__file__).resolve().parents[2] / "shared"


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips what the Ascend stack cannot run, or need not; all other tests run on both."""
    if sys.version_info < (3, 10) and item.get_closest_marker("current_stack"):
        pytest.skip("needs Python 3.10: current TensorFlow and what goes with it")
    if sys.version_info < (3, 10) and item.get_closest_marker("one_stack"):
        pytest.skip("is the same on both stacks, and tested on the current one")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The reference material beside the checkout; tests that need it skip without it."""
    if not SHARED.is_dir():
        pytest.skip("needs ../shared, the reference material, which is not here")
    return SHARED


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with `NERdata/` of made sentences and `model/` with a tiny encoder, and the process in it."""
    data = tmp_path / "NERdata"
    data.mkdir()
    for name, count, seed in (("train", 60, 1), ("dev", 12, 2), ("test", 12, 3)):
        write_columns(data / f"{name}.txt", made_sentences(count, seed))
    write_encoder(tmp_path / "model")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def tiny(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The workplace with a tiny encoder and nothing compiled or drawn: these tests make dozens of runs of a few steps.

    What is computed is the same from part to part all the same. --threads may be given to a part in this process.
    """
    from tiny_run import eagerly

    from nerctl.backends.cpu import CpuBackend
    from nerctl.evaluation import report as report_room
    from nerctl.training import session as session_room

    write_encoder(workplace / "model", hidden=16, layers=1)
    monkeypatch.setattr(CpuBackend, "compile", lambda self, function, signature: eagerly(function, signature))
    monkeypatch.setattr(session_room, "share_cores", lambda *_: None)
    monkeypatch.setattr(report_room, "curves_png", lambda *_: None)
    return workplace
