"""The one shape of an entity in a tokenised sentence."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple, Optional, Protocol, TypeVar

Nested = Literal["keep", "outermost", "innermost", "refuse"]
"""What becomes of entities that overlap."""


class Span(NamedTuple):
    """An entity of a sentence."""

    start: int
    """Its first token."""
    end: int
    """The token behind its last."""
    type: str
    """Its entity type."""
    score: Optional[float] = None
    """How sure the tagger is of it, 0 to 1; None: not said, as in a corpus."""

    @property
    def unscored(self) -> Span:
        """The same entity without a score: what two spans are compared by."""
        return self if self.score is None else Span(self.start, self.end, self.type)


class Placed(Protocol):
    """What stands somewhere in a sentence or a text: a span of tokens, or an entity by characters."""

    @property
    def start(self) -> int:
        """Its first place."""

    @property
    def end(self) -> int:
        """The place behind its last."""


Where = TypeVar("Where", bound=Placed)


def outermost(spans: Iterable[Where]) -> list[Where]:
    """The spans that lie in no other, by start; of two that overlap otherwise the first, of two that are equal too."""
    kept: list[Where] = []
    for span in sorted(spans, key=lambda one: (one.start, -one.end)):
        if not kept or span.start >= kept[-1].end:
            kept.append(span)
    return kept


def innermost(spans: Iterable[Where]) -> list[Where]:
    """The spans, the shortest first, that overlap none that was kept before; by start."""
    kept: list[Where] = []
    for span in sorted(spans, key=lambda one: (one.end - one.start, one.start)):
        if all(span.end <= one.start or one.end <= span.start for one in kept):
            kept.append(span)
    return sorted(kept, key=lambda one: one.start)
