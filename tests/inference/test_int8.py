"""int8 exports: a text's emissions are its own, and another kind of processor is noticed."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
from tiny_model import TYPES, write_corpus

from nerctl.backends.processor import processor_features, processor_name
from nerctl.data.sentence_windows import SentenceWindows
from nerctl.errors import ModelError
from nerctl.files import sha256_of
from nerctl.folder import ModelFolder
from nerctl.inference.emissions import emissions_of
from nerctl.inference.loading import load_model
from nerctl.inference.onnx_int8 import LARGEST_INPUT, LARGEST_WEIGHT
from nerctl.inference.sample_check import FILE
from nerctl.workflows.export import ExportOptions, export_model

OTHER = ["x86_64", "sse1"]
"""A kind of processor on which these tests do not run."""


@pytest.fixture(scope="module")
def int8_folder(model_folder: Path, onnx_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("int8") / "export"
    export_model(model_folder, folder, ExportOptions(int8=True))
    return folder


def altered(folder: Path, target: Path, **changes: object) -> Path:
    """A copy of an export whose sample file holds other values, with the right checksum."""
    shutil.copytree(folder, target)
    pointer = ModelFolder.open(target)
    file = target / pointer.last.folder / FILE
    content = {**json.loads(file.read_text("utf-8")), **changes}
    file.write_text(json.dumps({name: value for name, value in content.items() if value is not None}), encoding="utf-8")
    dict.update(pointer.last.files, {FILE: sha256_of(file)})
    pointer.write()
    return target


def sample_of(folder: Path) -> dict:
    return json.loads((folder / "weights" / FILE).read_text("utf-8"))


def test_a_text_has_the_same_emissions_alone_and_in_any_batch(int8_folder: Path, tmp_path: Path) -> None:
    model = load_model(int8_folder, threads=1)
    encoder = SentenceWindows(write_corpus(tmp_path / "c.txt", [3, 40, 1, 12, 25, 7, 70, 12]), model.tokenizer, 32)
    windows = [encoder.rows(index) for index in range(8)]
    together = emissions_of(model.engine, windows, encoder.pad)
    for rows, scores in zip(windows, together):
        np.testing.assert_allclose(emissions_of(model.engine, [rows], encoder.pad)[0], scores, atol=1e-4)


def test_two_products_of_eight_bits_fit_sixteen_on_any_processor() -> None:
    # Without VNNI, instructions add two such products in 16 bits and cut off what is more.
    assert 2 * (128 + LARGEST_INPUT) * LARGEST_WEIGHT < 1 << 15


def test_an_int8_export_keeps_its_sample_texts_and_the_processor(int8_folder: Path, onnx_folder: Path) -> None:
    sample = sample_of(int8_folder)
    assert sample["processor"] == processor_features() and processor_name()
    assert len(sample["texts"]) == len(sample["entities"]) > 20
    assert sum(map(len, sample["texts"])) > 500 and sum(map(len, sample["entities"])) > 50
    assert not list(onnx_folder.rglob(FILE))


def test_on_the_same_kind_of_processor_nothing_is_tagged_again(
    int8_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    load_model(altered(int8_folder, tmp_path / "copy", entities=[[] for _ in sample_of(int8_folder)["entities"]]))
    assert not caplog.records


def test_on_another_kind_the_same_tags_are_no_news(
    int8_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    load_model(altered(int8_folder, tmp_path / "copy", processor=OTHER), max_seq_length=16)
    assert not caplog.records


def test_on_another_kind_other_tags_are_told_with_both_processors(
    int8_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sample = sample_of(int8_folder)
    entities = sample["entities"]
    some = [index for index, spans in enumerate(entities) if spans][:2]
    others = sum(end - start for start, end, _ in (entities[index].pop() for index in some))
    with caplog.at_level(logging.WARNING):
        load_model(altered(int8_folder, tmp_path / "copy", processor=OTHER, entities=entities))
    (record,) = caplog.records
    total = sum(map(len, sample["texts"]))
    assert f"{others} of {total:,} tags, in 2 of {len(entities)} sample texts, are others" in record.message
    assert "(x86_64 sse1)" in record.message and " ".join(processor_features()) in record.message


def test_a_sample_with_tag_ids_of_an_earlier_version_is_compared_too(
    int8_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sample = sample_of(int8_folder)
    kinds = {name: place for place, name in enumerate(TYPES)}
    tags = [[0] * len(text) for text in sample["texts"]]
    for ids, spans in zip(tags, sample["entities"]):
        for start, end, name in spans:
            ids[start:end] = [2 * kinds[name] + 1] + [2 * kinds[name] + 2] * (end - start - 1)
    folder = altered(int8_folder, tmp_path / "copy", processor=OTHER, tags=tags, entities=None)
    assert "entities" not in sample_of(folder)
    load_model(folder)
    assert not caplog.records
    tags[0] = [1 - min(tag, 1) for tag in tags[0]]
    load_model(altered(int8_folder, tmp_path / "other", processor=OTHER, tags=tags, entities=None))
    assert len(caplog.records) == 1


def test_a_damaged_sample_is_named(int8_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=rf"{FILE}: damaged"):
        load_model(altered(int8_folder, tmp_path / "copy", processor=[], texts=3))
