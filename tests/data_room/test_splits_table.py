"""How check-data's figures are drawn in terminals of any width."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from nerctl.commands._splits_table import SplitsTable
from nerctl.data.report import Report, SplitFigures

LENGTHS = {"50": 1234, "90": 2345, "99": 3456, "max": 12345}
FILE = "a_rather_long_name_of_a_file.txt"
TRAIN = SplitFigures(FILE, "BIO", 1234567, 23456789, {"[red]": 7654321}, LENGTHS, 0.5, 0.25)
SPLITS = {name: replace(TRAIN, sentences=1234567 + number) for number, name in enumerate(("train", "dev", "test"))}
REPORT = Report(202, "word pieces", SPLITS, [])


def drawn(width: int) -> list[str]:
    printed = io.StringIO()
    Console(file=printed, width=width).print(SplitsTable(REPORT))
    return printed.getvalue().splitlines()


@pytest.mark.parametrize("width", [30, 40, 50, 80, 120, 200])
def test_no_figure_is_cut_or_folded_whatever_the_width(width: int) -> None:
    lines = drawn(width)
    text = "\n".join(lines)
    assert max(map(len, lines)) <= width and "…" not in text
    for figure in ("1,234,567", "1,234,568", "1,234,569", "23,456,789", "7,654,321", "12,345", "50.00%", "25.00%"):
        assert re.search(rf"(^| ){re.escape(figure)}( |$)", text, re.MULTILINE), figure
    assert "[red]" in text  # a type is no markup


def test_splits_stand_side_by_side_where_there_is_room_and_else_below_each_other() -> None:
    assert any({"train", "dev", "test"} <= set(line.split()) for line in drawn(60))
    assert sum(line.split() in (["train"], ["dev"], ["test"]) for line in drawn(30)) == 3
    assert max(line.count(FILE) for line in drawn(200)) == 3
