from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from nerctl.data.json_text import COMPACT, escaped, json_bytes

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(st.characters()), inner, max_size=5),
    max_leaves=10,
)


@given(VALUES)
def test_any_value_is_the_same_written_as_it_is_and_in_escapes(value):
    written = json_bytes(value)
    plain = json.loads(json.dumps(value))  # joins halves of a surrogate pair, as every reader does
    assert json.loads(written.decode("utf-8")) == plain
    assert b"\n" not in written
    assert escaped(written).isascii()
    assert json.loads(escaped(written)) == plain
    assert escaped(escaped(written)) == escaped(written)


def test_chinese_stays_as_it_is_beside_a_lone_surrogate():
    assert json_bytes({"text": "厦门\ud83d𠀀"}, COMPACT) == '{"text":"厦门\\ud83d𠀀"}'.encode()
    assert escaped('{"text":"门𠀀\\ud83d"}'.encode()) == rb'{"text":"\u95e8\ud840\udc00\ud83d"}'
