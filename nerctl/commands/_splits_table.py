"""The figures of a data set's splits as a table for people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from nerctl.data.report import Report

GAPS = (3, 2, 1)
"""Blanks between columns, as many as there is room for."""

LABELS = 8
"""The narrowest first column, where even one split has hardly room."""


@dataclass(frozen=True)
class SplitsTable:
    """A column a split, so that the table stays narrow whatever the number of types.

    On a narrow terminal file names are folded and the splits stand below each other; no figure is cut or folded.
    """

    report: Report
    """What is shown."""

    def __rich_console__(self, console: Any, options: Any) -> Iterator[Table]:
        rows, room = self.rows(), options.max_width
        labels = max(cell_len(label) for label, _ in rows)
        columns = list(zip(*(cells for _, cells in rows)))
        whole = [max(map(cell_len, column)) for column in columns]
        figures = [max(map(cell_len, (column[0], *column[2:]))) for column in columns]  # all but the file's name
        spare = (room - labels - sum(figures)) // len(figures) - 1
        folded = [min(width, figure + spare) for width, figure in zip(whole, figures)]
        for widths, gap in [*((whole, gap) for gap in GAPS), (folded, 1)]:
            if spare >= 0 and labels + sum(widths) + gap * len(widths) <= room:
                yield _table(rows, labels, dict(enumerate(widths)), gap)
                return
        for index, width in enumerate(figures):
            yield _table(rows, max(LABELS, min(labels, room - width - 1)), {index: width}, 1)

    def rows(self) -> list[tuple[str, list[str]]]:
        """Labels and cells; first the splits' names, then their files' names, then figures."""
        report = self.report
        columns = list(report.splits.values())
        rows = [
            ("", list(report.splits)),
            ("file", [Path(column.file).name for column in columns]),
            ("tags", [column.scheme for column in columns]),
            ("sentences", [f"{column.sentences:,}" for column in columns]),
            ("tokens", [f"{column.tokens:,}" for column in columns]),
            (f"length in {report.length_unit}", ["" for _ in columns]),
        ]
        for name in ("50", "90", "99", "max"):
            label = "  longest" if name == "max" else f"  {name} % up to"
            rows.append((label, [f"{column.lengths[name]:,}" for column in columns]))
        rows.append((f"  over window of {report.max_seq_length}", [f"{column.over_window:.2%}" for column in columns]))
        if any(column.unknown_tokens is not None for column in columns):
            rows.append(("unknown tokens", [f"{column.unknown_tokens or 0:.2%}" for column in columns]))
        rows.append(("entities", [f"{sum(column.entities.values()):,}" for column in columns]))
        for name in sorted({name for column in columns for name in column.entities}):
            rows.append((f"  {name}", [f"{column.entities.get(name, 0):,}" for column in columns]))
        return rows


def _table(rows: list[tuple[str, list[str]]], labels: int, widths: dict[int, int], gap: int) -> Table:
    """The rows with the columns whose widths are given."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, gap, 0, 0))
    table.add_column(width=labels, overflow="fold")
    for width in widths.values():
        table.add_column(width=width, justify="right", overflow="fold")
    for number, (label, cells) in enumerate(rows):
        # Text: a type such as [x] is no markup.
        table.add_row(Text(label), *(Text(cells[index]) for index in widths), style="bold" if number == 0 else "")
    return table
