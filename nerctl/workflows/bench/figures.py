"""The figures of a measurement, and the comparison of two with regard to their spread."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nerctl.errors import DataError
from nerctl.workflows.bench import Work

FORMAT = 1
"""Version of the JSON layout."""


@dataclass(frozen=True)
class Spread:
    """Repeated measurements of one thing."""

    median: float
    """The middle one."""
    low: float
    """The first quartile."""
    high: float
    """The third quartile."""
    count: int
    """How many."""

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Median and quartiles; of one value, that value."""
        if len(values) < 2:
            return cls(values[0], values[0], values[0], len(values))
        low, median, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median, low, high, len(values))


@dataclass(frozen=True)
class Figures:
    """One measurement of training or prediction."""

    what: Work
    """What was measured."""
    first_seconds: float
    """The first step or pass, compilation included."""
    ready_seconds: float
    """Reading, loading and preparing before it."""
    seconds: Spread
    """Steady steps, or passes over the sentences; wall time."""
    sentences_per_second: float
    """Over the steady steps together."""
    tokens_per_second: float
    """Corpus tokens, over the steady steps together."""
    padding: float
    """Share of the computed positions that is padding."""
    model_gflops: float
    """1e9 floating-point operations a second that the encoder's shapes account for."""
    machine_gflops: float
    """The device's own rate at a float32 matrix product, measured in the same process."""
    peak_memory_bytes: int | None
    """Peak resident memory of the process."""
    facts: Mapping[str, Any]
    """What was measured: device, versions, encoder, batch size."""

    @property
    def share(self) -> float:
        """Share of the machine's matrix-product rate that the model reaches."""
        return self.model_gflops / self.machine_gflops

    def as_dict(self) -> dict[str, Any]:
        """The JSON layout."""
        return {"format": FORMAT, **asdict(self), "facts": dict(self.facts), "share": self.share}


@dataclass(frozen=True)
class Verdict:
    """Two measurements side by side."""

    ratio: float
    """Sentences a second now / before, by the medians of the steady times."""
    clear: bool
    """Whether the quartiles of the two do not overlap, so that the difference is more than the spread."""

    def sentence(self) -> str:
        """The verdict in words."""
        if not self.clear:
            return f"{self.ratio:.2f} times as fast as before: within the spread, so no difference was shown"
        return f"{self.ratio:.2f} times as fast as before: {'faster' if self.ratio > 1 else 'slower'}, beyond the spread"


def compare(now: Figures, path: Path) -> Verdict:
    """The verdict on a measurement against an earlier one's JSON.

    Raises:
        DataError: the file cannot be read or is no such measurement, or measured something else.
    """
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
        earlier = Spread(**before["seconds"])
        what, facts = before["what"], before["facts"]
    except (OSError, ValueError, KeyError, TypeError):
        raise DataError(f"{path}: not a measurement of nerctl bench --json; name the file that one wrote") from None
    if what != now.what or facts.get("work") != now.facts.get("work"):
        raise DataError(f"{path}: measured something else ({what}, {facts.get('work')}); measure the same again")
    clear = now.seconds.low > earlier.high or now.seconds.high < earlier.low
    return Verdict(earlier.median / now.seconds.median, clear)


def encoder_flops(hidden: int, feed_forward: int, layers: int, windows: int, length: int) -> float:
    """Floating-point operations of one forward pass over [windows, length] positions: 2 a multiply-add.

    Products of query, key, value and output (4 H^2), of the feed-forward part (2 H F), and of attention with keys and
    values (2 T H), a position and layer. A backward pass takes twice as much.
    """
    positions = windows * length
    return 2.0 * layers * positions * (4 * hidden**2 + 2 * hidden * feed_forward + 2 * length * hidden)
