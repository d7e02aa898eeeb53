"""nerctl predict for annotation tools: what they import, and what they exported as input."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from fake_tagger import FakeTagger
from hypothesis import given
from hypothesis import strategies as st

from nerctl.data.corpus import source_of
from nerctl.data.formats.record import Record
from nerctl.data.formats.records import Records
from nerctl.data.formats.registry import named
from nerctl.data.spans import Span
from nerctl.errors import DataError, NerctlError
from nerctl.inference import stream
from nerctl.inference.inputs import StreamOptions
from nerctl.inference.part_file import Done, PartFile
from nerctl.inference.stream import predict_file, predict_folder
from nerctl.inference.tagger import Entity, Result

TEXTS = ["\U0001f600王小明在厦门", "", " 在\n金门\t", "e\u0301北京"]


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A text a block; syncing costs nothing."""
    monkeypatch.setattr(stream, "BLOCK_CHARACTERS", 1)
    monkeypatch.setattr(stream, "SYNC_CHARACTERS", 1)
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def json_lines(path: Path, texts: list[str] = TEXTS, **extra: Any) -> Path:
    path.write_text("".join(json.dumps({"text": text, **extra}) + "\n" for text in texts), encoding="utf-8")
    return path


def predicted(source: Path, form: str, target: Path, input_format: str = "auto") -> Done:
    options = StreamOptions(input_format, form)
    if form == "brat":
        return predict_folder(FakeTagger(), str(source), target, options)
    return predict_file(FakeTagger(), str(source), PartFile(target, {}), options)


def records(path: Path) -> list[Record]:
    return list(Records(source_of(path)))


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("form", ["label-studio", "doccano", "brat"])
def test_what_is_written_is_read_again_with_the_same_spans_as_json_lines_have(form: str, tmp_path: Path) -> None:
    source = json_lines(tmp_path / "in.jsonl")
    predicted(source, "jsonl", tmp_path / "plain.jsonl")
    predicted(source, form, tmp_path / "out")
    plain, found = records(tmp_path / "plain.jsonl"), records(tmp_path / "out")
    assert [one.text for one in found] == TEXTS
    assert [[span.unscored for span in one.spans] for one in found] == [[s.unscored for s in one.spans] for one in plain]
    if form != "doccano":
        assert [span.score for one in found for span in one.spans] == [0.5] * 3


@pytest.mark.usefixtures("small_blocks")
def test_a_task_of_label_studio_has_a_prediction_with_model_version_and_scores(tmp_path: Path) -> None:
    source = json_lines(tmp_path / "in.jsonl", ["王小明", ""], id=7, author="a")
    done = predicted(source, "label-studio", tmp_path / "out.json")
    first, empty = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    region = {"id": "e1", "from_name": "label", "to_name": "text", "type": "labels", "score": 0.5,
              "value": {"start": 0, "end": 1, "text": "王", "labels": ["LOC"]}}  # fmt: skip
    assert first["data"] == {"id": 7, "author": "a", "text": "王小明"} and done.texts == 2
    assert first["predictions"] == [{"model_version": "nerctl-0", "score": 0.5, "result": [region]}]
    assert empty["predictions"] == [{"model_version": "nerctl-0", "result": []}]


def test_a_prediction_has_the_score_of_the_entity_that_the_model_is_least_sure_of(tmp_path: Path) -> None:
    class TwoFinder(FakeTagger):
        def tag(self, documents, told=None):
            return [Result(one.text, (Entity(0, 1, "A", "王", 0.9), Entity(1, 2, "B", "小", 0.25))) for one in documents]

    source = json_lines(tmp_path / "in.jsonl", ["王小明"])
    predict_file(TwoFinder(), str(source), PartFile(tmp_path / "out", {}), StreamOptions(output="label-studio"))
    [task] = json.loads((tmp_path / "out").read_text(encoding="utf-8"))
    assert task["predictions"][0]["score"] == 0.25


def test_a_line_for_doccano_keeps_scores_and_version_beside_the_labels(tmp_path: Path) -> None:
    predicted(json_lines(tmp_path / "in.jsonl", ["王小明"], id=7), "doccano", tmp_path / "out.jsonl")
    line = json.loads((tmp_path / "out.jsonl").read_text(encoding="utf-8"))
    assert line == {"id": 7, "text": "王小明", "label": [[0, 1, "LOC"]], "scores": [0.5], "model_version": "nerctl-0"}


def test_a_folder_of_brat_has_a_note_of_score_and_version_and_names_its_types(tmp_path: Path) -> None:
    predicted(json_lines(tmp_path / "in.jsonl", ["王小明"], id="a/b"), "brat", tmp_path / "out")
    annotations = (tmp_path / "out" / "a" / "b.ann").read_text(encoding="utf-8")
    assert annotations == "T1\tLOC 0 1\t王\n#1\tAnnotatorNotes T1\tscore 0.500000 nerctl-0\n"
    configuration = (tmp_path / "out" / "annotation.conf").read_text(encoding="utf-8")
    assert configuration.startswith("[entities]\nLOC\n\n[relations]\n<OVERLAP> ")
    assert configuration.endswith("\n\n[events]\n\n[attributes]\n")
    assert not (tmp_path / "out" / "visual.conf").exists()


def test_a_type_that_brat_cannot_name_has_its_name_in_visual_conf_and_comes_back(tmp_path: Path) -> None:
    writer = named("brat").writer(tmp_path / "out")
    kinds = ["人名", "LOC", "Type1", "a.b", "Type12x"]
    writer.add(Record(1, "王小明在厦门", [Span(place, place + 1, kind) for place, kind in enumerate(kinds)]))
    writer.close()
    assert (tmp_path / "out" / "annotation.conf").read_text().split("\n\n")[0].split("\n")[1:] == [
        "LOC", "Type1", "Type12x", "Type3", "Type4"
    ]  # fmt: skip
    [found] = records(tmp_path / "out")
    assert [span.type for span in found.spans] == kinds


def test_another_note_of_brat_is_no_score(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("王小明", encoding="utf-8")
    notes = ["score 0.9", "AnnotatorNotes T1\tscore 1.0.1", "AnnotatorNotes T9\tscore 0.5", "AnnotatorNotes T1\tsure"]
    content = "T1\tPER 0 3\t王小明\n" + "".join(f"#{number}\t{note}\n" for number, note in enumerate(notes))
    (tmp_path / "a.ann").write_text(content, encoding="utf-8")
    found = Records(source_of(tmp_path))
    assert [one.spans for one in found] == [[Span(0, 3, "PER")]] and found.lost == {"note": 4}


@given(scores=st.lists(st.floats(0, 1), min_size=1, max_size=4))
def test_scores_of_brat_come_back(scores: list[float], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("brat") / "out"
    spans = [Span(place, place + 1, "PER", score) for place, score in enumerate(scores)]
    writer = named("brat").writer(folder)
    writer.add(Record(1, "王" * len(scores), spans))
    writer.close()
    [found] = records(folder)
    assert [span.score for span in found.spans] == pytest.approx(scores, abs=1e-6)


def test_a_lone_surrogate_is_written_to_brat_as_one_character(tmp_path: Path) -> None:
    predicted(json_lines(tmp_path / "in.jsonl", ["王\ud800明"]), "brat", tmp_path / "out")
    assert (tmp_path / "out" / "000001.txt").read_text(encoding="utf-8") == "王?明"


@pytest.mark.usefixtures("small_blocks")
def test_an_array_of_tasks_is_the_same_after_a_stop_at_each_moment(tmp_path: Path) -> None:
    source = json_lines(tmp_path / "in.jsonl")
    options = StreamOptions(output="label-studio")
    predict_file(FakeTagger(), str(source), PartFile(tmp_path / "whole", {}), options)
    whole = (tmp_path / "whole").read_bytes()

    for moment in range(1, 12):
        target = tmp_path / f"out-{moment}"
        try:
            predict_file(FakeTagger(), str(source), Stopping(target, moment), options)
        except Stopped:
            resume = PartFile(target, {}).kept() is not None
            predict_file(FakeTagger(), str(source), PartFile(target, {}), options, resume)
        assert target.read_bytes() == whole, moment


class Stopped(Exception):
    """What a run is stopped with."""


class Stopping(PartFile):
    """Stops before a block is written (odd moments), or once it is on disk (even ones)."""

    def __init__(self, target: Path, moment: int) -> None:
        super().__init__(target, {})
        self.left = moment

    def append(self, output: bytes, done: Done) -> None:
        self._pass()
        super().append(output, done)
        self.sync()
        self._pass()

    def _pass(self) -> None:
        self.left -= 1
        if not self.left:
            raise Stopped


def test_an_input_without_a_text_gives_an_empty_array(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_bytes(b"")
    predicted(tmp_path / "in.txt", "label-studio", tmp_path / "out")
    assert json.loads((tmp_path / "out").read_bytes()) == []


# --- what annotation tools wrote, as input ---


TASKS = [{"id": 3, "data": {"text": "王小明在厦门", "source": "a"}}, {"id": 4, "data": {"text": "在金门"}}]


def written(path: Path, form: str) -> Path:
    texts = [Record(1, "王小明", [Span(0, 3, "PER")], key="k1"), Record(2, "在 abc", key="k2", extra={"n": 1})]
    if form in ("tokens", "conllu", "paddle", "pairs"):
        places = [[(0, 1), (1, 2), (2, 3)], [(0, 1), (1, 2), (2, 5)]]
        texts = [one._replace(tokens=where) for one, where in zip(texts, places)]
    place = path / f"in{named(form).suffix}"
    writer = named(form).writer(place)
    for one in texts:
        writer.add(one)
    writer.close()
    return place


@pytest.mark.parametrize("form", ["label-studio", "label-studio-min", "cmeee", "brat", "ccks", "spacy", "uie", "tokens"])
def test_the_texts_of_a_corpus_are_tagged_without_its_own_entities(form: str, tmp_path: Path) -> None:
    source = written(tmp_path, form)
    heard: list[str] = []

    class Heard(stream.Listener):
        def recognised(self, form: str) -> None:
            heard.append(form)

    part = PartFile(tmp_path / "out", {})
    predict_file(FakeTagger(), str(source), part, StreamOptions(), listener=Heard())
    lines = [json.loads(line) for line in (tmp_path / "out").read_text(encoding="utf-8").splitlines()]
    assert heard == [form] and [one["text"] for one in lines] == ["王小明", "在 abc"]
    assert [one["entities"][0]["type"] for one in lines] == ["LOC", "LOC"]
    if named(form).keys:
        assert [one["id"] for one in lines] == ["k1", "k2"]


def test_tasks_without_annotations_are_recognised_and_keep_their_ids_and_fields(tmp_path: Path) -> None:
    (tmp_path / "in.json").write_text(json.dumps(TASKS), encoding="utf-8")
    predicted(tmp_path / "in.json", "label-studio", tmp_path / "out.json")
    found = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert [one["data"] for one in found] == [{"id": one["id"], **one["data"]} for one in TASKS]


def test_lines_of_json_with_the_text_in_the_field_stay_lines_of_json(tmp_path: Path) -> None:
    source = json_lines(tmp_path / "in.jsonl", ["王小明"], label=[[0, 3, "PER"]], id=1)
    predicted(source, "jsonl", tmp_path / "out")
    line = json.loads((tmp_path / "out").read_text(encoding="utf-8"))
    assert line["label"] == [[0, 3, "PER"]]


@pytest.mark.usefixtures("small_blocks")
def test_a_corpus_is_gone_on_with_after_its_last_text(tmp_path: Path) -> None:
    source = tmp_path / "in.json"
    source.write_text(json.dumps([{"data": {"text": text}} for text in TEXTS]), encoding="utf-8")
    whole, part = tmp_path / "whole", tmp_path / "part"
    predict_file(FakeTagger(), str(source), PartFile(whole, {}), StreamOptions())
    asked = 0

    def before() -> None:
        nonlocal asked
        asked += 1
        if asked == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predict_file(FakeTagger(before=before), str(source), PartFile(part, {}), StreamOptions())
    assert 0 < PartFile(part, {}).kept().texts < len(TEXTS)
    predict_file(FakeTagger(), str(source), PartFile(part, {}), StreamOptions(), resume=True)
    assert part.read_bytes() == whole.read_bytes()


def test_a_bad_record_of_a_corpus_stops_the_run_at_its_line_or_is_left_out(tmp_path: Path) -> None:
    source = tmp_path / "in.json"
    source.write_text('[{"data": {"text": "王"}},\n{"data": 3},\n{"data": {"text": "李"}}]', encoding="utf-8")
    with pytest.raises(DataError, match=r'in\.json:2: a task with "data" is wanted; correct the line'):
        predicted(source, "jsonl", tmp_path / "out")
    part = PartFile(tmp_path / "out2", {})
    done = predict_file(FakeTagger(), str(source), part, StreamOptions(skip_bad=True))
    assert (done.texts, done.skipped) == (2, 1)


def test_a_folder_of_brat_is_made_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text('{"text": "王"}\nnot json\n', encoding="utf-8")
    with pytest.raises(DataError, match=r"in\.jsonl:2: not JSON"):
        predicted(source, "brat", tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl"]
    (tmp_path / "out").mkdir()
    with pytest.raises(NerctlError, match="out: is in the way"):
        predicted(source, "brat", tmp_path / "out")


def test_a_format_of_a_file_is_refused_for_a_pipe_and_an_unknown_one_named() -> None:
    with pytest.raises(NerctlError, match="--input-format label-studio: is read from a file, not from a pipe"):
        predict_file(FakeTagger(), "-", PartFile(Path("nowhere"), {}), StreamOptions("label-studio"))
    with pytest.raises(DataError, match="label-studi: no format of that name; did you mean label-studio"):
        StreamOptions("label-studi")


def test_a_field_that_the_answer_replaces_is_told(tmp_path: Path) -> None:
    heard: list[tuple[int, str]] = []

    class Heard(stream.Listener):
        def replaced(self, line: int, field: str) -> None:
            heard.append((line, field))

    source = json_lines(tmp_path / "in.jsonl", ["王", "李"], label=[[0, 1, "PER"]])
    part = PartFile(tmp_path / "out", {})
    predict_file(FakeTagger(), str(source), part, StreamOptions(output="doccano"), listener=Heard())
    assert heard == [(1, "label")]


def test_the_version_of_a_model_tells_its_weights_apart() -> None:
    from nerctl.folder import ModelFolder, Weights

    def version(folder: str = "c/1", digest: str = "1") -> str:
        return ModelFolder(Path(), "tensorflow", {"labels.json": "x"}, None, Weights(1, folder, {"a": digest})).version

    assert version() == version(folder="c/2") != version(digest="2")
    assert version().startswith("nerctl-") and len(version()) == 19
