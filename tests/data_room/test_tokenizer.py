"""Word pieces against the independent implementation in `tokenizers`, over all of Unicode."""

from __future__ import annotations

import sys
import unicodedata
import zipfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from nerctl.data.corpus import read_corpus
from nerctl.data.tokenizer import SPECIAL, Vocabulary, WordPieceTokenizer
from nerctl.errors import ModelError

SMALL = Path(__file__).parents[1] / "data" / "vocab_small.txt"
SHARED = Path(__file__).parents[2] / ".." / "shared" / "weights"


@cache
def pieces_of(source: str) -> tuple[str, ...]:
    """The small vocabulary of this project, or Google's Chinese one."""
    if source == "small":
        return tuple(Vocabulary.read(SMALL).pieces)
    archives = sorted(SHARED.glob("*.zip")) if SHARED.exists() else []
    if not archives:
        pytest.skip("needs ../shared/weights for Google's vocab.txt")
    with zipfile.ZipFile(archives[0]) as archive:
        name = next(name for name in archive.namelist() if name.endswith("vocab.txt"))
        return tuple(archive.read(name).decode().rstrip("\n").split("\n"))


@cache
def ours(source: str, lower_case: bool) -> WordPieceTokenizer:
    return WordPieceTokenizer(Vocabulary(pieces_of(source)), lower_case)


@cache
def theirs(source: str, lower_case: bool):
    tokenizers = pytest.importorskip("tokenizers", reason="the independent WordPiece is in `tokenizers`")
    vocabulary = {piece: number for number, piece in enumerate(pieces_of(source))}
    return tokenizers.BertWordPieceTokenizer(vocabulary, lowercase=lower_case)


def expected(source: str, lower_case: bool, text: str) -> list[int]:
    ids = theirs(source, lower_case).encode(text, add_special_tokens=False).ids
    return ids or [ours(source, lower_case).vocabulary.unk]


@cache
def told_apart(lower_case: bool, character: str) -> bool:
    """Do the two normalise the character differently? Seen in the words of "x", the character, "y"."""
    from nerctl.data.normalisation import words

    inner = theirs("small", lower_case)._tokenizer
    text = f"x{character}y"
    parts = inner.pre_tokenizer.pre_tokenize_str(inner.normalizer.normalize_str(text))
    return [part for part, _ in parts] != words(text, lower_case)


def newer_than_unicode_3_2(character: str) -> bool:
    """Was the character assigned, or put into another category, after Unicode 3.2?

    Python's table is Unicode 13 (3.9), 14 (3.11) or later; `tokenizers` has categories of another version, so
    that such characters may be marks or punctuation to one of the two only.
    """
    return unicodedata.category(character) != unicodedata.ucd_3_2_0.category(character)


def deliberate(character: str) -> bool:
    """Where `tokenizers` leaves Google's code: it drops private use characters, and its CJK extension E
    begins at U+2B920 instead of U+2B820."""
    return unicodedata.category(character) == "Co" or 0x2B820 <= ord(character) <= 0x2B91F


def comparable(lower_case: bool, text: str) -> str:
    """`text` without the characters about which the two differ for a known reason.

    Final sigma is one more: Python's lower(), which Google uses, knows it; `tokenizers` does not.
    """
    return "".join(
        character
        for character in text
        if not (lower_case and character == "Σ")
        and not (
            (newer_than_unicode_3_2(character) or deliberate(character)) and told_apart(lower_case, character)
        )
    )


ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
# Text in which word pieces, accents, CJK and punctuation meet more often than in text from all of Unicode.
LIKELY = st.lists(
    st.one_of(
        st.sampled_from(
            ["unaffable", "Unaffed", "北京", "Beijing", "2018", "a" * 99, "##", "👍🏽", "e\u0301"]
        ),
        st.sampled_from("ÉﬁİßẞÅ한あガ－$^`“…①Ⅷ½龘豈σ[]@\U00020000"),
        st.sampled_from("\u00ad\u200b\u200d\ufeff\u3000\u00a0\u2028\x85\x00\ufffd\t\n "),
    ),
    max_size=8,
).map("".join)


@pytest.mark.parametrize("lower_case", [True, False])
@pytest.mark.parametrize("source", ["small", "google"])
@settings(deadline=None, max_examples=300)
@given(text=st.one_of(ANY, LIKELY, st.builds("{}{}{}".format, LIKELY, ANY, LIKELY)))
def test_pieces_are_those_of_berts_word_piece_tokenizer(source, lower_case, text):
    text = comparable(lower_case, text)
    # `tokenizers` takes "[SEP]" in text for the special piece, Google's code for three words.
    assume(not any(name in text for name in (*SPECIAL, "[MASK]")))
    assert ours(source, lower_case).pieces(text) == expected(source, lower_case, text)


@pytest.mark.parametrize("lower_case", [True, False])
def test_single_characters_differ_only_where_a_reason_is_known(lower_case):
    theirs("small", lower_case)
    differing = [
        chr(code_point)
        for code_point in range(sys.maxunicode + 1)
        # Hangul syllables and private planes are uniform; every 16th is enough there.
        if unicodedata.category(chr(code_point)) not in ("Cs", "Cn")
        and (code_point % 16 == 0 or not (0xAC00 <= code_point <= 0xD7A3 or code_point >= 0xF0000))
        and told_apart(lower_case, chr(code_point))
    ]
    assert [c for c in differing if not newer_than_unicode_3_2(c) and not deliberate(c)] == []
    assert len([c for c in differing if not deliberate(c)]) < 700  # a handful of 140,000, not a class of them


def test_final_sigma_and_private_use_follow_google():
    tokenizer = ours("small", True)
    pieces = tokenizer.vocabulary.pieces
    assert [pieces[piece] for piece in tokenizer.pieces("ΑΣ")] == ["ας"]
    assert tokenizer.pieces("a\ue000") == [tokenizer.vocabulary.unk]


@pytest.mark.parametrize(
    "token", ["", " ", "\u3000", "\t", "\x00", "\u200b", "\ufffd", "\u0301", "\x85", "\u2028"]
)
def test_a_token_that_normalises_to_nothing_is_unknown(token):
    tokenizer = ours("small", True)
    assert tokenizer.pieces(token) == [tokenizer.vocabulary.unk]


def test_words_over_100_characters_are_unknown():
    tokenizer = ours("small", True)
    assert len(tokenizer.pieces("a" * 100)) == 100
    assert tokenizer.pieces("a" * 101) == [tokenizer.vocabulary.unk]


def test_special_pieces_in_text_are_plain_text():
    tokenizer = ours("small", True)
    assert tokenizer.vocabulary.sep not in tokenizer.pieces("[SEP]")


@settings(deadline=None)
@given(
    tokens=st.lists(
        st.lists(st.sampled_from(["北京", "unaffable", "x", "é", "\u200b"]), min_size=1), min_size=1
    )
)
def test_piece_table_holds_the_pieces_of_each_token(tmp_path_factory, tokens):
    path = tmp_path_factory.mktemp("table") / "a.txt"
    path.write_text(
        "\n".join("".join(f"{token} O\n" for token in sentence) for sentence in tokens), encoding="utf-8"
    )
    corpus, tokenizer = read_corpus(path), ours("small", True)
    table = tokenizer.encode_corpus(corpus)
    for place, token in enumerate(corpus.vocabulary):
        start = table.starts[place]
        assert table.pieces[start : start + table.counts[place]].tolist() == tokenizer.pieces(token)
        assert table.unknown[place] == (tokenizer.vocabulary.unk in tokenizer.pieces(token))
    assert table.sentence_lengths(corpus).tolist() == [
        sum(len(tokenizer.pieces(token)) for token in sentence) for sentence in tokens
    ]


def test_an_empty_corpus_has_an_empty_table(tmp_path):
    (tmp_path / "a.txt").write_text("")
    corpus = read_corpus(tmp_path / "a.txt")
    table = ours("small", True).encode_corpus(corpus)
    assert (
        len(table.pieces) == 0 and len(table.sentence_lengths(corpus)) == 0 and table.counts.dtype == np.int32
    )


def read(tmp_path, content: bytes) -> Vocabulary:
    (tmp_path / "vocab.txt").write_bytes(content)
    return Vocabulary.read(tmp_path / "vocab.txt")


HEAD = b"[PAD]\n[UNK]\n[CLS]\n[SEP]\n"


def test_a_line_of_the_vocabulary_is_a_piece_exactly(tmp_path):
    for content in (
        HEAD + "\u2028\n \n北".encode(),
        (HEAD + "\u2028\n \n北\n".encode()).replace(b"\n", b"\r\n"),
    ):
        vocabulary = read(tmp_path, content)
        assert vocabulary.pieces[4:] == ["\u2028", " ", "北"] and len(vocabulary) == 7
        assert (vocabulary.pad, vocabulary.unk, vocabulary.cls, vocabulary.sep) == (0, 1, 2, 3)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (HEAD + b"a\nb\na\n", "vocab.txt:7: 'a' is on line 5 too"),
        (b"[PAD]\n[CLS]\nx\n", r"vocab.txt: \[UNK\], \[SEP\] missing"),
        (b"", "missing"),
        (HEAD + b"\xff\n", "not UTF-8"),
    ],
)
def test_a_damaged_vocabulary_is_refused(tmp_path, content, says):
    with pytest.raises(ModelError, match=says):
        read(tmp_path, content)


def test_a_missing_vocabulary_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"vocab\.txt: cannot be read"):
        Vocabulary.read(tmp_path / "vocab.txt")
