"""A text cut at its entities, for whatever shows them: within each other where they are nested."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Callable, Optional, TypeVar

if TYPE_CHECKING:
    from nerctl.inference.tagger import Entity

Part = TypeVar("Part")


def parts(
    text: str,
    entities: Sequence[Entity],
    plain: Callable[[str], Part],
    mark: Callable[[list[Part], Entity], Part],
    start: int = 0,
    end: Optional[int] = None,
) -> list[Part]:
    """The text from `start` to `end` in order.

    Args:
        text: the whole text.
        entities: those that lie there, by start and the longer first; of two that cross the second is left out.
        plain: shows text without an entity.
        mark: shows an entity, given the parts of its mention.
        start: where to begin.
        end: where to end; None: at the text's end.
    """
    found: list[Part] = []
    reached, place = start, 0
    while place < len(entities):
        entity = entities[place]
        behind = place + 1
        while behind < len(entities) and entities[behind].start < entity.end:
            behind += 1
        inner = [one for one in entities[place + 1 : behind] if one.end <= entity.end]
        found.append(plain(text[reached : entity.start]))
        found.append(mark(parts(text, inner, plain, mark, entity.start, entity.end), entity))
        reached, place = entity.end, behind
    found.append(plain(text[reached:end]))
    return found
