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


@pytest.mark.parametrize(
    ("message", "lines"),
    [
        ("140 steps done in 21 s; the run is in output", ["error: 140 steps done in 21 s; the run", "is in output"]),
        ("型 王小明在北京大学工作 他去上海旅游", ["error: 型 王小明在北京大学工作", "他去上海旅游"]),
        ("one-path/longer/than/the/whole/terminal/is b", ["error:", "one-path/longer/than/the/whole/terminal/is", "b"]),
    ],
)
def test_a_sentence_is_broken_at_blanks_only_and_by_columns(
    monkeypatch: pytest.MonkeyPatch, message: str, lines: list[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(sys, "stderr", Terminal())
    Sink().error(message)
    assert sys.stderr.getvalue().splitlines() == lines
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setattr(sys, "stderr", Terminal())
    Sink().error(message)
    assert sys.stderr.getvalue().startswith("\x1b[31;1merror:\x1b[0m")
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    Sink().error(message)
    assert sys.stderr.getvalue() == f"error: {message}\n"


def test_what_is_redirected_has_no_blanks_at_the_end_of_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    from rich.table import Table

    table = Table(box=None)
    for title in ("one", "two"):
        table.add_column(title)
    table.add_row("a", "b")
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    Sink().show(table, "", "the end")
    assert sys.stdout.getvalue().splitlines() == [" one  two", " a    b", "", "the end"]
