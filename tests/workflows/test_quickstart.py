"""nerctl quickstart: what it writes, how it stops, goes on and refuses; the whole of it is marked slow."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable, Optional

import pytest
from tiny_run import killed_before_rename
from typer.testing import CliRunner

from nerctl.cli import app
from nerctl.data.sample import sample_corpus
from nerctl.errors import NerctlError
from nerctl.training.listener import Listener
from nerctl.workflows.quickstart import TEXTS, quickstart

ROOT = Path(__file__).resolve().parents[2]


def stop_after(updates: int) -> Callable[[], Optional[int]]:
    """A stop function that asks for the end after so many updates."""
    asked = []

    def stop() -> Optional[int]:
        asked.append(1)
        return signal.SIGINT if len(asked) >= updates else None

    return stop


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_stopped_quickstart_goes_on_where_it_was(tmp_path: Path) -> None:
    first = quickstart(tmp_path, "cpu", 1, None, False, "test", Listener(), stop=stop_after(2))
    assert (first.interrupted, first.step, first.test, list(first.results)) == (signal.SIGINT, 2, None, [])
    written = files(tmp_path)
    assert {
        "data/train.txt",
        "data/dev.txt",
        "data/test.txt",
        "encoder/vocab.txt",
        "output/run.json",
    } <= written

    second = quickstart(tmp_path, "cpu", 1, None, False, "test", Listener(), stop=stop_after(1))
    assert (second.step, second.interrupted) == (3, signal.SIGINT)
    steps = (tmp_path / "output" / "steps.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["step"] for line in steps] == [1, 2, 3]

    with pytest.raises(NerctlError, match="seed"):
        quickstart(tmp_path, "cpu", 2, None, False, "test", Listener(), stop=stop_after(1))

    again = quickstart(tmp_path, "cpu", 2, None, True, "test", Listener(), stop=stop_after(1))
    assert again.step == 1


def test_a_finished_quickstart_is_left_alone_and_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "output").mkdir()
    (tmp_path / "output" / "run.json").write_text('{"state": "finished", "files": []}', encoding="utf-8")
    result = CliRunner().invoke(app, ["quickstart", "--output-dir", str(tmp_path)])
    assert isinstance(result.exception, NerctlError)
    assert result.exception.exit_code == 2
    assert "--overwrite" in str(result.exception) and "--output-dir" in str(result.exception)
    assert files(tmp_path) == {"output/run.json"}


def test_an_unknown_encoder_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["quickstart", "--output-dir", str(tmp_path / "q"), "--bert", "e6"])
    assert result.exit_code == 2 and "e5-small-zh" in result.output
    with pytest.raises(NerctlError, match="--bert e6: unknown; quickstart takes e5-small-zh"):
        quickstart(tmp_path / "q", "cpu", 1, "e6", False, "test", Listener())
    assert not (tmp_path / "q").exists()


def test_the_sentences_that_are_shown_are_not_in_the_sample() -> None:
    sample = {"".join(tokens) for sentences in sample_corpus().values() for tokens, _ in sentences}
    assert not sample & {part + "。" for text in TEXTS for part in re.split("[；。]", text)}


@pytest.mark.slow
def test_quickstart_reaches_its_score_in_its_time(tmp_path: Path) -> None:
    begin = time.monotonic()
    command = [sys.executable, "-m", "nerctl", "quickstart", "--output-dir", str(tmp_path / "quickstart")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    seconds = time.monotonic() - begin
    assert done.returncode == 0, done.stderr.decode()
    record = json.loads((tmp_path / "quickstart" / "output" / "run.json").read_text(encoding="utf-8"))
    assert record["state"] == "finished"
    assert record["test"]["f1"] >= 0.95
    assert seconds < 240
    shown = done.stdout.decode()
    assert shown.count("  nerctl ") == 5
    tagged = [
        "记者[陈国华 PER]从[苏州 LOC]报道，[江南大学医院 ORG]的专家[张晓梅 PER]昨天从[上海 LOC]回来。",
        "[王建国 PER]高兴地说，他明年春天要去[海南 LOC]旅游，马上就买车票。",
        "[金山 ORG]公布年度报告，收入增长8.5%；我家在[金山 LOC]附近。",
        "他在[杭州市教育局 ORG]工作，白天写文章，周末种黄瓜。",
    ]
    whole = "".join(shown.split())  # a narrow terminal folds the lines
    assert [text for text in tagged if "".join(text.split()) not in whole] == []


@pytest.mark.parametrize("name", ["vocab.txt", "run.json", "labels.json"])
def test_a_quickstart_killed_at_one_of_its_first_files_goes_on_by_the_same_command(
    tiny: Path, name: str
) -> None:
    with killed_before_rename(name):
        quickstart(tiny / "q", "cpu", 1, None, False, "test", Listener())
    again = quickstart(tiny / "q", "cpu", 1, None, False, "test", Listener(), stop=stop_after(1))
    assert (again.step, again.interrupted) == (1, signal.SIGINT)
