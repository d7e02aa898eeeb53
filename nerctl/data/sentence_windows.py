"""Sentences as windows of word pieces, and windows as the arrays that the encoder takes.

Letters: W windows, P word pieces a window, T tokens a window.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nerctl.data.token_table import TokenTable
from nerctl.data.tokenizer import PieceTable, WordPieceTokenizer
from nerctl.data.windows import SPECIAL, Window, plan_windows


@dataclass(frozen=True)
class Field:
    """An array of a batch."""

    name: str
    """Its name for the model."""
    dimensions: str
    """A letter for each."""
    dtype: str = "int32"
    """Its type, by NumPy's and TensorFlow's name."""

    def shape(self, sizes: Mapping[str, Any]) -> list[Any]:
        """The shape by letter; None where a letter has no size."""
        return [sizes.get(letter) for letter in self.dimensions]


WINDOW_FIELDS = (
    Field("pieces", "WP"),
    Field("piece_counts", "W"),
    Field("firsts", "WT"),
    Field("token_counts", "W"),
)
"""`WindowArrays`, in the order in which compiled functions and graphs take them."""


@dataclass(frozen=True)
class Row:
    """One window of one sentence, ready to be laid into arrays."""

    pieces: np.ndarray
    """[p] int32 word pieces with [CLS] and [SEP]."""
    firsts: np.ndarray
    """[t] int32 index in `pieces` of each token's first piece."""
    window: Window
    """The tokens that it shows and owns."""


@dataclass(frozen=True)
class WindowArrays:
    """What the encoder takes: windows padded to one shape."""

    pieces: np.ndarray
    """[W, P] int32, [PAD] behind each window."""
    piece_counts: np.ndarray
    """[W] int32."""
    firsts: np.ndarray
    """[W, T] int32, index into the flattened [W * P]; 0 at padding."""
    token_counts: np.ndarray
    """[W] int32."""

    def as_dict(self) -> dict[str, np.ndarray]:
        """The arrays by the names of `WINDOW_FIELDS`."""
        return dict(vars(self))


class SentenceWindows:
    """The sentences of a table as windows of word pieces."""

    def __init__(self, sentences: TokenTable, tokenizer: WordPieceTokenizer, max_seq_length: int) -> None:
        self.sentences = sentences
        self.limit = max_seq_length
        vocabulary = tokenizer.vocabulary
        self.pad, self.cls, self.sep = vocabulary.pad, vocabulary.cls, vocabulary.sep
        self.table: PieceTable = tokenizer.encode_corpus(sentences)
        counts = np.minimum(self.table.counts, max_seq_length - SPECIAL)
        self.lengths = _sums(counts, sentences.token_ids, sentences.offsets)
        """[S] int64 word pieces of each sentence, without [CLS] and [SEP]."""

    def all_rows(self) -> list[list[Row]]:
        """The windows of each sentence."""
        return [self.rows(sentence) for sentence in range(len(self.sentences))]

    def rows(self, sentence: int, open_at: np.ndarray | None = None) -> list[Row]:
        """The windows of a sentence; `open_at` as in `plan_windows`."""
        start, end = self.sentences.offsets[sentence], self.sentences.offsets[sentence + 1]
        tokens = self.sentences.token_ids[start:end]
        if self.lengths[sentence] + SPECIAL <= self.limit:
            windows = [Window(0, len(tokens), 0, len(tokens))]
        else:
            windows = plan_windows(self.table.counts[tokens], self.limit, open_at)
        return [self._row(tokens[window.start : window.end], window) for window in windows]

    def _row(self, tokens: np.ndarray, window: Window) -> Row:
        room = self.limit - SPECIAL
        counts = np.minimum(self.table.counts[tokens], room)
        firsts = np.cumsum(counts) - counts
        # Word piece j of the window is piece j - firsts[owner] of its token.
        owner = np.repeat(np.arange(len(tokens)), counts)
        inner = np.arange(len(owner)) - firsts[owner]
        pieces = np.empty(len(owner) + SPECIAL, np.int32)
        pieces[0], pieces[-1] = self.cls, self.sep
        pieces[1:-1] = self.table.pieces[self.table.starts[tokens][owner] + inner]
        return Row(pieces, (firsts + 1).astype(np.int32), window)


def _sums(values: np.ndarray, ids: np.ndarray, offsets: np.ndarray, block: int = 1 << 16) -> np.ndarray:
    """Sum of values[ids] over each sentence, block by block so that no array of all tokens is made."""
    sums = np.zeros(len(offsets) - 1, np.int64)
    for low in range(0, len(sums), block):
        high = min(low + block, len(sums))
        first, last = int(offsets[low]), int(offsets[high])
        if last > first:
            sums[low:high] = np.add.reduceat(
                values[ids[first:last]].astype(np.int64), (offsets[low:high] - first).astype(np.int64)
            )
    return sums


def lay_windows(rows: Sequence[Row], pad: int, count: int = 0, length: int = 0, tokens: int = 0) -> WindowArrays:
    """Pads rows to one shape: the greatest of the rows, or `count` rows of `length` pieces and `tokens` tokens."""
    count = count or len(rows)
    length = length or max(len(row.pieces) for row in rows)
    tokens = tokens or max(len(row.firsts) for row in rows)
    pieces = np.full((count, length), pad, np.int32)
    firsts = np.zeros((count, tokens), np.int32)
    # A row of padding still shows the encoder one position, so that its softmax stays finite.
    piece_counts = np.ones(count, np.int32)
    token_counts = np.zeros(count, np.int32)
    for index, row in enumerate(rows):
        pieces[index, : len(row.pieces)] = row.pieces
        firsts[index, : len(row.firsts)] = row.firsts + index * length
        piece_counts[index] = len(row.pieces)
        token_counts[index] = len(row.firsts)
    return WindowArrays(pieces, piece_counts, firsts, token_counts)


def stitch(rows: Sequence[Row], first_row: int, width: int) -> np.ndarray:
    """Where a sentence's emissions are in the flattened [W * T]: each token's in the window that owns it."""
    return np.concatenate(
        [
            (first_row + index) * width + np.arange(row.window.own_start, row.window.own_end) - row.window.start
            for index, row in enumerate(rows)
        ]
    )
