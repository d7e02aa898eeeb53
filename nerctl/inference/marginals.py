"""How sure the chain is of an entity: of all paths of the lattice, the share with exactly that entity.

An entity of tokens [s, e) and type X is B-X at s, I-X up to e - 1, and no I-X at e. Its share is a product of the
paths into s, the one path through the entity, and the paths on from e, over all paths: one forward and one
backward pass a sentence (Rabiner 1989), in the log domain, shifted row by row. Not a product of token marginals.
Letters: B sentences, L tokens, K tags.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nerctl.inference.decoding import CrfScores, pad_emissions

TokenSpan = tuple[int, int, int]
"""First token, token after the last, index of the type among the labels' types."""


def token_spans(tags: np.ndarray) -> list[TokenSpan]:
    """The entities of legal tag ids [L]: B-X is 2x + 1 and I-X is 2x + 2 for type number x."""
    spans: list[TokenSpan] = []
    ids = tags.tolist()
    for start in np.flatnonzero(tags % 2).tolist():
        inside = ids[start] + 1
        end = start + 1
        while end < len(ids) and ids[end] == inside:
            end += 1
        spans.append((start, end, inside // 2 - 1))
    return spans


@dataclass(frozen=True)
class Passes:
    """The log sums of one sentence's paths, [L, K] float64 each, and of all its paths."""

    emissions: np.ndarray
    """As decoded, forced tags included."""
    forward: np.ndarray
    """Log sum of the paths that end in a tag, its emission included."""
    backward: np.ndarray
    """Log sum of what may follow a tag, end scores included."""
    total: float
    """Log sum of all paths."""


def passes(emissions: Sequence[np.ndarray], crf: CrfScores) -> list[Passes]:
    """Forward and backward sums of sentences [L, K], none empty, best of like length."""
    order = sorted(range(len(emissions)), key=lambda index: -len(emissions[index]))
    padded = pad_emissions([emissions[index] for index in order])  # [B, L, K]
    lengths = np.array([len(emissions[index]) for index in order])
    forward, backward = _sums(padded, lengths, crf)
    found: dict[int, Passes] = {}
    for row, index in enumerate(order):
        size = lengths[row]
        total = float(_log_sum(forward[row, size - 1] + crf.end))
        found[index] = Passes(padded[row, :size], forward[row, :size], backward[row, :size], total)
    return [found[index] for index in range(len(emissions))]


def _sums(emissions: np.ndarray, lengths: np.ndarray, crf: CrfScores) -> tuple[np.ndarray, np.ndarray]:
    """Forward and backward [B, L, K] of padded sentences that get no longer from row to row."""
    length = emissions.shape[1]
    active = (lengths[None, :] > np.arange(length)[:, None]).sum(axis=1)  # [L]
    highest = float(crf.transitions.max())
    factors = np.exp(crf.transitions - highest)  # [K, K]: from, to; 0 where forbidden
    forward = np.zeros(emissions.shape)
    backward = np.zeros(emissions.shape)
    forward[:, 0] = crf.start + emissions[:, 0]
    backward[np.arange(len(lengths)), lengths - 1] = crf.end
    with np.errstate(divide="ignore"):  # log(0) = -inf is what an impossible tag scores
        for step in range(1, length):
            rows = active[step]
            before = forward[:rows, step - 1]
            shift = before.max(axis=1, keepdims=True)
            forward[:rows, step] = np.log(np.exp(before - shift) @ factors) + (shift + highest) + emissions[:rows, step]
        for step in range(length - 2, -1, -1):
            rows = active[step + 1]
            after = backward[:rows, step + 1] + emissions[:rows, step + 1]
            shift = after.max(axis=1, keepdims=True)
            backward[:rows, step] = np.log(np.exp(after - shift) @ factors.T) + (shift + highest)
    return forward, backward


def span_score(sums: Passes, crf: CrfScores, span: TokenSpan) -> float:
    """The share, 0 to 1, of paths with exactly this entity."""
    start, end, kind = span
    begin, inside = 2 * kind + 1, 2 * kind + 2
    score = float(sums.forward[start, begin])
    last = begin
    if end - start > 1:
        score += float(sums.emissions[start + 1 : end, inside].sum()) + float(crf.transitions[begin, inside])
        score += (end - start - 2) * float(crf.transitions[inside, inside])
        last = inside
    if end == len(sums.forward):
        score += float(crf.end[last])
    else:
        onward = crf.transitions[last] + sums.emissions[end] + sums.backward[end]  # [K]
        score += float(_log_sum(np.delete(onward, inside)))
    return float(min(1.0, np.exp(min(0.0, score - sums.total))))


def _log_sum(scores: np.ndarray) -> float:
    highest = float(scores.max())
    return highest + float(np.log(np.exp(scores - highest).sum()))
