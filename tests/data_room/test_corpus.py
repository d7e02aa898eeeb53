"""Corpus files: every layout reads back as what was written, and what cannot be read names its line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from written_corpus import TYPES, corpus_of, refused

from nerctl.data import conll, schemes
from nerctl.data.bio import spans_of, tags_of
from nerctl.data.corpus import Sentence, read_corpus
from nerctl.data.invisible import clean_token
from nerctl.errors import DataError

SHARED = Path(__file__).parents[2] / ".." / "shared" / "corpora"


def shared(name: str) -> Path:
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"needs ../shared/corpora/{name}")
    return path


# --- CoNLL columns ---

# What a token may be: anything without separators, line feeds and NUL, and without odd blanks around it, which are left
# out; a lone blank stands for itself.
TOKENS = st.one_of(
    st.sampled_from([" ", "\u3000", "\u00a0", "北", "\u2028", "\x85", "\ufeff", "{", "-", "O", "👍🏽"]),
    st.text(
        st.characters(exclude_characters=" \t\n\r\v\f\0", exclude_categories=["Cs"]), min_size=1, max_size=3
    ),
).filter(lambda token: not token.startswith("-DOCSTART-") and token == clean_token(token))


@st.composite
def sentences(draw):
    tokens = draw(st.lists(TOKENS, min_size=1, max_size=8))
    spans, place = [], 0
    while place < len(tokens):
        length = draw(st.integers(0, 3))
        end = min(len(tokens), place + max(1, length))
        if length:
            spans.append((place, end, draw(TYPES)))
        place = end
    return tokens, spans


def written_tags(scheme: str, spans, length: int) -> list[str]:
    """Tags of a scheme from its definition, one entity at a time."""
    begin, inside, end, single = {
        "BIO": "BIIB", "IOB1": "IIII", "BMES": "BMES", "BIOES": "BIES", "BILOU": "BILU",
    }[scheme]  # fmt: skip
    tags = ["O"] * length
    before = None
    for first, last, kind in spans:
        prefixes = [single] if last - first == 1 else [begin, *[inside] * (last - first - 2), end]
        if scheme == "IOB1" and before == (first, kind):
            prefixes[0] = "B"
        tags[first:last] = [f"{prefix}-{kind}" for prefix in prefixes]
        before = (last, kind)
    return tags


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300)
@given(
    content=st.lists(sentences(), min_size=0, max_size=5),
    scheme=st.sampled_from(["BIO", "IOB1", "BMES", "BIOES", "BILOU"]),
    separator=st.sampled_from([" ", "\t", "  "]),
    middle=st.sampled_from(["", "NN"]),
    line_end=st.sampled_from(["\n", "\r\n"]),
    bom=st.booleans(),
    gap=st.sampled_from(["", " \t", "\n\n", "\n-DOCSTART- -X- O\n\n", "\n-DOCSTART- O"]),
    final=st.booleans(),
    chunk=st.integers(1, 60),
    block=st.integers(1, 9),
)
def test_every_way_of_writing_a_corpus_reads_back_the_same(
    tmp_path, content, scheme, separator, middle, line_end, bom, gap, final, chunk, block
):
    lines, expected = [], []
    for tokens, spans in content:
        tags = written_tags(scheme, spans, len(tokens))
        expected.append(Sentence(tuple(tokens), tuple(tags_of(spans, len(tokens))), len(lines) + 1))
        for token, tag in zip(tokens, tags):
            token = "" if token == " " and (separator == "\t" or not middle) else token
            lines.append(separator.join([token, *([middle] if middle and token else []), tag]))
        lines += gap.split("\n") if gap else [""]
    while lines and not final and not lines[-1].strip(" \t"):
        lines.pop()
    text = line_end.join(lines) + (line_end if final else "")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conll, "CHUNK", chunk)
        patch.setattr(schemes, "BLOCK", block)
        mark = (
            "\ufeff" if bom or text.startswith("\ufeff") else ""
        )  # a first token U+FEFF needs a mark before it
        corpus = corpus_of(tmp_path, (mark + text).encode())
    if middle and separator != "\t" and any(" " in tokens for tokens, _ in content):
        return  # a blank token and a middle column parted by blanks cannot be told apart
    assert list(corpus) == expected
    assert (
        len(corpus) == len(expected)
        and corpus.offsets[0] == 0
        and corpus.offsets[-1] == len(corpus.token_ids)
    )
    assert corpus.token_ids.dtype == np.int32 and corpus.tag_ids.dtype == np.int16
    kinds = sorted({kind for _, spans in content for _, _, kind in spans})
    assert corpus.tag_names == ["O", *(prefix + kind for kind in kinds for prefix in ("B-", "I-"))]
    assert corpus.entity_counts() == {
        kind: sum(span[2] == kind for _, spans in content for span in spans) for kind in kinds
    }


def scheme_of(tmp_path, *tags: str) -> str:
    return corpus_of(tmp_path, "".join(f"x {tag}\n" if tag else "\n" for tag in tags).encode()).scheme


def test_scheme_is_told_from_the_whole_file(tmp_path):
    assert scheme_of(tmp_path, "B-X", "I-X", "O") == "BIO"
    assert scheme_of(tmp_path, "I-X", "I-X", "O") == "IOB1"
    assert scheme_of(tmp_path, "I-X", "B-X", "O", "I-Y") == "IOB1"
    assert scheme_of(tmp_path, "I-X", "O", "B-X", "O") == "BIO"
    assert (
        scheme_of(tmp_path, "I-X", "", "B-X") == "BIO"
    )  # a new sentence parts entities, so B is not needed there
    assert scheme_of(tmp_path, "O", "O") == "BIO"
    assert scheme_of(tmp_path, "B-X", "E-X") == "BMES"
    assert scheme_of(tmp_path, "S-X", "B-X", "M-X") == "BMES"
    assert scheme_of(tmp_path, "S-X", "B-X", "I-X") == "BIOES"
    assert scheme_of(tmp_path, "U-X") == "BILOU"


@pytest.mark.parametrize("prefixes", ["BI", "BMES", "BIES", "BILU"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_broken_tag_sequences_become_legal_bio_and_keep_every_tagged_token(tmp_path, prefixes, data):
    tag = st.one_of(st.just("O"), st.builds("{}-{}".format, st.sampled_from(prefixes), st.sampled_from("XY")))
    written = data.draw(st.lists(st.lists(tag, min_size=1, max_size=6), min_size=1, max_size=4))
    corpus = corpus_of(tmp_path, "\n".join("".join(f"x {t}\n" for t in tags) for tags in written).encode())
    for tags, sentence in zip(written, corpus):
        assert [tag[2:] for tag in sentence.tags] == [tag[2:] for tag in tags]
        assert tags_of(spans_of(sentence.tags), len(tags)) == list(
            sentence.tags
        )  # legal: B opens each entity
        if prefixes == "BI":
            assert spans_of(sentence.tags) == spans_of(tags)


def test_a_line_without_its_token_is_a_blank_token(tmp_path):
    corpus = corpus_of(tmp_path, " O\n\tO\n \tO\n   O\n\u3000 O\n\u00a0\tO\n \t O\n".encode())
    assert [list(sentence.tokens) for sentence in corpus] == [[" ", " ", " ", " ", "\u3000", "\u00a0", " "]]


def test_a_tab_parts_columns_even_where_the_token_holds_a_blank(tmp_path):
    assert corpus_of(tmp_path, b"New York\tNN\tB-LOC\n").sentence(0).tokens == ("New York",)


def test_an_empty_file_is_a_corpus_of_no_sentences(tmp_path):
    for content in (b"", b"\n\n", b"\xef\xbb\xbf", b" \r\n", b"-DOCSTART- O\n"):
        corpus = corpus_of(tmp_path, content)
        assert len(corpus) == 0 and corpus.tag_names == ["O"] and list(corpus.offsets) == [0]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"a O\n\nonecolumn\n", "3: one column only"),
        (b"a O\nb Q-X\n", "2: unknown tag 'Q-X'"),
        (b"a B-\n", "1: unknown tag 'B-'"),
        (b"a B\n", "1: unknown tag 'B'"),
        (b"a o\n", "1: unknown tag 'o'"),
        ("a O\n北 O\n".encode("gbk"), "2: not UTF-8; as GBK it reads '北 O'"),
        (b"a\0b O\n", "1: the line holds a NUL"),
        (b"a O\rb O\n", "1: the line holds a carriage return"),
        (b"a B-X\nb M-X\n\nc U-X\n", "4: tags of different schemes"),
        (b"a M-X\nb I-X\n", "2: tags of different schemes"),
        (b"a O\n" + b"PK\x03\x04" * 400_000, "2: the line is longer"),
        (b"a O\n\xff\xff\xff O", "2: not UTF-8"),
    ],
)
def test_what_cannot_be_read_names_its_line_and_reason(tmp_path, content, says):
    assert refused(tmp_path, content).startswith(says)


def test_the_first_bad_line_is_named_whatever_the_chunk(tmp_path, monkeypatch):
    monkeypatch.setattr(conll, "CHUNK", 5)
    assert refused(tmp_path, b"a O\n" * 20 + b"bad\n" + b"a O\n" * 20 + b"worse\n").startswith("21: ")


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    for path in (tmp_path / "none.txt", tmp_path):
        with pytest.raises(DataError, match="cannot be read"):
            read_corpus(path)


def test_each_distinct_line_is_parsed_once(tmp_path, monkeypatch):
    parsed = []
    monkeypatch.setattr(
        conll, "read_line", lambda raw, parse=conll.read_line: parsed.append(raw) or parse(raw)
    )
    corpus_of(tmp_path, b"a O\nb B-X\n\n" * 500)
    assert sorted(parsed) == [b"", b"a O", b"b B-X"]


def test_line_of_a_token_is_its_line(tmp_path):
    corpus = corpus_of(tmp_path, b"\na O\nb O\n\n\nc O\nd O\n")
    assert [corpus.line_of(token) for token in range(4)] == [2, 3, 6, 7]


# --- the real corpora ---


@pytest.mark.parametrize(
    ("name", "sentences", "tokens", "entities", "scheme"),
    [
        ("ChineseNER/example.train", 20_864, 1_001_340, 34_336, "BIO"),
        ("ChineseNER/example.dev", 2_318, 109_870, 3_819, "BIO"),
        ("ChineseNER/example.test", 4_636, 219_197, 7_707, "BIO"),
        ("cluener/dev.json", 1_343, 50_260, 3_072, "spans"),
        ("resume/train.char.bmes", 3_821, 124_099, None, "BMES"),
        ("resume/test.char.bmes", 477, 15_100, 1_630, "BMES"),
    ],
)
def test_the_shared_corpora_are_read_whole(name, sentences, tokens, entities, scheme):
    path = shared(name)
    corpus = read_corpus(path)
    assert (len(corpus), len(corpus.token_ids), corpus.scheme) == (sentences, tokens, scheme)
    if scheme == "spans":
        return
    lines = path.read_text(encoding="utf-8").split("\n")
    places = (
        corpus.lines.repeat(corpus.lengths)
        + np.arange(len(corpus.token_ids))
        - corpus.offsets[:-1].repeat(corpus.lengths)
    )
    assert [corpus.vocabulary[token] for token in corpus.token_ids] == [
        lines[line - 1].split(" ")[0] for line in places
    ]
    if entities is not None:
        assert sum(corpus.entity_counts().values()) == entities
        assert sum(line.split(" ")[-1][:2] in ("B-", "S-") for line in lines) == entities


def test_cluener_mentions_are_the_entities():
    path = shared("cluener/dev.json")
    corpus = read_corpus(path)
    for line, sentence in zip(path.read_text(encoding="utf-8").splitlines(), corpus):
        mentions = sorted(
            (start, end + 1, kind, mention)
            for kind, found in json.loads(line)["label"].items()
            for mention, places in found.items()
            for start, end in places
        )
        read = [
            (start, end, kind, "".join(sentence.tokens[start:end]))
            for start, end, kind, _ in spans_of(sentence.tags)
        ]
        assert read == mentions


def test_the_data_room_loads_no_tensorflow():
    code = (
        "import sys, nerctl.data.corpus, nerctl.data.tags, nerctl.data.tokenizer, nerctl.data.validation; "
        "print('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


def test_comments_before_sentences_are_left_out_and_told(tmp_path):
    path = tmp_path / "a.conll"
    path.write_text(
        "# id 3c5c-11\tdomain=zh-train\n北 _ _ B-LOC\n京 _ _ I-LOC\n\n# id 3c5c-12\tdomain=zh-train\n# _ _ O\n在 _ _ O\n",
        encoding="utf-8",
    )
    corpus = read_corpus(path)
    assert [one.tokens for one in corpus] == [("北", "京"), ("#", "在")] and corpus.types == ["LOC"]
    assert [note.split(": ", 1)[1] for note in corpus.notes] == ["taken for a comment and left out (2 lines)"]


@pytest.mark.parametrize("line", ["# O", "# text O", "#\tB-LOC", "# id x B-LOC", "#id\tO"])
def test_a_number_sign_with_a_tag_is_a_token(tmp_path, line):
    path = tmp_path / "a.conll"
    path.write_text(f"{line}\n在 O\n", encoding="utf-8")
    corpus = read_corpus(path)
    assert len(corpus.tokens(0)) == 2 and corpus.tokens(0)[0].startswith("#") and not corpus.notes
