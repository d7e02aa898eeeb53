"""Windows to emissions, for all sentences of a table or any block of them.

Windows of all sentences are sorted by length and packed under a bound on padded positions; a sentence's
emissions are put together from the windows that own its tokens.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from typing import Callable, Optional

import numpy as np

from nerctl.data.grouping import by_length
from nerctl.data.sentence_windows import Row, SentenceWindows, lay_windows
from nerctl.inference.engine import Engine

BLOCK_TOKENS = 1 << 16
"""Word pieces of the sentences whose emissions are in memory at once, at the least."""

BLOCK_CALLS = 4
"""Calls of the engine that a block of texts fills, so that most calls are full and of texts of like length."""

Told = Callable[[float], None]
"""Told how much is computed so far: sentences of a corpus, or the share of a block."""


def emission_blocks(
    engine: Engine, windows: SentenceWindows, told: Optional[Told] = None
) -> Iterator[tuple[list[int], list[np.ndarray]]]:
    """Emissions of all sentences, longest first, in blocks that bound the memory.

    Yields:
        Sentence numbers, and of each its emissions [n, K] float32.
    """
    block: list[int] = []
    positions = done = 0

    def computed() -> list[np.ndarray]:
        hear = (lambda share: told(done + share * len(block))) if told is not None else None
        return emissions_of(engine, [windows.rows(one) for one in block], windows.pad, told=hear)

    most = max(BLOCK_TOKENS, BLOCK_CALLS * engine.max_tokens)
    for sentence in np.argsort(-windows.lengths, kind="stable").tolist():
        block.append(sentence)
        positions += int(windows.lengths[sentence])
        if positions >= most:
            yield block, computed()
            done += len(block)
            block, positions = [], 0
    if block:
        yield block, computed()


def emissions_of(
    engine: Engine,
    sentences: Sequence[Sequence[Row]],
    pad: int,
    max_windows: int = 0,
    told: Optional[Told] = None,
) -> list[np.ndarray]:
    """Emissions of each sentence, given as its windows in order.

    Args:
        engine: computes them.
        sentences: the windows of each, at least one.
        pad: id of [PAD].
        max_windows: bound on windows computed at once; 0: none.
        told: hears which share of the word pieces is computed, 0 to 1, in this thread.

    Returns:
        [n, K] float32 for each sentence.
    """
    rows = [row for windows in sentences for row in windows]
    lengths = [len(row.pieces) for row in rows]
    total = sum(lengths)
    # No fewer batches than calls side by side, if the windows suffice.
    budget = min(engine.max_tokens, -(-total // engine.threads))
    groups = by_length(lengths, budget, max_windows)
    owned: list[np.ndarray] = [np.zeros((0, 0), np.float32)] * len(rows)

    def compute(group: list[int]) -> int:
        scores = engine.emissions(lay_windows([rows[index] for index in group], pad))  # [W, T, K]
        for place, index in enumerate(group):
            window = rows[index].window
            own = scores[place, window.own_start - window.start : window.own_end - window.start]
            owned[index] = own.copy()  # a view would keep the whole batch alive
        return sum(lengths[index] for index in group)

    def hear(sizes: Iterable[int]) -> None:
        for reached in accumulate(sizes):
            if told is not None:
                told(reached / total)

    if engine.threads == 1 or len(groups) == 1:
        hear(map(compute, groups))
    else:
        with ThreadPoolExecutor(engine.threads) as pool:
            hear(pool.map(compute, groups))
    stitched, first = [], 0
    for windows in sentences:
        parts = owned[first : first + len(windows)]
        stitched.append(parts[0] if len(parts) == 1 else np.concatenate(parts))
        first += len(windows)
    return stitched
