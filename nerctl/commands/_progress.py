"""Draws how far long work is: a bar on a terminal, a line a few seconds apart anywhere else."""

from __future__ import annotations

import sys
import time
from math import floor
from typing import TYPE_CHECKING, Any, Optional

from nerctl.console import out

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import Task

SECONDS = 5.0
"""Time between two lines where there is no terminal, and after which the first one comes."""
BYTES = "MB"
"""The unit of work that is counted in bytes and shown in megabytes."""


class Progress:
    """A `nerctl.progress.Report` for a person; a context manager, so that no bar is left open.

    Args:
        unit: what is counted: BYTES, or a word such as "texts".
        hidden: draw nothing.
    """

    def __init__(self, unit: str = BYTES, hidden: bool = False) -> None:
        self.unit = unit
        self.hidden = hidden or out.quiet
        self.bar: Optional[Bar] = None
        self.name = ""
        self.first = self.done = 0.0
        self.begun = self.last = time.monotonic()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def note(self, message: str) -> None:
        """One line, above the bar when there is one."""
        if self.bar is not None and not out.quiet:
            self.bar.console.print(message, markup=False, highlight=False, soft_wrap=True)
        else:
            out.say(message)

    def advance(self, name: str, done: float, total: Optional[float]) -> None:
        """Moves the bar, or says a line when the last is some seconds old."""
        if self.hidden:
            return
        if self.name != name or done < self.done:  # something else, or the same begun anew
            self._close()
            self.name, self.first, self.begun = name, done, time.monotonic()
        self.done = done
        if sys.stderr.isatty():
            self._draw(done, total)
        elif time.monotonic() - self.last >= SECONDS:
            self.last = time.monotonic()
            share = f" ({100 * done / total:.0f} %)" if total else ""
            seconds = self.last - self.begun
            speed = f", {self.speed((done - self.first) / seconds)}" if seconds >= 1 else ""
            out.say(f"{name}: {self.amount(done, total)}{share}{speed}")

    def amount(self, done: float, total: Optional[float]) -> str:
        """How far, in the unit: "12.3 of 45.6 MB", "1,234 of 20,000 texts"."""
        whole = f" of {self._number(total)}" if total else ""
        return f"{self._number(floor(done))}{whole} {self.unit}"

    def speed(self, rate: float) -> str:
        """Units a second."""
        shown = f"{rate:.1f}" if self.unit != BYTES and rate < 10 else self._number(rate)
        return f"{shown} {self.unit}/s"

    def _number(self, count: float) -> str:
        return f"{count / 1e6:,.1f}" if self.unit == BYTES else f"{count:,.0f}"

    def _draw(self, done: float, total: Optional[float]) -> None:
        if self.bar is None:
            self.bar = self._new_bar()
            self.bar.add_task(self.name, completed=int(done), total=total)
            self.bar.start()
        self.bar.update(self.bar.tasks[0].id, completed=done, total=total)
        if done == total:
            self._close()

    def _new_bar(self) -> Bar:
        from rich.progress import BarColumn, ProgressColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar
        from rich.text import Text

        progress = self

        class Figures(ProgressColumn):
            """Amount and speed in the unit."""

            def render(self, task: Task) -> Any:
                speed = f", {progress.speed(task.speed)}" if task.speed else ""
                return Text(progress.amount(task.completed, task.total) + speed)

        name = TextColumn("{task.description}", markup=False)
        console = out.rich(stderr=True)
        return Bar(name, BarColumn(bar_width=16), Figures(), TimeRemainingColumn(), console=console, transient=True)

    def _close(self) -> None:
        if self.bar is not None:
            self.bar.stop()
            self.bar = None
