"""A run as the result file of the vendor's model zoo: its lines, its rule for the speed, and what that rule hides.

Source: Ascend ModelZoo-TensorFlow, TensorFlow/built-in/nlp/BiLSTM_CRF_ID0125_for_TensorFlow, test/train_performance_1p.sh
(2021-08), the vendor's port of the original project. It trains on one card and reads the log with grep, sort and awk.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any, Optional

from nerctl.wording import counted
from nerctl.workflows.compare.step_log import Run, read_run

NETWORK = "BiLSTM_CRF_ID0125_for_TensorFlow"
"""The vendor's name of the original's network, which is also what `--head bilstm-crf` trains."""

SLOWEST = 3
"""So many step lines the rule leaves out (`tail -n +4` behind a sort that begins with the slowest)."""

UNKNOWN = "unknown"
"""What stands for a value that the run does not tell."""


@dataclass(frozen=True)
class Speed:
    """A speed as the result file has it."""

    fps: Optional[str]
    """Sentences a second, six digits; None when the batch size is not known."""
    milliseconds: str
    """Milliseconds a step, two decimals."""


@dataclass(frozen=True)
class Result:
    """The result file of one run, and what stands beside it."""

    run: Run
    """The run that it is of."""
    values: dict[str, str]
    """The lines' values by their names, in the vendor's order; UNKNOWN where the run does not tell."""
    median: Optional[Speed]
    """The speed by the plain median of all steps, to set beside the rule's; None when that took no time."""
    remarks: tuple[str, ...]
    """What a reader is to know of the values, a sentence each."""

    def lines(self) -> list[str]:
        """The result file, line by line."""
        return [f"{name} = {value}" for name, value in self.values.items()]

    def as_json(self) -> dict[str, Any]:
        """The result as plain values; null is what the run does not tell."""
        by_median = self.median
        return {
            "path": str(self.run.path),
            "steps": len(self.run.steps),
            "result": {name: None if value == UNKNOWN else value for name, value in self.values.items()},
            "median": by_median and {"fps": by_median.fps, "milliseconds": by_median.milliseconds},
            "remarks": list(self.remarks),
        }


def result_of(path: Path, batch_size: Optional[int] = None) -> Result:
    """The result file of a run's folder, or of a log.

    Args:
        path: what `read_run` reads.
        batch_size: sentences a step, for a log that does not tell.

    Raises:
        DataError: there is no step to read.
    """
    run = read_run(path)
    size = _batch_size(run, batch_size)
    if batch_size not in (None, size):
        run = replace(run, notes=(*run.notes, f"--batch-size {batch_size} was left aside: the run tells {size}."))
    # The vendor's script reads the log, whose times have three decimals.
    times = [f"{step.seconds:.3f}" for step in run.steps]
    speed = speed_by_rule(times, size)
    by_median = _median_speed([step.seconds for step in run.steps], size)
    facts = run.facts
    head = facts.values.get("head")
    network = NETWORK if head in (None, "bilstm-crf") else f"nerctl_{head}"
    values = {
        "Network": network,
        "RankSize": "1",
        "BatchSize": _told(size),
        "DeviceType": _told(facts.machine),
        "CaseName": UNKNOWN if size is None else f"{network}_bs{size}_1p_perf",
        "ActualFPS": _told(speed and speed.fps),
        "TrainingTime": _told(speed and speed.milliseconds),
        "ActualLoss": f"{run.steps[-1].loss:.3f}",
        "E2ETrainingTime": _told(None if facts.seconds is None else round(facts.seconds)),
    }
    return Result(run, values, by_median, tuple(_remarks(run, times, size, speed, by_median)))


def speed_by_rule(times: Sequence[str], batch_size: Optional[int]) -> Optional[Speed]:
    """The vendor's rule: batch size over the mean seconds of all step lines but the three slowest.

    Args:
        times: seconds of the step lines, as the log writes them.
        batch_size: sentences a step.

    Returns:
        The speed; None for fewer than four step lines, and where the others took no time that a log shows.
    """
    return _mean_speed(sorted(map(float, times), reverse=True)[SLOWEST:], batch_size)


def speed_by_script(times: Sequence[str], batch_size: Optional[int]) -> Optional[Speed]:
    """What the script as published makes of it: `sort -r` sorts times as text, so that 79.9 stands before 164.4.

    Arguments and result are those of `speed_by_rule`.
    """
    return _mean_speed([float(time) for time in sorted(times, reverse=True)[SLOWEST:]], batch_size)


def _mean_speed(kept: Sequence[float], batch_size: Optional[int]) -> Optional[Speed]:
    """The speed by a mean, with awk's rounding at each of the script's steps."""
    seconds = float(_awk(sum(kept) / len(kept))) if kept else 0.0
    if not 0 < seconds < math.inf:
        return None
    if batch_size is None:
        return Speed(None, f"{1000 * seconds:.2f}")
    fps = _awk(1 / seconds * batch_size)
    return Speed(fps, f"{batch_size * 1000 / float(fps):.2f}")


def _median_speed(seconds: Sequence[float], batch_size: Optional[int]) -> Optional[Speed]:
    middle = median(seconds)
    if not middle:
        return None
    return Speed(None if batch_size is None else _awk(batch_size / middle), f"{1000 * middle:.2f}")


def _awk(value: float) -> str:
    """A number as awk prints it (POSIX awk, OFMT): whole numbers whole, others in six digits."""
    return f"{value:.0f}" if value.is_integer() else f"{value:.6g}"


def _batch_size(run: Run, named: Optional[int]) -> Optional[int]:
    """Sentences a step: what the run says, else its largest batch (the last of an epoch is smaller), else what is named."""
    told = run.facts.values.get("batch size")
    if isinstance(told, int) and told > 0:
        return told
    recorded = [step.sentences for step in run.steps if step.sentences]
    return max(recorded, default=named)


def _told(value: object) -> str:
    return UNKNOWN if value is None else str(value)


def _remarks(
    run: Run, times: Sequence[str], size: Optional[int], speed: Optional[Speed], by_median: Optional[Speed]
) -> list[str]:
    remarks = list(run.notes)
    steps = counted(len(times), "step")
    if len(times) <= SLOWEST:
        remarks.append(
            f"{steps} {'is' if len(times) == 1 else 'are'} too few for ActualFPS: the rule leaves the three slowest out and "
            "needs four or more; the vendor's script divides by zero there and writes no usable figure."
        )
    elif speed is None:
        remarks.append("The steps are too short for ActualFPS: a log has three decimals.")
    if by_median is not None:
        rate = "" if by_median.fps is None else f"{by_median.fps} sentences a second, "
        remarks.append(
            f"By the plain median of all {steps}: {rate}{by_median.milliseconds} ms a step. Odd steps do not move it, slow "
            "or fast; the rule drops the slowest steps only, and so flatters a run whose times spread."
        )
    as_text = speed_by_script(times, size)
    if speed is not None and as_text is not None and as_text != speed:
        told = f"TrainingTime = {as_text.milliseconds}"
        told = told if as_text.fps is None else f"ActualFPS = {as_text.fps} and {told}"
        remarks.append(
            "The vendor's script sorts the times as text (sort -r), so that here it drops others than the three slowest: it "
            f"would write {told}."
        )
    if size is None:
        remarks.append("The batch size is not told; --batch-size N of nerctl compare gives it.")
    facts = run.facts
    if facts.origin != "run.json":
        remarks.append("Network and RankSize are those of the vendor's one-card script; a log tells neither.")
    elif facts.seconds is not None and not facts.finished:
        remarks.append("The run is not finished: E2ETrainingTime is what its record has so far.")
    return remarks
