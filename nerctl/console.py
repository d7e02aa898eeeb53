"""The one place where nerctl prints: for a person, as JSON for a program, or nothing but errors.

Results go to standard output, everything said on the way to standard error, so that `nerctl ... > file` holds the
result alone.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console as RichConsole


LABEL = 10
"""Columns of a label with the blanks behind it."""


class Sink:
    """Where commands print. `quiet` drops what is said on the way; results and errors are always printed."""

    def __init__(self) -> None:
        self.quiet = False
        self.debug = False

    def say(self, message: str) -> None:
        """One line about what is going on, on standard error; nothing when quiet."""
        if not self.quiet:
            print(_folded(message, sys.stderr), file=sys.stderr, flush=True)

    def labelled(self, label: str, line: str) -> None:
        """`say` with a label in a column of its own; on a terminal the lines under it are indented."""
        if not self.quiet:
            print(_folded(f"{label:<{LABEL}}{line}", sys.stderr, " " * LABEL), file=sys.stderr, flush=True)

    def warn(self, message: str) -> None:
        """One line about something that may be wrong, on standard error, also when quiet."""
        self._line("warning", "yellow", message)

    def error(self, message: str) -> None:
        """The one sentence that ends a command, on standard error."""
        self._line("error", "red", message)

    def result(self, text: str) -> None:
        """The result of a command as text, on standard output."""
        print(text, flush=True)

    def item(self, text: str, indent: str = "  ") -> None:
        """A line of the result; on a terminal too narrow for it, it goes on in lines that begin with `indent`."""
        self.result(_folded(text, sys.stdout, indent))

    def json(self, value: Any) -> None:
        """The result of a command as one JSON object on standard output."""
        print(json.dumps(value, ensure_ascii=False, indent=2), flush=True)

    def show(self, *renderables: Any) -> None:
        """Rich tables and texts as the result, on standard output; plain when redirected or under NO_COLOR."""
        console = self.rich()
        if console.is_terminal:
            for renderable in renderables:
                console.print(renderable)
            return
        with console.capture() as captured:
            for renderable in renderables:
                console.print(renderable)
        # Rich fills the lines of a table with blanks.
        self.result("\n".join(line.rstrip() for line in captured.get().splitlines()))

    def rich(self, stderr: bool = False) -> RichConsole:
        """A Rich console on standard output (or error); 100 columns when it is no terminal."""
        from rich.console import Console

        stream = sys.stderr if stderr else sys.stdout
        width = None if stream.isatty() or "COLUMNS" in os.environ else 100
        return Console(file=stream, width=width, highlight=False, soft_wrap=False)

    @staticmethod
    def _line(kind: str, colour: str, message: str) -> None:
        codes = {"red": "31;1", "yellow": "33"}
        line = _folded(f"{kind}: {message}", sys.stderr)
        if sys.stderr.isatty() and "NO_COLOR" not in os.environ:
            line = line.replace(f"{kind}:", f"\x1b[{codes[colour]}m{kind}:\x1b[0m", 1)
        print(line, file=sys.stderr, flush=True)


def _folded(text: str, stream: TextIO, indent: str = "") -> str:
    """A line in as many as a terminal needs, broken at blanks; as it is elsewhere.

    textwrap counts characters, of which a Chinese one takes two columns.
    """
    if not stream.isatty():
        return text
    from rich.cells import cell_len

    width = shutil.get_terminal_size().columns
    lines: list[str] = []
    line, *words = text.split(" ")
    for word in words:
        if cell_len(f"{line} {word}") <= width:
            line = f"{line} {word}"
        else:
            lines.append(line)
            line = indent + word
    return "\n".join([*lines, line])


out = Sink()
"""The sink that every command prints through."""
