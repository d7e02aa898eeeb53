"""Turns a corpus into batches: which sentences share one, and the arrays that the model takes.

Letters: W windows, P word pieces a window, T tokens a window, B chains, L tokens a chain. A chain is what the CRF scores:
a whole sentence stitched from its windows, or, where shapes are fixed, the tokens that one window owns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nerctl.data.corpus import Corpus
from nerctl.data.tags import Labels
from nerctl.data.tokenizer import PieceTable, WordPieceTokenizer
from nerctl.data.windows import SPECIAL, Window, plan_windows
from nerctl.errors import DataError

POOL_BATCHES = 100
"""Batches whose sentences are sorted by length together: enough for little padding, few enough to keep the order random."""


@dataclass(frozen=True)
class Shapes:
    """The array shapes a device wants."""

    batch_size: int
    """Sentences an update, and rows of a fixed shape."""
    max_seq_length: int
    """The longest window, in word pieces with [CLS] and [SEP]."""
    max_tokens: int
    """Bound on padded positions (rows x pieces) in memory at once."""
    lengths: tuple[int, ...] = ()
    """The only window lengths that arrays may have, rising, the last one `max_seq_length`; empty: any length."""
    together: int = 1
    """Micro-batches that are computed at the same time, and so share `max_tokens`; 1 where shapes are fixed."""

    @property
    def fixed(self) -> bool:
        """Whether arrays come in few fixed shapes."""
        return bool(self.lengths)

    def rows(self, length: int) -> int:
        """Rows of a fixed-shape array of that window length."""
        return max(1, min(self.batch_size, self.max_tokens // length))


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
        """The arrays by the names under which the model takes them."""
        return dict(vars(self))


@dataclass(frozen=True)
class Batch:
    """A micro-batch: windows, and the chains that are scored over them."""

    windows: WindowArrays
    """What the encoder takes."""
    chain: np.ndarray
    """[B, L] int32, index into the flattened [W * T] emissions; 0 at padding."""
    chain_counts: np.ndarray
    """[B] int32 tokens a chain; 0 for a row of padding."""
    tags: np.ndarray
    """[B, L] int32 tag ids."""
    begins: np.ndarray
    """[B] float32, 1 where the chain begins its sentence."""
    ends: np.ndarray
    """[B] float32, 1 where the chain ends its sentence."""
    weights: np.ndarray
    """[B] float32; 1 / sentences of the whole batch, 0 for a row of padding."""

    def as_dict(self) -> dict[str, np.ndarray]:
        """The arrays by the names under which the model takes them."""
        own = {name: value for name, value in vars(self).items() if name != "windows"}
        return {**self.windows.as_dict(), **own}

    @property
    def tokens(self) -> int:
        """Corpus tokens that the loss counts."""
        return int(self.chain_counts.sum())

    @property
    def positions(self) -> int:
        """Positions that the encoder computes, padding included."""
        return int(self.windows.pieces.size)

    @property
    def pieces(self) -> int:
        """Positions that are word pieces."""
        return int(self.windows.piece_counts.sum())


class Encoder:
    """Sentences of one corpus as windows of word pieces."""

    def __init__(self, corpus: Corpus, tokenizer: WordPieceTokenizer, max_seq_length: int) -> None:
        self.corpus = corpus
        self.limit = max_seq_length
        vocabulary = tokenizer.vocabulary
        self.pad, self.cls, self.sep = vocabulary.pad, vocabulary.cls, vocabulary.sep
        self.table: PieceTable = tokenizer.encode_corpus(corpus)
        counts = np.minimum(self.table.counts, max_seq_length - SPECIAL)
        self.lengths = _sums(counts, corpus.token_ids, corpus.offsets)
        """[S] int64 word pieces of each sentence, without [CLS] and [SEP]."""

    def rows(self, sentence: int, open_at: np.ndarray | None = None) -> list[Row]:
        """The windows of a sentence; `open_at` as in `plan_windows`."""
        start, end = self.corpus.offsets[sentence], self.corpus.offsets[sentence + 1]
        tokens = self.corpus.token_ids[start:end]
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


class TrainingData:
    """The training corpus as an endless, reproducible order of batches.

    The order depends on the seed and the epoch only; the arrays of a batch on its sentences and the shapes only.

    Raises:
        DataError: the corpus is empty, or has a tag that the labels lack.
    """

    def __init__(self, encoder: Encoder, labels: Labels, shapes: Shapes, seed: int) -> None:
        if not len(encoder.corpus):
            raise DataError(f"{encoder.corpus.path}: no sentences to train on")
        self.encoder = encoder
        self.shapes = shapes
        self.seed = seed
        self.tags = labels.encode(encoder.corpus)
        self.sentences = len(encoder.corpus)
        self.steps_per_epoch = -(-self.sentences // shapes.batch_size)
        self._order: tuple[int, list[np.ndarray]] = (-1, [])

    def order(self, epoch: int) -> list[np.ndarray]:
        """The sentences of each batch of an epoch (from 0): like lengths together, batches in random order."""
        if self._order[0] != epoch:
            generator = np.random.default_rng([self.seed, epoch])
            shuffled = generator.permutation(self.sentences)
            size = self.shapes.batch_size
            batches: list[np.ndarray] = []
            pool = size * POOL_BATCHES
            # Pools of equal size: a small last pool would be badly padded.
            pools = max(1, round(self.sentences / pool))
            bounds = [round(self.steps_per_epoch * index / pools) * size for index in range(pools)] + [self.sentences]
            for low, high in zip(bounds, bounds[1:]):
                part = shuffled[low:high]
                part = part[np.argsort(self.encoder.lengths[part], kind="stable")]
                batches += [part[index : index + size] for index in range(0, len(part), size)]
            self._order = (epoch, [batches[index] for index in generator.permutation(len(batches))])
        return self._order[1]

    def step(self, step: int) -> list[Batch]:
        """The micro-batches of update `step` (from 1), whatever came before it."""
        epoch, index = divmod(step - 1, self.steps_per_epoch)
        return self.batches(self.order(epoch)[index].tolist())

    def batches(self, sentences: Sequence[int]) -> list[Batch]:
        """The micro-batches of one batch of sentences, none over its share of `max_tokens` if a window fits at all."""
        weight = 1.0 / len(sentences)
        if self.shapes.fixed:
            return list(self._fixed(sentences, weight))
        return list(self._stitched(sentences, weight))

    def _stitched(self, sentences: Sequence[int], weight: float) -> Iterator[Batch]:
        bound = self.shapes.max_tokens // self.shapes.together
        whole: list[tuple[int, list[Row]]] = []
        sizes: list[tuple[int, int]] = []
        for sentence in sorted(sentences, key=lambda one: int(self.encoder.lengths[one])):
            rows = self.encoder.rows(sentence)
            longest = max(len(row.pieces) for row in rows)
            if len(rows) * longest > bound and len(rows) > 1:
                yield from self._owned(self._owned_rows([sentence]), weight, longest, max(1, bound // longest))
            else:
                whole.append((sentence, rows))
                sizes.append((len(rows), longest))
        for part in even_parts(sizes, bound, self.shapes.together):
            yield self._chains_of_sentences(whole[part], weight)

    def _chains_of_sentences(self, parts: Sequence[tuple[int, list[Row]]], weight: float) -> Batch:
        windows = lay_windows([row for _, rows in parts for row in rows], self.encoder.pad)
        width = windows.firsts.shape[1]
        places, tags, first_row = [], [], 0
        for sentence, rows in parts:
            places.append(stitch(rows, first_row, width))
            tags.append(self._tags(sentence))
            first_row += len(rows)
        ones = np.ones(len(parts), np.float32)
        return _chains(windows, places, tags, ones, ones, weight)

    def _fixed(self, sentences: Sequence[int], weight: float) -> Iterator[Batch]:
        by_length: dict[int, list[tuple[int, Row, int]]] = {}
        for sentence, row, total in self._owned_rows(sentences):
            length = next(size for size in self.shapes.lengths if len(row.pieces) <= size)
            by_length.setdefault(length, []).append((sentence, row, total))
        if by_length:
            # One batch, one shape: that of its longest window, as its sentences are of like length anyway.
            longest = max(by_length)
            rows = [item for items in by_length.values() for item in items]
            yield from self._owned(rows, weight, longest, self.shapes.rows(longest))

    def _owned_rows(self, sentences: Sequence[int]) -> list[tuple[int, Row, int]]:
        found = []
        for sentence in sentences:
            tags = self._tags(sentence)
            open_at = (tags > 0) & (tags % 2 == 0)  # the I- tags
            rows = self.encoder.rows(sentence, open_at)
            found += [(sentence, row, len(tags)) for row in rows]
        return found

    def _owned(
        self, items: Sequence[tuple[int, Row, int]], weight: float, length: int, size: int
    ) -> Iterator[Batch]:
        """Chains of the tokens that each window owns, in arrays of at most `size` rows; of just so many where fixed."""
        for low in range(0, len(items), size):
            part = items[low : low + size]
            rows = [row for _, row, _ in part]
            width = length - SPECIAL
            count = size if self.shapes.fixed else len(part)
            windows = lay_windows(rows, self.encoder.pad, count, length, width)
            places, tags = [], []
            for index, (sentence, row, _) in enumerate(part):
                window = row.window
                places.append(index * width + np.arange(window.own_start, window.own_end) - window.start)
                tags.append(self._tags(sentence)[window.own_start : window.own_end])
            begins = np.array([row.window.own_start == 0 for row in rows], np.float32)
            ends = np.array([row.window.own_end == total for _, row, total in part], np.float32)
            yield _chains(windows, places, tags, begins, ends, weight, count, width)

    def _tags(self, sentence: int) -> np.ndarray:
        offsets = self.encoder.corpus.offsets
        return self.tags[offsets[sentence] : offsets[sentence + 1]]


def even_parts(sizes: Sequence[tuple[int, int]], bound: int, together: int) -> list[slice]:
    """Cuts sentences, ordered by length, into parts of like size in padded positions.

    Args:
        sizes: windows and longest window of each sentence.
        bound: most positions of a part; a sentence over it is a part of its own.
        together: the number of parts is a multiple of it, as far as the sentences suffice.

    Returns:
        The parts: as few as the bound and `together` allow, the largest as small as it can be.
    """

    def cut(limit: int) -> list[slice]:
        starts, count, longest = [0], 0, 0
        for index, (windows, length) in enumerate(sizes):
            if count and (count + windows) * max(longest, length) > limit:
                starts.append(index)
                count, longest = 0, 0
            count, longest = count + windows, max(longest, length)
        return [slice(start, end) for start, end in zip(starts, [*starts[1:], len(sizes)])]

    if not sizes:
        return []
    wanted = -(-len(cut(bound)) // together) * together
    low, high = 1, bound
    while low < high:
        middle = (low + high) // 2
        if len(cut(middle)) <= wanted:
            high = middle
        else:
            low = middle + 1
    return cut(low)


def stitch(rows: Sequence[Row], first_row: int, width: int) -> np.ndarray:
    """Where a sentence's emissions are in the flattened [W * T]: each token's in the window that owns it."""
    return np.concatenate(
        [
            (first_row + index) * width + np.arange(row.window.own_start, row.window.own_end) - row.window.start
            for index, row in enumerate(rows)
        ]
    )


def _chains(
    windows: WindowArrays,
    places: Sequence[np.ndarray],
    tags: Sequence[np.ndarray],
    begins: np.ndarray,
    ends: np.ndarray,
    weight: float,
    count: int = 0,
    length: int = 0,
) -> Batch:
    count = count or len(places)
    length = length or max(len(place) for place in places)
    chain = np.zeros((count, length), np.int32)
    gold = np.zeros((count, length), np.int32)
    chain_counts = np.zeros(count, np.int32)
    flags = np.zeros((3, count), np.float32)
    for index, (place, ids) in enumerate(zip(places, tags)):
        chain[index, : len(place)] = place
        gold[index, : len(place)] = ids
        chain_counts[index] = len(place)
    flags[0, : len(places)], flags[1, : len(places)], flags[2, : len(places)] = begins, ends, weight
    return Batch(windows, chain, chain_counts, gold, flags[0], flags[1], flags[2])
