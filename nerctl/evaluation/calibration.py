"""How far the scores of predicted entities can be believed: reliability bins and expected calibration error.

Source: Guo, Pleiss, Sun and Weinberger, On Calibration of Modern Neural Networks, ICML 2017, section 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Optional

BINS = 10
"""Bins of equal width over scores from 0 to 1, as in the paper's figures."""


class Bin(NamedTuple):
    """Predicted entities whose scores fall between two bounds."""

    low: float
    high: float
    entities: int
    mean_score: float
    accuracy: float


@dataclass(frozen=True)
class Calibration:
    """Reliability of the scores of a set of predicted entities."""

    bins: tuple[Bin, ...]
    """The BINS bins, lowest scores first; an empty bin has zeros."""
    error: float
    """Expected calibration error: mean over entities of |accuracy - mean score| of their bin, 0 to 1."""
    count: int
    """Entities with a score."""

    def as_dict(self) -> dict[str, Any]:
        """For report.json."""
        return {"error": self.error, "count": self.count, "bins": [bin._asdict() for bin in self.bins]}


class Reliability:
    """Adds up (score, correct) pairs."""

    def __init__(self) -> None:
        self._counts = [0] * BINS
        self._scores = [0.0] * BINS
        self._correct = [0] * BINS

    def add(self, score: float, correct: bool) -> None:
        """Counts one predicted entity; a score a rounding error outside 0 to 1 belongs to the nearest bin."""
        place = min(max(int(score * BINS), 0), BINS - 1)
        self._counts[place] += 1
        self._scores[place] += score
        self._correct[place] += correct

    def result(self) -> Optional[Calibration]:
        """The bins and the error; None when nothing was added."""
        count = sum(self._counts)
        if not count:
            return None
        bins = []
        for place, in_bin in enumerate(self._counts):
            shares = (self._scores[place] / in_bin, self._correct[place] / in_bin) if in_bin else (0.0, 0.0)
            bins.append(Bin(place / BINS, (place + 1) / BINS, in_bin, *shares))
        error = sum(bin.entities * abs(bin.accuracy - bin.mean_score) for bin in bins) / count
        return Calibration(tuple(bins), error, count)
