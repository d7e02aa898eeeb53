"""How sure the chain is of an entity: of all paths of the lattice, the share with exactly that entity.

An entity of tokens [s, e) and type X is B-X at s, I-X up to e - 1, and no I-X at e. Its share is a product of the
paths into s, the one path through the entity, and the paths on from e, over all paths: one forward and one
backward pass a sentence (Rabiner 1989), in the log domain, shifted row by row. Not a product of token marginals.
Letters: B sentences, L tokens, K tags.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional

import numpy as np

from nerctl.data import bio
from nerctl.data.spans import Span
from nerctl.heads.chain.decoding import CrfScores, end_scores, pad_emissions
from nerctl.model.head import SomeBounds

LOST = 1e-280
"""Sums of factors below this are taken one by one: float64 would lose them beside the row's greatest, which is near 1."""

@dataclass(frozen=True)
class Passes:
    """The log sums of one sentence's paths, [L, K] float64 each, and of all its paths."""

    emissions: np.ndarray
    """As decoded, forced and forbidden tags included."""
    forward: np.ndarray
    """Log sum of the paths that end in a tag, its emission included."""
    backward: np.ndarray
    """Log sum of what may follow a tag, end scores included."""
    total: float
    """Log sum of all paths."""
    held: Optional[np.ndarray] = None
    """[L] bool: may no entity end with the token? None: each may anywhere."""

    def onward(self, crf: CrfScores, token: int, tag: int) -> np.ndarray:
        """Log sums [K] of what may follow a tag at a token that is not the last, by the next tag."""
        transitions = crf.transitions if self.held is None or not self.held[token] else crf.held
        return np.asarray(transitions[tag] + self.emissions[token + 1] + self.backward[token + 1])


def passes(emissions: Sequence[np.ndarray], crf: CrfScores, bounds: SomeBounds = None) -> list[Passes]:
    """Forward and backward sums of sentences [L, K], none empty, best of like length; of each the bounds, if any."""
    order = sorted(range(len(emissions)), key=lambda index: -len(emissions[index]))
    chosen = [bounds[index] for index in order] if bounds is not None else None
    padded, held = pad_emissions([emissions[index] for index in order], chosen)  # [B, L, K], [B, L]
    lengths = np.array([len(emissions[index]) for index in order])
    forward, backward = _sums(padded, lengths, crf, held)
    found: dict[int, Passes] = {}
    for row, index in enumerate(order):
        size = lengths[row]
        total = float(log_sums(forward[row, size - 1] + backward[row, size - 1], 0))
        own = held[row, :size] if held is not None else None
        found[index] = Passes(padded[row, :size], forward[row, :size], backward[row, :size], total, own)
    return [found[index] for index in range(len(emissions))]


def _sums(
    emissions: np.ndarray, lengths: np.ndarray, crf: CrfScores, held: Optional[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Forward and backward [B, L, K] of padded sentences that get no longer from row to row."""
    length = emissions.shape[1]
    active = (lengths[None, :] > np.arange(length)[:, None]).sum(axis=1)  # [L]
    into, out = _Step(crf.transitions, crf.held), _Step(crf.transitions.T, crf.held.T)
    forward = np.zeros(emissions.shape)
    backward = np.zeros(emissions.shape)
    forward[:, 0] = crf.start + emissions[:, 0]
    backward[np.arange(len(lengths)), lengths - 1] = end_scores(crf, lengths, held)
    for step in range(1, length):
        rows = active[step]
        going_on = held[:rows, step - 1] if held is not None else None
        forward[:rows, step] = into(forward[:rows, step - 1], going_on) + emissions[:rows, step]
    for step in range(length - 2, -1, -1):
        rows = active[step + 1]
        going_on = held[:rows, step] if held is not None else None
        backward[:rows, step] = out(backward[:rows, step + 1] + emissions[:rows, step + 1], going_on)
    return forward, backward


class _Step:
    """Log sums over all ways to take one step, by where they lead.

    Args:
        scores: [K, K] of the steps, from, to.
        held: [K, K] of those from a token with which no entity may end.
    """

    def __init__(self, scores: np.ndarray, held: np.ndarray) -> None:
        self.scores, self.held = scores, held
        self.highest = float(scores.max())
        self.factors = np.exp(scores - self.highest)  # [K, K]; 0 where forbidden

    def __call__(self, sums: np.ndarray, held: Optional[np.ndarray]) -> np.ndarray:
        """[R, K] after the step of rows with the log sums [R, K], of which some may not end an entity ([R] bool)."""
        shift = sums.max(axis=1, keepdims=True)
        product = np.exp(sums - shift) @ self.factors
        lost = product.min(axis=1) < LOST
        found = np.log(np.maximum(product, LOST)) + (shift + self.highest)
        for rows, scores in ((lost, self.scores), (held, self.held)):
            if rows is not None and rows.any():
                found[rows] = log_sums(sums[rows][:, :, None] + scores, 1)
        return found


def span_score(sums: Passes, crf: CrfScores, span: Span) -> float:
    """The share, 0 to 1, of paths with exactly this entity."""
    start, end = span.start, span.end
    begin = crf.begin(span)
    inside = bio.following(begin)
    score = float(sums.forward[start, begin])
    last = begin
    if end - start > 1:
        score += float(sums.emissions[start + 1 : end, inside].sum()) + float(crf.transitions[begin, inside])
        score += (end - start - 2) * float(crf.transitions[inside, inside])
        last = inside
    if end == len(sums.forward):
        score += float(sums.backward[-1, last])
    else:
        score += float(log_sums(np.delete(sums.onward(crf, end - 1, last), inside), 0))
    return share(score - sums.total)


def share(log_share: float) -> float:
    """A share, 0 to 1, from its logarithm, which rounding may have put a little above 0."""
    return float(np.exp(min(0.0, log_share)))


def log_sums(scores: np.ndarray, axis: int) -> np.ndarray:
    """log(sum(exp(scores))) over an axis, without overflow."""
    highest = scores.max(axis=axis, keepdims=True)
    return np.asarray(np.log(np.exp(scores - highest).sum(axis=axis)) + np.squeeze(highest, axis))
