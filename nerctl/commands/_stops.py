"""SIGINT and SIGTERM: for work that is in order wherever it is broken off, and for work that first ends what it is at."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Callable

import typer

from nerctl.console import out


class Stopped(KeyboardInterrupt):
    """A signal that is to end the command."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


@contextmanager
def stops(sentence: Callable[[], str]) -> Iterator[None]:
    """Within it, SIGINT and SIGTERM raise `Stopped` where they arrive, and end the command.

    Args:
        sentence: says, once all is put in order, what is kept and how to go on.

    Raises:
        typer.Exit: the code is 128 and the signal's number.
    """

    def stop(number: int, frame: Any) -> None:
        raise Stopped(number)

    try:
        with _handled_by(stop):
            yield
    except Stopped as stopped:
        out.say(sentence())
        raise typer.Exit(stopped.exit_code) from None


@contextmanager
def signals() -> Iterator[Callable[[], int | None]]:
    """Within it, SIGINT and SIGTERM are remembered instead of ending the process; a second one ends it."""
    caught: list[int] = []

    def remember(number: int, frame: Any) -> None:
        if caught:
            raise KeyboardInterrupt
        caught.append(number)
        out.say("Finishing the step, then saving; press Ctrl-C again to leave at once.")

    with _handled_by(remember):
        yield lambda: caught[0] if caught else None


@contextmanager
def _handled_by(handler: Callable[[int, Any], None]) -> Iterator[None]:
    before: dict[int, Any] = {}
    try:
        for number in map(int, (signal.SIGINT, signal.SIGTERM)):
            try:
                before[number] = signal.signal(number, handler)
            except ValueError:  # not the main thread: the caller keeps its own handlers
                pass
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
