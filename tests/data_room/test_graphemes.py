"""Grapheme clusters against the annex's rules and another implementation, and what a training corpus marks."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nerctl.data.bounds import marks_blanks, sentence_bounds, text_bounds
from nerctl.data.corpus import read_corpus
from nerctl.data.graphemes import clusters, is_plain
from nerctl.data.tags import Labels

WHOLE = [
    "e\u0301", "か\u3099", "👩\u200d👩\u200d👧\u200d👦", "👍🏽", "❤\ufe0f", "🇨🇳", "🙂\u200d↔\ufe0f", "\r\n", "가\u11a8",
    "\u1100\u1161\u11a8", "葛\U000e0100", "🏴\U000e0067\U000e0062\U000e007f", "1\ufe0f\u20e3", "\u0600\u0661", "กำ", "ｶﾞ",
]  # fmt: skip


@pytest.mark.parametrize("text", WHOLE)
def test_what_a_reader_takes_for_one_character_is_one_cluster(text: str) -> None:
    assert [end for _, end, _ in clusters(f"海{text}海")] == [1, 1 + len(text), 2 + len(text)]


@pytest.mark.parametrize("text", list(" \t\u3000\u00a0\u200b\ufeff\u202e\x00\u2028\u3164\ud83d"))
def test_what_shows_nothing_is_known(text: str) -> None:
    assert clusters(f"海{text}b") == [(0, 1, False), (1, 2, True), (2, 3, False)]


def test_flags_part_in_twos_and_a_joiner_behind_a_letter_joins_nothing() -> None:
    assert [end for _, end, _ in clusters("🇨🇳🇨🇳🇨")] == [2, 4, 5]
    assert [end for _, end, _ in clusters("海\u200d👩")] == [2, 3]
    assert [end for _, end, _ in clusters("🏴\u0e33\u200d🏴")] == [3, 4]


@given(st.text(st.sampled_from(["海", " ", *"".join(WHOLE), "\u200b", "\u0e33", "b"])))
def test_clusters_hold_the_whole_text_in_order_and_each_stands_alone_too(text: str) -> None:
    found = clusters(text)
    assert "".join(text[start:end] for start, end, _ in found) == text
    assert all(clusters(text[start:end]) == [(0, end - start, empty)] for start, end, empty in found)


def test_every_plain_character_shows_and_stands_alone() -> None:
    odd = [code for code in range(0x110000) if is_plain(chr(code)) and len(clusters(f"海{chr(code)}海")) != 3]
    assert not odd
    assert not [code for code in range(0x3000) if is_plain(chr(code)) and clusters(chr(code))[0][2]]


def test_a_text_without_odd_characters_has_no_bounds() -> None:
    assert text_bounds("海钓b1，（㎡）", [(place, place + 1) for place in range(9)]) is None
    bounds = text_bounds("在 b", [(0, 1), (1, 2), (2, 3)])
    assert bounds is not None
    assert bounds.begins.tolist() == bounds.ends.tolist() == [True, False, True]


def corpus_of(folder: Path, sentences: list[list[tuple[str, str]]]):
    lines = ["".join(f"{token}\t{tag}\n" for token, tag in sentence) for sentence in sentences]
    (folder / "train.txt").write_text("\n".join(lines), encoding="utf-8")
    return read_corpus(folder / "train.txt")


def test_the_bounds_of_a_corpus_are_those_of_its_sentences(tmp_path: Path) -> None:
    pair = [("👩", "B-X"), ("\u200d", "I-X"), ("👧", "I-X")]
    sentences = [[("海", "O")], [(" ", "O"), ("海", "B-X")], [("b", "B-X")], pair]
    found = sentence_bounds(corpus_of(tmp_path, sentences))
    assert sorted(found) == [1, 3]
    assert found[1].begins.tolist() == [False, True]
    assert found[3].begins.tolist() == [True, False, False] and found[3].ends.tolist() == [False, False, True]


def test_a_corpus_that_marks_blanks_says_so_and_one_slip_in_thousands_does_not(tmp_path: Path) -> None:
    good, bad = [("海", "B-X"), (" ", "I-X"), ("门", "I-X")], [("海", "B-X"), (" ", "I-X"), ("海", "O")]
    assert not marks_blanks(corpus_of(tmp_path, [good]))
    assert marks_blanks(corpus_of(tmp_path, [good, bad]))
    assert not marks_blanks(corpus_of(tmp_path, [good] * 1999 + [bad]))
    labels = Labels.of(corpus_of(tmp_path, [bad]))
    assert labels.allow_blanks and Labels.from_dict(labels.to_dict()) == labels
    old = {name: value for name, value in labels.to_dict().items() if name != "allow_blanks"}
    assert not Labels.from_dict(old).allow_blanks
