"""What a reader hands over: a corpus in columns, tags still as the file writes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

import numpy as np

OnBad = Callable[[int, str], None]
"""Told of each line that cannot be read: its number from 1, and the reason. It may raise, to stop."""


@dataclass(frozen=True, eq=False)
class Columns:
    """A file's tokens and written tags, without the sentences that hold a line that cannot be read."""

    vocabulary: list[str]
    """The distinct tokens."""
    token_ids: np.ndarray
    """[N] int32, index into `vocabulary`."""
    tags: list[str]
    """The distinct tags as written; "O" is the first, whether the file has it or not."""
    tag_ids: np.ndarray
    """[N] int16, index into `tags`."""
    offsets: np.ndarray
    """[S+1] int64: sentence s is tokens offsets[s]:offsets[s+1]."""
    lines: np.ndarray
    """[S] int64: the line, from 1, of each sentence's first token."""
    empty_texts: int = 0
    """JSON lines whose text has no character: no tokens, so no sentence."""


def without_sentences(columns: Columns, bad_tokens: np.ndarray) -> Columns:
    """`columns` less each sentence that holds one of `bad_tokens` ([M] int64, ascending token positions)."""
    if not len(bad_tokens):
        return columns
    keep = np.ones(len(columns.lines), dtype=bool)
    keep[np.searchsorted(columns.offsets, bad_tokens, side="right") - 1] = False
    lengths = np.diff(columns.offsets)
    kept_tokens = np.repeat(keep, lengths)
    offsets = np.concatenate([[0], np.cumsum(lengths[keep])]).astype(np.int64)
    return Columns(
        vocabulary=columns.vocabulary,
        token_ids=columns.token_ids[kept_tokens],
        tags=columns.tags,
        tag_ids=columns.tag_ids[kept_tokens],
        offsets=offsets,
        lines=columns.lines[keep],
        empty_texts=columns.empty_texts,
    )
