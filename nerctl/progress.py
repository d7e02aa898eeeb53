"""What long work says while it goes on. The core calls it; the command line draws it."""

from __future__ import annotations

from typing import Optional, Protocol


class Report(Protocol):
    """Receives the progress of long work."""

    def advance(self, name: str, done: int, total: Optional[int]) -> None:
        """So much of something is done, of so much (None: not known): bytes of a file, sentences. done == total ends it."""

    def note(self, message: str) -> None:
        """One line about what is going on: a wait, another address, a file that is kept."""


class Silent:
    """A report that nobody reads."""

    def advance(self, name: str, done: int, total: Optional[int]) -> None:
        """Says nothing."""

    def note(self, message: str) -> None:
        """Says nothing."""


SILENT = Silent()
"""The report of callers that want none."""
