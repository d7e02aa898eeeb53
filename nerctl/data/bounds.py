"""Where an entity may begin and end: neither at white space or a control character, nor inside a grapheme cluster.

Nobody marks a name with a blank in front, or half an emoji. Most texts have no such place, and then there are no bounds.
A corpus that does mark such entities teaches them, and its model is not bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional

import numpy as np

from nerctl.data.corpus import Corpus
from nerctl.data.graphemes import clusters, is_plain

MARKED = 1e-3
"""Share of a training corpus' entities beyond which those that break the bounds are meant, and not slips."""


@dataclass(frozen=True, eq=False)
class Bounds:
    """The tokens of one sentence at which an entity may begin and end."""

    begins: np.ndarray
    """[L] bool: may an entity begin with the token?"""
    ends: np.ndarray
    """[L] bool: may an entity end with the token?"""

    def broken(self, tags: np.ndarray) -> int:
        """Entities of legal BIO tag ids [L] (`nerctl.data.tags`) that begin or end where none may."""
        first = tags % 2 == 1
        goes_on = np.append((tags[1:] % 2 == 0) & (tags[1:] > 0), False)
        last = (tags > 0) & ~goes_on
        number = np.cumsum(first)
        return len(set(number[first & ~self.begins]) | set(number[last & ~self.ends]))


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


def corpus_bounds(corpus: Corpus) -> dict[int, Bounds]:
    """The bounds in the sentences of a corpus that have any, by sentence; its tokens stand side by side."""
    odd = np.array([not is_plain(token) for token in corpus.vocabulary], bool)
    places = np.flatnonzero(odd[corpus.token_ids]) if len(odd) else np.zeros(0, np.int64)
    sentences = np.unique(np.searchsorted(corpus.offsets, places, side="right") - 1)
    found: dict[int, Bounds] = {}
    for index in sentences.tolist():
        ids = corpus.token_ids[corpus.offsets[index] : corpus.offsets[index + 1]]
        tokens = [corpus.vocabulary[token] for token in ids.tolist()]
        ends = np.cumsum([len(token) for token in tokens]).tolist()
        bounds = text_bounds("".join(tokens), list(zip([0, *ends], ends)))
        if bounds is not None:
            found[index] = bounds
    return found


def marks_blanks(corpus: Corpus) -> bool:
    """Are more than one in a thousand of the corpus' entities against the bounds?"""
    broken = 0
    for index, bounds in corpus_bounds(corpus).items():
        broken += bounds.broken(corpus.tag_ids[corpus.offsets[index] : corpus.offsets[index + 1]])
    return broken > MARKED * sum(corpus.entity_counts().values())
