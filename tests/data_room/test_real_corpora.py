"""Real corpora through every format that can be written, and back."""

from __future__ import annotations

from pathlib import Path

import pytest

from nerctl.data.corpus import source_of
from nerctl.data.formats.records import Records
from nerctl.data.formats.registry import FORMATS
from nerctl.workflows.convert import convert, writable
from nerctl.workflows.convert_options import Conversion

CORPORA = ("resume/train.char.bmes", "cluener/dev.json", "ChineseNER/example.dev")
LIBRARIES = {"parquet": "pyarrow", "docbin": "spacy"}


def plain(path: Path) -> list[tuple[str, list[tuple[int, int, str]]]]:
    return [(record.text, [span[:3] for span in record.spans]) for record in Records(source_of(path))]


@pytest.mark.slow
@pytest.mark.parametrize("corpus", CORPORA)
@pytest.mark.parametrize("name", writable())
def test_a_real_corpus_goes_through_every_format_and_comes_back_equal(shared, tmp_path, corpus, name):
    if name in LIBRARIES:
        pytest.importorskip(LIBRARIES[name])
    source = shared / "corpora" / corpus
    path = tmp_path / f"there{FORMATS[name].suffix}"
    assert not convert(Conversion(source, path, to_format=name)).changes.keys() - {"id left out"}
    assert source_of(path).format.name == name
    convert(Conversion(path, tmp_path / "back.jsonl"))
    assert plain(tmp_path / "back.jsonl") == plain(source)
