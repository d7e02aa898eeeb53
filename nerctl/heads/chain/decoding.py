"""From emissions to tags: Viterbi's algorithm (Viterbi 1967) over the corpus' own tags, in NumPy alone.

All engines decode here, so that they differ in their emissions only. Where a text has places at which no entity may
begin or end (`nerctl.data.bounds`), no path has one that does. Letters: B sentences, L tokens, K tags.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Optional

import numpy as np

from nerctl.data import bio
from nerctl.data.spans import Span
from nerctl.data.tags import Labels
from nerctl.model.head import SomeBounds

NEVER = -1e9
"""Added to the score of a step that must not be taken: exp() of it is 0, and no path that has it wins."""


@dataclass(frozen=True)
class CrfScores:
    """What a chain of tags scores beside its emissions; steps that BIO forbids have `NEVER` added."""

    transitions: np.ndarray
    """[K, K] float64, from tag, to tag."""
    start: np.ndarray
    """[K] float64, of a sentence's first tag."""
    end: np.ndarray
    """[K] float64, of a sentence's last tag."""
    labels: Labels
    """What the tags mean."""

    @classmethod
    def of(cls, labels: Labels, transitions: Any, start: Any, end: Any) -> CrfScores:
        """Scores as trained ([K, K], [K], [K] floats) with the constraints: I-X after B-X and I-X only."""
        return cls(
            np.asarray(transitions, np.float64) + np.where(bio.transitions_allowed(len(labels)), 0.0, NEVER),
            np.asarray(start, np.float64) + np.where(bio.start_allowed(len(labels)), 0.0, NEVER),
            np.asarray(end, np.float64),
            labels,
        )

    @cached_property
    def held(self) -> np.ndarray:
        """[K, K] float64: the transitions from a token with which no entity may end."""
        tag = np.arange(len(self.end))
        goes_on = (tag[:, None] == 0) | (tag[None, :] == bio.following(tag)[:, None])
        return self.transitions + np.where(goes_on, 0.0, NEVER)

    @cached_property
    def held_end(self) -> np.ndarray:
        """[K] float64: the end scores of a sentence with whose last token no entity may end."""
        return self.end + np.where(np.arange(len(self.end)) == 0, 0.0, NEVER)

    def begin(self, span: Span) -> int:
        """The tag that begins an entity of that type."""
        return bio.begin(self.labels.kinds[span.type])


def decode(emissions: Sequence[np.ndarray], crf: CrfScores, bounds: SomeBounds = None) -> list[np.ndarray]:
    """The best tags of each sentence, all sentences step by step together.

    Args:
        emissions: of each sentence, [L, K] floats; L may be 0. Memory grows with sentences x the longest, so
            give sentences of like length (`by_length` groups them).
        crf: the chain's scores.
        bounds: of each sentence, if it has any; None: no sentence has.

    Returns:
        [L] int32 for each sentence, in order.
    """
    order = sorted(range(len(emissions)), key=lambda index: -len(emissions[index]))
    lengths = np.array([len(emissions[index]) for index in order])
    best: dict[int, np.ndarray] = {index: np.zeros(0, np.int32) for index in order}
    used = int((lengths > 0).sum())
    if used:
        chosen = [bounds[index] for index in order[:used]] if bounds is not None else None
        padded, held = pad_emissions([emissions[index] for index in order[:used]], chosen)
        tags = decode_padded(padded, lengths[:used], crf, held)  # [B, L]
        for row, index in enumerate(order[:used]):
            best[index] = tags[row, : lengths[row]].copy()
    return [best[index] for index in range(len(emissions))]


def pad_emissions(
    emissions: Sequence[np.ndarray], bounds: SomeBounds = None
) -> tuple[np.ndarray, Optional[np.ndarray]]:
    """[B, L, K] float64 from [L, K] arrays, the longest of which comes first, without what may not begin.

    Returns:
        The emissions, and [B, L] bool: may no entity end with the token? None where each may anywhere.
    """
    padded = np.zeros((len(emissions), *emissions[0].shape), np.float64)
    for row, scores in enumerate(emissions):
        padded[row, : len(scores)] = scores
    some = [] if bounds is None else [(row, one) for row, one in enumerate(bounds) if one is not None]
    if not some:
        return padded, None
    held = np.zeros(padded.shape[:2], bool)
    for row, one in some:
        padded[row, : len(one.begins), bio.BEGINS][~one.begins] += NEVER
        held[row, : len(one.ends)] = ~one.ends
    return padded, held


def decode_padded(
    emissions: np.ndarray, lengths: np.ndarray, crf: CrfScores, held: Optional[np.ndarray] = None
) -> np.ndarray:
    """The best tags of padded sentences that get no longer from row to row.

    Args:
        emissions: [B, L, K] float64.
        lengths: [B] integer, falling, each at least 1.
        crf: the chain's scores.
        held: [B, L] bool: may no entity end with the token? None: each may anywhere.

    Returns:
        [B, L] int32; 0 at padding.
    """
    batch, length, _ = emissions.shape
    active = (lengths[None, :] > np.arange(length)[:, None]).sum(axis=1)  # [L]: rows that reach each token
    into = np.ascontiguousarray(crf.transitions.T)  # [K, K]: to, from
    score = crf.start + emissions[:, 0]  # [B, K]: best path that ends in each tag
    before = np.zeros(emissions.shape, np.int32)  # [B, L, K]: the tag before, on that path
    for step in range(1, length):
        rows = active[step]
        reached = score[:rows, None, :] + into  # [rows, K, K]: to, from
        if held is not None and held[:rows, step - 1].any():
            going_on = held[:rows, step - 1]
            reached[going_on] = score[:rows][going_on][:, None, :] + crf.held.T
        came = np.argmax(reached, axis=2)  # [rows, K]
        before[:rows, step] = came
        score[:rows] = np.take_along_axis(reached, came[:, :, None], axis=2)[:, :, 0] + emissions[:rows, step]
    tags = np.zeros((batch, length), np.int32)
    everyone = np.arange(batch)
    current = np.argmax(score + end_scores(crf, lengths, held), axis=1)  # [B]
    for step in range(length - 1, -1, -1):
        rows = active[step]
        tags[:rows, step] = current[:rows]
        # A shorter row waits at its last tag until the walk back reaches it.
        current[:rows] = before[everyone[:rows], step, current[:rows]]
    return tags


def end_scores(crf: CrfScores, lengths: np.ndarray, held: Optional[np.ndarray]) -> np.ndarray:
    """The scores of each sentence's last tag: [K], or [B, K] where `held` [B, L] is given."""
    if held is None:
        return crf.end
    return np.where(held[np.arange(len(lengths)), lengths - 1][:, None], crf.held_end, crf.end)


def with_forced(emissions: np.ndarray, forced: Sequence[Span], crf: CrfScores) -> np.ndarray:
    """Emissions [L, K] float64 that only paths with the forced entities, which do not overlap, get through."""
    scores = np.array(emissions, np.float64)
    for span in forced:
        begin = crf.begin(span)
        inside = bio.following(begin)
        _only(scores, slice(span.start, span.start + 1), begin)
        _only(scores, slice(span.start + 1, span.end), inside)
        if span.end < len(scores):
            scores[span.end, inside] += NEVER  # the entity must end here
    return scores


def _only(emissions: np.ndarray, tokens: slice, tag: int) -> None:
    kept = emissions[tokens, tag].copy()
    emissions[tokens] += NEVER
    emissions[tokens, tag] = kept
