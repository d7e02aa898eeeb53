"""Tokenised sentences in columns: what becomes windows, whether a corpus file or free text gave it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np


@dataclass(frozen=True, eq=False)
class TokenTable:
    """Sentences as numbers: S sentences of N tokens in all, V of them distinct."""

    vocabulary: list[str]
    """The V distinct tokens."""
    token_ids: np.ndarray
    """[N] int32, index into `vocabulary`."""
    offsets: np.ndarray
    """[S+1] int64: sentence s is tokens offsets[s]:offsets[s+1]; no sentence is empty."""

    @classmethod
    def of(cls, sentences: Iterable[Sequence[str]]) -> TokenTable:
        """The table of sentences, none without tokens."""
        known = list(sentences)
        ids: dict[str, int] = {}
        token_ids = np.fromiter((ids.setdefault(token, len(ids)) for token in chain.from_iterable(known)), np.int32)
        offsets = np.cumsum([0, *map(len, known)], dtype=np.int64)
        return TokenTable(list(ids), token_ids, offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> np.ndarray:
        """[S] int64: tokens of each sentence."""
        return np.diff(self.offsets)

    def tokens(self, index: int) -> list[str]:
        """The tokens of sentence `index`, counted from 0."""
        ids = self.token_ids[self.offsets[index] : self.offsets[index + 1]]
        return [self.vocabulary[token] for token in ids.tolist()]
