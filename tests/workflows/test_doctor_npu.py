"""nerctl doctor --device npu on planted toolkits, adapters, cards and rank environments."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from planted_toolkit import SMI, plant_install_info, plant_package, plant_smi, plant_version_cfg, write

from nerctl.backends import DeviceOptions
from nerctl.backends.graph_check import GraphReport
from nerctl.backends.npu import has_infinities
from nerctl.backends.npu_ops import BELOW_OPP
from nerctl.workflows.doctor import checks, graphs
from nerctl.workflows.doctor.line import FAILED, OK, WARNING, Line
from nerctl.workflows.doctor.npu import VARIABLES, graph_lines, npu_lines, overflow_line, rank_lines, release_lines
from nerctl.workflows.doctor.trial import Trial


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def by_subject(lines: Any) -> dict[str, Line]:
    lines = list(lines)
    assert all(line.remedy for line in lines if line.status != OK), "what is not ok has a remedy"
    return {line.subject: line for line in lines}


def plant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, adapter: str, cann: str) -> dict[str, Line]:
    """The lines of releases, of a wheel from a page with the adapter's release and a toolkit of CANN's."""
    monkeypatch.syspath_prepend(str(tmp_path))
    plant_package(tmp_path, "npu_device_planted", f"https://example.org/tfa_v0.0.49_{adapter}/npu_device.whl")
    plant_install_info(tmp_path / "toolkit", cann)
    environment = {"ASCEND_TOOLKIT_HOME": str(tmp_path / "toolkit")}
    return by_subject(release_lines(environment, tmp_path, "npu_device_planted"))


@pytest.mark.parametrize("cann", ["9.1.0", "9.2.0-beta", "9.2.0-beta.2"])
def test_releases_that_belong_together_are_ok_with_where_they_were_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cann: str
) -> None:
    lines = plant(tmp_path, monkeypatch, "9.1.0", cann)
    assert {line.status for line in lines.values()} == {OK}
    assert lines["CANN"].message.startswith(f"{cann} (") and "ascend_toolkit_install.info" in lines["CANN"].message
    assert "belongs to CANN 9.1.0 and 9.2.0-beta" in lines["adapter release"].message


def test_releases_that_do_not_belong_together_fail_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = plant(tmp_path, monkeypatch, "9.1.0", "8.0.RC3")["adapter release"]
    assert line.status == FAILED and "not 8.0.RC3" in line.message
    assert "the adapter of CANN 8.0.RC3" in line.remedy and "CANN 9.1.0 or 9.2.0-beta" in line.remedy


def test_releases_that_nothing_is_known_of_are_not_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = plant(tmp_path, monkeypatch, "8.0.RC3", "8.0.RC3")["adapter release"]
    assert line.status == WARNING and "not known whether it belongs to CANN 8.0.RC3" in line.message
    assert "adapter 9.1.0 belongs to CANN 9.1.0 and 9.2.0-beta" in line.remedy


def test_an_adapter_whose_release_no_place_tells_is_not_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    plant_package(tmp_path, "npu_device_planted")
    line = by_subject(release_lines({}, tmp_path, "npu_device_planted"))["adapter release"]
    assert line.status == WARNING and "not known" in line.message and "2.6.5" in line.message
    write(tmp_path / "tfplugin/latest/ascend_tfplugin_install.info", "version=9.1.0\n")
    line = by_subject(release_lines({}, tmp_path, "npu_device_planted"))["adapter release"]
    assert line.status == WARNING and "9.1.0" in line.message and "CANN's is not known" in line.message


def test_a_toolkit_of_two_releases_is_a_warning_and_fails_where_one_of_them_does_not_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant_version_cfg(tmp_path / "toolkit", toolkit="9.1.0", opp="8.0.RC3")
    lines = plant(tmp_path, monkeypatch, "9.1.0", "9.1.0")
    assert lines["CANN"].status == WARNING
    assert lines["CANN"].message.index("9.1.0 (") < lines["CANN"].message.index(", but 8.0.RC3 (")
    assert lines["adapter release"].status == FAILED and "not 8.0.RC3" in lines["adapter release"].message


def test_nothing_installed_is_said_and_nothing_is_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    lines = by_subject(npu_lines(tmp_path))
    assert lines["CANN"].status == WARNING and str(tmp_path) in lines["CANN"].message
    assert lines["driver"].status == WARNING and "not on PATH" in lines["driver"].message
    assert lines["adapter"].status == FAILED and "adapter release" not in lines and "overflow" not in lines
    assert lines["head"].status == OK and "--head crf" in lines["head"].remedy
    assert "209" in lines["head"].message and "2,021" in lines["head"].message


@pytest.mark.parametrize(("health", "status"), [("OK", OK), ("Alarm", WARNING)])
def test_the_driver_is_told_with_its_cards_and_their_health(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, health: str, status: str
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    plant_smi(tmp_path, f"cat <<'END'\n{SMI.replace('HEALTH', health)}END")
    line = by_subject(npu_lines(tmp_path))["driver"]
    assert line.status == status and line.message == f"25.5.2; card 0 910B3 OK, card 5 910B3 {health}"


def test_a_driver_that_sees_no_card_or_does_not_answer_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    for script, says in (("echo 'Version: 25.5.2'", "no card"), ("exec sleep 30", "no answer within 0.3 s")):
        plant_smi(tmp_path, script)
        line = by_subject(npu_lines(tmp_path, seconds=0.3))["driver"]
        assert line.status == WARNING and says in line.message


def test_the_overflow_mode_is_told_where_the_adapter_has_it() -> None:
    def fails() -> bool:
        raise RuntimeError("no card was opened")

    def line(answer: Any) -> Line:
        return overflow_line(has_infinities(SimpleNamespace(npu_device=SimpleNamespace(is_inf_nan_enabled=answer))))

    assert "inf and NaN" in line(lambda: True).message
    assert "saturates" in line(lambda: 0).message
    assert has_infinities(SimpleNamespace()) is None, "an older adapter"
    unknown = line(fails)
    assert unknown.status == WARNING and "not known" in unknown.message and "float32" in unknown.remedy


def test_the_trial_that_opened_the_card_tells_its_overflow_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    losses: dict[str, Any] = {"losses": {"crf": [2.0, 1.5]}, "seconds": {"crf": [1.0, 0.1]}}
    trials = {"npu": Trial({"infinities": True}, **losses), "cpu": Trial({}, **losses)}
    monkeypatch.setattr(checks, "try_device", lambda asked: trials[asked.device])
    lines = by_subject(checks._trial(DeviceOptions(device="npu")))
    assert "inf and NaN" in lines["overflow"].message and lines["trial: crf"].status == OK


@pytest.mark.parametrize(
    ("environment", "subjects"),
    [
        ({}, []),
        ({"RANK_SIZE": "8"}, [(FAILED, "RANK_SIZE"), (FAILED, "ranks")]),
        ({"RANK_TABLE_FILE": "x"}, [(WARNING, "ranks")]),
        ({"CM_WORKER_SIZE": "2", "CM_WORKER_IP": "10.0.0.1"}, [(FAILED, "CM_WORKER_SIZE"), (FAILED, "ranks")]),
    ],
)
def test_ranks_are_lines_and_several_cards_are_refused(environment: dict[str, str], subjects: list) -> None:
    lines = list(rank_lines(environment))
    assert [(line.status, line.subject) for line in lines] == subjects
    assert all(line.remedy for line in lines)


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The lists that graphs were checked against; none is traced."""
    seen: list[Any] = []
    monkeypatch.setattr(graphs, "check_npu_graphs", lambda options, ops: seen.append(ops) or [GraphReport("crf", 1, {}, ())])
    return seen


def test_the_toolkits_list_is_taken_before_the_shipped_one_and_a_broken_one_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, traced: list[Any]
) -> None:
    options = DeviceOptions(device="npu")
    line = next(graph_lines(options, None))
    assert line.status == WARNING and "2022-03, 692 ops, which ships with nerctl" in line.message
    monkeypatch.setenv("ASCEND_OPP_PATH", str(tmp_path))
    write(tmp_path / BELOW_OPP, '{"Add": {}, "Mul": {}}')
    taken, graph = graph_lines(options, None)
    assert taken == Line(OK, "supported ops", f"2 ops in {tmp_path / BELOW_OPP}") and graph.status == OK
    assert traced[-1] == {"Add", "Mul"}
    write(tmp_path / BELOW_OPP, "[]")
    line = next(graph_lines(options, None))
    assert line.status == WARNING and "not a list of ops" in line.message and "2022-03" in line.message
