"""JSON lines, plain and CLUENER's: they read back as what was written, and what cannot be read names its line."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from written_corpus import TYPES, corpus_of, refused

from nerctl.data.bio import tags_of
from nerctl.data.corpus import Sentence
from nerctl.data.spans import Span
from nerctl.data.tags import Labels
from nerctl.errors import DataError
from nerctl.heads import make_head

CHARACTERS = st.characters(exclude_categories=["Cs"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data(), ascii_only=st.booleans(), bom=st.booleans(), line_end=st.sampled_from(["\n", "\r\n"]))
def test_both_json_layouts_read_back_the_same(tmp_path, data, ascii_only, bom, line_end):
    texts = data.draw(st.lists(st.text(CHARACTERS, max_size=8), max_size=4))
    plain, cluener, expected = [], [], []
    for line, text in enumerate(texts, 1):
        cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=5)))
        spans = [(a, b, data.draw(TYPES)) for a, b in zip(cuts, cuts[1:]) if data.draw(st.booleans())]
        plain.append(
            {"text": text, "entities": [{"start": a, "end": b, "type": kind} for a, b, kind in spans[::-1]]}
        )
        label: dict = {}
        for a, b, kind in spans:
            label.setdefault(kind, {}).setdefault(text[a:b], []).append([a, b - 1])
        cluener.append({"text": text, "label": label})
        if text:
            expected.append(Sentence(tuple(text), tuple(tags_of([Span(*span) for span in spans], len(text))), line))
    for objects in (plain, cluener):
        lines = [json.dumps(item, ensure_ascii=ascii_only) for item in objects]
        content = (line_end.join(lines) + line_end).encode()
        corpus = corpus_of(tmp_path, (b"\xef\xbb\xbf" if bom else b"") + content, "a.jsonl")
        assert list(corpus) == expected and corpus.scheme == "spans"


def entity(start, end, kind="X") -> dict:
    return {"start": start, "end": end, "type": kind}


def line_of(*entities, text="abc") -> bytes:
    return json.dumps({"text": text, "entities": list(entities)}).encode() + b"\n"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (line_of(entity(2, 4)), "1: X at 2 to 4 is empty or outside"),
        (line_of(entity(-1, 1)), "1: X at -1 to 1"),
        (line_of(entity(1, 1)), "1: X at 1 to 1 is empty"),
        (line_of(entity(True, 2)), "1: a span's start and end must be whole numbers"),
        (line_of(entity(0.5, 2)), "1: a span's start and end"),
        (line_of(entity(0, 2, "")), "1: a span's type"),
        (line_of(entity(0, 2, None)), "1: a span's type"),
        (line_of("x"), "1: entity 'x' is no object"),
        (line_of() + b'{"text": "a"}\n', '2: neither a list "entities" nor'),
        (b'{"text": 1, "entities": []}\n', "1: an object with a string"),
        (b"\n3\n", "2: an object with a string"),
        (b'{"text": "a", "entities": []}\n{"text"\n', "2: not JSON"),
        (b'{"text": "\\ud800", "entities": []}\n', "1: half a surrogate pair"),
        ('{"text": "北", "entities": []}\n'.encode("gbk"), "1: not UTF-8; as GBK"),
        (b'{"text": "abc", "label": {"X": {"ab": [[1, 2]]}}}\n', "1: the text at 1 to 2 is 'bc', not 'ab'"),
        (b'{"text": "abc", "label": {"X": {"ab": [[0]]}}}\n', "1: [0] of 'ab' is no pair"),
        (b'{"text": "abc", "label": {"X": {"ab": 3}}}\n', "1: 3 of 'ab' is no pair"),
        (b'{"text": "abc", "label": {"X": ["ab"]}}\n', '1: "label" of type'),
        (b'[{"text": "abc", "entities": []},\n {"text": "a", "entities"}]', "2: not JSON"),
        (b'[{"text": "abc", "entities": []}', "1: the array is not closed; the file is cut off"),
        (b'[{"text": "abc", "text": "", "entities": []}]', "1: the field 'text' stands twice"),
        (b'{\n  "text": "abc",\n  "entities": 3\n}', " this looks like JSON of no format"),
        (b"[" * 100_000, "1: not JSON"),
        (b'{"a":' * 100_000, "1: not JSON"),
    ],
)
def test_json_that_cannot_be_read_names_its_line_and_reason(tmp_path, content, says):
    assert refused(tmp_path, content, "a.json").startswith(says)


def test_json_lines_are_told_by_their_first_line_and_a_brace_token_is_no_json(tmp_path):
    assert corpus_of(tmp_path, b"\n" + line_of(entity(0, 1)), "train.txt").scheme == "spans"
    assert corpus_of(tmp_path, b"{ O\n} O\n").sentence(0).tokens == ("{", "}")


def test_positions_count_code_points_and_line_ends_are_tokens(tmp_path):
    text = "👍北\n京\u2028"
    corpus = corpus_of(
        tmp_path, json.dumps({"text": text, "entities": [entity(1, 2)]}).encode() + b"\n", "a.json"
    )
    assert corpus.sentence(0) == Sentence(tuple(text), ("O", "B-X", "O", "O", "O"), 1)
    assert [corpus.line_of(token) for token in range(5)] == [1] * 5


NESTED = line_of(entity(0, 1)) + line_of(entity(0, 3), entity(1, 3, "Y"), entity(1, 3, "Y"), entity(0, 3, "Z"), text="abcd")


def test_entities_that_overlap_are_all_read_and_tags_hold_the_outermost(tmp_path):
    corpus = corpus_of(tmp_path, NESTED, "a.jsonl")
    assert corpus.spans(0) == [Span(0, 1, "X")]
    assert corpus.spans(1) == [Span(0, 3, "X"), Span(0, 3, "Z"), Span(1, 3, "Y")]
    assert corpus.sentence(1).tags == ("B-X", "I-X", "I-X", "O")
    assert corpus.types == ["X", "Y", "Z"] and corpus.entity_counts() == {"X": 2, "Y": 1, "Z": 1}
    assert corpus.goes_on(1).tolist() == [False, True, True, False]


def test_entities_that_cross_are_read_too(tmp_path):
    corpus = corpus_of(tmp_path, line_of(entity(0, 2), entity(1, 3, "Y")), "a.jsonl")
    assert corpus.spans(0) == [Span(0, 2, "X"), Span(1, 3, "Y")]
    assert corpus.goes_on(0).tolist() == [False, True, True]


@pytest.mark.parametrize("head", ["bilstm-crf", "crf", "softmax"])
def test_a_head_of_tags_refuses_entities_that_overlap_with_a_count_and_an_example(tmp_path, head):
    corpus = corpus_of(tmp_path, NESTED, "a.jsonl")
    with pytest.raises(DataError, match=r"a\.jsonl:2: Z at 0 to 3 overlaps X at 0 to 3.* 1 of 2 sentences.*--head pointer"):
        make_head(head, Labels.of(corpus)).encode(corpus)
