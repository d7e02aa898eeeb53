from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nerctl.serving.payload import Payload, Refusal, parse

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["text", "texts", "more"]), inner),
)


def refusal(body: bytes, max_chars: int = 10, max_texts: int = 3) -> Refusal:
    with pytest.raises(Refusal) as caught:
        parse(body, max_chars, max_texts)
    return caught.value


@given(JSON_VALUES)
def test_any_json_is_a_request_or_is_refused_by_name(value):
    try:
        payload = parse(json.dumps(value).encode(), 10, 3)
    except Refusal as error:
        assert error.status in (413, 422)
        assert error.field is not None
    else:
        assert list(value) == (["text"] if payload.single else ["texts"])
        assert all(len(text) <= 10 for text in payload.texts)


@given(st.binary())
def test_any_bytes_are_a_request_or_are_refused(body):
    try:
        parse(body, 10, 3)
    except Refusal as error:
        assert error.status in (413, 422)


@given(st.text(st.characters(blacklist_categories=["Cs"]), max_size=10))
def test_a_text_arrives_as_it_was_sent_escaped_or_not(text):
    for ascii_only in (True, False):
        body = json.dumps({"text": text}, ensure_ascii=ascii_only).encode("utf-8")
        assert parse(body, 10, 3) == Payload([text], single=True)


def test_a_byte_order_mark_is_no_part_of_the_body():
    assert parse(b"\xef\xbb\xbf" + b'{"text": "a"}', 10, 3).texts == ["a"]


def test_a_lone_surrogate_is_one_code_point():
    assert parse(rb'{"text": "a\ud83d"}', 2, 1).texts == ["a\ud83d"]


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (b"", 422, ""),
        (b"{", 422, ""),
        (b"\xff", 422, ""),
        (b"[]", 422, ""),
        (b"{}", 422, "text"),
        (b'{"text": null}', 422, "text"),
        (b'{"text": ["a"]}', 422, "text"),
        (b'{"texts": "a"}', 422, "texts"),
        (b'{"texts": ["a", 1]}', 422, "texts[1]"),
        (b'{"text": "a", "texts": []}', 422, "texts"),
        (b'{"text": "a", "language": "zh"}', 422, "language"),
        (b'{"text": "a", "text": "b"}', 422, "text"),
        (b'{"texts": [], "text": "a", "texts": ["b"]}', 422, "texts"),
        (b'{"text": "12345678901"}', 413, "text"),
        (b'{"texts": ["a", "12345678901"]}', 413, "texts[1]"),
        (b'{"texts": ["a", "b", "c", "d"]}', 413, "texts"),
    ],
)
def test_a_refusal_names_the_field(body, status, field):
    error = refusal(body)
    assert (error.status, error.field) == (status, field)
    assert error.message.endswith(".")


def test_deep_nesting_and_endless_numbers_are_refused():
    assert refusal(b"[" * 200_000).status == 422
    assert refusal(b'{"text":' + b"9" * 2_000_000 + b"}").field == "text"


def test_a_long_field_name_is_not_repeated_whole():
    assert len(refusal(json.dumps({"x" * 5000: 1}).encode()).field) == 64
