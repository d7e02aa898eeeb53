"""A line of what `nerctl doctor` says."""

from __future__ import annotations

from dataclasses import dataclass

OK, WARNING, FAILED = "ok", "warning", "failed"


@dataclass(frozen=True)
class Line:
    """One thing that was looked at."""

    status: str
    """ok, warning or failed."""
    subject: str
    """What was looked at."""
    message: str
    """What was seen."""
    remedy: str = ""
    """What to do; always there where it is not ok."""
