"""The verdict on two runs in two sentences: which is faster, and whether their losses agree."""

from __future__ import annotations

import math
from dataclasses import dataclass

from nerctl.wording import counted, ranges
from nerctl.workflows.compare.comparison import Agreement, Comparison, Row
from nerctl.workflows.compare.figures import rate, seconds, share, times
from nerctl.workflows.compare.timing import NOT_SEPARATED, Timing

CLOSE = 1e-3
"""Losses that differ by no more, relative to the larger, are said to agree; docs/workflow.md names it as the tolerance to
begin with for float32 on both sides."""

SAME_SIZE = 0.05
"""Sides whose batches differ more in size are compared by the sentence. The last batch of an epoch is smaller."""

DOUBLE = 1.995
"""From here on a ratio is told as times slower or faster, below it in per cent: it would be rounded to 2."""


@dataclass(frozen=True)
class Verdict:
    """Two sentences."""

    speed: str
    """How fast B is beside A."""
    losses: str
    """Whether the losses agree, how far they differ, and what may explain it."""


def verdict_on(comparison: Comparison) -> Verdict:
    """The verdict; what cannot be known is said to be unknown."""
    return Verdict(_speed(comparison), _losses(comparison))


def _speed(comparison: Comparison) -> str:
    a, b = comparison.timing_a, comparison.timing_b
    without = [side for side, timing in (("A", a), ("B", b)) if timing.median is None]
    if without:
        has = "has" if len(without) == 1 else "have"
        return f"Which is faster is not known: {' and '.join(without)} {has} no steady step."
    assert a.median is not None and b.median is not None
    one, other = a.median, b.median
    told = f"median {seconds(other)} s, A {seconds(one)}"
    where = "in steady steps"
    if NOT_SEPARATED in (a.found, b.found):
        where = "over all steps, warm-up included"
    if a.sentences is not None and b.sentences is not None:
        if abs(a.sentences - b.sentences) > SAME_SIZE * a.sentences and a.sentences_per_second and b.sentences_per_second:
            one, other = 1 / a.sentences_per_second, 1 / b.sentences_per_second
            told = f"{rate(1 / other)} sentences a second, A {rate(1 / one)}"
            where = f"for each sentence {where}"
    elif (a.sentences is None) != (b.sentences is None):
        where = f"{where}, if {'A' if a.sentences is None else 'B'} has batches of the same size"
    if not one or not other:
        return "Which is faster is not known: the times are too short for the three decimals of a log."
    ratio = other / one
    if abs(ratio - 1) <= 2 * math.hypot(_error(a), _error(b)):
        return f"B is as fast as A {where}, within the spread ({told})."
    return f"B {_slower(ratio)} {where} ({told})."


def _error(timing: Timing) -> float:
    """Standard error of the median step, as a share of it: 1.2533 sigma / sqrt(n), and sigma is 1.4826 times the MAD."""
    if timing.mad is None or not timing.median:
        return 0.0
    return 1.2533 * 1.4826 * timing.mad / math.sqrt(timing.steady) / timing.median


def _slower(ratio: float) -> str:
    if ratio >= DOUBLE:
        return f"is {times(ratio)} times slower than A"
    if ratio > 1:
        return f"takes {share(ratio - 1)} longer than A"
    if ratio > 1 / DOUBLE:
        return f"takes {share(1 - ratio)} less time than A"
    return f"is {times(1 / ratio)} times faster than A"


def _losses(comparison: Comparison) -> str:
    if comparison.agreement is not None:
        sentence = _within(comparison, comparison.agreement)
    else:
        sentence = ": ".join(part for part in (_lacking(comparison), _difference(comparison)) if part)
    return f"{sentence[0].upper()}{sentence[1:]}."


def _difference(comparison: Comparison) -> str:
    """How far the losses of the shared steps differ, and what may explain it."""
    finite = [row for row in comparison.shared if math.isfinite(row.relative or 0.0)]
    worst = max(finite, key=lambda row: row.relative or 0.0, default=None)
    largest = worst.relative or 0.0 if worst is not None else 0.0
    if len(finite) < len(comparison.shared):
        elsewhere = "" if worst is None else f"; elsewhere they {_up_to(largest)}"
        return f"the losses do not agree: {_not_finite(comparison)}{elsewhere}"
    assert worst is not None  # a comparison has at least one shared step
    if all(_same(row, comparison) for row in finite):
        return "the losses agree " + ("within the rounding of a log" if largest else "to the last digit")
    should = "same seed, same batches, no dropout"
    if largest <= CLOSE:
        return f"the losses agree to {share(largest)}" + (f", as they should: {should}" if comparison.should_agree else "")
    if comparison.should_agree:
        return f"the losses {_up_to(largest)} (step {worst.step}), though they should agree: {should}"
    return f"the losses {_up_to(largest)}, {_why(comparison)}"


def _why(comparison: Comparison) -> str:
    """What two runs that should not agree differ in, as far as they tell it."""
    differing = [difference.split(":")[0] for difference in comparison.differences]
    *others, last = [name for name in differing if name != "max_seq_length"] or [""]
    if last:
        return f"as runs do that differ in {', '.join(others) + ' and ' + last if others else last}"
    seed = comparison.a.facts.values.get("seed")
    if "seed" in comparison.unknown:
        return "as unseeded runs do; no common seed is known"
    if seed is None:
        return "as unseeded runs do"
    if "dropout" not in comparison.unknown and comparison.a.facts.values.get("dropout") != 0:
        return "as runs with dropout do"
    return f"which may have a reason in what is not known: {', '.join(comparison.unknown)}"


def _within(comparison: Comparison, agreement: Agreement) -> str:
    """Whether the losses agree within the tolerance; steps that could not be compared are no agreement."""
    bound = f"within {agreement.tolerance:g} relative"
    worst = next(row for row in comparison.rows if row.step == agreement.worst_step)
    if agreement.agree:
        return f"the losses agree {bound}: they {_up_to(worst.relative or 0.0)}"
    reasons = []
    if agreement.outside:
        count = f"{len(agreement.outside)} of {counted(len(comparison.shared), 'step')}"
        lie = "lies" if len(agreement.outside) == 1 else "lie"
        furthest = "not finite" if math.isnan(worst.relative or 0.0) else share(worst.relative or 0.0)
        reasons.append(f"{count} {lie} outside, step {worst.step} furthest ({furthest})")
    if agreement.missing:
        reasons.append(_lacking(comparison))
    return f"the losses do not agree {bound}: {'; '.join(reasons)}"


def _same(row: Row, comparison: Comparison) -> bool:
    """Whether no more than the rounding of logs lies between the two losses."""
    assert row.difference is not None
    return abs(row.difference) <= (comparison.a.rounding + comparison.b.rounding) * 1.001


def _lacking(comparison: Comparison) -> str:
    """How many steps can be compared and which are missing; empty where none is."""
    shared, every = len(comparison.shared), len(comparison.rows)
    if shared == every:
        return ""
    lacking = [
        f"{side} lacks {ranges(steps)}"
        for side, steps in (
            ("A", [row.step for row in comparison.rows if row.a is None]),
            ("B", [row.step for row in comparison.rows if row.b is None]),
        )
        if steps
    ]
    return f"only {shared} of {counted(every, 'step')} can be compared ({', '.join(lacking)})"


def _not_finite(comparison: Comparison) -> str:
    """Which losses are not numbers, or infinite."""
    told = []
    for side, losses in (
        ("A", [(row.step, row.a.loss) for row in comparison.shared if row.a]),
        ("B", [(row.step, row.b.loss) for row in comparison.shared if row.b]),
    ):
        steps = [step for step, loss in losses if not math.isfinite(loss)]
        if steps:
            told.append(f"that of {side} is not finite in {'step' if len(steps) == 1 else 'steps'} {ranges(steps)}")
    return ", ".join(told)


def _up_to(largest: float) -> str:
    return f"differ by up to {share(largest)}" if largest else "are equal"
