"""Draws the progress of a transfer: a bar on a terminal, a line a few seconds apart anywhere else."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, NoReturn, Optional

from nerctl.console import out

if TYPE_CHECKING:
    from tqdm import tqdm

SECONDS = 5.0
"""Time between two lines where there is no terminal."""
SMALL = 1_000_000
"""Bytes below which a file gets no line there."""


class Progress:
    """A `nerctl.transfer.progress.Report` for a person; a context manager, so that no bar is left open."""

    def __init__(self) -> None:
        self.bar: Optional[tqdm[NoReturn]] = None
        self.name = ""
        self.last = time.monotonic()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def note(self, message: str) -> None:
        """One line, above the bar when there is one."""
        if self.bar is not None and not out.quiet:
            self.bar.clear()
        out.say(message)

    def advance(self, name: str, done: int, total: Optional[int]) -> None:
        """Moves the bar, or says a line when the last is some seconds old."""
        if out.quiet:
            return
        if sys.stderr.isatty():
            self._draw(name, done, total)
        elif time.monotonic() - self.last >= SECONDS and (total is None or total >= SMALL):
            self.last = time.monotonic()
            whole = f" of {total / 1e6:,.1f} MB ({100 * done / total:.0f} %)" if total else " MB"
            out.say(f"{name}: {done / 1e6:,.1f}{whole}")

    def _draw(self, name: str, done: int, total: Optional[int]) -> None:
        if self.bar is None or self.name != name:
            from tqdm import tqdm

            self._close()
            self.name = name
            self.bar = tqdm(total=total, desc=name, unit="B", unit_scale=True, initial=done, leave=False)
        bar = self.bar
        if done < bar.n:  # begun anew
            bar.reset(total)
        bar.update(done - bar.n)
        if done == total:
            self._close()

    def _close(self) -> None:
        if self.bar is not None:
            self.bar.close()
            self.bar = None
