"""Nested entities from a corpus to every place where a model is used."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

import nerctl
from nerctl.data.corpus import read_corpus
from nerctl.data.sample import write_encoder
from nerctl.errors import NerctlError
from nerctl.inference.tagger import Tagger
from nerctl.workflows.export import ExportOptions, export_model

TEXT = "他在北京大学工作。看见广州很好，"
WANTED = [(2, 6, "ORG"), (2, 4, "LOC"), (11, 13, "LOC")]


def nested_line(draw: random.Random) -> str:
    """A sentence in which a city may stand in the name of what is there."""
    text, entities = "", []
    for _ in range(draw.randint(1, 2)):
        text += draw.choice(["他在", "我去", "看见"])
        start = len(text)
        text += draw.choice(["北京", "上海", "南京", "广州"])
        entities.append({"start": start, "end": start + 2, "type": "LOC"})
        if draw.random() < 0.6:
            text += draw.choice(["大学", "医院", "银行"])
            entities.append({"start": start, "end": start + 4, "type": "ORG"})
        text += draw.choice(["工作。", "很好，", "开会。"])
    return json.dumps({"text": text, "entities": entities}, ensure_ascii=False)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nested")
    draw = random.Random(1)
    for split, count in (("train", 400), ("dev", 40), ("test", 60)):
        lines = [nested_line(draw) for _ in range(count)]
        (folder / f"{split}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    write_encoder(folder / "model", (sentence.tokens for sentence in read_corpus(folder / "train.jsonl")))
    return folder


def trained(place: Path, head: str, **options: object) -> nerctl.api.TrainResult:
    return nerctl.train(
        data_dir=place, bert_dir=place / "model", output_dir=place / head, device="cpu", from_scratch=True, head=head,
        epochs=6, test=True, lstm_size=32, overwrite=True, **options,
    )  # fmt: skip


@pytest.fixture(scope="module")
def run(place: Path) -> Path:
    made = trained(place, "pointer")
    assert made.test is not None and made.test.f1 == 1.0
    return made.folder


def found(tagger: Tagger, text: str = TEXT) -> list[tuple[int, int, str]]:
    return [(one.start, one.end, one.type) for one in tagger(text)]


def test_a_nested_toy_corpus_is_learnt_whole_without_an_lstm(run: Path) -> None:
    assert found(Tagger.load(run, device="cpu")) == WANTED
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    assert report["analysis"]["scores"]["f1"] == 1.0 and report["analysis"]["kinds"]["missed"] == 0


def test_and_with_one(place: Path) -> None:
    made = trained(place, "bilstm-pointer")
    assert made.test is not None and made.test.f1 == 1.0


def test_fixed_shapes_learn_it_too(place: Path) -> None:
    made = nerctl.train(
        data_dir=place, bert_dir=place / "model", output_dir=place / "fixed", device="cpu", from_scratch=True,
        head="pointer", epochs=6, test=True, batch_shape="fixed", max_seq_length=32,
    )  # fmt: skip
    assert made.test is not None and made.test.f1 == 1.0


@pytest.mark.current_stack
@pytest.mark.parametrize("int8", [False, True])
def test_an_export_finds_the_same(run: Path, tmp_path: Path, int8: bool) -> None:
    pytest.importorskip("onnxruntime")
    result = export_model(run, tmp_path / "export", ExportOptions(int8=int8))
    assert result.comparison.difference < (1 if int8 else 1e-3)
    assert found(Tagger.load(tmp_path / "export")) == WANTED


def test_a_saved_model_is_refused_with_the_way_on(run: Path, tmp_path: Path) -> None:
    with pytest.raises(NerctlError, match="--format onnx takes it"):
        export_model(run, tmp_path / "export", ExportOptions("saved-model"))
    assert not list(tmp_path.iterdir())


def test_lexicon_and_block_hold(run: Path, tmp_path: Path) -> None:
    (tmp_path / "lexicon.txt").write_text("学工\tORG\n他\tLOC\n", encoding="utf-8")
    (tmp_path / "block.txt").write_text("北京\n", encoding="utf-8")
    tagger = Tagger.load(run, device="cpu", lexicon=tmp_path / "lexicon.txt", block=tmp_path / "block.txt")
    # 学工 crosses 北京大学, which gives way; 北京 is blocked.
    assert found(tagger) == [(0, 1, "LOC"), (5, 7, "ORG"), (11, 13, "LOC")]


def test_a_model_of_a_flat_corpus_finds_nothing_that_overlaps(place: Path, tmp_path: Path) -> None:
    flat = tmp_path / "flat"
    flat.mkdir()
    for split in ("train", "dev"):
        lines = []
        for line in (place / f"{split}.jsonl").read_text(encoding="utf-8").splitlines():
            value = json.loads(line)
            outer = [one for one in value["entities"] if one["type"] == "ORG"]
            starts = {one["start"] for one in outer}
            value["entities"] = outer + [one for one in value["entities"] if one["start"] not in starts]
            lines.append(json.dumps(value, ensure_ascii=False))
        (flat / f"{split}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    made = nerctl.train(
        data_dir=flat, bert_dir=place / "model", output_dir=tmp_path / "run", device="cpu", from_scratch=True,
        head="pointer", epochs=5,
    )  # fmt: skip
    assert made.dev_f1 == 1.0
    assert found(made.tagger(device="cpu")) == [(2, 6, "ORG"), (11, 13, "LOC")]


def test_columns_hold_the_outermost_and_inline_shows_both(run: Path) -> None:
    from nerctl.data.text_splitter import TextSplitter
    from nerctl.inference.answers import Answers
    from nerctl.inference.documents import Document
    from nerctl.inference.html import result_html
    from nerctl.inference.records import Record

    result = Tagger.load(run, device="cpu")("他在北京大学工作。")
    record = Record(1, 1, 0, Document.split(result.text, TextSplitter()))
    assert Answers("conll").of(record, result).decode().split()[1::2] == ["O", "O", "B-ORG", *["I-ORG"] * 3, "O", "O", "O"]
    assert Answers("inline").of(record, result).decode() == "他在[[北京](LOC)大学](ORG)工作。\n"
    assert result_html(result).count("<mark") == 2
