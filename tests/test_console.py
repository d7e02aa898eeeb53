"""The sink that commands print through."""

from __future__ import annotations

import io
import sys
from typing import Any

import pytest

from nerctl.console import Sink


class Terminal(io.StringIO):
    """A standard output that is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "lines"),
    [
        (io.StringIO, ["ok       device: auto takes the CPU, as there is no-card"]),
        (Terminal, ["ok       device: auto takes the CPU, as", "         there is no-card"]),
    ],
)
def test_an_item_goes_on_below_its_own_text_on_a_narrow_terminal_alone(
    monkeypatch: pytest.MonkeyPatch, stream: Any, lines: list[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr(sys, "stdout", stream())
    Sink().item("ok       device: auto takes the CPU, as there is no-card", indent=" " * 9)
    assert sys.stdout.getvalue().splitlines() == lines


def test_what_is_redirected_has_no_blanks_at_the_end_of_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    from rich.table import Table

    table = Table(box=None)
    for title in ("one", "two"):
        table.add_column(title)
    table.add_row("a", "b")
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    Sink().show(table, "", "the end")
    assert sys.stdout.getvalue().splitlines() == [" one  two", " a    b", "", "the end"]
