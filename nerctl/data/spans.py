"""The one shape of an entity in a tokenised sentence."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Optional


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


def outermost(spans: Iterable[Span]) -> list[Span]:
    """The spans that lie in no other, by start; of two that overlap otherwise the first, of two that are equal too."""
    kept: list[Span] = []
    for span in sorted(spans, key=lambda one: (one.start, -one.end)):
        if not kept or span.start >= kept[-1].end:
            kept.append(span)
    return kept
