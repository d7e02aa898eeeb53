"""What `nerctl train` shows: its opening, a line a step where it is redirected, a bar on a terminal, the end."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
from command_line import nerctl

from nerctl.commands._train_screen import Bar, close
from nerctl.training.loop import Outcome
from nerctl.training.steplog import STEP_LINE, StepRecord

TINY = ["--device", "cpu", "--from-scratch", "--batch-size", "8", "--lstm-size", "8", "--head", "crf"]
LABELS = ["corpus", "encoder", "device", "recipe", "plan"]


def test_the_opening_tells_corpus_encoder_device_recipe_and_plan_and_step_lines_stay_alone(workplace: Path) -> None:
    ran = nerctl("train", *TINY, "--steps", "2")
    assert ran.code == 0
    assert all(STEP_LINE.match(line) for line in ran.printed.splitlines()) and ran.printed.count("\n") == 2
    said = [line for line in ran.said.splitlines() if not STEP_LINE.match(line) and not line.startswith("note")]
    assert [line[:10].strip() for line in said[:5]] == LABELS
    opening = dict(zip(LABELS, (line[10:] for line in said)))
    assert opening["corpus"] == "NERdata: train 60, dev 12 sentences; LOC, PER"
    assert re.fullmatch(r"model: \d+ layers? x \d+, random weights", opening["encoder"])
    assert re.fullmatch(r"cpu: .*, \d+ cores?", opening["device"])
    assert re.fullmatch(r"crf, 8 sentences an update; rates: encoder \S+, head \S+, CRF 0.01", opening["recipe"])
    assert opening["plan"] == "updates 1 to 2 of 24 (3 epochs of 8); test is not scored"
    assert re.match(r"2 steps done in [\d hmins]+; the run is in output", said[5])
    assert [line[:10].strip() for line in said[6:]] == ["try it", "errors", "go on"]
    assert said[-1].endswith("nerctl train --resume --output-dir output --steps 4")


def test_device_auto_says_why_there_is_no_gpu(workplace: Path) -> None:
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        pytest.skip("a GPU is here")
    ran = nerctl("train", *TINY[2:], "--steps", "1")
    assert re.search(r"device    cpu: .*; no GPU: \S", ran.said)


@pytest.mark.parametrize("width", [50, 80, 120])
def test_a_bar_shows_what_is_under_way_and_fits_the_terminal(width: int) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    screen = io.StringIO()
    console = Console(file=screen, width=width, force_terminal=True, color_system=None)
    columns = (TextColumn("{task.description}"), BarColumn(12), TextColumn("{task.fields[facts]}"))
    with Progress(*columns, console=console, auto_refresh=False) as bar:
        shown = Bar(bar)
        shown.task = bar.add_task("compiling the first step", total=10, facts="")
        seen = [bar.tasks[0].description]
        shown.stepped(record(1))
        seen.append(f"{bar.tasks[0].description}: {bar.tasks[0].fields['facts']}")
        shown.advance("dev", 7, 12)
        seen.append(f"{bar.tasks[0].description}: {bar.tasks[0].fields['facts']}")
        shown.best = 0.91234
        shown.stepped(record(2))
        seen.append(bar.tasks[0].fields["facts"])
        bar.refresh()
    assert seen == [
        "compiling the first step",
        "training: loss 1.50, 320 tokens/s",
        "scoring dev: 7 of 12 sentences",
        "loss 1.50, 320 tokens/s, best dev F1 0.9123",
    ]
    plain = re.sub(r"\x1b\[[^a-zA-Z]*[a-zA-Z]", "", screen.getvalue())
    assert all(len(line) <= width for line in re.split(r"[\r\n]", plain))


def record(step: int) -> StepRecord:
    return StepRecord(step, 1.5, 0.25, 8, 80, 96, 0.1, 1e-3, 2.0, 2, False)


@pytest.mark.parametrize(("seconds", "said"), [(41.4, "41 s"), (922, "15 min 22 s"), (7500, "2 h 5 min")])
def test_the_end_says_how_long_it_took_and_what_comes_next(capsys: Any, seconds: float, said: str) -> None:
    close(Outcome(216, dev_f1=0.9, planned=216), "my run", seconds)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == f"216 steps done in {said}, best dev F1 0.9000; the run is in my run"
    assert lines[1:] == [
        "try it    nerctl predict --model 'my run' 王小明在北京大学。",
        "errors    my run/report.html, in a browser",
        "export    nerctl export --model 'my run' --to export",
    ]
