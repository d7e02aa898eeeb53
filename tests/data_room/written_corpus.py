"""Corpora that a test writes down byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import strategies as st

from nerctl.data.corpus import Corpus, read_corpus
from nerctl.errors import DataError

TYPES = st.sampled_from(["LOC", "A-B", "人"])


def corpus_of(tmp_path: Path, content: bytes, name: str = "a.txt") -> Corpus:
    path = tmp_path / name
    path.write_bytes(content)
    return read_corpus(path)


def refused(tmp_path: Path, content: bytes, name: str = "a.txt") -> str:
    with pytest.raises(DataError) as caught:
        corpus_of(tmp_path, content, name)
    message = str(caught.value)
    assert message.startswith(str(tmp_path / name) + ":") and "\n" not in message
    return message[len(str(tmp_path / name)) + 1 :]
