"""From a pointer's emissions to entities, in NumPy alone, a sentence at a time.

Letters: L tokens, d size of queries and keys, C types.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

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
        if bounds is not None:
            begins, ends = begins + np.where(bounds.begins, 0, NEVER), ends + np.where(bounds.ends, 0, NEVER)
        forced = {} if rules is None else dict.fromkeys(rules.forced, True)
        blocked = set() if rules is None else set(rules.blocked)
        found: dict[Span, float] = {}
        for low in range(0, len(emissions), BLOCK):
            first = slice(low, low + BLOCK)
            until = slice(low, low + BLOCK + self.reach - 1)
            product = queries[first] @ keys[until].T / SIZE**0.5  # [block, its reach]
            distance = np.arange(product.shape[1])[None, :] - np.arange(product.shape[0])[:, None]
            product[(distance < 0) | (distance >= self.reach)] = NEVER
            scores = product[None] + begins[:, first, None] + ends[:, None, until]  # [C, block, reach]
            for kind, start, last in zip(*(axis.tolist() for axis in np.nonzero(scores > 0))):
                span = Span(low + start, low + last + 1, self.labels.types[kind])
                if span not in blocked:
                    found[span] = scores[kind, start, last]
        for span in forced:
            kind, last = self.labels.kinds[span.type], span.end - 1
            found[span] = float(queries[span.start] @ keys[last] / SIZE**0.5 + begins[kind, span.start] + ends[kind, last])
        return self._kept(found, set(forced))

    def _kept(self, found: dict[Span, float], forced: set[Span]) -> list[Span]:
        """The spans that stay, by start: the forced ones, then those of the highest scores that fit beside the others."""
        kept: list[Span] = []
        for span in sorted(found, key=lambda one: (one not in forced, -found[one], one)):
            if not any(self._excludes(other, span, other in forced) for other in kept):
                kept.append(span)
        with_scores = [span._replace(score=1.0 / (1.0 + float(np.exp(-found[span])))) for span in kept]
        return sorted(with_scores, key=lambda span: (span.start, -span.end, span.type))

    def _excludes(self, kept: Span, span: Span, forced: bool) -> bool:
        """Whether two spans cannot both stand: in flat labels when they overlap, else beside a forced one they cross."""
        if span.start >= kept.end or span.end <= kept.start:
            return False
        inside = kept.start <= span.start and span.end <= kept.end
        outside = span.start <= kept.start and kept.end <= span.end
        return not self.labels.nested or (forced and not inside and not outside)


def rotated(x: np.ndarray) -> np.ndarray:
    """Rotary positions from 0 on [L, d] float64, as `nerctl.heads.pointer.network.rotated`."""
    half = x.shape[1] // 2
    angles = np.arange(len(x))[:, None] * FREQUENCY ** (-np.arange(half) * 2.0 / x.shape[1])  # [L, d/2]
    cosine, sine = np.cos(angles), np.sin(angles)
    left, right = x[:, :half], x[:, half:]
    return np.concatenate([left * cosine - right * sine, right * cosine + left * sine], axis=1)
