"""What `nerctl predict` shows on a terminal: marked texts in colour, and plain where there is none."""

from __future__ import annotations

import io
import time

import pytest

from nerctl.commands._marked_text import COLOURS, marked
from nerctl.commands._progress import Progress
from nerctl.inference.tagger import Entity, Result

TEXT = "王小明在北京大学读《红楼梦》。"
RESULT = Result(
    TEXT,
    (
        Entity(0, 3, "PER", "王小明", 0.994),
        Entity(4, 8, "ORG", "北京大学", 0.5),
        Entity(9, 14, "book", "《红楼梦》", 1.0),
    ),
)
TYPES = ("LOC", "ORG", "PER", "book")


def test_a_marked_text_holds_the_whole_text_with_type_and_two_digit_score_of_each_entity() -> None:
    assert marked(RESULT, TYPES).plain == "[王小明 PER 0.99]在[北京大学 ORG 0.50]读[《红楼梦》 book 1.00]。"
    assert marked(RESULT, TYPES, scores=False).plain == "[王小明 PER]在[北京大学 ORG]读[《红楼梦》 book]。"


def test_nested_entities_are_marked_within_each_other_and_what_crosses_is_left_out() -> None:
    text = "在北京大学医院工作"
    nested = Result(text, (
        Entity(1, 7, "ORG", "北京大学医院", 1.0), Entity(1, 5, "ORG", "北京大学", 1.0), Entity(1, 3, "LOC", "北京", 1.0),
        Entity(5, 9, "book", "医院工作", 1.0), Entity(7, 9, "PER", "工作", 1.0),
    ))  # fmt: skip
    assert marked(nested, TYPES, scores=False).plain == "在[[[北京 LOC]大学 ORG]医院 ORG][工作 PER]"


def test_twenty_thousand_entities_are_marked_in_seconds() -> None:
    from nerctl.inference.marks import parts

    text = "北京" * 20_000
    entities = [Entity(place, place + 2, "LOC", "北京", 1.0) for place in range(0, 40_000, 2)]
    begin = time.process_time()
    assert "".join(parts(text, entities, str, lambda mention, _: f"[{''.join(mention)}]")) == "[北京]" * 20_000
    assert time.process_time() - begin < 5


def test_each_type_has_a_colour_of_its_own_while_there_are_enough() -> None:
    styles = [span.style for span in marked(RESULT, TYPES).spans]
    assert len(set(styles)) == 3
    many = tuple(f"T{number:02}" for number in range(3 * len(COLOURS)))
    assert marked(Result("海", (Entity(0, 1, many[-1], "海", 1.0),)), many).plain == "[海 T17 1.00]"


@pytest.mark.parametrize("width", [50, 80, 120])
@pytest.mark.parametrize("colour", [True, False])
def test_a_marked_text_loses_no_character_at_any_width(width: int, colour: bool) -> None:
    from rich.console import Console

    printed = io.StringIO()
    console = Console(file=printed, width=width, force_terminal=colour, no_color=not colour, highlight=False)
    console.print(marked(Result(TEXT * 9, ()), TYPES))
    assert "".join(printed.getvalue().split()) == TEXT * 9


def test_progress_of_texts_says_how_many_of_how_many_and_how_fast(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from nerctl.commands import _progress

    now = [0.0]
    monkeypatch.setattr(_progress.time, "monotonic", lambda: now[0])
    with Progress("texts") as progress:
        for second in range(11):
            now[0] = float(second)
            progress.advance("news.txt", 1500.5 * second, 20000)
    with Progress("texts", hidden=True) as progress:
        now[0] = 99.0
        progress.advance("news.txt", 1, 2)
    assert capsys.readouterr().err.splitlines() == [
        "news.txt: 7,502 of 20,000 texts (38 %), 1,500 texts/s",
        "news.txt: 15,005 of 20,000 texts (75 %), 1,500 texts/s",
    ]


def test_a_bar_moves_within_a_long_text(tagger) -> None:
    shares: list[float] = []
    text = "王小明在北京大学。" * 1500
    [result] = tagger.tag([document(text, tagger)], shares.append)
    assert result == tagger(text)
    assert len(shares) > 1 and shares == sorted(shares) and shares[-1] == 1.0 and shares[0] < 0.9


def document(text: str, tagger):
    from nerctl.inference.documents import Document

    return Document.split(text, tagger.model.splitter)
