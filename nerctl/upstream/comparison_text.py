"""A comparison in words and table cells, for the terminal (80 columns) and for the page."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import Callable, Optional

from nerctl.upstream.comparison import Comparison, Row
from nerctl.upstream.step_log import Run
from nerctl.wording import counted

WIDTH = 80
"""Columns of the terminal output."""

_SHOWN = 40
"""A longer run shows its first and last steps only; `--json` has them all."""

STEP_HEADER = ("step", "loss A", "loss B", "B - A", "rel.", "s A", "s B", "B / A")
_STEP_WIDTHS = (6, 10, 10, 10, 8, 11, 11, 7)


def text_report(comparison: Comparison) -> str:
    """The whole report; no line is longer than WIDTH."""
    lines = [f"{side}  {_shortened(run)}" for side, run in (("A", comparison.a), ("B", comparison.b))]
    for sentence in opening(comparison):
        lines += wrapped(sentence)
    lines += ["", _columns(STEP_HEADER, _STEP_WIDTHS)]
    lines += [_columns(cells, _STEP_WIDTHS) for cells in _shown_rows(comparison)]
    if comparison.timing_a.warm_up or comparison.timing_b.warm_up:
        lines.append("w: warm-up or compiling, not a steady step")
    lines.append("")
    widths = (32, 15, 15, 10)
    lines.append(_columns(("", "A", "B", "B / A"), widths))
    lines += [_columns(cells, widths) for cells in summary_rows(comparison)]
    lines.append("")
    for sentence in closing(comparison):
        lines += wrapped(sentence)
    return "\n".join(line.rstrip() for line in lines)


def opening(comparison: Comparison) -> list[str]:
    """What to know before reading on: settings that differ, settings not known, what was odd."""
    sentences = [f"The sides differ in {difference}." for difference in comparison.differences]
    if not comparison.differences:
        sentences.append("No setting is known to differ.")
    if comparison.unknown:
        sentences.append(f"Not told by both sides: {', '.join(comparison.unknown)}.")
    if comparison.should_agree:
        sentences.append("Same seed, same batches, dropout 0: the losses should agree.")
    else:
        sentences.append(
            "Losses can differ by random dropout and by the order of the data alone. The same --seed gives "
            "the same batches on every device; nerctl train --dropout 0 --batch-shape fixed gives two runs "
            "that should agree."
        )
    for side, run in (("A", comparison.a), ("B", comparison.b)):
        sentences += [f"{side}: {note}" for note in run.notes]
    return sentences


def summary_rows(comparison: Comparison) -> list[tuple[str, str, str, str]]:
    """The summary as rows of label, A, B and ratio; rows that neither side can fill are left out."""
    a, b = comparison.timing_a, comparison.timing_b
    same_steps = all(row.difference is not None for row in comparison.rows)
    rows = [
        ("warm-up steps", str(len(a.warm_up)), str(len(b.warm_up)), ""),
        ("steady steps", str(a.steady), str(b.steady), ""),
        _pair("median s a steady step", a.median, b.median, seconds),
        _pair("  MAD, median abs. deviation", a.mad, b.mad, seconds, divide=False),
        _pair("  fastest", a.fastest, b.fastest, seconds, divide=False),
        _pair("  slowest", a.slowest, b.slowest, seconds, divide=False),
        _pair("sentences a second", a.sentences_per_second, b.sentences_per_second, rate),
        _pair("corpus tokens a second", a.tokens_per_second, b.tokens_per_second, rate),
        _pair("padding, share of positions", a.padding, b.padding, percent, divide=False),
        _pair("s to the end of the first step", a.first_step, b.first_step, seconds),
        # A ratio of totals would mean nothing where one side has more steps.
        _pair("s of all steps and warm-up", a.total, b.total, seconds, divide=same_steps),
    ]
    return [row for row in rows if (row[1], row[2]) != ("-", "-")]


def closing(comparison: Comparison) -> list[str]:
    """How the warm-up was found, and whether the losses agree."""
    found = [comparison.timing_a.found, comparison.timing_b.found]
    if found[0] == found[1]:
        sentences = [f"Warm-up on both sides: {found[0]}."]
    else:
        sentences = [f"Warm-up of A: {found[0]}. Of B: {found[1]}."]
    if comparison.a.is_log or comparison.b.is_log:
        sentences.append("What a log does not show, loading and building before step 1, is in no figure.")
    shared = [row for row in comparison.rows if row.difference is not None]
    largest = max((row.relative for row in shared if row.relative is not None), default=None)
    sentences.append(f"Largest relative loss difference over {counted(len(shared), 'step')}: {relative(largest)}.")
    agreement = comparison.agreement
    if agreement is not None:
        bound = f"within {agreement.tolerance:g} relative"
        if agreement.agree:
            sentences.append(f"The losses agree {bound}.")
        else:
            sentences.append(
                f"The losses do not agree {bound}: {len(agreement.outside)} of {counted(len(shared), 'step')} lie "
                f"outside, step {agreement.worst_step} furthest."
            )
    return sentences


def step_cells(row: Row, comparison: Comparison) -> tuple[str, ...]:
    """The cells of one step under STEP_HEADER."""
    warm_a = "w" if row.step in comparison.timing_a.warm_up else ""
    warm_b = "w" if row.step in comparison.timing_b.warm_up else ""
    return (
        str(row.step),
        loss(row.a.loss) if row.a else "-",
        loss(row.b.loss) if row.b else "-",
        "-" if row.difference is None else signed(row.difference),
        relative(row.relative),
        seconds(row.a.seconds) + warm_a if row.a else "-",
        seconds(row.b.seconds) + warm_b if row.b else "-",
        "-" if row.ratio is None else times(row.ratio),
    )


def _shown_rows(comparison: Comparison) -> list[tuple[str, ...]]:
    rows = [step_cells(row, comparison) for row in comparison.rows]
    if len(rows) <= _SHOWN:
        return rows
    left_out = len(rows) - _SHOWN
    gap = ("...", counted(left_out, "step"), "left out", "(--json", "has all)", "", "", "")
    return [*rows[: _SHOWN // 2], gap, *rows[-_SHOWN // 2 :]]


def _pair(
    label: str,
    a: Optional[float],
    b: Optional[float],
    form: Callable[[float], str],
    divide: bool = True,
) -> tuple[str, str, str, str]:
    cells = ["-" if value is None else form(value) for value in (a, b)]
    return (label, cells[0], cells[1], times(b / a) if divide and a and b is not None else "")


def loss(value: float) -> str:
    """A loss with the three decimals of a log."""
    return f"{value:.3f}" if abs(value) < 1e5 else f"{value:.3e}"


def signed(value: float) -> str:
    """A difference; small ones keep their size."""
    return f"{value:+.1e}" if 0 < abs(value) < 0.01 or abs(value) >= 1e4 else f"{value:+.3f}"


def relative(value: Optional[float]) -> str:
    """A relative difference in per cent; small ones keep their size."""
    if value is None or math.isnan(value):
        return "-" if value is None else "nan"
    return f"{value:.2%}" if value == 0 or value >= 1e-4 else f"{100 * value:.0e}%"


def seconds(value: float) -> str:
    """Seconds with the three decimals of a log."""
    return f"{value:.3f}" if value < 1e6 else f"{value:.3e}"


def rate(value: float) -> str:
    """A number a second, three digits at least."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def percent(value: float) -> str:
    """A share in per cent."""
    return f"{value:.1%}"


def times(value: float) -> str:
    """A ratio in three digits, two where it takes an exponent."""
    if value and not 1e-3 <= value < 1e5:
        return f"{value:.1e}"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def wrapped(sentence: str) -> list[str]:
    """A sentence in lines of at most WIDTH columns."""
    return textwrap.wrap(sentence, WIDTH, subsequent_indent="  ", break_on_hyphens=False)


def _columns(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Cells to the right of their columns; a first cell that is a label, to the left."""
    first = cells[0].ljust(widths[0]) if widths[0] > 10 else cells[0].rjust(widths[0])
    return first + "".join(f" {cell:>{width}}" for cell, width in zip(cells[1:], widths[1:]))


def _shortened(run: Run) -> str:
    """The run's path, its end when it is long, and what it was made on."""
    device = f", {run.facts.device}" if run.facts.device else ""
    tail = f" ({counted(len(run.steps), 'step')}{device})"
    room = max(20, WIDTH - 3 - len(tail))
    path = str(run.path)
    return (path if len(path) <= room else "..." + path[3 - room :]) + tail
