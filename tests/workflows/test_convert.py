"""nerctl convert: splits are true to their shares, sentences go together again, and what is lost is counted."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from nerctl.cli import app
from nerctl.data.corpus import source_of
from nerctl.data.formats.record import Record
from nerctl.data.formats.records import Records
from nerctl.data.formats.registry import FORMATS
from nerctl.data.spans import Span, innermost
from nerctl.errors import DataError, NerctlError
from nerctl.workflows.convert import convert, cut
from nerctl.workflows.convert_options import Conversion


def write_lines(path: Path, *values: dict) -> Path:
    path.write_text("".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values), encoding="utf-8")
    return path


def entity(start: int, end: int, kind: str = "PER") -> dict:
    return {"start": start, "end": end, "type": kind}


def read(path: Path) -> list[Record]:
    return list(Records(source_of(path)))


def plain(records: list[Record]) -> list[tuple[str, list[tuple[int, int, str]]]]:
    return [(record.text, [span[:3] for span in record.spans]) for record in records]


@pytest.fixture
def many(tmp_path: Path) -> Path:
    values = [{"id": n, "document": f"d{n // 3}", "text": f"王明{n}", "entities": [entity(0, 2)]} for n in range(30)]
    return write_lines(tmp_path / "all.jsonl", *values)


def test_a_split_is_true_to_its_shares_keeps_the_order_and_depends_on_the_seed(many, tmp_path):
    done = convert(Conversion(many, tmp_path / "a", to_format="jsonl", shares=(0.8, 0.1, 0.1)))
    assert list(done.files.values()) == [24, 3, 3]
    parts = [[record.key for record in read(Path(name))] for name in done.files]
    assert sorted(key for part in parts for key in part) == list(range(30)) and all(part == sorted(part) for part in parts)
    for seed, same in ((1, True), (2, False)):
        convert(Conversion(many, tmp_path / f"b{seed}", to_format="jsonl", shares=(0.8, 0.1, 0.1), seed=seed))
        assert ([record.key for record in read(tmp_path / f"b{seed}" / "test.jsonl")] == parts[2]) == same


@pytest.mark.parametrize("seed", range(5))
def test_no_document_is_in_two_splits(many, tmp_path, seed):
    wanted = Conversion(many, tmp_path / "a", to_format="jsonl", shares=(0.5, 0.5), seed=seed, by="document")
    train, dev = (read(Path(name)) for name in convert(wanted).files)
    assert not {record.document for record in train} & {record.document for record in dev} and len(train) == len(dev)


def test_types_are_named_otherwise_and_dropped_and_both_are_counted(tmp_path):
    value = {"text": "王明在北京", "entities": [entity(0, 2, "nr"), entity(3, 5, "ns"), entity(0, 2, "PER")]}
    source = write_lines(tmp_path / "a.jsonl", value)
    done = convert(Conversion(source, tmp_path / "b.txt", renamed={"nr": "PER"}, dropped=frozenset({"ns"})))
    assert plain(read(tmp_path / "b.txt")) == [("王明在北京", [(0, 2, "PER")])] and done.entities == 1
    assert done.changes == {"entity of type nr named PER (--map)": 1, "entity of type ns left out (--drop)": 1}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(text=st.text(st.sampled_from("王明。！\n”？ 👍"), min_size=1, max_size=20), data=st.data())
def test_sentences_hold_whole_entities_and_go_together_again_at_their_offsets(tmp_path, text, data):
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=6)))
    spans = [entity(a, b) for a, b in zip(cuts, cuts[1:]) if data.draw(st.booleans())]
    other = {"id": "y", "text": "王", "entities": []}
    source = write_lines(tmp_path / "a.jsonl", {"id": "x", "text": text, "entities": spans}, other)
    convert(Conversion(source, tmp_path / "b.jsonl", sentences=True))
    pieces = read(tmp_path / "b.jsonl")
    assert sum(len(record.spans) for record in pieces) == len(spans)
    for record in pieces[:-1]:
        for span in record.spans:
            place = record.begin + span.start
            assert {"start": place, "end": record.begin + span.end, "type": "PER"} in spans
    convert(Conversion(tmp_path / "b.jsonl", tmp_path / "c.jsonl", join=True))
    assert plain(read(tmp_path / "c.jsonl")) == plain(read(source))


def test_sentences_are_cut_behind_closing_quotes_and_not_within_entities():
    record = Record(1, "他说：“好。”走了。叫“嗨！王”的人。\n完", [Span(12, 15, "PER")])
    assert record.text[12:15] == "嗨！王"
    assert [piece.text for piece in cut(record, Counter())] == ["他说：“好。”", "走了。", "叫“嗨！王”的人。\n", "完"]


def test_a_sentence_that_is_missing_is_named_when_a_document_is_put_together(tmp_path):
    values = [{"document": "d", "begin": begin, "text": "王明。", "entities": []} for begin in (0, 6)]
    with pytest.raises(DataError, match=r"a\.jsonl:2: this sentence of document d begins at 6, and the one at 3 is missing"):
        convert(Conversion(write_lines(tmp_path / "a.jsonl", *values), tmp_path / "b.jsonl", join=True))
    assert not (tmp_path / "b.jsonl").exists()


NESTED = {"id": 1, "text": "北京大学", "entities": [entity(0, 4, "ORG"), entity(0, 2, "LOC")], "source": "x"}


@pytest.mark.parametrize(
    ("nested", "kept"), [(None, ["ORG"]), ("outermost", ["ORG"]), ("innermost", ["LOC"]), ("keep", None), ("refuse", None)]
)
def test_what_becomes_of_nested_entities_in_columns_is_as_was_asked_and_counted(tmp_path, nested, kept):
    wanted = Conversion(write_lines(tmp_path / "a.jsonl", NESTED), tmp_path / "b.txt", nested=nested)
    if kept is None:
        with pytest.raises(DataError, match=r"a\.jsonl:1: LOC at 0 to 2 overlaps another entity"):
            convert(wanted)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jsonl"]
        return
    changes = convert(wanted).changes
    assert [span.type for span in read(tmp_path / "b.txt")[0].spans] == kept
    assert changes["id left out"] == changes["field source left out"] == 1
    assert sum(count for what, count in changes.items() if "overlaps another left out" in what) == 1


def test_innermost_keeps_the_shortest_and_what_does_not_touch_it():
    spans = [Span(0, 9, "A"), Span(0, 3, "B"), Span(2, 4, "C"), Span(5, 9, "D")]
    assert innermost(spans) == [Span(2, 4, "C"), Span(5, 9, "D")]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"target": "b.json"}, "its name tells no format"),
        ({"to_format": "words"}, "is only read"),
        ({"to_format": "docano"}, "did you mean doccano"),
        ({"shares": (0.5, 0.6)}, "two or three shares"),
        ({"shares": (0.4, 0.3, 0.3)}, "2 texts for 3 splits"),
        ({"shares": (0.5, 0.5), "by": "document"}, "no document is named"),
        ({"target": "a.jsonl"}, "is the corpus itself"),
        ({"sentences": True, "join": True}, "undo each other"),
        ({"by": "document"}, "goes with --split"),
        ({"renamed": {"PER": "X"}, "dropped": frozenset({"PER"})}, "--drop PER and --map PER=X: give one of them"),
        ({"from_format": "brat"}, "name that folder, or an .ann file"),
        ({"target": "."}, "is there already"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_writes_nothing(tmp_path, changed, says):
    source = write_lines(tmp_path / "a.jsonl", {"text": "王", "entities": []}, {"text": "明", "entities": []})
    before = source.read_bytes()
    told = {"target": "out", "to_format": "" if changed.get("target", ".") != "." else "jsonl", **changed}
    with pytest.raises(NerctlError, match=says):
        convert(Conversion(source, tmp_path / told.pop("target"), **told))
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"] and source.read_bytes() == before


def test_a_run_that_fails_on_the_way_leaves_no_folder_and_no_file(tmp_path):
    bad = {"text": "王", "entities": [entity(0, 2)]}
    source = write_lines(tmp_path / "a.jsonl", {"text": "王明", "entities": []}, bad)
    for wanted in (Conversion(source, tmp_path / "x" / "y" / "b.txt"), Conversion(source, tmp_path / "b", to_format="brat")):
        with pytest.raises(DataError, match=r"a\.jsonl:2: PER at 0 to 2"):
            convert(wanted)
        assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]


@pytest.mark.parametrize("to_format", ["jsonl", "brat"])
def test_what_a_killed_run_left_is_removed_by_the_next_and_nothing_of_one_that_runs(tmp_path, to_format):
    source = write_lines(tmp_path / "a.jsonl", {"text": "王明", "entities": []})
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    mine, left = (tmp_path / f".b.{process}.tmp" for process in (os.getppid(), gone.pid))
    for path in (mine, left):
        if to_format == "brat":
            path.mkdir()
        else:
            path.touch()
    convert(Conversion(source, tmp_path / "b", to_format=to_format))
    assert mine.exists() and not left.exists()


def test_a_type_that_no_entity_has_is_said(tmp_path):
    source = write_lines(tmp_path / "a.jsonl", {"text": "王明", "entities": [entity(0, 2)]})
    done = convert(Conversion(source, tmp_path / "b.jsonl", renamed={"PERS": "PER"}, dropped=frozenset({"LOC", "PER"})))
    assert [note.partition(": ")[2] for note in done.notes] == [
        f"no entity of type {kind}, which --map or --drop names" for kind in ("PERS", "LOC")
    ]


def test_other_fields_that_the_format_needs_for_itself_are_counted_as_left_out(tmp_path):
    source = write_lines(tmp_path / "a.jsonl", {"text": "王明", "entities": [], "label": "news", "source": "x"})
    assert convert(Conversion(source, tmp_path / "b.jsonl", to_format="doccano")).changes == {"field label left out": 1}
    assert json.loads((tmp_path / "b.jsonl").read_text())["source"] == "x"


def test_help_names_every_format():
    text = CliRunner().invoke(app, ["convert", "--help"]).output
    assert not set(FORMATS) - set(re.findall(r"[\w-]+", text))


def test_the_command_tells_what_was_read_written_and_lost(tmp_path):
    source = write_lines(tmp_path / "a.jsonl", NESTED)
    result = CliRunner().invoke(app, ["convert", str(source), str(tmp_path / "b.txt")], env={"COLUMNS": "80"})
    assert result.exit_code == 0
    assert "b.txt: 1 text\n" in result.output and "1 x id left out" in result.output
    assert "1 x entity that overlaps another left out (--nested outermost)" in result.output
    bad = write_lines(tmp_path / "c.jsonl", {"text": "王", "entities": [entity(0, 2)]})
    result = CliRunner().invoke(app, ["convert", str(bad), str(tmp_path / "d.txt")])
    assert isinstance(result.exception, DataError) and "c.jsonl:1: PER at 0 to 2 is empty" in str(result.exception)


@pytest.mark.parametrize(("suffix", "module"), [("parquet", "pyarrow"), ("spacy", "spacy")])
def test_a_format_whose_library_is_missing_says_how_to_get_it(tmp_path, monkeypatch, suffix, module):
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    source = write_lines(tmp_path / "a.jsonl", {"text": "王", "entities": []})
    with pytest.raises(DataError, match="pip install") as caught:
        convert(Conversion(source, tmp_path / f"b.{suffix}"))
    assert "tmp" not in str(caught.value) and [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]


def test_columns_between_token_and_tag_are_counted_as_left_out(tmp_path):
    source = tmp_path / "in.txt"
    source.write_text("EU NNP B-NP B-ORG\nrejects VBZ B-VP O\n\n北\tNR\tB-LOC\n京\tB-LOC\n", encoding="utf-8")
    done = convert(Conversion(source, tmp_path / "out.jsonl"))
    assert done.changes == {"column between a token and its tag": 5}
