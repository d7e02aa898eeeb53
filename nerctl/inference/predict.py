"""Windows to emissions to tags, for a corpus or any block of sentences.

Windows of all sentences are sorted by length and packed under a bound on padded positions; a sentence's
emissions are put together from the windows that own its tokens, and one Viterbi pass decodes it whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from typing import Callable, Optional

import numpy as np

from nerctl.data.batches import Encoder, Row, lay_windows
from nerctl.data.bounds import Bounds, corpus_bounds
from nerctl.data.tags import Labels
from nerctl.evaluation.scores import Scores, Tally
from nerctl.inference.decoding import CrfScores, SomeBounds, by_length, decode
from nerctl.inference.engine import Engine
from nerctl.inference.marginals import TokenSpan, passes, span_score, token_spans

BLOCK_TOKENS = 1 << 16
"""Word pieces of the sentences whose emissions are in memory at once, at the least."""

BLOCK_CALLS = 4
"""Calls of the engine that a block of texts fills, so that most calls are full and of texts of like length."""

DECODE_TOKENS = 1 << 14
"""Padded tokens decoded together."""

Told = Callable[[float], None]
"""Told how much is computed so far: sentences of a corpus, or the share of a block."""


def predict_corpus(engine: Engine, crf: CrfScores, encoder: Encoder, told: Optional[Told] = None) -> np.ndarray:
    """Tag ids [N] int32 of all tokens of the encoder's corpus, in corpus order; `told` hears of its sentences."""
    offsets = encoder.corpus.offsets
    ids = np.zeros(len(encoder.corpus.token_ids), np.int32)
    bounds = bounds_of(encoder, crf)
    for sentences, emissions in emission_blocks(engine, encoder, told):
        for sentence, tags in zip(sentences, decode_all(emissions, crf, [bounds.get(one) for one in sentences])):
            ids[offsets[sentence] : offsets[sentence + 1]] = tags
    return ids


def bounds_of(encoder: Encoder, crf: CrfScores) -> dict[int, Bounds]:
    """Where entities of the encoder's corpus may begin and end, for the sentences in which that is not anywhere."""
    return corpus_bounds(encoder.corpus) if crf.bounded else {}


def score_corpus(
    engine: Engine,
    crf: CrfScores,
    labels: Labels,
    encoder: Encoder,
    told: Optional[Told] = None,
) -> Scores:
    """Scores against the corpus' own tags; a type unknown to the model counts as gold, and is never found."""
    return score_ids(encoder, labels, predict_corpus(engine, crf, encoder, told))


def score_ids(encoder: Encoder, labels: Labels, ids: np.ndarray, strict: bool = False) -> Scores:
    """Scores of tag ids [N] against the tags of the encoder's corpus."""
    tally = Tally(strict)
    for sentence, predicted in zip(encoder.corpus, sentence_tags(encoder, labels, ids)):
        tally.add(sentence.tags, predicted)
    return tally.scores()


def sentence_tags(encoder: Encoder, labels: Labels, ids: np.ndarray) -> Iterator[list[str]]:
    """The names of tag ids [N], sentence by sentence."""
    offsets = encoder.corpus.offsets
    for start, end in zip(offsets[:-1].tolist(), offsets[1:].tolist()):
        yield [labels.names[tag] for tag in ids[start:end].tolist()]


def emission_blocks(
    engine: Engine, encoder: Encoder, told: Optional[Told] = None
) -> Iterator[tuple[list[int], list[np.ndarray]]]:
    """Emissions of all sentences, longest first, in blocks that bound the memory.

    Yields:
        Sentence numbers, and of each its emissions [n, K] float32.
    """
    block: list[int] = []
    positions = done = 0

    def computed() -> list[np.ndarray]:
        hear = (lambda share: told(done + share * len(block))) if told is not None else None
        return emissions_of(engine, [encoder.rows(one) for one in block], encoder.pad, told=hear)

    most = max(BLOCK_TOKENS, BLOCK_CALLS * engine.max_tokens)
    for sentence in np.argsort(-encoder.lengths, kind="stable").tolist():
        block.append(sentence)
        positions += int(encoder.lengths[sentence])
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


def decode_all(emissions: Sequence[np.ndarray], crf: CrfScores, bounds: SomeBounds = None) -> list[np.ndarray]:
    """The best tags [n] int32 of each sentence, sentences of like length decoded together; of each the bounds, if any."""
    best: list[np.ndarray] = [np.zeros(0, np.int32)] * len(emissions)
    for group in by_length([len(scores) for scores in emissions], DECODE_TOKENS):
        chosen = [bounds[index] for index in group] if bounds is not None else None
        for index, tags in zip(group, decode([emissions[index] for index in group], crf, chosen)):
            best[index] = tags
    return best


def scored_spans(
    emissions: Sequence[np.ndarray], crf: CrfScores, bounds: Sequence[Optional[Bounds]]
) -> list[list[tuple[TokenSpan, float]]]:
    """The entities of each sentence [n, K], none empty, with their scores (`span_score`); of each the bounds, if any."""
    spans = [token_spans(tags) for tags in decode_all(emissions, crf, bounds)]
    scored: list[list[tuple[TokenSpan, float]]] = [[] for _ in spans]
    used = [index for index, some in enumerate(spans) if some]
    for group in by_length([len(emissions[index]) for index in used], DECODE_TOKENS):
        members = [used[place] for place in group]
        sums = passes([emissions[index] for index in members], crf, [bounds[index] for index in members])
        for index, one in zip(members, sums):
            scored[index] = [(span, span_score(one, crf, span)) for span in spans[index]]
    return scored
