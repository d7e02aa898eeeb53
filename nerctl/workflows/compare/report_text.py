"""A comparison in words and table cells, for the terminal and for the page."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Callable, Optional

from nerctl.wording import counted
from nerctl.workflows.compare.comparison import Comparison, Row
from nerctl.workflows.compare.figures import loss, percent, rate, relative, seconds, signed, times
from nerctl.workflows.compare.step_log import Run
from nerctl.workflows.compare.verdict import verdict_on

WIDTH = 80
"""Columns of the report where the terminal has as many."""

_SHOWN = 40
"""A longer run shows its first and last steps only; `--json` has them all."""

STEP_HEADER = ("step", "loss A", "loss B", "B - A", "rel.", "s A", "s B", "B / A")
_STEP_WIDTHS = (6, 10, 10, 10, 8, 11, 11, 7)
_SPARED = ("B - A", "rel.", "B / A")
"""What a narrow terminal does without, in this order: it follows from the other columns."""

SUMMARY_HEADER = ("", "A", "B", "B / A")
_SUMMARY_WIDTHS = (32, 15, 15, 10)


def text_report(comparison: Comparison, width: int = WIDTH) -> str:
    """The whole report, the verdict first, in lines of `width` columns (40 to WIDTH) as far as its figures have room."""
    verdict = verdict_on(comparison)
    lines = [*wrapped(verdict.speed, width), *wrapped(verdict.losses, width), ""]
    lines += [f"{side}  {_shortened(run, width)}" for side, run in (("A", comparison.a), ("B", comparison.b))]
    lines += ["", *_step_table(comparison, width)]
    if comparison.timing_a.warm_up or comparison.timing_b.warm_up:
        lines += wrapped("w: warm-up or compiling, not a steady step", width)
    lines += ["", *_summary_table(comparison, width), ""]
    for sentence in remarks(comparison):
        lines += wrapped(sentence, width)
    return "\n".join(line.rstrip() for line in lines)


def remarks(comparison: Comparison) -> list[str]:
    """What the verdict rests on: settings that differ or are not known, what was odd, how the warm-up was found."""
    sentences = [f"The sides differ in {difference}." for difference in comparison.differences]
    if not comparison.differences:
        sentences.append("No setting is known to differ.")
    if comparison.unknown:
        sentences.append(f"Not told by both sides: {', '.join(comparison.unknown)}.")
    if not comparison.should_agree:
        sentences.append(
            "Random dropout and the order of the data alone make losses differ. The same --seed gives the same batches on "
            "every device; nerctl train --dropout 0 --batch-shape fixed gives two runs that should agree."
        )
    for side, run in (("A", comparison.a), ("B", comparison.b)):
        sentences += [f"{side}: {note}" for note in run.notes]
    found = [comparison.timing_a.found, comparison.timing_b.found]
    if found[0] == found[1]:
        sentences.append(f"Warm-up on both sides: {found[0]}.")
    else:
        sentences.append(f"Warm-up of A: {found[0]}. Of B: {found[1]}.")
    if comparison.a.is_log or comparison.b.is_log:
        sentences.append("What a log does not show, loading and building before step 1, is in no figure.")
    return sentences


def summary_rows(comparison: Comparison) -> list[tuple[str, str, str, str]]:
    """The summary as rows of label, A, B and ratio; rows that neither side can fill are left out."""
    a, b = comparison.timing_a, comparison.timing_b
    same_steps = all(row.difference is not None for row in comparison.rows)
    rows = [
        ("warm-up steps", str(len(a.warm_up)), str(len(b.warm_up)), ""),
        ("steady steps", str(a.steady), str(b.steady), ""),
        _pair("loss scale of the last step", comparison.a.loss_scale, comparison.b.loss_scale, rate, divide=False),
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


def _step_table(comparison: Comparison, width: int) -> list[str]:
    """The header, and the first and the last steps; a narrow terminal gets narrower columns, then fewer."""
    rows = [step_cells(row, comparison) for row in comparison.rows]
    left_out = max(0, len(rows) - _SHOWN)
    if left_out:
        rows = [*rows[: _SHOWN // 2], *rows[-_SHOWN // 2 :]]
    rows.insert(0, STEP_HEADER)
    kept: Sequence[int] = range(len(STEP_HEADER))
    widths: Sequence[int] = _STEP_WIDTHS
    spared = 0
    while _line_width(widths) > width and spared <= len(_SPARED):
        kept = [index for index, name in enumerate(STEP_HEADER) if name not in _SPARED[:spared]]
        widths = [max(len(row[index]) for row in rows) for index in kept]
        spared += 1
    lines = [_columns([row[index] for index in kept], widths) for row in rows]
    if left_out:
        lines.insert(1 + _SHOWN // 2, f"{'...':>{widths[0]}} {counted(left_out, 'step')} left out (--json has all)")
    return lines


def _summary_table(comparison: Comparison, width: int) -> list[str]:
    """The summary; where the terminal is narrow, long labels go on in a second line."""
    rows = [SUMMARY_HEADER, *summary_rows(comparison)]
    if width >= WIDTH:
        return [_columns(cells, _SUMMARY_WIDTHS) for cells in rows]
    widths = [max(len(row[index]) for row in rows) for index in range(1, 4)]
    room = max(12, width - _line_width(widths) - 1)
    lines = []
    for label, *cells in rows:
        first, *rest = textwrap.wrap(label, room, subsequent_indent="    ", drop_whitespace=True) or [""]
        first = label[: len(label) - len(label.lstrip())] + first.lstrip()
        lines += [_columns([first, *cells], [room, *widths]), *rest]
    return lines


def _line_width(widths: Sequence[int]) -> int:
    return sum(widths) + len(widths) - 1


def _pair(
    label: str,
    a: Optional[float],
    b: Optional[float],
    form: Callable[[float], str],
    divide: bool = True,
) -> tuple[str, str, str, str]:
    cells = ["-" if value is None else form(value) for value in (a, b)]
    return (label, cells[0], cells[1], times(b / a) if divide and a and b is not None else "")


def wrapped(sentence: str, width: int = WIDTH) -> list[str]:
    """A sentence in lines of at most so many columns."""
    return textwrap.wrap(sentence, width, subsequent_indent="  ", break_on_hyphens=False)


def _columns(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Cells to the right of their columns; a first cell that is a label, to the left."""
    first = cells[0].ljust(widths[0]) if widths[0] > 10 else cells[0].rjust(widths[0])
    return first + "".join(f" {cell:>{width}}" for cell, width in zip(cells[1:], widths[1:]))


def _shortened(run: Run, width: int) -> str:
    """The run's path, its end when it is long, and what it was made on."""
    device = f", {run.facts.device}" if run.facts.device else ""
    tail = f" ({counted(len(run.steps), 'step')}{device})"
    room = max(20, width - 3 - len(tail))
    path = str(run.path)
    return (path if len(path) <= room else "..." + path[3 - room :]) + tail
