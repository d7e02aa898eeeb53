"""Turns a corpus into batches: which sentences share one, and the arrays that the model takes.

Letters: W windows, P word pieces a window, T tokens a window, B chains, L tokens a chain. A chain is what a head scores
together: a whole sentence stitched from its windows, or, where shapes are fixed, the tokens that one window owns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nerctl.data.corpus import Corpus
from nerctl.data.sentence_windows import WINDOW_FIELDS, Field, Row, SentenceWindows, WindowArrays, lay_windows, stitch
from nerctl.data.spans import Span
from nerctl.data.windows import SPECIAL
from nerctl.errors import DataError

if TYPE_CHECKING:
    from nerctl.model.head import Head

CHAIN_FIELDS = (
    Field("chain", "BL"),
    Field("chain_counts", "B"),
    Field("begins", "B", "float32"),
    Field("ends", "B", "float32"),
    Field("weights", "B", "float32"),
)
"""What every head learns from: where the emissions of a chain are in the flattened [W * T] (0 at padding), its tokens (0 for
a row of padding), 1 where it begins or ends its sentence, and 1 / sentences of the whole batch (0 for padding)."""

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
class Chain:
    """Tokens of one sentence that are scored together."""

    sentence: int
    """The sentence's number in its corpus."""
    start: int
    """Their first, counted in the sentence."""
    places: np.ndarray
    """[n] integer: where the emission of each is in the flattened [W * T]."""
    begins: bool = True
    """Whether they begin the sentence."""
    ends: bool = True
    """Whether they end it."""

    def holds(self, span: Span) -> bool:
        """Whether an entity of the sentence lies in them whole."""
        return self.start <= span.start and span.end <= self.start + len(self.places)


class Batch(dict[str, np.ndarray]):
    """A micro-batch by name: `WINDOW_FIELDS`, `CHAIN_FIELDS`, and those of a head."""

    @classmethod
    def blank(cls, fields: Sequence[Field], sizes: Mapping[str, int]) -> Batch:
        """Rows of padding that weigh nothing."""
        batch = cls((field.name, np.zeros(field.shape(sizes), field.dtype)) for field in fields)
        batch["piece_counts"] += 1  # a row of padding shows one position, so that its softmax stays finite
        return batch

    @property
    def tokens(self) -> int:
        """Corpus tokens that the loss counts."""
        return int(self["chain_counts"].sum())

    @property
    def positions(self) -> int:
        """Positions that the encoder computes, padding included."""
        return int(self["pieces"].size)

    @property
    def word_pieces(self) -> int:
        """Positions that are word pieces."""
        return int(self["piece_counts"].sum())


def batch_fields(head: Head) -> tuple[Field, ...]:
    """The arrays of a batch for that head, in the order in which compiled functions take them."""
    return (*WINDOW_FIELDS, *CHAIN_FIELDS, *head.fields)


class TrainingData:
    """The training corpus as an endless, reproducible order of batches.

    The order depends on the seed and the epoch only; the arrays of a batch on its sentences and the shapes only.

    Args:
        corpus: the sentences.
        windows: the same, as windows.
        head: what learns from them.
        shapes: the arrays that the device wants.
        seed: fixes the order.

    Raises:
        DataError: the corpus is empty, or has entities that the head cannot learn.
    """

    def __init__(self, corpus: Corpus, windows: SentenceWindows, head: Head, shapes: Shapes, seed: int) -> None:
        if not len(corpus):
            raise DataError(f"{corpus.path}: no sentences to train on")
        self.corpus = corpus
        self.windows = windows
        self.head = head
        self.shapes = shapes
        self.seed = seed
        self.encoded = head.encode(corpus)
        self.sentences = len(corpus)
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
                part = part[np.argsort(self.windows.lengths[part], kind="stable")]
                batches += [part[index : index + size] for index in range(0, len(part), size)]
            self._order = (epoch, [batches[index] for index in generator.permutation(len(batches))])
        return self._order[1]

    def step(self, step: int) -> list[Batch]:
        """The micro-batches of update `step` (from 1), whatever came before it."""
        epoch, index = divmod(step - 1, self.steps_per_epoch)
        return self.batches(self.order(epoch)[index].tolist())

    def cut_entities(self) -> list[tuple[int, Span]]:
        """Entities, with their sentences, that lie over the edge of what windows own, and so are not learnt whole.

        Where a sentence is one chain over all of its windows, none does.
        """
        if self.head.whole and not self.shapes.fixed:
            return []
        cut = []
        for sentence in np.flatnonzero(self.windows.lengths + SPECIAL > self.windows.limit).tolist():
            owned = [row.window for row in self.windows.rows(sentence, self.corpus.goes_on(sentence))]
            for span in self.corpus.spans(sentence):
                if not any(window.own_start <= span.start and span.end <= window.own_end for window in owned):
                    cut.append((sentence, span))
        return cut

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
        for sentence in sorted(sentences, key=lambda one: int(self.windows.lengths[one])):
            rows = self.windows.rows(sentence)
            longest = max(len(row.pieces) for row in rows)
            if len(rows) > 1 and (len(rows) * longest > bound or not self.head.whole):
                yield from self._owned(self._owned_rows([sentence]), weight, longest, max(1, bound // longest))
            else:
                whole.append((sentence, rows))
                sizes.append((len(rows), longest))
        for part in even_parts(sizes, bound, self.shapes.together):
            yield self._chains_of_sentences(whole[part], weight)

    def _chains_of_sentences(self, parts: Sequence[tuple[int, list[Row]]], weight: float) -> Batch:
        arrays = lay_windows([row for _, rows in parts for row in rows], self.windows.pad)
        width = arrays.firsts.shape[1]
        chains, first_row = [], 0
        for sentence, rows in parts:
            chains.append(Chain(sentence, 0, stitch(rows, first_row, width)))
            first_row += len(rows)
        sizes = {"B": len(chains), "L": max(len(chain.places) for chain in chains)}
        return self._batch(arrays, chains, sizes, weight)

    def _fixed(self, sentences: Sequence[int], weight: float) -> Iterator[Batch]:
        owned = self._owned_rows(sentences)
        # One batch, one shape: that of its longest window, as its sentences are of like length anyway.
        longest = max(len(row.pieces) for _, row, _ in owned)
        length = next(size for size in self.shapes.lengths if longest <= size)
        yield from self._owned(owned, weight, length, self.shapes.rows(length))

    def _owned_rows(self, sentences: Sequence[int]) -> list[tuple[int, Row, int]]:
        found = []
        for sentence in sentences:
            open_at = self.corpus.goes_on(sentence)
            found += [(sentence, row, len(open_at)) for row in self.windows.rows(sentence, open_at)]
        return found

    def _owned(
        self, items: Sequence[tuple[int, Row, int]], weight: float, length: int, size: int
    ) -> Iterator[Batch]:
        """Chains of the tokens that each window owns, in arrays of at most `size` rows; of just so many where fixed."""
        for low in range(0, len(items), size):
            part = items[low : low + size]
            width = length - SPECIAL
            count = size if self.shapes.fixed else len(part)
            arrays = lay_windows([row for _, row, _ in part], self.windows.pad, count, length, width)
            chains = []
            for index, (sentence, row, total) in enumerate(part):
                window = row.window
                places = index * width + np.arange(window.own_start, window.own_end) - window.start
                chains.append(
                    Chain(sentence, window.own_start, places, window.own_start == 0, window.own_end == total)
                )
            sizes = {"B": count, "L": width, **({"G": width} if self.shapes.fixed else {})}
            yield self._batch(arrays, chains, sizes, weight)

    def _batch(
        self, windows: WindowArrays, chains: Sequence[Chain], sizes: Mapping[str, int], weight: float
    ) -> Batch:
        arrays = {field.name: np.zeros(field.shape(sizes), field.dtype) for field in CHAIN_FIELDS}
        for row, chain in enumerate(chains):
            arrays["chain"][row, : len(chain.places)] = chain.places
            arrays["chain_counts"][row] = len(chain.places)
            arrays["begins"][row], arrays["ends"][row], arrays["weights"][row] = chain.begins, chain.ends, weight
        return Batch({**windows.as_dict(), **arrays, **self.head.gold(self.encoded, chains, sizes)})


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
