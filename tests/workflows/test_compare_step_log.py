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
from nerctl.workflows.compare.step_lines import STEP_LINE
from nerctl.workflows.compare.step_log import LOG_ROUNDING, read_run

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


@pytest.mark.parametrize(
    ("written", "loss"),
    [("NaN", math.nan), ("-nan", math.nan), ("Infinity", math.inf), ("-Inf", -math.inf), ("1e+10", 1e10),
     ("-1.5E-05", -1.5e-5), ("10000000000.000", 1e10)],
)  # fmt: skip
def test_losses_are_read_however_a_number_is_written(tmp_path: Path, written: str, loss: float) -> None:
    (tmp_path / "log").write_text(f"step: 1, cost time: 0.500s, losses: {written}WARNING\n" + line(2, 0.5, 3.0))
    run = read_run(tmp_path / "log")
    assert [step.number for step in run.steps] == [1, 2] and run.unread == ()
    assert run.steps[0].loss == loss or (math.isnan(run.steps[0].loss) and math.isnan(loss))


def test_figures_that_run_into_the_next_print_are_cut_after_three_decimals(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("step: 1, cost time: 0.500s, losses: 132.7242024-05-06 saving\n" + line(2, 0.5, 3.0))
    assert read_run(tmp_path / "log").steps[0].loss == 132.724


@pytest.mark.parametrize("figures", ["cost time: 0.500s, losses: None", "cost time: --s, losses: 3.000", "cost tistep: 9"])
def test_a_step_line_that_cannot_be_read_is_a_missing_step_and_told(tmp_path: Path, figures: str) -> None:
    (tmp_path / "log").write_text(line(1, 0.5, 3.0) + f"\nstep: 2, {figures}\n" + line(3, 0.5, 3.0) + "\n")
    run = read_run(tmp_path / "log")
    assert [step.number for step in run.steps] == [1, 3] and run.unread == (2,)
    assert f"no figures can be read from `step: 2, {figures}`; such a step counts as missing" in run.notes[0]


def test_a_step_line_that_a_kill_cut_off_is_left_out_and_told(tmp_path: Path) -> None:
    (tmp_path / "log").write_text(line(1, 0.5, 3.0) + "\nstep: 2, cost time: 0.5")
    run = read_run(tmp_path / "log")
    assert run.unread == () and run.notes == ("The last line of log is cut off and was left out.",)


def test_a_step_that_the_log_does_not_tell_is_read_from_the_records_beside_it(tmp_path: Path) -> None:
    (tmp_path / "loss+perf_cpu.txt").write_text(line(1, 0.5, 3.0) + "\nstep: 2, cost time: 0.500s, losses: ?\n")
    (tmp_path / "run.json").write_text(json.dumps(run_json()))
    (tmp_path / "steps.jsonl").write_text(record(1, 3.0) + record(2, 1e10))
    run = read_run(tmp_path / "loss+perf_cpu.txt")
    assert [step.loss for step in run.steps] == [3.0, 1e10] and run.unread == ()


def docker(text: str) -> str:
    """The text as docker's json-file driver keeps it."""
    lines = [{"log": line + "\n", "stream": "stdout", "time": "2024-05-06T07:08:09Z"} for line in text.split("\n")]
    return "".join(json.dumps(one) + "\n" for one in lines)


STEPS = "\n".join(line(number, 0.5, 10.0 - number) for number in (1, 2, 3))


@pytest.mark.parametrize("name", ["a-json.log", "a.jsonl"])
@pytest.mark.parametrize("text", [docker(STEPS), "{'batch_size': 32}\n" + STEPS, '{"step": 1, "lr": 0.1}\n' + STEPS])
def test_step_lines_are_found_in_a_log_that_begins_with_a_brace(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    run = read_run(tmp_path / name)
    assert [step.loss for step in run.steps] == [9.0, 8.0, 7.0] and run.notes == () and run.is_log


@pytest.mark.parametrize("behind", ["", "\n"])
def test_json_of_any_depth_is_no_step_record(tmp_path: Path, behind: str) -> None:
    (tmp_path / "log").write_text('{"a":' * 100_000 + behind)
    with pytest.raises(DataError, match=r"no step records|not a step record"):
        read_run(tmp_path / "log")


def test_records_that_quote_a_step_line_are_records_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "steps.txt").write_text(record(1, 3.00001, line=line(1, 0.5, 3.0)))
    assert read_run(tmp_path / "steps.txt").steps[0].loss == 3.00001


@pytest.mark.parametrize("losses", [(9.0, 8.0, 7.0), (math.nan, math.nan, math.inf)])
def test_lines_that_a_doubled_handler_wrote_count_once(tmp_path: Path, losses: tuple[float, ...]) -> None:
    lines = [line(number, 0.5, loss) for number, loss in enumerate(losses, 1)]
    (tmp_path / "log").write_text("".join(f"{text}\nINFO:root:{text}\n" for text in lines))
    (tmp_path / "steps.jsonl").write_text("".join(2 * record(number, loss) for number, loss in enumerate(losses, 1)))
    for name in ("log", "steps.jsonl"):
        run = read_run(tmp_path / name)
        assert [step.number for step in run.steps] == [1, 2, 3]
        assert run.notes == (() if losses[0] == 9.0 else (f"{name}: the losses of steps 1 to 3 are not finite.",))


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


def test_a_log_of_step_lines_without_figures_is_an_error_that_names_the_first(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("saving\nstep: 1, cost time: 0.5s, losses: 3.0\n")
    with pytest.raises(DataError, match=r"log:2: no figures can be read from `step: 1, cost time: 0.5s, losses: 3.0`"):
        read_run(tmp_path / "log")


@pytest.mark.parametrize("content", ["", "nothing here\n", "step: 1, cost"])
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
    with pytest.raises(DataError, match=r"run\.json: not the record of a run"):
        read_run(tmp_path)
