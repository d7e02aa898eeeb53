"""Scores as a table for people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nerctl.evaluation.scores import Scores, TypeScores
from nerctl.wording import counted

if TYPE_CHECKING:
    from rich.table import Table

COUNTS = ("gold", "predicted", "correct")
FRACTIONS = ("precision", "recall", "F1")
WHOLE = 1000
"""Columns of a terminal in which every table has room."""


@dataclass(frozen=True)
class ScoresTable:
    """A row for all entities and one for each type; precision, recall and F1 are fractions of 1.

    Rich draws it with as many columns as the terminal has room for: no figure is cut, counts go first.
    """

    scores: Scores
    """What is shown."""

    def __rich_console__(self, console: Any, options: Any) -> Iterator[Table]:
        from rich.measure import Measurement

        for columns in ((*COUNTS, *FRACTIONS), ("gold", *FRACTIONS), FRACTIONS):
            table = self.table(columns)
            if Measurement.get(console, options.update(max_width=WHOLE), table).maximum <= options.max_width:
                break
        yield table

    def table(self, columns: tuple[str, ...]) -> Table:
        """The table with these columns beside the type."""
        from rich.table import Table
        from rich.text import Text

        scores = self.scores
        size = f"{counted(scores.sentences, 'sentence')}, {counted(scores.tokens, 'token')}"
        table = Table(title=f"{size}, token accuracy {scores.token_accuracy:.4f}", title_justify="left")
        table.add_column("type")
        for heading in columns:
            table.add_column(heading, justify="right", no_wrap=True)
        table.add_row("all", *_cells(scores, columns), style="bold")
        for name, type_scores in scores.types.items():
            table.add_row(Text(name), *_cells(type_scores, columns))  # Text: a type such as [x] is no markup
        return table


def _cells(scores: TypeScores, columns: tuple[str, ...]) -> list[str]:
    return [
        f"{getattr(scores, name):,}" if name in COUNTS else f"{getattr(scores, name.lower()):.4f}" for name in columns
    ]
