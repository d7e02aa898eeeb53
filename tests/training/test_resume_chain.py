"""Runs of many parts: what one part was given holds for the next, and a finished run is left as it is."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path

import pytest
from command_line import nerctl
from tiny_run import DieAtStart, Killed, assert_same_run, killed_before_rename, run

from nerctl.errors import ModelError, NerctlError
from nerctl.folder import ModelFolder
from nerctl.run_record import RunRecord
from nerctl.training import session as session_room
from nerctl.training.loop import Run
from nerctl.training.record import check_free, claim
from nerctl.training.resume import FREE, resumed_config

SMALL = ["--device", "cpu", "--from-scratch", "--batch-size", "8", "--head", "crf"]
STEPS = 20
"""Of the 24 that are planned; the last one is behind dev scores after each epoch of 8."""


def record(folder: str = "out") -> dict:
    return json.loads(Path(folder, "run.json").read_text())


def everything(folder: str) -> dict[str, tuple[bytes, int]]:
    files = (path for path in Path(folder).rglob("*") if path.is_file())
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def interrupt(monkeypatch: pytest.MonkeyPatch, step: int, number: int) -> None:
    """Sends this process a signal during an update; SIGKILL is an exception that nothing of the run answers."""
    real = Run._step

    def interrupted(self: Run) -> None:
        if self.progress.step + 1 == step and number != signal.SIGKILL:
            os.kill(os.getpid(), number)
        real(self)
        if self.progress.step == step and number == signal.SIGKILL:
            raise Killed

    monkeypatch.setattr(Run, "_step", interrupted)


def part(monkeypatch: pytest.MonkeyPatch, *options: str, at: int = 0, by: int = 0) -> str:
    """A part of the run in `out`, stopped at a step by a signal; what it said."""
    with monkeypatch.context() as patch:
        if at:
            interrupt(patch, at, by)
        if by == signal.SIGKILL:
            with pytest.raises(Killed):
                nerctl("train", *options)
            return ""
        code, _, said = nerctl("train", *options)
    assert code == (128 + by if by else 0), said
    return said


def test_a_second_resume_goes_on_as_the_first_was_told(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part(monkeypatch, *SMALL, "--steps", "5", "--output-dir", "out")
    said = part(monkeypatch, "--resume", "--steps", "400", "--output-dir", "out", at=7, by=signal.SIGINT)
    command = said.split("Go on with: nerctl ")[1].split()
    assert record()["config"]["steps"] == 400 and record()["state"] == "interrupted"
    said = part(monkeypatch, *command[1:], at=9, by=signal.SIGTERM)
    assert "updates 8 to 24 (" in said and "Stopped after step 9" in said
    assert record()["test"] is None
    assert [entry["step"] for entry in record()["resumed"]] == [5, 7]


def as_words(options: dict) -> list[str]:
    """Options as they are typed."""
    words: list[str] = []
    for name, value in options.items():
        option = name.replace("_", "-")
        words += [f"--{option}" if value else f"--no-{option}"] if isinstance(value, bool) else [f"--{option}", str(value)]
    return words


THREE = [
    ({"steps": STEPS, "eval_every": 3, "save_every": 2, "patience": 90, "output_dir": "moved"}, 8, signal.SIGINT),
    ({}, 0, 0),
]
FOUR = [
    ({"steps": STEPS, "test": True, "threads": 1, "eval_every": 5, "output_dir": "moved"}, 7, signal.SIGTERM),
    ({"save_every": 4, "device": "auto", "data_dir": "corpus", "bert_dir": "encoder"}, 11, signal.SIGKILL),
    ({"patience": 80, "test": False, "eval_every": 4}, 15, signal.SIGINT),
    ({}, 0, 0),
]
"""What the parts behind the first are given, the step at which each is stopped, and how."""


def test_chains_with_every_free_option_changed_on_the_way_end_with_the_bits_of_one_run(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part(monkeypatch, *SMALL, "--steps", str(STEPS), "--output-dir", "whole")
    shutil.copytree("NERdata", "corpus")
    shutil.copytree("model", "encoder")
    for chain in (THREE, FOUR):
        part(monkeypatch, *SMALL, "--steps", "5", "--output-dir", "out")
        Path("out").rename("moved")
        wanted: dict = {"output_dir": "moved"}
        for options, step, number in chain:
            wanted.update(options)
            words = as_words({"output_dir": "moved", **options})
            part(monkeypatch, "--resume", *words, at=step, by=number)
            saved = record("moved")["config"]
            assert {name: saved[name] for name in wanted} == wanted
            ModelFolder.open(Path("moved")).verify()
        assert record("moved")["state"] == "finished"
        assert_same_run("whole", "moved")
        shutil.rmtree("moved")
    changed = {name for chain in (THREE, FOUR) for options, _, _ in chain for name in options}
    assert changed == set(FREE) - {"device_id"}, "a card cannot be named where there is none"


def test_a_resumed_run_with_nothing_left_says_so_and_changes_nothing(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part(monkeypatch, *SMALL, "--steps", "2", "--output-dir", "out")
    before = everything("out")
    monkeypatch.setattr(session_room, "backend_for", lambda *_: pytest.fail("a device was opened"))
    for options, reason in (
        ((), "2 updates are made and --steps is 2"),
        (("--steps", "1", "--save-every", "3"), "2 updates are made and --steps is 1"),
    ):
        said = part(monkeypatch, "--resume", "--output-dir", "out", *options)
        assert "Nothing left to do: " in said and reason in said and "24 planned" in said
    assert everything("out") == before


def test_a_run_through_its_whole_schedule_or_out_of_patience_has_nothing_left(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part(monkeypatch, *SMALL, "--epochs", "1", "--output-dir", "out")
    before = everything("out")
    assert "all 8 planned updates are made" in part(monkeypatch, "--resume", "--steps", "99", "--output-dir", "out")
    assert everything("out") == before
    slow = ["--learning-rate", "1e-9", "--head-learning-rate", "1e-9", "--crf-learning-rate", "1e-9"]
    part(monkeypatch, *SMALL, *slow, "--eval-every", "2", "--patience", "1", "--output-dir", "patient")
    before = everything("patient")
    said = part(monkeypatch, "--resume", "--output-dir", "patient")
    assert "dev F1 was no better in 1 evaluation and --patience is 1" in said
    assert everything("patient") == before
    said = part(monkeypatch, "--resume", "--output-dir", "patient", "--patience", "2", "--steps", "6")
    assert "updates 5 to 6 of 24 (" in said


def test_what_is_left_behind_the_last_update_is_done_by_the_next_part(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part(monkeypatch, *SMALL, "--epochs", "1", "--output-dir", "out", at=8, by=signal.SIGTERM)
    assert record()["state"] == "interrupted" and record()["test"] is None
    said = part(monkeypatch, "--resume", "--output-dir", "out")
    assert "no update left (" in said
    assert record()["state"] == "finished" and record()["test"] is not None and record()["best"]["step"] == 8
    assert "report.html" in record()["files"]


def test_a_kill_around_the_write_of_the_options_leaves_the_old_ones_or_the_new(tiny: Path) -> None:
    run("out", steps=2, head="crf")
    for kill, steps in ((killed_before_rename("run.json"), 2), (pytest.raises(Killed), 3)):
        with kill:
            run("out", resume=True, listener=DieAtStart(), steps=3)
        ModelFolder.open(Path("out")).verify()
        assert resumed_config(Path("out"), {}).steps == steps
    assert run("out", resume=True).step == 3


def test_options_of_a_device_are_resolved_anew_on_another_one(tmp_path: Path) -> None:
    content = {
        "config": {"device": "auto", "device_id": 3, "npu_options": ["deterministic=1"], "max_tokens": None, "seed": 1},
        "device": {"backend": "npu", "max_tokens": 6464},
        "files": [],
    }
    (tmp_path / "run.json").write_text(json.dumps(content))
    same = resumed_config(tmp_path, {"device": "npu", "max_tokens": 6464})
    assert (same.device_id, same.npu_options, same.max_tokens) == (3, ("deterministic=1",), None)
    other = resumed_config(tmp_path, {"device": "cpu"})
    assert (other.device_id, other.npu_options, other.max_tokens) == (None, (), None)
    assert resumed_config(tmp_path, {"device": "cuda", "max_tokens": 999, "device_id": 1}).max_tokens == 999
    with pytest.raises(NerctlError, match="--max-tokens 999"):
        resumed_config(tmp_path, {"max_tokens": 999})
    content["config"]["max_tokens"] = 1000
    (tmp_path / "run.json").write_text(json.dumps(content))
    assert resumed_config(tmp_path, {"device": "cpu"}).max_tokens == 1000, "the user gave it"


def test_a_run_that_goes_on_takes_the_bound_of_its_device(tiny: Path) -> None:
    run("out", steps=1, head="crf", max_tokens=None)
    shared = json.loads(Path("out/config.json").read_text())
    assert not {*FREE, "max_tokens"} & set(shared) and shared["batch_size"] == 8
    assert record()["config"]["max_tokens"] is None and record()["device"]["max_tokens"] == 1536


KILLS = ["run.json", "labels.json", "bert_config.json", "config.json", "vocab.txt", "checkpoint.json"]


@pytest.mark.parametrize("name", KILLS)
def test_a_run_stopped_between_its_first_files_can_be_resumed_or_replaced(tiny: Path, name: str) -> None:
    with killed_before_rename(name):
        run("out", steps=1, head="crf")
    if name == KILLS[0]:
        assert list(Path("out").iterdir()) == [], "the record is the first file"
        return
    check_free(Path("out"), overwrite=True)
    with pytest.raises(NerctlError, match="--overwrite"):
        check_free(Path("out"), overwrite=False)
    if name in ("labels.json", "checkpoint.json"):
        assert run("out", resume=True).step == 1
        ModelFolder.open(Path("out")).verify()


def old_run(folder: Path) -> RunRecord:
    """A run that a record lists, as far as its names go, with a pointer that the record does not list yet."""
    files = ["config.json", "labels.json", "report.html", "steps.jsonl", "vocab.txt"]
    (folder / "checkpoints" / "00000004").mkdir(parents=True)
    for name in [*files, "checkpoint.json", "checkpoints/00000004/model.ckpt.index", "mine.txt"]:
        (folder / name).write_text("old")
    old = RunRecord.begin(folder, "old", {"step": 4})
    old.save(files)
    return old


def test_replacing_a_run_can_be_killed_anywhere_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old_run(tmp_path)
    real = Path.unlink
    for deaths in range(1, 12):
        left = [deaths]

        def dying(self: Path, missing_ok: bool = False, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise Killed
            real(self, missing_ok=missing_ok)

        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(Path, "unlink", dying)
            claim(RunRecord.begin(tmp_path, "new", {}), ["labels.json"], overwrite=True)
        assert record(str(tmp_path))["command"] == "old"
        assert (tmp_path / "checkpoint.json").exists() == (deaths == 1), "the pointer goes first"
    claim(RunRecord.begin(tmp_path, "new", {}), ["labels.json"], overwrite=True)
    assert record(str(tmp_path))["command"] == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.txt", "run.json"]


def test_a_run_whose_weights_are_gone_is_not_begun_again_in_silence(tiny: Path) -> None:
    run("out", steps=1, head="crf")
    Path("out/checkpoint.json").unlink()
    with pytest.raises(ModelError, match=r"checkpoint\.json: missing, though 1 update was saved.*--overwrite"):
        run("out", resume=True, steps=2)


def test_a_run_stopped_before_its_first_save_goes_on_with_the_same_encoder_only(tiny: Path) -> None:
    with pytest.raises(Killed):
        run("out", listener=DieAtStart(), steps=1, head="crf")
    Path("model").rename("encoder")
    with pytest.raises(NerctlError, match="--bert-dir"):
        run("out", resume=True)
    content = record()
    Path("out/run.json").write_text(json.dumps({**content, "encoder": {**content["encoder"], "sha256": "other"}}))
    with pytest.raises(NerctlError, match="not the encoder that the run in out was begun with"):
        run("out", resume=True, bert_dir="encoder")
    Path("out/run.json").write_text(json.dumps(content))
    assert run("out", resume=True, bert_dir="encoder").step == 1
    assert record()["encoder"]["path"] == "encoder"
