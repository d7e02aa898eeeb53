"""A tagged text for people: each entity in brackets with its type, in the type's colour where the terminal has any."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.text import Text

    from nerctl.inference.tagger import Entity, Result

COLOURS = ("magenta", "green", "cyan", "yellow", "blue", "red")
"""Of the types in their order; a model of more types takes them again, and the type stands in the brackets anyway."""

FIRST = ("PER", "LOC", "ORG")
"""Types that have the first colours in every model that knows them."""


def marked(result: Result, types: Sequence[str], scores: bool = True) -> Text:
    """The text with [mention TYPE score] for each entity; the score has two digits.

    Args:
        result: a text and its entities, in order.
        types: all types of the model, sorted.
        scores: whether they are shown.
    """
    from rich.text import Text

    from nerctl.inference.marks import parts

    order = [*FIRST, *(name for name in types if name not in FIRST)]

    def mark(mention: list[Text], entity: Entity) -> Text:
        score = f" {entity.score:.2f}" if scores else ""
        colour = COLOURS[order.index(entity.type) % len(COLOURS)]
        return Text.assemble("[", *mention, f" {entity.type}{score}]", style=f"bold {colour}")

    return Text.assemble(*parts(result.text, result.entities, Text, mark))
