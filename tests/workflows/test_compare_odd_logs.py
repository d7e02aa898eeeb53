"""Logs as they come: loss scales, progress bars, other encodings, prefixes, several runs in one file, losses gone wrong."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import Any, Optional

import pytest
from command_line import nerctl
from hypothesis import example, given, settings
from hypothesis import strategies as st
from two_runs import log

from nerctl.errors import DataError
from nerctl.training.steplog import StepRecord
from nerctl.workflows.compare.comparison import compare_runs
from nerctl.workflows.compare.report_json import as_json
from nerctl.workflows.compare.report_text import text_report
from nerctl.workflows.compare.step_log import Run, read_run
from nerctl.workflows.modelzoo import result_of

SCALED = """\
step: 1, cost time: 164.408s, losses: 121.096, loss scale: 4294967296
step: 2, cost time: 157.066s, losses: 111.109, loss scale: 4294967296
step: 3, cost time: 79.547s, losses: 99.554, loss scale: 2147483648
step: 4, cost time: 79.599s, losses: 93.504, loss scale: 2147483648
step: 5, cost time: 79.854s, losses: 102.702, loss scale: 1073741824
"""
"""The published NPU log as the vendor's port would print it, two overflows in it."""

PLAIN = "".join(f"step: {number}, cost time: 0.500s, losses: {10 - number}.000\n" for number in range(1, 6))


def read(folder: Path, content: bytes) -> Run:
    (folder / "log.txt").write_bytes(content)
    return read_run(folder / "log.txt")


def figures(run: Run) -> list[tuple[int, float]]:
    return [(step.number, step.loss) for step in run.steps]


# Loss scales


@pytest.mark.parametrize("end", ["\n", "\r\n", "\nINFO:tensorflow:Saving checkpoints\n"])
def test_the_loss_scale_behind_the_losses_is_read(tmp_path: Path, end: str) -> None:
    run = read(tmp_path, SCALED.replace("\n", end).encode())
    assert [step.loss_scale for step in run.steps] == [2**32, 2**32, 2**31, 2**31, 2**30]
    assert [step.loss for step in run.steps] == [121.096, 111.109, 99.554, 93.504, 102.702] and run.notes == ()


def test_the_loss_scale_is_shown_and_in_the_json(tmp_path: Path) -> None:
    (tmp_path / "a").write_text(SCALED)
    (tmp_path / "b").write_text(PLAIN)
    comparison = compare_runs(tmp_path / "a", tmp_path / "b")
    assert "loss scale of the last step           1073741824               -" in text_report(comparison)
    rows = as_json(comparison)["steps"]
    assert [row["loss_scale_a"] for row in rows] == [2**32, 2**32, 2**31, 2**31, 2**30]
    assert {row["loss_scale_b"] for row in rows} == {None}
    assert "loss scale" not in text_report(compare_runs(tmp_path / "b", tmp_path / "b"))


def test_a_loss_scale_that_the_end_of_the_file_cuts_off_is_left_out(tmp_path: Path) -> None:
    whole = read(tmp_path, SCALED.rstrip().encode())
    assert whole.loss_scale == 2**30 and whole.notes == ()
    for cut in range(1, len("1073741824")):
        run = read(tmp_path, SCALED.rstrip()[:-cut].encode())
        assert len(run.steps) == 5 and run.steps[-1].loss_scale is None and run.loss_scale == 2**31
        assert run.notes == ("The last line of log.txt is cut off within its loss scale, which was left out.",)


@pytest.mark.parametrize("scale", [None, 1.0, 32768.0, 2.0**32])
@given(
    st.integers(1, 10**9), st.floats(-1e6, 1e6) | st.sampled_from([math.nan, math.inf, -math.inf]), st.floats(0, 1e5)
)
@settings(max_examples=50)
def test_what_our_log_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, scale: Optional[float], number: int, loss: float, seconds: float
) -> None:
    folder = tmp_path_factory.mktemp("log")
    record = StepRecord(number, loss, seconds, 8, 80, 96, 0.1, 1e-3, 2.0, 2, False, scale)
    (step,) = read(folder, f"{record.line()}\n".encode()).steps
    assert (step.number, step.loss_scale, step.seconds) == (number, scale, float(f"{seconds:.3f}"))
    assert f"{step.loss:.3f}" == f"{loss:.3f}"
    (folder / "steps.jsonl").write_text(json.dumps(record.fields()) + "\n")
    (full,) = read_run(folder / "steps.jsonl").steps
    assert (full.number, full.loss_scale, full.seconds, full.tokens) == (number, scale, seconds, 80)
    assert full.loss == loss or (math.isnan(full.loss) and math.isnan(loss))


# What else stands in the lines


@pytest.mark.parametrize(
    "before",
    [
        "2026-11-25 10:11:12,345 - tensorflow - INFO - ", "[2026-11-25 10:11:12] ", "INFO:root:", "I1125 10:11:12 x.py:7] ",
        "\r 45%|████▌     | 9/20 [00:01<00:01]", "\r\x1b[K  3/156 [..............]\r",
        "training:  60%|██████    | 3/5 [00:02<00:01,  1.99it/s]\r",
    ],
)  # fmt: skip
def test_time_stamps_prefixes_and_progress_bars_before_a_step_are_passed_over(tmp_path: Path, before: str) -> None:
    run = read(tmp_path, "".join(f"{before}{line}\r\n" for line in PLAIN.splitlines()).encode())
    assert figures(run) == [(number, 10.0 - number) for number in range(1, 6)] and run.notes == ()


def test_a_log_whose_lines_end_with_carriage_returns_alone_is_read_line_by_line(tmp_path: Path) -> None:
    run = read(tmp_path, PLAIN.replace("\n", "\r").replace("losses: 7.000", "losses: ?").encode())
    assert [step.number for step in run.steps] == [1, 2, 4, 5] and run.unread == (3,)
    assert run.notes[0].startswith("log.txt:1: no figures can be read from `step: 3, cost time: 0.500s, losses: ?`;")


@pytest.mark.parametrize("encoding", ["gbk", "gb18030", "utf-16", "utf-8-sig"])
def test_lines_in_chinese_in_any_encoding_are_passed_over(tmp_path: Path, encoding: str) -> None:
    text = "".join(f"开始训练，损失：\n第一步 {line}\n警告：内存" for line in PLAIN.splitlines())
    assert figures(read(tmp_path, (text + "\n").encode(encoding))) == [(number, 10.0 - number) for number in range(1, 6)]


# Several runs, missing steps, losses gone wrong


def test_runs_appended_in_one_file_are_told_apart_and_the_last_counts(tmp_path: Path) -> None:
    second = PLAIN.replace("0.500s", "0.250s").replace("step: 5, cost time: 0.250s, losses: 5.000\n", "")
    arguments = "   ARG   VALUE\n  batch_size = {}\n max_seq_length = {}\n"
    run = read(tmp_path, (arguments.format(8, 32) + PLAIN + PLAIN + arguments.format(16, 64) + second).encode())
    assert [step.seconds for step in run.steps] == [0.25] * 4 and [step.number for step in run.steps] == [1, 2, 3, 4]
    assert run.notes == ("log.txt holds several runs (3: its step numbers begin again); the last one counts.",)
    assert run.facts.values["batch size"] == 16 and run.facts.values["max_seq_length"] == 64
    run = read(tmp_path, (arguments.format(8, 32) + PLAIN + second).encode())
    assert run.facts.values == {}  # the arguments are those of the run before


def test_a_run_that_was_cut_short_takes_nothing_from_the_run_before(tmp_path: Path) -> None:
    lines = PLAIN.splitlines(keepends=True)
    run = read(tmp_path, "".join([*lines, lines[0].replace("9.000", "8.500"), "step: 2, cost time: ?\n"]).encode())
    assert figures(run) == [(1, 8.5)] and run.unread == (2,) and "several runs (2:" in run.notes[0]


def test_losses_that_are_not_finite_are_kept_and_told(tmp_path: Path) -> None:
    run = read(tmp_path, PLAIN.replace("7.000", "nan").replace("6.000", "-inf").encode())
    assert len(run.steps) == 5 and math.isnan(run.steps[2].loss) and run.steps[3].loss == -math.inf
    assert run.notes == ("log.txt: the losses of steps 3 to 4 are not finite.",)
    run = read(tmp_path, PLAIN.replace("5.000", "NaN").encode())
    assert run.notes == ("log.txt: the loss of step 5 is not finite.",)


def test_steps_that_are_missing_are_told(tmp_path: Path) -> None:
    lines = PLAIN.splitlines(keepends=True)
    assert read(tmp_path, "".join(lines[:2] + lines[3:]).encode()).notes == ("log.txt has nothing of step 3.",)
    assert read(tmp_path, "".join([lines[1], lines[4]]).encode()).notes == (
        "log.txt begins with step 2.", "log.txt has nothing of steps 3 to 4.",
    )  # fmt: skip
    last = "step: 999999999999999999, cost time: 0.500s, losses: 1.000\n"
    told = read(tmp_path, "".join([lines[0], lines[2], last]).encode()).notes
    assert told == ("log.txt has nothing of steps 2, 4 to 999999999999999998.",)


def test_the_command_tells_what_is_odd_and_ends_with_two_for_what_it_cannot_read(tmp_path: Path) -> None:
    a = log(tmp_path / "a", [(0.5, 3.0), (0.5, math.nan), (0.5, 2.0)])
    b = log(tmp_path / "b", [(0.5, 3.0)])
    b.write_text(b.read_text() + "step: 3, cost time: 0.500s, losses: 2.000\n")
    told = " ".join(nerctl("compare", str(a), str(b)).printed.split())
    assert "A: a: the loss of step 2 is not finite." in told and "B: b has nothing of step 2." in told
    (tmp_path / "steps.jsonl").write_text('{"step": 1, "loss": 3.0, "seconds": 0.5}\n{"step": 2, "loss": 3.0}\n')
    ran = nerctl("compare", str(a), str(tmp_path / "steps.jsonl"))
    assert ran.code == 2 and "steps.jsonl:2: not a step record with step, loss and seconds" in ran.said


# Nothing ends in a traceback

fragments = st.sampled_from([
    "step: 1, cost time: 0.500s, losses: 3.000", "step: 2, cost", "step: ", ", loss scale: 64", "\n", "\r", "\r\n", "nan",
    "step: 99999999999999999999999, cost time: 1.000s, losses: 1.000", "step: ٣, cost time: 0.500s, losses: 3.000",
    "step: 7, cost time: 1e+999s, losses: 1e+999", '{"step": 1, "loss": 1.0, "seconds": 2.0}', '{"step": 1e999}',
    '{"step": 1e999, "loss": 1.0, "seconds": 2.0}', '{"step": 1, "loss": 1.0, "seconds": NaN}', "[1]", "{", "   ARG   VALUE",
    '{"step": 3, "loss": null, "seconds": 1, "loss_scale": "x"}',
])  # fmt: skip


@pytest.mark.parametrize("name", ["log.txt", "steps.jsonl"])
@given(content=st.binary() | st.lists(fragments | st.text(), max_size=12).map(lambda parts: "".join(parts).encode("utf-8")))
@example(content=b'{"step": ' + b"9" * 5000 + b', "loss": 1.0, "seconds": 2.0}\n')
@example(content=b"step: " + b"9" * 5000 + b", cost time: 1.000s, losses: 1.000\n")
@example(content=b"".join(b"step: %d, cost time: 1e+308s, losses: 1e+308\n" % number for number in range(1, 9)))
@example(content=b'{"step": 1, "loss": 1' + b"0" * 400 + b', "seconds": 2.0}\n')
def test_any_file_is_read_or_refused_in_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, name: str, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("any") / name
    path.write_bytes(content)
    try:
        run = read_run(path)
    except DataError as error:
        assert str(error).startswith(str(path))
        return
    numbers = [step.number for step in run.steps]
    assert numbers and numbers == sorted(set(numbers)) and not set(numbers) & set(run.unread)
    assert all(0 <= step.seconds < math.inf for step in run.steps)
    text_report(compare_runs(path, path))
    assert len(result_of(path, 8).lines()) == 9


@given(st.lists(st.floats(0, 1e5), min_size=1, max_size=6), st.data())
def test_a_log_cut_off_anywhere_gives_the_steps_before_the_cut(
    tmp_path_factory: pytest.TempPathFactory, seconds: list[float], data: Any
) -> None:
    path = log(tmp_path_factory.mktemp("cut") / "log.txt", [(time, 3.0 + time) for time in seconds])
    whole, run = path.read_text(), read_run(path)
    end = data.draw(st.integers(0, len(whole)))
    path.write_text(whole[:end])
    lines = whole[:end].count("\n")
    try:
        steps = read_run(path).steps
    except DataError:
        assert lines == 0
        return
    # A whole line lacks its line end at the most.
    assert steps[:lines] == run.steps[:lines] and len(steps) in (lines, lines + 1)
    assert steps == run.steps[: len(steps)]


def test_a_binary_file_is_no_log(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no line `step: 1"):
        read(tmp_path, struct.pack("<256I", *range(256)))
