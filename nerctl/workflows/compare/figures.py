"""How figures of a comparison are written: for the table, the verdict and the page alike."""

from __future__ import annotations

import math
from typing import Optional


def loss(value: float) -> str:
    """A loss with the three decimals of a log."""
    return f"{value:.3f}" if abs(value) < 1e5 else f"{value:.3e}"


def signed(value: float) -> str:
    """A difference; small ones keep their size."""
    return f"{value:+.1e}" if 0 < abs(value) < 0.01 or abs(value) >= 1e4 else f"{value:+.3f}"


def relative(value: Optional[float]) -> str:
    """A relative difference in per cent; small ones keep their size."""
    if value is None or math.isnan(value):
        return "-" if value is None else "nan"
    return f"{value:.2%}" if value == 0 or value >= 1e-4 else f"{100 * value:.0e}%"


def seconds(value: float) -> str:
    """Seconds with the three decimals of a log."""
    return f"{value:.3f}" if value < 1e6 else f"{value:.3e}"


def rate(value: float) -> str:
    """A number a second, three digits at least."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def percent(value: float) -> str:
    """A share in per cent in a table."""
    return f"{value:.1%}"


def share(value: float) -> str:
    """A share in per cent within a sentence, three digits."""
    return f"{100 * value:.3g} %"


def times(value: float) -> str:
    """A ratio in three digits, two where it takes an exponent."""
    if value and not 1e-3 <= value < 1e5:
        return f"{value:.1e}"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
