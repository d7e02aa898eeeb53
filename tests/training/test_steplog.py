"""The step log: what cutting it back to a step keeps."""

from __future__ import annotations

from pathlib import Path

from nerctl.training.steplog import StepLog


def test_cutting_the_log_keeps_steps_whose_loss_is_no_plain_number(tmp_path: Path) -> None:
    losses = ["123.286", "nan", "NaN", "-inf", "1e+10", "99.000"]
    lines = [f"step: {step}, cost time: 0.490s, losses: {loss}\n" for step, loss in enumerate(losses, 1)]
    (tmp_path / "loss+perf_cpu.txt").write_text("".join(lines) + "step: 7, cost ti")
    log = StepLog(tmp_path, "cpu")
    log.open(5)
    log.close()
    assert log.lines_path.read_text() == "".join(lines[:5])
