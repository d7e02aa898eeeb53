"""Warm-up told from steady steps, and the steady steps summed up.

**Warm-up from the times.** The warm-up is the longest run of first steps each of which takes more than 1.5
times the median of the steps behind it, at most half of all steps. Why so:

- A first step that compiles takes about two steps' time or more (the published logs: 2.0 times on the NPU,
  13 times on the GPU), while steady steps of one shape stay within some ten per cent; 1.5 lies between.
- The median of what follows is the yardstick because a single slow step among it (a checkpoint, another
  program) does not move it. Such a step later on is left in: medians do not feel it, and warm-up comes first.
- At most half: beyond that there is no saying which half is the rule and which the exception.
- A warm-up step also lies 2 ms above, twice what the three decimals of a log can be off by together, so that
  the rounding of very short steps makes no warm-up.

Batches of changing shape differ by more than that without any warm-up, so for bucketed runs only steps that
were marked as compiling are set apart, or the first N that the user names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Optional

from nerctl.errors import NerctlError
from nerctl.wording import counted
from nerctl.workflows.compare.step_lines import Step
from nerctl.workflows.compare.step_log import Run

SLOWER = 1.5
"""A warm-up step takes more than so many times the median of the steps after the warm-up."""

CLEAR_SECONDS = 0.002
"""... and is slower by more than this, in seconds."""

NOT_SEPARATED = "not separated: batch shapes vary or are not known; give --warmup N"
"""How the warm-up was found where it was not: all steps count as steady."""


@dataclass(frozen=True)
class Timing:
    """How long the steps of one run took."""

    warm_up: tuple[int, ...]
    """Numbers of the steps that are not steady."""
    found: str
    """How they were told apart, in words."""
    steady: int
    """Number of steady steps."""
    median: Optional[float]
    """Median seconds of a steady step; None when there is none."""
    mad: Optional[float]
    """Median absolute deviation from the median, in seconds: the spread that one odd step does not change."""
    fastest: Optional[float]
    """Seconds of the fastest steady step."""
    slowest: Optional[float]
    """Seconds of the slowest steady step."""
    sentences: Optional[float]
    """Sentences of a steady step, on average; None when the batch size is not known."""
    sentences_per_second: Optional[float]
    """Sentences of all steady steps by their seconds; None when the batch size is not known."""
    tokens_per_second: Optional[float]
    """Real corpus tokens of all steady steps by their seconds; None when not recorded."""
    padding: Optional[float]
    """Share of computed positions that were padding, over the steady steps; None when not recorded."""
    first_step: float
    """Seconds to the end of the first step: the warm-up before it and the step itself."""
    total: float
    """Seconds of the warm-up before step 1 and of all steps together."""


def warm_up_length(seconds: Sequence[float]) -> int:
    """How many first steps are warm-up, by the rule of this module."""
    for length in range(len(seconds) // 2, 0, -1):
        rest = median(seconds[length:])
        slowest_allowed = max(SLOWER * rest, rest + CLEAR_SECONDS)
        if all(taken > slowest_allowed for taken in seconds[:length]):
            return length
    return 0


def timing_of(run: Run, *, warm_up: Optional[int] = None, batch_size: Optional[int] = None) -> Timing:
    """Sums up a run; `warm_up` names the number of first steps to set apart instead of finding them.

    `batch_size` counts where the run does not tell how many sentences a step had. Raises NerctlError when
    `warm_up` leaves no steady step.
    """
    apart, found = _set_apart(run, warm_up)
    steady = [step for step in run.steps if step.number not in apart]
    if not steady and warm_up is not None:
        raise NerctlError(
            f"--warmup {warm_up} leaves no steady step in {run.path}, which has {counted(len(run.steps), 'step')}."
        )
    times = [step.seconds for step in steady]
    middle = median(times) if times else None
    tokens = _sum([step.tokens for step in steady])
    positions = _sum([step.positions for step in steady])
    sentences = _sentences(run, steady, batch_size)
    before = run.facts.warm_up_seconds
    return Timing(
        warm_up=tuple(step.number for step in run.steps if step.number in apart),
        found=found,
        steady=len(steady),
        median=middle,
        mad=median(abs(taken - middle) for taken in times) if middle is not None else None,
        fastest=min(times, default=None),
        slowest=max(times, default=None),
        sentences=sentences / len(steady) if sentences is not None and steady else None,
        sentences_per_second=_rate(sentences, times),
        tokens_per_second=_rate(tokens, times),
        padding=1 - tokens / positions if tokens is not None and positions else None,
        first_step=before + run.steps[0].seconds,
        total=before + sum(step.seconds for step in run.steps),
    )


def _set_apart(run: Run, warm_up: Optional[int]) -> tuple[set[int], str]:
    """The numbers of the steps that are not steady, and how they were found."""
    marked = {step.number for step in run.steps if step.compiled}
    if warm_up is not None:
        named = {step.number for step in run.steps[:warm_up]}
        return named | marked, "--warmup and marked steps" if marked - named else "--warmup"
    has_marks = any(step.compiled is not None for step in run.steps)
    if run.is_log or run.facts.batch_shape == "fixed":
        steady = [step for step in run.steps if step.number not in marked]
        length = warm_up_length([step.seconds for step in steady])
        from_times = {step.number for step in steady[:length]}
        if not marked:
            return from_times, "found from the times"
        return marked | from_times, "marked steps" + (" and the times" if from_times else "")
    if has_marks:
        return marked, "marked steps"
    return set(), NOT_SEPARATED


def _sentences(run: Run, steady: Sequence[Step], batch_size: Optional[int]) -> Optional[int]:
    recorded = _sum([step.sentences for step in steady])
    if recorded is not None:
        return recorded
    known = run.facts.values.get("batch size")
    size = known if isinstance(known, int) else batch_size
    return None if size is None else size * len(steady)


def _sum(counts: Sequence[Optional[int]]) -> Optional[int]:
    known = [count for count in counts if count is not None]
    return sum(known) if known and len(known) == len(counts) else None


def _rate(count: Optional[int], times: Sequence[float]) -> Optional[float]:
    seconds = sum(times)
    return None if count is None or seconds <= 0 else count / seconds
