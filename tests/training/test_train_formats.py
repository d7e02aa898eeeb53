"""`nerctl train` on corpora of annotation tools: named formats, brat's folders, entities that overlap."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import nerctl

from nerctl.data.corpus import read_corpus
from nerctl.data.nesting import flattened
from nerctl.data.spans import Span
from nerctl.errors import DataError
from nerctl.workflows.convert import convert
from nerctl.workflows.convert_options import Conversion

SMALL = ["--device", "cpu", "--from-scratch", "--batch-size", "8", "--lstm-size", "8"]
NESTED = {"text": "他在北京大学", "entities": [
    {"start": 2, "end": 6, "type": "ORG"}, {"start": 2, "end": 4, "type": "LOC"}, {"start": 0, "end": 1, "type": "PER"},
]}  # fmt: skip


def record() -> dict:
    return json.loads(Path("output/run.json").read_text(encoding="utf-8"))


def steps() -> list[float]:
    return [json.loads(line)["loss"] for line in Path("output/steps.jsonl").read_text().splitlines()]


def in_brat(split: str, target: Path) -> None:
    convert(Conversion(Path("NERdata") / f"{split}.txt", target / split, to_format="brat"))


@pytest.fixture
def brat(workplace: Path) -> Path:
    """The corpus of the workplace as folders of brat's pairs."""
    folder = Path("brat")
    folder.mkdir()
    for split in ("train", "dev", "test"):
        in_brat(split, folder)
    return folder


def test_folders_of_brat_train_to_the_same_losses_as_the_files_that_they_came_from(brat: Path) -> None:
    assert nerctl("train", *SMALL, "--epochs", "1")[0] == 0
    wanted, facts = steps(), record()
    assert nerctl("train", *SMALL, "--epochs", "1", "--data-dir", "brat", "--overwrite")[0] == 0
    assert steps() == wanted and record()["test"]["f1"] == facts["test"]["f1"]
    for split in ("train", "dev", "test"):
        here, there = record()["corpus"][split], facts["corpus"][split]
        assert here["path"].endswith(f"brat/{split}") and len(here["sha256"]) == 64
        assert (here["sentences"], here["entities"]) == (there["sentences"], there["entities"])


@pytest.mark.one_stack
def test_a_run_on_folders_is_resumed_reported_evaluated_and_archived_with_its_corpus(brat: Path) -> None:
    assert nerctl("train", *SMALL, "--epochs", "1", "--steps", "2", "--data-dir", "brat")[0] == 0
    assert nerctl("train", "--resume", "--steps", "4")[0] == 0
    assert nerctl("report", "--model", "output")[0] == 0
    code, printed, _ = nerctl("evaluate", "--model", "output", "--data", "brat", "--json")
    assert code == 0 and 0 <= json.loads(printed)["f1"] <= 1
    assert nerctl("archive", "--to", "kept", "--what", "all")[0] == 0
    names = {path.relative_to("kept").as_posix() for path in Path("kept").rglob("*.ann")}
    assert {name.rsplit("/", 1)[0] for name in names} == {f"dataset/{split}" for split in ("train", "dev", "test")}
    changed = next(Path("brat/train").glob("*.ann"))
    changed.write_text("", encoding="utf-8")
    code, _, told = nerctl("train", "--resume", "--steps", "8")
    assert code == 2 and "not the corpus that the run in output was begun with" in told


def test_check_data_reads_a_folder_with_folders_of_brat(brat: Path) -> None:
    code, printed, _ = nerctl("check-data", "brat", "--json")
    assert code == 0 and set(json.loads(printed)["splits"]) == {"train", "dev", "test"}


@pytest.mark.one_stack
def test_a_format_that_is_named_holds_for_every_file_of_the_run_and_its_report(workplace: Path) -> None:
    folder = Path("odd")
    folder.mkdir()
    for split in ("train", "dev", "test"):
        convert(Conversion(Path("NERdata") / f"{split}.txt", folder / f"{split}.json", to_format="cmeee"))
    assert nerctl("train", *SMALL, "--epochs", "1")[0] == 0
    wanted = steps()
    options = ["--epochs", "1", "--data-dir", "odd", "--input-format", "cmeee", "--overwrite"]
    assert nerctl("train", *SMALL, *options)[0] == 0
    assert steps() == wanted and record()["config"]["input_format"] == "cmeee"
    code, _, told = nerctl("report", "--data", "odd/dev.json", "--input-format", "cmeee")
    assert code == 0 and "scoring odd/dev.json" in told
    Path("other.json").write_bytes(Path("odd/dev.json").read_bytes() + b"\n")
    code, _, told = nerctl("report", "--data", "other.json", "--input-format", "doccano")
    assert code == 2 and "other.json:2: " in told and "is no [start, end, type]" in told
    code, _, told = nerctl("train", *SMALL, "--data-dir", "odd", "--input-format", "cme", "--overwrite")
    assert code == 2 and "cme: no format of that name; did you mean cmeee?" in told


def nested_corpus() -> Path:
    folder = Path("nested")
    folder.mkdir()
    for split in ("train", "dev", "test"):
        lines = [json.dumps(NESTED, ensure_ascii=False)] * 8
        (folder / f"{split}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.mark.one_stack
@pytest.mark.parametrize(("nested", "kept"), [("outermost", ["ORG", "PER"]), ("innermost", ["LOC", "PER"])])
def test_a_chain_trains_on_what_is_kept_of_nested_entities(workplace: Path, nested: str, kept: list[str]) -> None:
    nested_corpus()
    code, _, told = nerctl("train", *SMALL, "--data-dir", "nested", "--epochs", "1", "--nested", nested)
    assert code == 0
    assert f"nested/train.jsonl:1: 8 entities that overlap others left out (--nested {nested})" in told.replace("\n", " ")
    assert json.loads(Path("output/labels.json").read_text())["types"] == kept
    assert record()["corpus"]["test"]["entities"] == dict.fromkeys(kept, 8)
    f1 = record()["test"]["f1"]
    code, printed, _ = nerctl("evaluate", "--data", "nested", "--nested", nested, "--json")
    assert code == 0 and json.loads(printed)["f1"] == f1


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (["--nested", "refuse", "--head", "pointer"], "8 of 8 sentences; --nested outermost or innermost leaves one of"),
        (["--nested", "keep"], "which tags cannot hold; train with --head pointer, or keep one of each two by --nested"),
    ],
)
def test_nested_entities_that_nobody_wants_are_refused_with_a_count_and_an_example(
    workplace: Path, options: list[str], what: str
) -> None:
    nested_corpus()
    code, _, told = nerctl("train", *SMALL, "--data-dir", "nested", *options)
    assert code == 2 and what in told and "LOC at 2 to 4 overlaps ORG at 2 to 6" in told
    assert not Path("output").exists()


def test_flattened_keeps_what_is_wanted_and_says_what_is_not(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    plain = {"text": "王在厦门", "entities": [{"start": 2, "end": 4, "type": "LOC"}]}
    path.write_text("\n".join(json.dumps(one) for one in (plain, NESTED)) + "\n")
    corpus = read_corpus(path)
    assert flattened(corpus, "keep") is corpus
    outer, inner = flattened(corpus, "outermost"), flattened(corpus, "innermost")
    assert outer.spans(1) == [Span(0, 1, "PER"), Span(2, 6, "ORG")]
    assert inner.spans(1) == [Span(0, 1, "PER"), Span(2, 4, "LOC")]
    assert outer.spans(0) == inner.spans(0) == [Span(2, 4, "LOC")]
    assert inner.types == ["LOC", "PER"] and not inner.overlapping and len(corpus.overlapping) == 1
    assert corpus.spans(1) == [Span(0, 1, "PER"), Span(2, 6, "ORG"), Span(2, 4, "LOC")]
    with pytest.raises(DataError, match=r"a\.jsonl:2: LOC at 2 to 4 overlaps ORG at 2 to 6, and so do entities of 1 of 2"):
        flattened(corpus, "refuse")
