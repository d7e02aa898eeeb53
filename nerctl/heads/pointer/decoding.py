"""From a pointer's emissions to entities, in NumPy alone, a sentence at a time.

Letters: L tokens, d size of queries and keys, C types.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Callable, Optional

import numpy as np

from nerctl.data.bounds import Bounds
from nerctl.data.rules import Found
from nerctl.data.spans import Span
from nerctl.data.tags import Labels
from nerctl.model.head import SomeBounds, SomeRules

SIZE = 64
"""d, as in Su et al. 2022."""

FREQUENCY = 10_000.0
"""Of the slowest rotation (Su et al. 2021, section 3.2.2)."""

NEVER = -1e9
"""Added to the score of what cannot be."""

BLOCK = 256
"""First tokens whose spans are scored at a time, so that memory does not grow with the square of a text's length."""


class PointerDecoder:
    """Every span that scores over 0, the threshold that training sets; within bounds and rules.

    A score is the logistic function of the span's, so 0.5 is the threshold. It says how sure the model is of this span by
    itself: unlike the chain's it is no share of a whole tagging, and scores of spans that exclude each other may add up
    to more than 1.

    Args:
        labels: the types. Unless `labels.nested`, of spans that overlap those of higher score are kept.
        reach: tokens of the longest span.
    """

    def __init__(self, labels: Labels, reach: int) -> None:
        self.labels = labels
        self.reach = reach
        self.bounded = not labels.allow_blanks

    def save(self) -> dict[str, Any]:
        """The longest span."""
        return {"reach": self.reach}

    def spans(
        self, emissions: Sequence[np.ndarray], bounds: SomeBounds = None, rules: SomeRules = None, scored: bool = True
    ) -> list[list[Span]]:
        """As `nerctl.model.head.Decoder` says; emissions are [L, 2d + 2C]."""
        nothing = [None] * len(emissions)
        return [
            self._of_sentence(np.asarray(one, np.float64), its_bounds, its_rules) if len(one) else []
            for one, its_bounds, its_rules in zip(emissions, bounds or nothing, rules or nothing)
        ]

    def _of_sentence(self, emissions: np.ndarray, bounds: Optional[Bounds], rules: Optional[Found]) -> list[Span]:
        queries, keys = rotated(emissions[:, :SIZE]), rotated(emissions[:, SIZE : 2 * SIZE])  # [L, d]
        begins, ends = np.split(emissions[:, 2 * SIZE :].T, 2)  # [C, L] each
        forced, blocked = ([], []) if rules is None else (rules.forced, rules.blocked)
        kept = []
        for span in forced:
            kind, start, last = self.labels.kinds[span.type], span.start, span.end - 1
            score = queries[start] @ keys[last] / SIZE**0.5 + begins[kind, start] + ends[kind, last]
            kept.append(span._replace(score=float(score)))
        if bounds is not None:
            begins, ends = begins + np.where(bounds.begins, 0, NEVER), ends + np.where(bounds.ends, 0, NEVER)
        settled = {*forced, *blocked}
        fits = self._nested_fits(forced) if self.labels.nested else self._flat_fits(forced, len(emissions))
        for span in self._over_zero(queries, keys, begins, ends):
            if span.unscored not in settled and fits(span):
                kept.append(span)
        kept.sort(key=lambda span: (span.start, -span.end, span.type))
        return [span._replace(score=logistic(span.score or 0.0)) for span in kept]

    def _over_zero(
        self, queries: np.ndarray, keys: np.ndarray, begins: np.ndarray, ends: np.ndarray
    ) -> Iterator[Span]:
        """The spans that score over 0, with these scores, the highest first."""
        found = []
        for low in range(0, len(queries), BLOCK):
            first = slice(low, low + BLOCK)
            until = slice(low, low + BLOCK + self.reach - 1)
            product = queries[first] @ keys[until].T / SIZE**0.5  # [block, its reach]
            distance = np.arange(product.shape[1])[None, :] - np.arange(product.shape[0])[:, None]
            product[(distance < 0) | (distance >= self.reach)] = NEVER
            scores = product[None] + begins[:, first, None] + ends[:, None, until]  # [C, block, reach]
            kinds, starts, lasts = np.nonzero(scores > 0)
            found.append((starts + low, lasts + low + 1, kinds, scores[kinds, starts, lasts]))
        starts, stops, kinds, values = (np.concatenate(part) for part in zip(*found))
        for index in np.lexsort((kinds, stops, starts, -values)).tolist():
            name = self.labels.types[kinds[index]]
            yield Span(int(starts[index]), int(stops[index]), name, float(values[index]))

    @staticmethod
    def _flat_fits(forced: Sequence[Span], tokens: int) -> Callable[[Span], bool]:
        """Says of spans, one after the other, whether none of their tokens is in an earlier one that fitted."""
        free = np.ones(tokens, bool)
        for span in forced:
            free[span.start : span.end] = False

        def fits(span: Span) -> bool:
            if not free[span.start : span.end].all():
                return False
            free[span.start : span.end] = False
            return True

        return fits

    @staticmethod
    def _nested_fits(forced: Sequence[Span]) -> Callable[[Span], bool]:
        """Says of a span whether it crosses no forced one: those at its ends alone can be cut by it."""
        at = {token: span for span in forced for token in range(span.start, span.end)}

        def fits(span: Span) -> bool:
            others = (at.get(span.start), at.get(span.end - 1))
            return all(other is None or _within(span, other) or _within(other, span) for other in others)

        return fits


def _within(inner: Span, outer: Span) -> bool:
    return outer.start <= inner.start and inner.end <= outer.end


def logistic(score: float) -> float:
    """1 / (1 + exp(-score)), which overflows nowhere in this form."""
    return 0.5 + 0.5 * math.tanh(0.5 * score)


def rotated(x: np.ndarray) -> np.ndarray:
    """Rotary positions from 0 on [L, d] float64, as `nerctl.heads.pointer.network.rotated`."""
    half = x.shape[1] // 2
    angles = np.arange(len(x))[:, None] * FREQUENCY ** (-np.arange(half) * 2.0 / x.shape[1])  # [L, d/2]
    cosine, sine = np.cos(angles), np.sin(angles)
    left, right = x[:, :half], x[:, half:]
    return np.concatenate([left * cosine - right * sine, right * cosine + left * sine], axis=1)
