from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st

from nerctl.serving import frames

ANY_TEXT = st.text(st.characters())  # lone surrogates, control characters and line breaks included


def normal(text: str) -> str:
    """JSON joins a high surrogate and the low one after it; nothing that came from JSON holds such a pair."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


@given(st.lists(ANY_TEXT.map(normal), min_size=1, max_size=20))
def test_texts_of_any_code_points_come_through_a_frame_unchanged(texts):
    stream = io.BytesIO(frames.pack_texts(texts) + b"next")
    assert frames.unpack_texts(frames.read(stream)) == texts
    assert stream.read() == b"next"


@given(st.lists(st.tuples(st.booleans(), ANY_TEXT), min_size=1, max_size=20))
def test_each_line_of_an_answer_keeps_its_kind_and_its_place(lines):
    packed = frames.pack(
        [frames.answer({"text": text}) if good else frames.failure(text) for good, text in lines]
    )
    body = frames.read(io.BytesIO(packed))
    assert "\\u" not in frames.pack_texts(["山水"]).decode("utf-8")
    body.decode("utf-8")
    read = frames.split_answer(body)
    assert [good for good, _ in read] == [good for good, _ in lines]
    for (good, value), (_, text) in zip(read, lines):
        assert good or normal(frames.reason(value)) == normal(text)


@given(st.integers(0, 30))
def test_a_frame_that_is_cut_short_reads_as_the_end(length):
    whole = frames.pack_texts(["山水", "abc", "x" * 30])
    assert frames.read(io.BytesIO(whole[:length])) is None
