"""Figures as people read them."""

from __future__ import annotations

from typing import Any


def count(value: Any) -> str:
    """A count with thousands separated, or an empty cell."""
    return f"{value:,}" if isinstance(value, int) else ""


def share(value: Any) -> str:
    """A fraction of 1 with four decimals, as in the JSON, or an empty cell."""
    return f"{value:.4f}" if isinstance(value, (int, float)) else ""


def duration(seconds: Any) -> str:
    """Seconds as h:mm:ss from an hour on, m:ss from a minute on, else with one decimal."""
    if not isinstance(seconds, (int, float)):
        return ""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
