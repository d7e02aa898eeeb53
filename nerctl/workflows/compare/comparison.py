"""Two runs side by side: losses and times step by step, steady speed, and whether the losses agree."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from nerctl.errors import DataError, NerctlError
from nerctl.workflows.compare.run_facts import COMPARED, same_encoder_is_known
from nerctl.workflows.compare.step_lines import Step
from nerctl.workflows.compare.step_log import Run, read_run
from nerctl.workflows.compare.timing import Timing, timing_of


@dataclass(frozen=True)
class Row:
    """One step number on both sides."""

    step: int
    """Step number."""
    a: Optional[Step]
    """The step of A; None when A has no such step."""
    b: Optional[Step]
    """The step of B; None when B has no such step."""
    difference: Optional[float]
    """Loss of B less loss of A."""
    relative: Optional[float]
    """Absolute difference over the larger of the two losses' sizes; 0 for equal losses."""
    ratio: Optional[float]
    """Seconds of B over seconds of A."""


@dataclass(frozen=True)
class Agreement:
    """Whether the losses agree."""

    tolerance: float
    """Largest relative difference allowed."""
    agree: bool
    """Whether every step is on both sides and within it."""
    worst_step: int
    """The step with the largest relative difference, or the first whose loss is not finite."""
    outside: tuple[int, ...]
    """Numbers of the steps that are not within it."""
    missing: tuple[int, ...]
    """Numbers of the steps that one side lacks, or whose figures could not be read."""


@dataclass(frozen=True)
class Comparison:
    """Everything that `nerctl compare` says."""

    a: Run
    """The first run."""
    b: Run
    """The second run."""
    timing_a: Timing
    """Times of A."""
    timing_b: Timing
    """Times of B."""
    rows: tuple[Row, ...]
    """Every step of either side, in order, those whose figures could not be read too."""
    differences: tuple[str, ...]
    """Settings known on both sides that differ, as `batch size: A 32, B 8`."""
    unknown: tuple[str, ...]
    """Settings that at least one side does not tell."""
    should_agree: bool
    """Whether both sides tell the same seed, no dropout and the same shapes, so that losses should agree."""
    agreement: Optional[Agreement]
    """Whether losses agree; None when no tolerance was given."""

    @property
    def shared(self) -> tuple[Row, ...]:
        """The steps that both sides have."""
        return tuple(row for row in self.rows if row.difference is not None)

    @property
    def ratio(self) -> Optional[float]:
        """Median steady step of B over that of A."""
        return _over(self.timing_b.median, self.timing_a.median)


def compare_runs(
    path_a: Path,
    path_b: Path,
    *,
    warm_up: Optional[int] = None,
    batch_size: Optional[int] = None,
    loss_tolerance: Optional[float] = None,
) -> Comparison:
    """Reads and compares two runs; see `timing.timing_of` for `warm_up` and `batch_size`.

    Raises NerctlError for options that make no sense, DataError for files that cannot be read
    or share no step.
    """
    if loss_tolerance is not None and not loss_tolerance >= 0:
        raise NerctlError(
            f"--loss-tolerance {loss_tolerance}: a relative difference, 0 or more, such as 1e-3."
        )
    a, b = read_run(path_a), read_run(path_b)
    rows = _rows(a, b)
    if all(row.difference is None for row in rows):
        raise DataError(
            f"{path_a} has steps {_span(a)} and {path_b} has steps {_span(b)}: no step to compare; name "
            "two runs that share steps."
        )
    differences, unknown = _settings(a, b)
    # The window alone changes little: only sentences longer than the shorter one.
    same = all(difference.startswith("max_seq_length:") for difference in differences)
    certain = not set(unknown) & {"seed", "dropout", "batch size", "batch shape"}
    return Comparison(
        a,
        b,
        timing_of(a, warm_up=warm_up, batch_size=batch_size),
        timing_of(b, warm_up=warm_up, batch_size=batch_size),
        rows,
        differences,
        unknown,
        same and certain and a.facts.values["dropout"] == 0 and a.facts.values["seed"] is not None,
        None if loss_tolerance is None else _agreement(rows, loss_tolerance, a.rounding + b.rounding),
    )


def _rows(a: Run, b: Run) -> tuple[Row, ...]:
    steps_a = {step.number: step for step in a.steps}
    steps_b = {step.number: step for step in b.steps}
    rows = []
    for number in sorted({*steps_a, *steps_b, *a.unread, *b.unread}):
        one, other = steps_a.get(number), steps_b.get(number)
        if one is None or other is None:
            rows.append(Row(number, one, other, None, None, None))
            continue
        difference = other.loss - one.loss
        relative = relative_difference(one.loss, other.loss)
        rows.append(Row(number, one, other, difference, relative, _over(other.seconds, one.seconds)))
    return tuple(rows)


def relative_difference(one: float, other: float) -> float:
    """|one - other| over the larger size: 0 to 2, the same both ways round; nan when either is not finite."""
    if not (math.isfinite(one) and math.isfinite(other)):
        return math.nan
    size = max(abs(one), abs(other))
    return abs(one - other) / size if size else 0.0


def _agreement(rows: tuple[Row, ...], tolerance: float, rounding: float) -> Agreement:
    """Every step on both sides and within `tolerance`, what the logs' rounding can have changed allowed for."""
    shared = [row for row in rows if row.a is not None and row.b is not None]
    outside = []
    for row in shared:
        assert row.a is not None and row.b is not None and row.relative is not None
        size = max(abs(row.a.loss), abs(row.b.loss))
        if not abs(row.a.loss - row.b.loss) <= tolerance * size + rounding * 1.001:  # also when not finite
            outside.append(row.step)
    worst = max(shared, key=lambda row: math.inf if math.isnan(row.relative or 0.0) else row.relative or 0.0)
    missing = tuple(row.step for row in rows if row.a is None or row.b is None)
    return Agreement(tolerance, not outside and not missing, worst.step, tuple(outside), missing)


def _settings(a: Run, b: Run) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The settings that differ, told, and those that are not known on both sides."""
    differences, unknown = [], []
    for name in COMPARED:
        values = [run.facts.values.get(name) for run in (a, b)]
        known = [name in run.facts.values for run in (a, b)]
        if name == "encoder" and (values[0] is None or values[0] != values[1]):
            known = [same_encoder_is_known(value) for value in values]
        if not all(known):
            unknown.append(name)
        elif values[0] != values[1]:
            differences.append(f"{name}: A {_told(values[0])}, B {_told(values[1])}")
    return tuple(differences), tuple(unknown)


def _told(value: object) -> str:
    return "none" if value is None else str(value)


def _span(run: Run) -> str:
    return f"{run.steps[0].number} to {run.steps[-1].number}"


def _over(one: Optional[float], other: Optional[float]) -> Optional[float]:
    return None if one is None or not other else one / other
