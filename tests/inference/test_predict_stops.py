"""nerctl predict --output broken off anywhere, by an exception or a signal, and taken up again."""

from __future__ import annotations

import json
import os
import signal
import sys
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from fake_tagger import FakeTagger

from nerctl import cli, folder
from nerctl.errors import FailedError, NerctlError
from nerctl.folder import POINTER
from nerctl.inference import inputs, part_file, stream
from nerctl.inference.part_file import Done, PartFile
from nerctl.inference.stream import StreamOptions, predict_file
from nerctl.inference.tagger import Tagger

FILES = {module.__file__ for module in (part_file, stream, inputs, folder)}
TEXTS = 5


class BrokenOff(KeyboardInterrupt):
    """What the tests interrupt with."""


class Interruption:
    """Raises `BrokenOff` before line number `point` that is executed in the files which write the output."""

    def __init__(self, point: int) -> None:
        self.left = point

    def __enter__(self) -> None:
        sys.settrace(self.trace)

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def trace(self, frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code.co_filename not in FILES:
            return None
        if event == "line":
            self.left -= 1
            if self.left == 0:
                sys.settrace(None)
                raise BrokenOff
        return self.trace


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Texts in several blocks, one line of which cannot be read; syncing costs nothing."""
    monkeypatch.setattr(stream, "BLOCK_CHARACTERS", 12)
    monkeypatch.setattr(stream, "SYNC_CHARACTERS", 6)
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    lines = [json.dumps({"text": "海钓在厦门"[: index % 4 + 1]}) for index in range(TEXTS)]
    lines.insert(4, "not json")
    (tmp_path / "in").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path / "in"


def run(source: Path, target: Path, resume: bool = False) -> Done:
    return predict_file(FakeTagger(), str(source), PartFile(target, {"model": 1}), StreamOptions(skip_bad=True), resume)


def go_on(source: Path, target: Path) -> Done:
    """What a user does after an interruption: --resume if there is anything to resume, else the command again."""
    part = PartFile(target, {"model": 1})
    return run(source, target, resume=part.kept() is not None)


def test_a_run_interrupted_at_any_point_and_resumed_gives_the_same_bytes_and_counts(source: Path, tmp_path: Path) -> None:
    whole = run(source, tmp_path / "whole")
    assert (whole.texts, whole.skipped, whole.entities) == (TEXTS, 1, TEXTS)
    answer = (tmp_path / "whole").read_bytes()
    resumed = 0
    for point in count(1):
        target = tmp_path / f"out{point}"
        try:
            with Interruption(point):
                run(source, target)
            break  # there is no such point any more
        except BrokenOff:
            resumed += PartFile(target, {}).kept() is not None
            if target.exists() and PartFile(target, {}).kept() is None:
                continue  # complete, journal and all
        assert go_on(source, target) == whole, point
        assert target.read_bytes() == answer, point
        assert sorted(tmp_path.glob("*.part*")) == [], point
    assert point > 150 and resumed > 80


def test_a_resumed_run_may_be_interrupted_at_any_point_too(source: Path, tmp_path: Path) -> None:
    whole = run(source, tmp_path / "whole")
    for point in range(1, 200, 3):
        target = tmp_path / f"out{point}"
        for again in (120, point, point // 2 + 1):
            with pytest.raises(BrokenOff), Interruption(again):
                go_on(source, target)
        assert go_on(source, target) == whole, point
        assert target.read_bytes() == (tmp_path / "whole").read_bytes(), point


def test_output_behind_the_journal_is_cut_off(source: Path, tmp_path: Path) -> None:
    run(source, tmp_path / "whole")
    with pytest.raises(BrokenOff), Interruption(300):
        run(source, tmp_path / "out")
    with open(tmp_path / "out.part", "ab") as part:
        part.write(b"half a li")  # what a kill leaves
    run(source, tmp_path / "out", resume=True)
    assert (tmp_path / "out").read_bytes() == (tmp_path / "whole").read_bytes()


def test_a_run_that_did_nothing_leaves_nothing(source: Path, tmp_path: Path) -> None:
    source.write_text("not json\n")
    with pytest.raises(NerctlError):
        predict_file(FakeTagger(), str(source), PartFile(tmp_path / "out", {}), StreamOptions("jsonl"))
    with pytest.raises(NerctlError):
        run(tmp_path / "missing", tmp_path / "out")
    assert sorted(os.listdir(tmp_path)) == ["in"]


def test_a_full_disk_keeps_what_the_journal_says(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run(source, tmp_path / "whole")
    calls = []

    def full(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) > 4:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FailedError, match=r"No space left on device.*--resume"):
        run(source, tmp_path / "out")
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    kept = PartFile(tmp_path / "out", {}).kept()
    assert kept is not None and 0 < kept.texts < TEXTS
    assert run(source, tmp_path / "out", resume=True) == whole


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_command_in_order_and_it_says_how_to_go_on(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture, number: int
) -> None:
    (tmp_path / POINTER).write_text("{}")
    blocks = []

    def hit() -> None:
        blocks.append(1)
        if len(blocks) == 3:
            os.kill(os.getpid(), number)

    monkeypatch.setattr(Tagger, "load", lambda *_, **__: FakeTagger(tmp_path, hit))
    command = ["nerctl", "predict", "--input", str(source), "--output", str(tmp_path / "out"), "--skip-bad"]

    def ends(*more: str) -> tuple[Any, str]:
        monkeypatch.setattr(sys, "argv", [*command, *more])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return end.value.code, capfd.readouterr().err

    code, said = ends()
    assert code == 128 + number
    assert said.splitlines()[-1].startswith("Stopped; ") and said.rstrip().endswith("and --resume.")
    done = PartFile(tmp_path / "out", {}).kept()
    assert done is not None and 0 < done.texts < TEXTS and f" {done.texts} texts kept." in said
    code, said = ends("--resume")
    assert not code and f"out: {TEXTS} texts" in said
    run(source, tmp_path / "whole")
    assert (tmp_path / "out").read_bytes() == (tmp_path / "whole").read_bytes()
