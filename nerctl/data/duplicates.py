"""Finds sentences of the same tokens, within a corpus and between corpora."""

from __future__ import annotations

from hashlib import blake2b
from typing import NamedTuple

import numpy as np

from nerctl.data.corpus import Corpus


class Found(NamedTuple):
    """What one corpus repeats; sentences are numbered from 0."""

    repeats: list[tuple[int, int, bool]]
    """First occurrence in this corpus, later one, do their tags differ."""
    shared: list[list[tuple[int, int]]]
    """For each corpus added before: (first occurrence there, sentence here)."""


class SentenceIndex:
    """The sentences of several corpora, by a 128-bit digest of their tokens, so that texts are not kept."""

    def __init__(self) -> None:
        self._token_numbers: dict[str, int] = {}
        self._corpora: list[dict[bytes, int]] = []

    def add(self, corpus: Corpus) -> Found:
        """Index `corpus` and say what of it was there before."""
        numbers = self._token_numbers
        number_of = np.array(
            [numbers.setdefault(token, len(numbers)) for token in corpus.vocabulary], dtype=np.int32
        )
        first: dict[bytes, int] = {}
        repeats: list[tuple[int, int, bool]] = []
        shared: list[list[tuple[int, int]]] = [[] for _ in self._corpora]
        bounds = corpus.offsets.tolist()
        for sentence, (start, end) in enumerate(zip(bounds, bounds[1:])):
            tokens = number_of[corpus.token_ids[start:end]]
            digest = blake2b(tokens.tobytes(), digest_size=16).digest()
            before = first.setdefault(digest, sentence)
            if before != sentence:
                differs = not np.array_equal(
                    corpus.tag_ids[start:end], corpus.tag_ids[bounds[before] : bounds[before + 1]]
                )
                repeats.append((before, sentence, differs))
            for other, pairs in zip(self._corpora, shared):
                if digest in other:
                    pairs.append((other[digest], sentence))
        self._corpora.append(first)
        return Found(repeats, shared)
