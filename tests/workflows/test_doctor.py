"""nerctl doctor: each line is true, its remedy too, and the exit code is that of the worst line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tensorflow as tf
from typer.testing import CliRunner

from nerctl.backends import DeviceOptions
from nerctl.backends.npu_ops import shipped_npu_ops
from nerctl.workflows.doctor import checks
from nerctl.workflows.doctor.checks import diagnose
from nerctl.workflows.doctor.line import FAILED, OK, WARNING, Line
from nerctl.workflows.doctor.npu import graph_lines
from nerctl.workflows.doctor.trial import Trial, train_tiny, try_device

ASCEND_STACK = tf.__version__.startswith("2.6.")

GOOD = Trial({"backend": "cpu"}, {"crf": [2.0, 1.5]}, {"crf": [1.0, 0.1]})


def lines_of(device: str, trials: dict, monkeypatch: pytest.MonkeyPatch, **options: object) -> list[Line]:
    monkeypatch.setattr(checks, "try_device", lambda asked: trials[asked.device])
    return list(diagnose(DeviceOptions(device=device, **options)))


def test_the_cpu_is_looked_at_and_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = lines_of("cpu", {"cpu": GOOD}, monkeypatch)
    assert [line.subject for line in lines] == ["Python", "TensorFlow", "processor", "trial: crf"]
    assert {line.status for line in lines} == {OK}
    assert tf.__version__ in lines[1].message


def test_losses_that_differ_from_the_cpus_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_cuda", lambda: iter([]))
    for losses, precision, status in (
        ([2.0, 1.5], "float32", OK),
        ([2.0, 1.5001], "float32", OK),
        ([2.0, 1.6], "float32", FAILED),
        ([2.0, 1.53], "mixed_bfloat16", OK),
        ([float("nan"), 1.5], "float32", FAILED),
    ):
        device = Trial({}, {"crf": losses}, {"crf": [1.0, 0.1]})
        lines = lines_of("cuda", {"cpu": GOOD, "cuda": device}, monkeypatch, precision=precision)
        assert lines[-1].status == status, losses
        assert bool(lines[-1].remedy) == (status == FAILED)


def test_a_device_that_cannot_be_used_is_not_tried_and_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    if tf.config.list_physical_devices("GPU"):
        pytest.skip("a GPU is here")
    lines = lines_of("cuda", {}, monkeypatch)
    failed = [line for line in lines if line.status == FAILED]
    assert [line.subject for line in failed] == ["card", "trial"]
    assert all(line.remedy for line in failed)


def test_a_crash_of_the_trial_is_a_failed_line(monkeypatch: pytest.MonkeyPatch) -> None:
    crashed = Trial({}, {}, {}, "the process ended with -11: no message")
    lines = lines_of("cpu", {"cpu": crashed}, monkeypatch)
    assert lines[-1] == Line(FAILED, "trial", crashed.error or "", lines[-1].remedy)


def test_a_device_without_cpu_losses_to_compare_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_cuda", lambda: iter([]))
    lines = lines_of("cuda", {"cpu": Trial({}, {}, {}, "boom"), "cuda": GOOD}, monkeypatch)
    assert lines[-1].status == WARNING and "boom" in lines[-1].message


def test_a_trial_runs_in_a_process_of_its_own_and_learns() -> None:
    trial = try_device(DeviceOptions(device="cpu"))
    assert trial.error is None
    assert set(trial.losses) == {"bilstm-crf", "crf"}
    assert all(loss > 0 for losses in trial.losses.values() for loss in losses)
    again = train_tiny(DeviceOptions(device="cpu"))
    for head, losses in trial.losses.items():
        assert losses == pytest.approx(again.losses[head], rel=1e-5)


def test_a_trial_on_a_device_that_is_not_there_says_why() -> None:
    trial = try_device(DeviceOptions(device="npu"))
    assert trial.error is not None and trial.error.startswith("--device npu: ")


def run(*arguments: str):
    from nerctl.cli import app

    return CliRunner().invoke(app, ["doctor", *arguments])


def test_the_npu_without_its_adapter_fails_with_remedies_and_clean_graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ASCEND_OPP_PATH", raising=False)
    result = run("--device", "npu", "--json")
    assert result.exit_code == 1, result.output
    answer = json.loads(result.stdout[result.stdout.index("{") :])
    by_subject = {line["subject"]: line for line in answer["lines"]}
    assert answer["usable"] is False
    assert by_subject["adapter"]["status"] == FAILED
    wanted = "npu_device" if ASCEND_STACK else "2.6.5"
    assert wanted in by_subject["adapter"]["message"] + by_subject["adapter"]["remedy"]
    graphs = [line for subject, line in by_subject.items() if subject.startswith("graph: ")]
    assert len(graphs) == 6 and all(line["status"] == OK for line in graphs)
    assert by_subject["supported ops"]["status"] == WARNING and "2022-03" in by_subject["supported ops"]["message"]
    assert "--head crf" in by_subject["head"]["remedy"] and "209" in by_subject["head"]["message"]
    assert all(line["remedy"] for line in answer["lines"] if line["status"] != OK)


def test_an_op_missing_from_the_list_fails_by_name(tmp_path: Path) -> None:
    short = tmp_path / "npu_supported_ops.json"
    short.write_text(json.dumps({name: {} for name in shipped_npu_ops().names if name != "Erf"}))
    taken, *found = graph_lines(DeviceOptions(device="npu"), short)
    assert taken.status == OK and str(short) in taken.message and "691 ops" in taken.message
    assert {line.status for line in found} == {FAILED}
    assert all("Erf" in line.message for line in found)


def test_a_list_for_another_device_and_a_missing_list_are_usage_errors(tmp_path: Path) -> None:
    from nerctl.errors import NerctlError

    for arguments, says in (
        (["--npu-ops", "x.json"], "--npu-ops needs --device npu"),
        (["--device", "npu", "--npu-ops", str(tmp_path / "x.json")], "no such file"),
        (["--device", "cpu", "--precision", "mixed_float16"], "mixed_float16"),
    ):
        result = run(*arguments)
        assert isinstance(result.exception, NerctlError), arguments
        assert says in str(result.exception)
