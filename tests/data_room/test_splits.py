"""Which files of a folder are the splits, and that check-data and train agree on it."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from nerctl.cli import app
from nerctl.config import TrainConfig
from nerctl.data.splits import find_splits
from nerctl.data.tokenizer import Vocabulary
from nerctl.errors import DataError, NerctlError

SMALL = Path(__file__).parents[1] / "data" / "vocab_small.txt"
GOOD = "北 B-LOC\n京 I-LOC\n\n人 B-PER\n"


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["train.txt", "dev.txt", "test.txt"], ["train", "dev", "test"]),
        (["example.train", "example.dev", "example.test"], ["train", "dev", "test"]),
        (["train.char.bmes", "dev.char.bmes"], ["train", "dev"]),
        (["msra_train.jsonl", "Valid.json"], ["train", "dev"]),
        (
            ["train.txt", "train.txt.bak", "train.tf_record", ".train.txt", "train.txt~", "README.md"],
            ["train"],
        ),
        (["train.txt", "training.txt", "latest.txt"], ["train"]),
        (["training.conll", "valid.conll", "latest.txt", "invalid.txt", "strain.txt"], ["train", "dev"]),
        (["trainset.txt", "devset.txt", "testset.txt"], ["train", "dev", "test"]),
        (["msratrain.txt", "msratest.txt", "contest.txt"], ["train", "test"]),
        (["训练.txt", "验证集.txt", "msra测试.txt", "说明.txt"], ["train", "dev", "test"]),
        (["train.txt", "train.csv", "train.xlsx"], ["train"]),
        (["train.csv", "dev.xlsx"], ["train", "dev"]),
    ],
)
def test_splits_are_found_by_a_word_of_the_name(tmp_path, names, found):
    for name in names:
        (tmp_path / name).write_text("a O\n")
    splits = find_splits(tmp_path)
    assert list(splits) == found
    assert [splits[split].name for split in found] == names[: len(found)]


def test_two_files_for_a_split_are_both_named(tmp_path):
    for name in ("train.txt", "example.train"):
        (tmp_path / name).write_text("a O\n")
    with pytest.raises(DataError, match=r"example\.train and train\.txt"):
        find_splits(tmp_path)


def test_a_folder_without_splits_says_what_was_looked_for(tmp_path):
    with pytest.raises(DataError, match=r"train\.txt, example\.train"):
        find_splits(tmp_path)
    with pytest.raises(DataError, match="no such folder"):
        find_splits(tmp_path / "none")
    (tmp_path / "dev.txt").write_text("a O\n")
    assert list(find_splits(tmp_path)) == ["dev"]
    with pytest.raises(DataError, match="no train file"):
        find_splits(tmp_path, needed=["train"])


def test_files_that_are_not_known_by_name_are_named(tmp_path):
    for name in ("mydata.txt", "dev.txt", "README.md", ".hidden", *(f"part{number}.txt" for number in range(7))):
        (tmp_path / name).write_text("a O\n")
    (tmp_path / "folder").mkdir()
    with pytest.raises(DataError, match=r"not known by name: mydata\.txt, part0\.txt.* and 3 more \(rename"):
        find_splits(tmp_path, needed=["train"])


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"train.txt": GOOD}, ""),
        ({"training.conll": GOOD, "valid.conll": GOOD}, ""),
        ({"msratrain.txt": GOOD}, ""),
        ({"训练.txt": GOOD}, ""),
        ({}, "no train / dev / test file"),
        ({"mydata.txt": GOOD}, "not known by name: mydata.txt"),
        ({"dev.txt": GOOD, "mydata.txt": GOOD}, "not known by name: mydata.txt"),
        ({"train.txt": GOOD, "train.conll": GOOD}, "could each be the train split"),
        ({"train.csv": "text,label\n北,B-LOC\n"}, ""),
        ({"train.xlsx": "PK\x03\x04 xl/ "}, "an Excel workbook"),
        ({"train.txt": ""}, "no sentence"),
        ({"train.txt": "北 O\n"}, "no entity"),
        ({"train.txt": GOOD, "dev.txt": "北京\n"}, "one column only"),
    ],
)
def test_check_data_and_train_say_yes_and_no_to_the_same_folders(tmp_path, files, says):
    from nerctl.training.session import read_data

    for name, content in files.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    reason = ""
    try:
        read_data(TrainConfig(data_dir=str(tmp_path)), Vocabulary.read(SMALL))
    except NerctlError as error:
        reason = str(error)
    result = CliRunner().invoke(app, ["check-data", str(tmp_path)], env={"COLUMNS": "4000"})
    refused = result.exit_code == 2 or isinstance(result.exception, NerctlError)  # which the program turns into 2
    assert refused == bool(reason) == bool(says)
    assert says in reason
    told = str(result.exception) + result.output
    assert says in told and told.count("not known by name") <= 1


def test_train_is_told_what_was_mended_and_which_types_differ_by_case_only(tmp_path):
    from nerctl.training.session import read_data

    (tmp_path / "train.txt").write_text("北 B_LOC\n京 I_LOC\n", encoding="utf-8")
    (tmp_path / "dev.txt").write_text("北\u00a0B-loc\n", encoding="utf-8")
    notes = read_data(TrainConfig(data_dir=str(tmp_path)), Vocabulary.read(SMALL)).notes
    assert any("train.txt:1: tags written like B_LOC" in note for note in notes)
    assert any("dev.txt:1: no-break" in note for note in notes)
    assert any("types LOC and loc differ by case only" in note for note in notes)
