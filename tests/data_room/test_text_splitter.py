"""Free text is cut as the training corpus was."""

from __future__ import annotations

import json
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nerctl.data.corpus import read_corpus
from nerctl.data.text_splitter import TextSplitter
from nerctl.errors import ModelError

SPLITTERS = [TextSplitter(), *(TextSplitter("word", *flags) for flags in product([True, False], repeat=4))]


def of(tmp_path, *tokens: str) -> TextSplitter:
    (tmp_path / "train.txt").write_text("".join(f"{token}\tO\n" for token in tokens), encoding="utf-8")
    return TextSplitter.of(read_corpus(tmp_path / "train.txt"))


def cut(splitter: TextSplitter, text: str) -> list[str]:
    return [text[start:end] for start, end in splitter.split(text)]


def test_a_corpus_of_characters_makes_every_character_a_token(tmp_path):
    splitter = of(tmp_path, "北", "京", "A", "P", "P", "2", "0")
    assert splitter == TextSplitter() and splitter.kind == "character"
    assert cut(splitter, "北 APP\n20\u3000👍🏽") == list("北 APP\n20\u3000👍🏽")


def test_longer_tokens_join_runs_as_the_corpus_does(tmp_path):
    text = "在B2B北京APP下载v2，2018年3.5% cafés\nあア한"
    words = of(tmp_path, "在", "APP", "2018", "年", "B2B")
    assert words.kind == "word" and not words.blank_tokens
    assert cut(words, text) == [
        "在", "B2B", "北", "京", "APP", "下", "载", "v2", "，", "2018", "年",
        "3", ".", "5", "%", "cafés", "あ", "ア", "한",
    ]  # fmt: skip
    letters = of(tmp_path, "APP", "2", "0", " ")
    assert (letters.joins_letters, letters.joins_digits, letters.blank_tokens) == (True, False, True)
    assert cut(letters, "APP v20") == ["APP", " ", "v", "2", "0"]
    digits = of(tmp_path, "A", "P", "2018")
    assert cut(digits, "AP 2018") == ["A", "P", "2018"]
    apart = of(tmp_path, "APP", "2018")
    assert cut(apart, "v2x") == ["v", "2", "x"]


def test_a_few_longer_tokens_do_not_outweigh_single_characters(tmp_path):
    assert of(tmp_path, *"abcdefgh", "ok").kind == "character"


def test_a_corpus_of_characters_splits_its_own_text_into_its_own_tokens(tmp_path):
    tokens = list("在 2018 年, APP　下载")
    assert cut(of(tmp_path, *tokens), "".join(tokens)) == tokens


@given(st.sampled_from(SPLITTERS), st.text(st.one_of(st.characters(), st.sampled_from("ab12北 \n，"))))
def test_tokens_are_in_order_and_only_blanks_are_left_out(splitter, text):
    spans = splitter.split(text)
    assert all(start < end for start, end in spans)
    assert all(end <= start for (_, end), (start, _) in zip(spans, spans[1:]))
    covered = {place for start, end in spans for place in range(start, end)}
    left_out = [character for place, character in enumerate(text) if place not in covered]
    assert all(character.isspace() for character in left_out)
    assert not left_out or not splitter.blank_tokens


@given(st.sampled_from(SPLITTERS))
def test_a_splitter_survives_json(splitter):
    assert TextSplitter.from_dict(json.loads(json.dumps(splitter.to_dict()))) == splitter


@pytest.mark.parametrize("change", [{"kind": "line"}, {"joins_digits": 1}, {"more": True}, None])
def test_a_damaged_splitter_is_refused(change):
    content = {**TextSplitter().to_dict(), **change} if change else None
    with pytest.raises(ModelError, match="text splitter"):
        TextSplitter.from_dict(content)
