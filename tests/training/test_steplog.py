"""The step log is cut back in one durable rename, and a failure leaves the old log and nothing else."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from tiny_run import DieAfter, Killed, assert_same_run, run

from nerctl.backends.cpu import CpuBackend
from nerctl.errors import FailedError
from nerctl.training.steplog import STEP_LINE, StepLog, StepRecord
from nerctl.workflows.compare.step_log import read_run


def written(folder: Path, steps: int, loss_scale: float | None = None) -> StepLog:
    log = StepLog(folder, "cpu")
    log.open(0)
    for step in range(1, steps + 1):
        log.add(StepRecord(step, 1.5, 0.25, 8, 80, 96, 0.1, 1e-3, 2.0, 2, False, loss_scale))
    log.close()
    return log


def test_a_cut_is_synced_before_it_takes_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = written(tmp_path, 3)
    calls: list[str] = []
    sync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda number: (calls.append("fsync"), sync(number)))
    monkeypatch.setattr(os, "replace", lambda *names: (calls.append("replace"), replace(*names)))
    log.open(2)
    log.close()
    assert calls == ["fsync", "replace", "fsync"] * 2  # the file, its name, the folder
    assert [line[:7] for line in log.lines_path.read_text().splitlines()] == ["step: 1", "step: 2"]


def test_a_cut_that_fails_leaves_the_old_log_and_no_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = written(tmp_path, 3)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FailedError, match="the disk is full"):
        log.open(1)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_log_that_is_not_too_long_is_not_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = written(tmp_path, 3)
    monkeypatch.setattr(os, "replace", lambda *names: pytest.fail("written again"))
    log.open(3)
    log.close()


def test_cutting_the_log_keeps_steps_whose_loss_is_no_plain_number(tmp_path: Path) -> None:
    losses = ["123.286", "nan", "NaN", "-inf", "1e+10", "99.000"]
    lines = [f"step: {step}, cost time: 0.490s, losses: {loss}\n" for step, loss in enumerate(losses, 1)]
    (tmp_path / "loss+perf_cpu.txt").write_text("".join(lines) + "step: 7, cost ti")
    log = StepLog(tmp_path, "cpu")
    log.open(5)
    log.close()
    assert log.lines_path.read_text() == "".join(lines[:5])


def test_the_loss_scale_is_written_where_there_is_one_and_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "scaled").mkdir()
    plain, scaled = written(tmp_path, 1), written(tmp_path / "scaled", 1, 32768.0)
    assert plain.lines_path.read_text() == "step: 1, cost time: 0.250s, losses: 1.500\n"
    assert scaled.lines_path.read_text() == "step: 1, cost time: 0.250s, losses: 1.500, loss scale: 32768\n"
    records = [json.loads(log.records_path.read_text()) for log in (plain, scaled)]
    assert "loss_scale" not in records[0] and records[1] == {**records[0], "loss_scale": 32768.0}


@pytest.mark.parametrize("half_a_line", ["", "step: 6, cost time: 0.250s, losses: 1.500, loss sc"])
def test_a_resume_cuts_a_log_with_loss_scales_back_to_its_step(tmp_path: Path, half_a_line: str) -> None:
    log = written(tmp_path, 5, 65536.0)
    before = log.lines_path.read_text().splitlines(keepends=True), log.records_path.read_text().splitlines(keepends=True)
    with open(log.lines_path, "a") as stream:
        stream.write(half_a_line)
    log.open(3)
    log.add(StepRecord(4, 1.25, 0.25, 8, 80, 96, 0.1, 1e-3, 2.0, 2, False, 32768.0))
    log.close()
    lines, records = (path.read_text().splitlines(keepends=True) for path in (log.lines_path, log.records_path))
    assert lines == [*before[0][:3], "step: 4, cost time: 0.250s, losses: 1.250, loss scale: 32768\n"]
    assert records[:3] == before[1][:3] and len(records) == 4 and STEP_LINE.match(lines[3].rstrip())


def test_a_scaled_run_that_was_killed_and_resumed_has_the_log_of_one_that_was_not(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CpuBackend, "loss_scaling", True)
    run("whole", steps=6)
    with pytest.raises(Killed):
        run("killed", listener=DieAfter(5), steps=6, save_every=3)
    assert len(Path("killed", "loss+perf_cpu.txt").read_text().splitlines()) == 5
    run("killed", resume=True)
    assert_same_run("whole", "killed")
    lines = Path("killed", "loss+perf_cpu.txt").read_text().splitlines()
    assert len(lines) == 6 and all(line.endswith(", loss scale: 32768") for line in lines)
    assert [step.loss_scale for step in read_run(Path("killed")).steps] == [32768.0] * 6
    assert read_run(Path("killed", "loss+perf_cpu.txt")).notes == ()
