"""Manifests: read as written, and refused with a byte changed or any other content."""

from __future__ import annotations

from typing import Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nerctl.errors import NerctlError
from nerctl.transfer.manifest import Listed, Manifest, decode_manifest

LISTED = st.builds(
    Listed,
    st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="/"), min_size=1).filter(
        lambda name: name not in (".", "..")
    ),
    st.integers(0, 1 << 40),
    st.text("0123456789abcdef", min_size=64, max_size=64),
)


@given(st.lists(LISTED, max_size=3, unique_by=lambda listed: listed.name), st.one_of(st.none(), st.text("abc-1")))
def test_a_manifest_is_read_as_it_was_written(files: list[Listed], run_id: Optional[str]) -> None:
    manifest = Manifest(tuple(files), ("logs",), run_id, {"command": "nerctl train"})
    assert decode_manifest(manifest.encoded(), "here") == manifest


@given(st.data())
def test_a_manifest_with_one_byte_changed_is_refused(data: st.DataObject) -> None:
    content = bytearray(Manifest((Listed("a", 1, "0" * 64),), ("logs",), "run", {"device": {"backend": "cpu"}}).encoded())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(NerctlError):
        decode_manifest(bytes(content), "here")


@given(st.binary(max_size=300))
def test_a_manifest_of_any_content_is_refused_in_one_sentence(content: bytes) -> None:
    with pytest.raises(NerctlError):
        decode_manifest(content, "here")


def test_a_manifest_nested_without_end_is_refused_in_one_sentence() -> None:
    with pytest.raises(NerctlError, match="here: the manifest is damaged"):
        decode_manifest(b'{"a":' * 100_000, "here")
