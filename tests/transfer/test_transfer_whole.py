"""archive: a checkpoint whole or not at all, a data set only with the run that has read it, nothing lost in silence."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from runs import Setting, tree, write_dataset, write_run

from nerctl.errors import NerctlError
from nerctl.transfer.archive import store, verify
from nerctl.transfer.archive_plan import Plan, plan_archive
from nerctl.transfer.run_files import read_run
from nerctl.transfer.targets import FolderTarget

WEIGHTS = "checkpoints/20/model.ckpt.data-00000-of-00001"


def manifest(setting: Setting, place: str) -> Any:
    return json.loads((setting.to / place / "MANIFEST.json").read_text())


def change(path: Path, **values: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


@pytest.mark.parametrize("layout", ["flat", "turing"])
@pytest.mark.parametrize("name", [WEIGHTS, "labels.json", "checkpoint.json"])
def test_a_checkpoint_without_one_of_its_files_is_refused_before_anything_is_copied(
    setting: Setting, layout: str, name: str
) -> None:
    (setting.output / name).unlink()
    with pytest.raises(NerctlError, match=rf"{name}: gone, so that the checkpoint is not whole.*--what logs") as caught:
        setting.store(layout=layout)
    assert caught.value.exit_code == 2 and not setting.to.exists()
    setting.store("logs", layout)
    assert not verify(FolderTarget(setting.to)).faults


def test_how_many_files_are_gone_is_said(setting: Setting) -> None:
    for path in (setting.output / "checkpoints" / "20").iterdir():
        path.unlink()
    with pytest.raises(NerctlError, match="and 1 more file: gone"):
        setting.store()


@pytest.mark.parametrize("name", [WEIGHTS, "vocab.txt"])
def test_a_checkpoint_with_a_truncated_file_is_refused_before_anything_is_copied(setting: Setting, name: str) -> None:
    path = setting.output / name
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(NerctlError, match=rf"{name}: its content is not what was saved"):
        setting.store()
    assert not setting.to.exists()


def test_a_run_that_has_saved_nothing_yet_says_so(setting: Setting) -> None:
    (setting.output / "checkpoint.json").unlink()
    files = [name for name in read_run(setting.output).files if not name.startswith("checkpoint")]
    change(setting.output / "run.json", files=files, state="running")
    with pytest.raises(NerctlError, match="the run has saved no weights yet; archive it when it has"):
        setting.store()
    assert not setting.to.exists()


def test_a_damaged_checkpoint_json_stops_the_checkpoint_and_not_the_logs(setting: Setting) -> None:
    (setting.output / "checkpoint.json").write_text('{"format": 1')
    with pytest.raises(NerctlError, match=r"checkpoint.json: damaged .*--what logs"):
        setting.store()
    setting.store("logs")


def test_weights_that_a_killed_save_left_out_of_the_record_are_archived(setting: Setting) -> None:
    files = json.loads((setting.output / "run.json").read_text())["files"]
    earlier = [name.replace("/20/", "/10/") for name in files if name.startswith("checkpoints/")]
    change(setting.output / "run.json", files=[name for name in files if "/20/" not in name] + earlier)
    assert read_run(setting.output).missing == ()  # what a later save has taken the place of is no loss
    setting.store()
    assert f"checkpoint/{WEIGHTS}" in tree(setting.to)


def test_logs_that_are_gone_are_recorded_until_they_are_back(setting: Setting) -> None:
    report = (setting.output / "report.html").read_bytes()
    (setting.output / "report.html").unlink()
    setting.store()
    assert manifest(setting, "logs")["missing"] == ["report.html"] and "missing" not in manifest(setting, "checkpoint")
    assert verify(FolderTarget(setting.to)).faults == (
        f"{setting.to}/logs/report.html: was gone when the run was archived",
    )
    (setting.output / "report.html").write_bytes(report)
    setting.store()
    assert "missing" not in manifest(setting, "logs") and not verify(FolderTarget(setting.to)).faults


def test_what_is_gone_stays_recorded_when_another_part_comes_to_the_same_place(setting: Setting) -> None:
    (setting.output / "report.html").unlink()
    setting.store("logs", "turing")
    setting.store("checkpoint", "turing")
    (path,) = setting.to.rglob("MANIFEST.json")
    assert json.loads(path.read_text())["missing"] == ["report.html"]


@pytest.mark.parametrize("lost", [WEIGHTS, "checkpoint.json"])
def test_verify_finds_that_an_archive_never_had_its_weights(setting: Setting, lost: str) -> None:
    plan = plan_archive("checkpoint", "flat", setting.output)
    entries = tuple(entry for entry in plan.places[0].entries if entry.name != lost)
    store(Plan((replace(plan.places[0], entries=entries),), plan.run), FolderTarget(setting.to))
    faults = verify(FolderTarget(setting.to)).faults
    assert len(faults) == 1 and f"{lost}: was not archived" in faults[0]


def test_verify_finds_weights_that_are_not_those_of_checkpoint_json(setting: Setting) -> None:
    plan = plan_archive("checkpoint", "flat", setting.output)
    unchecked = tuple(replace(entry, sha256="") for entry in plan.places[0].entries)
    (setting.output / WEIGHTS).write_bytes(b"of another save")
    store(Plan((replace(plan.places[0], entries=unchecked),), plan.run), FolderTarget(setting.to))
    assert verify(FolderTarget(setting.to)).faults == (f"{setting.to}/checkpoint/{WEIGHTS}: was not archived",)


def test_a_file_that_training_removes_meanwhile_is_one_sentence(setting: Setting) -> None:
    plan = plan_archive("all", "flat", setting.output, setting.data)
    (setting.output / WEIGHTS).unlink()
    with pytest.raises(NerctlError, match=rf"{WEIGHTS}: cannot be read"):
        store(plan, FolderTarget(setting.to))
    assert not setting.to.exists()


# The corpus


@pytest.fixture
def inside(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> Setting:
    """The process stands beside the run, whose corpus is in NERdata."""
    monkeypatch.chdir(setting.output.parent)
    return setting


def entries(plan: Plan) -> list[str]:
    return [str(entry.source) for entry in plan.places[0].entries]


def other(folder: Path) -> Path:
    write_dataset(folder)
    (folder / "dev.txt").write_text("南 O\n", "utf-8")
    return folder


def test_a_run_is_not_archived_with_a_corpus_that_it_has_not_read(inside: Setting) -> None:
    other(inside.data)
    with pytest.raises(NerctlError, match=r"dev.txt: is not the dev file that the run in output has read.*--data-dir"):
        plan_archive("all", "flat", Path("output"))
    with pytest.raises(NerctlError, match=r"is not the dev file .*; name the folder of that one, or archive this one by"):
        plan_archive("all", "flat", Path("output"), Path("NERdata"))


def test_another_corpus_is_archived_by_itself_as_no_run_s(inside: Setting) -> None:
    inside.data = other(Path("mine"))
    plan = plan_archive("dataset", "flat", Path("output"), inside.data)
    assert "archived as no run's" in plan.notes[0]
    inside.store("dataset")
    assert manifest(inside, "dataset")["run_id"] is None


def test_the_corpus_is_taken_from_where_the_run_has_read_it(inside: Setting) -> None:
    inside.data.rename("mine")
    corpus = json.loads((inside.output / "run.json").read_text())["corpus"]
    moved = {name: {**split, "path": f"mine/{name}.txt"} for name, split in corpus.items()}
    change(inside.output / "run.json", corpus=moved)
    other(Path("NERdata"))
    assert entries(plan_archive("all", "flat", Path("output"))) == [f"mine/{name}.txt" for name in corpus]


def test_a_corpus_that_is_no_longer_where_the_run_has_read_it_is_looked_for_in_the_default_folder(inside: Setting) -> None:
    corpus = json.loads((inside.output / "run.json").read_text())["corpus"]
    elsewhere = {name: {**split, "path": f"gone/{name}.txt"} for name, split in corpus.items()}
    change(inside.output / "run.json", corpus=elsewhere)
    assert entries(plan_archive("all", "flat", Path("output"))) == [f"NERdata/{name}.txt" for name in corpus]


def test_a_corpus_that_was_moved_and_renamed_is_known_by_its_checksums(inside: Setting) -> None:
    inside.data.rename("elsewhere")
    with pytest.raises(NerctlError, match=r"NERdata: lacks the train file .*name the folder where it is now with"):
        plan_archive("all", "flat", Path("output"))
    Path("elsewhere/train.txt").rename("elsewhere/example.train")
    plan = plan_archive("all", "flat", Path("output"), Path("elsewhere"))
    assert plan.places[0].run is not None and "elsewhere/example.train" in entries(plan)


def test_a_split_that_the_run_has_not_read_is_left_out_and_told(inside: Setting) -> None:
    corpus = json.loads((inside.output / "run.json").read_text())["corpus"]
    del corpus["test"]
    change(inside.output / "run.json", corpus=corpus)
    plan = plan_archive("all", "flat", Path("output"))
    assert entries(plan) == ["NERdata/train.txt", "NERdata/dev.txt"] and "has not read test.txt" in plan.notes[0]


def test_a_record_without_checksums_says_that_it_cannot_tell(inside: Setting) -> None:
    change(inside.output / "run.json", corpus=None)
    plan = plan_archive("all", "flat", Path("output"))
    assert "does not tell which corpus" in plan.notes[0] and plan.places[0].run is None


def test_a_data_set_that_was_no_run_s_becomes_that_of_the_run_that_has_read_it(inside: Setting) -> None:
    record = (inside.output / "run.json").read_text()
    (inside.output / "run.json").unlink()
    inside.store("dataset")
    (inside.output / "run.json").write_text(record)
    inside.store("all")
    assert manifest(inside, "dataset")["run_id"] == "run-1"


# Links


def test_weights_behind_a_link_are_followed(setting: Setting) -> None:
    (setting.output / "checkpoints").rename(setting.output.parent / "large-disk")
    (setting.output / "checkpoints").symlink_to("../large-disk")
    setting.store()
    assert (setting.to / "checkpoint" / WEIGHTS).read_bytes() == (setting.output / WEIGHTS).read_bytes()
    assert not (setting.to / "checkpoint" / "checkpoints").is_symlink()


def test_a_log_behind_a_link_names_the_link(setting: Setting) -> None:
    (setting.output / "steps.jsonl").rename(setting.output.parent / "steps.jsonl")
    (setting.output / "steps.jsonl").symlink_to("../steps.jsonl")
    with pytest.raises(NerctlError, match=r"lies outside .*output/steps.jsonl is a link"):
        setting.store()


def test_the_checksums_of_a_hostile_checkpoint_json_reach_no_file_outside(setting: Setting) -> None:
    write_run(setting.output)
    pointer = json.loads((setting.output / "checkpoint.json").read_text())
    pointer["last"]["folder"] = "../secrets"
    (setting.output / "checkpoint.json").write_text(json.dumps(pointer))
    with pytest.raises(NerctlError, match="lies outside"):
        setting.store()
