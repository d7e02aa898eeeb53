"""Where an entity may begin and end: neither at white space or a control character, nor inside a grapheme cluster.

Nobody marks a name with a blank in front, or half an emoji. Most texts have no such place, and then there are no bounds.
A corpus that does mark such entities teaches them, and its model is not bound.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Optional

import numpy as np

from nerctl.data.corpus import Corpus
from nerctl.data.graphemes import clusters, is_plain
from nerctl.data.spans import Span
from nerctl.data.token_table import TokenTable

MARKED = 1e-3
"""Share of a training corpus' entities beyond which those that break the bounds are meant, and not slips."""


@dataclass(frozen=True, eq=False)
class Bounds:
    """The tokens of one sentence at which an entity may begin and end."""

    begins: np.ndarray
    """[L] bool: may an entity begin with the token?"""
    ends: np.ndarray
    """[L] bool: may an entity end with the token?"""

    def broken(self, spans: Iterable[Span]) -> int:
        """How many of a sentence's entities begin or end where none may."""
        return sum(not (self.begins[span.start] and self.ends[span.end - 1]) for span in spans)


def text_bounds(text: str, tokens: Sequence[tuple[int, int]]) -> Optional[Bounds]:
    """The bounds in a text with tokens (start, end) at these places; None where every token may be either."""
    if is_plain(text):
        return None
    opens = np.zeros(len(text) + 1, bool)
    closes = np.zeros(len(text) + 1, bool)
    for start, end, empty in clusters(text):
        opens[start] = closes[end] = not empty
    begins = opens[[start for start, _ in tokens]]
    ends = closes[[end for _, end in tokens]]
    return None if begins.all() and ends.all() else Bounds(begins, ends)


def sentence_bounds(table: TokenTable) -> dict[int, Bounds]:
    """The bounds in the sentences of a table that have any, by sentence; its tokens stand side by side."""
    odd = np.array([not is_plain(token) for token in table.vocabulary], bool)
    places = np.flatnonzero(odd[table.token_ids]) if len(odd) else np.zeros(0, np.int64)
    sentences = np.unique(np.searchsorted(table.offsets, places, side="right") - 1)
    found: dict[int, Bounds] = {}
    for index in sentences.tolist():
        tokens = table.tokens(index)
        ends = np.cumsum([len(token) for token in tokens]).tolist()
        bounds = text_bounds("".join(tokens), list(zip([0, *ends], ends)))
        if bounds is not None:
            found[index] = bounds
    return found


def marks_blanks(corpus: Corpus) -> bool:
    """Are more than one in a thousand of the corpus' entities against the bounds?"""
    broken = sum(bounds.broken(corpus.spans(index)) for index, bounds in sentence_bounds(corpus).items())
    return broken > MARKED * sum(corpus.entity_counts().values())
