"""Scores as a table for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nerctl.evaluation.scores import Scores, TypeScores
from nerctl.wording import counted

if TYPE_CHECKING:
    from rich.table import Table


def scores_table(scores: Scores) -> Table:
    """A row for all entities and one for each type; precision, recall and F1 are fractions of 1."""
    from rich.table import Table
    from rich.text import Text

    size = f"{counted(scores.sentences, 'sentence')}, {counted(scores.tokens, 'token')}"
    table = Table(title=f"{size}, token accuracy {scores.token_accuracy:.4f}", title_justify="left")
    table.add_column("type")
    for heading in ("gold", "predicted", "correct", "precision", "recall", "F1"):
        table.add_column(heading, justify="right")
    table.add_row("all", *_cells(scores), style="bold")
    for name, type_scores in scores.types.items():
        table.add_row(Text(name), *_cells(type_scores))  # Text: a type such as [x] is no markup
    return table


def _cells(scores: TypeScores) -> list[str]:
    counts = (scores.gold, scores.predicted, scores.correct)
    fractions = (scores.precision, scores.recall, scores.f1)
    return [f"{count:,}" for count in counts] + [f"{fraction:.4f}" for fraction in fractions]
