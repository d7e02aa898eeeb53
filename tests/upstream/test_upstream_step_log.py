"""Reading step logs, steps.jsonl and run folders."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nerctl.errors import DataError
from nerctl.upstream.inserted_code import STEP_LINE_FORMAT
from nerctl.upstream.step_log import LOG_ROUNDING, STEP_LINE, read_run

ORIGINAL_ARGUMENTS = """\
usage: -c -batch_size 8
                 ARG   VALUE
__________________________________________________
          batch_size = 8
             do_eval = True
     init_checkpoint = model/bert_model.ckpt
          label_list = None
       learning_rate = 2e-05
      max_seq_length = 32
    num_train_epochs = 1

"""


def run_json(**changes: Any) -> dict[str, Any]:
    record = {
        "run_id": "abc",
        "command": "train",
        "device": {
            "backend": "cpu",
            "log": "cpu",
            "name": "a CPU",
            "batch_shape": "bucketed",
            "precision": "float32",
        },
        "config": {"batch_size": 32, "batch_shape": "auto", "seed": 1, "dropout": 0.1, "head": "crf"},
        "encoder": {"path": "/models/e5", "sha256": "ab" * 32},
        "warmup": {"seconds": 12.5},
    }
    return {**record, **changes}


def record(step: int, loss: float, **more: Any) -> str:
    return json.dumps({"step": step, "loss": loss, "seconds": 0.5, "compiled": False, **more}) + "\n"


def line(step: int, seconds: float, loss: float) -> str:
    return STEP_LINE_FORMAT % (step, seconds, loss)


noise = st.text(st.characters(codec="utf-8"), max_size=30).filter(
    lambda text: not STEP_LINE.search(text) and not re.search(r"[\d.a-z]$", text) and "\r" not in text
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(noise, st.floats(0, 1e5), st.floats(-1e6, 1e6)), min_size=1, max_size=8))
def test_every_step_line_is_found_whatever_stands_around_it(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, float, float]]
) -> None:
    path = tmp_path_factory.mktemp("log") / "log.txt"
    parts = []
    for number, (before, seconds, loss) in enumerate(steps, 1):
        end = "\n" if number % 2 else "WARNING: printed into the same line\n"
        parts.append(before + line(number, seconds, loss) + end)
    path.write_text("x\n" + "".join(parts), encoding="utf-8")
    read = read_run(path)
    assert [step.number for step in read.steps] == list(range(1, len(steps) + 1))
    for step, (_, seconds, loss) in zip(read.steps, steps):
        assert step.seconds == float(f"{seconds:.3f}") and step.loss == float(f"{loss:.3f}")
    assert read.is_log and read.rounding == LOG_ROUNDING


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_loss_that_is_not_finite_is_read(tmp_path: Path, value: float) -> None:
    (tmp_path / "log").write_text(line(1, 0.5, value) + "\n")
    loss = read_run(tmp_path / "log").steps[0].loss
    assert loss == value or (math.isnan(loss) and math.isnan(value))


def test_log_that_powershell_wrote_is_read(tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_text(line(1, 0.5, 12.0) + "\r\n", encoding="utf-16")
    assert read_run(tmp_path / "log.txt").steps[0].loss == 12.0


def test_original_s_printed_arguments_are_facts(tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_text(ORIGINAL_ARGUMENTS + line(1, 0.5, 12.0))
    facts = read_run(tmp_path / "log.txt").facts
    assert facts.values == {
        "batch shape": "fixed",
        "precision": "float32",
        "seed": None,
        "batch size": 8,
        "max_seq_length": 32,
        "learning rate": 2e-5,
        "epochs": 1,
        "encoder": "model/bert_model.ckpt",
    }


def test_folder_gives_full_precision_and_the_facts(tmp_path: Path) -> None:
    (tmp_path / "steps.jsonl").write_text(
        record(1, 132.70004, sentences=32, tokens=1500, positions=1600, compiled=True) + record(2, 131.5)
    )
    (tmp_path / "run.json").write_text(json.dumps(run_json()))
    run = read_run(tmp_path)
    assert run.path == tmp_path and run.rounding == 0.0 and not run.is_log
    first = run.steps[0]
    assert (first.loss, first.sentences, first.tokens, first.positions) == (132.70004, 32, 1500, 1600)
    assert first.compiled is True and run.steps[1].tokens is None
    assert (
        run.facts.batch_shape == "bucketed"
    )  # what the device settled on, not the "auto" that was asked for
    assert run.facts.values["batch size"] == 32 and run.facts.values["dropout"] == 0.1
    assert run.facts.values["encoder"] == "sha256 abababababab"
    assert run.facts.warm_up_seconds == 12.5 and run.facts.device == "a CPU"


def test_log_beside_its_run_takes_the_run_s_figures(tmp_path: Path) -> None:
    (tmp_path / "loss+perf_cpu.txt").write_text(line(1, 0.5, 132.70004) + "\n")
    (tmp_path / "run.json").write_text(json.dumps(run_json()))
    without = read_run(tmp_path / "loss+perf_cpu.txt")
    assert without.facts.values["seed"] == 1 and without.rounding == LOG_ROUNDING and not without.is_log
    (tmp_path / "steps.jsonl").write_text(record(1, 132.70004, tokens=7) + record(2, 1.0))
    run = read_run(tmp_path / "loss+perf_cpu.txt")
    assert [(step.loss, step.tokens) for step in run.steps] == [(132.70004, 7)]
    assert run.rounding == 0.0


def test_log_beside_another_run_is_read_alone(tmp_path: Path) -> None:
    (tmp_path / "loss+perf_cpu.txt").write_text(line(1, 0.5, 99.0))
    (tmp_path / "run.json").write_text(json.dumps(run_json()))
    (tmp_path / "steps.jsonl").write_text(record(1, 132.7))
    run = read_run(tmp_path / "loss+perf_cpu.txt")
    assert run.steps[0].loss == 99.0 and run.facts.values == {} and "another run" in run.notes[0]
    (tmp_path / "loss+perf_npu.txt").write_text(line(1, 0.5, 132.7))
    assert read_run(tmp_path / "loss+perf_npu.txt").facts.values == {}  # the record is of the CPU's log


def test_folder_with_one_log_and_nothing_else_is_enough(tmp_path: Path) -> None:
    (tmp_path / "loss+perf_npu.txt").write_text(line(1, 80.0, 99.0))
    assert read_run(tmp_path).steps[0].seconds == 80.0
    (tmp_path / "loss+perf_gpu.txt").write_text(line(1, 0.5, 99.0))
    with pytest.raises(DataError, match="2 logs"):
        read_run(tmp_path)


def test_last_record_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "steps.jsonl").write_text(record(1, 3.0) + record(2, 2.0)[:20])
    run = read_run(tmp_path / "steps.jsonl")
    assert [step.number for step in run.steps] == [1] and "cut off" in run.notes[0]


def test_damaged_record_is_named_by_its_line(tmp_path: Path) -> None:
    (tmp_path / "steps.jsonl").write_text(record(1, 3.0) + "{nonsense\n" + record(3, 2.0))
    with pytest.raises(DataError, match=r"steps\.jsonl:2: not a step record"):
        read_run(tmp_path / "steps.jsonl")
    (tmp_path / "steps.jsonl").write_text('{"step": 1, "loss": 3.0}\n')
    with pytest.raises(DataError, match=r"steps\.jsonl:1"):
        read_run(tmp_path / "steps.jsonl")


def test_log_of_several_runs_gives_the_last(tmp_path: Path) -> None:
    runs = [line(1, 9.0, 9.0), line(2, 9.0, 8.0), line(1, 1.0, 7.0), line(2, 1.0, 6.0)]
    (tmp_path / "log").write_text("\n".join(runs))
    run = read_run(tmp_path / "log")
    assert [step.loss for step in run.steps] == [7.0, 6.0] and "several runs" in run.notes[0]


def test_steps_repeated_after_a_resume_count_once(tmp_path: Path) -> None:
    (tmp_path / "steps.jsonl").write_text("".join(record(step, loss) for step, loss in
        [(1, 9.0), (2, 8.0), (3, 7.0), (2, 8.5), (3, 7.5), (4, 6.5)]))  # fmt: skip
    run = read_run(tmp_path / "steps.jsonl")
    assert [(step.number, step.loss) for step in run.steps] == [(1, 9.0), (2, 8.5), (3, 7.5), (4, 6.5)]
    assert "resume" in run.notes[0]


@pytest.mark.parametrize("content", ["", "nothing here\n", "step: 1, cost time: 0.5s, losses: 3.0\n"])
def test_file_without_step_lines_is_an_error_that_shows_one(tmp_path: Path, content: str) -> None:
    (tmp_path / "log").write_text(content)
    with pytest.raises(DataError, match="no line `step: 1, cost time"):
        read_run(tmp_path / "log")


def test_missing_file_empty_folder_and_broken_run_record_are_errors(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_run(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"no steps\.jsonl"):
        read_run(tmp_path)
    (tmp_path / "steps.jsonl").write_text(record(1, 3.0))
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(DataError, match=r"run\.json: not JSON"):
        read_run(tmp_path)
