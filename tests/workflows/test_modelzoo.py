"""The vendor's result file: its lines, its rule beside the shell pipeline that it is, and what a run does not tell."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from command_line import nerctl
from hypothesis import given, settings
from hypothesis import strategies as st
from two_runs import NPU, log, run

from nerctl.workflows.modelzoo import Result, result_of, speed_by_rule

NAMES = ["Network", "RankSize", "BatchSize", "DeviceType", "CaseName", "ActualFPS", "TrainingTime", "ActualLoss",
         "E2ETrainingTime"]  # fmt: skip

PIPELINE = r"""
seconds() { grep "step:" "$1" | awk '{print $5}' | sed 's/s,$//'; }
mean=$(seconds "$1" | sort SORT | tail -n +4 | awk '{sum += $1} END {print sum / NR}')
fps=$(awk "BEGIN {print 1 / $mean * $2}")
echo "ActualFPS = $fps"
awk 'BEGIN {printf "TrainingTime = %.2f\n", '"$2"' * 1000 / '"$fps"'}'
grep "step:" "$1" | awk '{print $7}' | sed 's/,$//' | awk 'END {print "ActualLoss = " $1}'
"""
"""What the vendor's script does with a log ($1) and a batch size ($2), written anew."""

needs_shell = pytest.mark.skipif(
    any(shutil.which(name) is None for name in ("sh", "awk", "sort", "tail", "grep", "sed")), reason="needs sh, awk and sort"
)


def shell(path: Path, batch_size: int, sort: str) -> list[str]:
    """The lines that the pipeline prints; `sort -rn` is the rule as it is described, `sort -r` the script as published."""
    script = PIPELINE.replace("SORT", sort)
    done = subprocess.run(
        ["sh", "-c", script, "sh", str(path), str(batch_size)],
        capture_output=True, text=True, check=True, env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    return done.stdout.splitlines()


def from_log(result: Result) -> list[str]:
    """The lines that a log alone gives."""
    return [line for line in result.lines() if line.split()[0] in ("ActualFPS", "TrainingTime", "ActualLoss")]


@needs_shell
@pytest.mark.parametrize("name", ["loss+perf_npu.txt", "loss+perf_gpu.txt", "upstream_tf1.15_cpu.txt"])
def test_the_published_logs_give_what_the_shell_pipeline_gives(shared: Path, name: str) -> None:
    path = shared / "reference" / "logs" / name
    result = result_of(path, 32)
    assert from_log(result) == shell(path, 32, "-rn")
    as_published = shell(path, 32, "-r")
    differs = as_published != from_log(result)
    assert any(f"{as_published[0]} and {as_published[1]}." in remark for remark in result.remarks) == differs


@needs_shell
@settings(max_examples=25)
@given(st.lists(st.tuples(st.floats(0.001, 300), st.floats(0.5, 1e4)), min_size=4, max_size=30), st.integers(1, 512))
def test_any_log_gives_what_the_shell_pipeline_gives(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[float, float]], batch_size: int
) -> None:
    path = log(tmp_path_factory.mktemp("log") / "log.txt", steps)
    assert from_log(result_of(path, batch_size)) == shell(path, batch_size, "-rn")


def test_the_published_npu_log_line_by_line(published: tuple[Path, Path]) -> None:
    result = result_of(published[1], 32)
    assert result.lines() == [
        "Network = BiLSTM_CRF_ID0125_for_TensorFlow",
        "RankSize = 1",
        "BatchSize = 32",
        "DeviceType = unknown",
        "CaseName = BiLSTM_CRF_ID0125_for_TensorFlow_bs32_1p_perf",
        "ActualFPS = 0.402146",  # 32 / ((79.547 + 79.599) / 2)
        "TrainingTime = 79573.09",
        "ActualLoss = 102.702",
        "E2ETrainingTime = unknown",
    ]
    assert float(result.values["ActualFPS"]) == pytest.approx(32 / ((79.547 + 79.599) / 2), rel=1e-5)
    told = " ".join(result.remarks)
    assert "By the plain median of all 5 steps: 0.400731 sentences a second, 79854.00 ms a step" in told
    assert "drops the slowest steps only" in told
    assert "sorts the times as text (sort -r)" in told and "ActualFPS = 0.199083" in told


def test_a_loss_scale_behind_the_losses_changes_nothing(tmp_path: Path, published: tuple[Path, Path]) -> None:
    scaled = tmp_path / "scaled.txt"
    scaled.write_text(published[1].read_text().replace("\n", ", loss scale: 4294967296\n"))
    assert result_of(scaled, 32).values == result_of(published[1], 32).values


def test_what_a_bare_log_does_not_tell_is_unknown(published: tuple[Path, Path]) -> None:
    result = result_of(published[0])
    unknown = [name for name, value in result.values.items() if value == "unknown"]
    assert unknown == ["BatchSize", "DeviceType", "CaseName", "ActualFPS", "E2ETrainingTime"]
    assert result.values["TrainingTime"] == "488.50" and list(result.values) == NAMES
    assert "The batch size is not told" in " ".join(result.remarks)
    assert result.as_json()["result"]["E2ETrainingTime"] is None


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_fewer_than_four_steps_are_too_few_for_the_rule_and_it_is_said(tmp_path: Path, steps: int) -> None:
    result = result_of(log(tmp_path / "log", NPU[:steps]), 32)
    assert result.values["ActualFPS"] == result.values["TrainingTime"] == "unknown"
    (said,) = [remark for remark in result.remarks if "too few" in remark]
    assert said.startswith(f"{steps} step") and "needs four or more" in said and "divides by zero" in said
    assert speed_by_rule(["1.000"] * 4, 8) is not None


def test_steps_that_took_no_time_have_no_speed(tmp_path: Path) -> None:
    result = result_of(log(tmp_path / "log", [(0.0001, 3.0)] * 5), 32)  # 0.000 in the log
    assert result.values["ActualFPS"] == "unknown" and result.median is None
    assert "The steps are too short" in " ".join(result.remarks)


def test_what_is_odd_about_a_log_is_among_the_remarks(tmp_path: Path) -> None:
    twice = log(tmp_path / "log", NPU).read_text() + log(tmp_path / "log", NPU[:4]).read_text()
    (tmp_path / "log").write_text(twice)
    result = result_of(tmp_path / "log", 32)
    assert "several runs (2:" in result.remarks[0] and result.values["ActualLoss"] == "93.504"


def made_run(folder: Path, **facts: Any) -> Path:
    run(folder, [3.0, 2.5, 2.25, 2.0, float("nan")], head=facts.pop("head", "bilstm-crf"))
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**record, **facts}))
    return folder


def test_a_run_s_folder_tells_all_of_it(tmp_path: Path) -> None:
    folder = made_run(tmp_path / "run", seconds=61.6, state="finished", versions={"machine": "aarch64"})
    result = result_of(folder)
    assert list(result.values.values()) == [
        "BiLSTM_CRF_ID0125_for_TensorFlow", "1", "32", "aarch64", "BiLSTM_CRF_ID0125_for_TensorFlow_bs32_1p_perf",
        "64", "500.00", "nan", "62",
    ]  # fmt: skip
    assert not any("one-card script" in remark or "not finished" in remark for remark in result.remarks)
    assert "--batch-size 8 was left aside: the run tells 32." in result_of(folder, 8).remarks


def test_another_head_is_another_network_and_a_run_that_goes_on_is_told(tmp_path: Path) -> None:
    result = result_of(made_run(tmp_path / "run", head="crf", seconds=3.2, state="running"))
    assert result.values["CaseName"] == "nerctl_crf_bs32_1p_perf" and result.values["DeviceType"] == "unknown"
    assert "The run is not finished" in " ".join(result.remarks) and result.values["E2ETrainingTime"] == "3"


# The commands


def test_report_prints_the_file_alone_on_standard_output_and_writes_nothing(tmp_path: Path) -> None:
    folder = made_run(tmp_path / "run", seconds=61.6, state="finished", versions={"machine": "x86_64"})
    before = sorted(path.name for path in folder.iterdir())
    ran = nerctl("report", "--model", str(folder), "--modelzoo")
    assert ran.code == 0 and ran.printed.splitlines() == result_of(folder).lines()
    assert "By the plain median of all 5 steps: 64 sentences a second, 500.00 ms a step." in ran.said
    assert sorted(path.name for path in folder.iterdir()) == before
    values = json.loads(nerctl("report", "--model", str(folder), "--modelzoo", "--json").printed)
    assert values["result"]["ActualFPS"] == "64" and values["median"] == {"fps": "64", "milliseconds": "500.00"}


def test_compare_prints_one_file_or_two(published: tuple[Path, Path]) -> None:
    gpu, npu = map(str, published)
    ran = nerctl("compare", npu, "--modelzoo", "--batch-size", "32")
    assert ran.printed.splitlines() == result_of(published[1], 32).lines()
    both = nerctl("compare", gpu, npu, "--modelzoo", "--batch-size", "32").printed.splitlines()
    assert both == [f"A  {gpu}", *result_of(published[0], 32).lines(), "", f"B  {npu}", *result_of(published[1], 32).lines()]
    values = json.loads(nerctl("compare", gpu, npu, "--modelzoo", "--json").printed)
    assert values["a"]["result"]["TrainingTime"] == "488.50" and values["b"]["median"]["milliseconds"] == "79854.00"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["compare", "{log}"], "name a second run, or ask for --modelzoo"),
        (["compare", "{log}", "--modelzoo", "--plot", "x.html"], "--plot: has no meaning with --modelzoo"),
        (["compare", "{log}", "--modelzoo", "--warmup", "0"], "--warmup: has no meaning"),
        (["compare", "{log}", "{log}", "--modelzoo", "--loss-tolerance", "1e-3"], "--loss-tolerance: has no meaning"),
        (["compare", "{log}.txt", "--modelzoo"], "no such file or folder"),
        (["report", "--model", "{folder}", "--modelzoo", "--data", "{log}"], "--data: has no meaning"),
        (["report", "--model", "{folder}", "--modelzoo", "--input-format", "conll"], "--input-format: has no meaning"),
        (["report", "--model", "{folder}", "--modelzoo"], r"no steps.jsonl and no loss+perf_*.txt in it"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_sentence(tmp_path: Path, command: list[str], said: str) -> None:
    (tmp_path / "empty").mkdir()
    places = {"log": str(log(tmp_path / "log", NPU)), "folder": str(tmp_path / "empty")}
    ran = nerctl(*(word.format(**places) for word in command))
    assert ran.code == 2 and said in ran.said and ran.printed == ""


def test_a_training_records_what_the_result_file_needs(tiny: Path) -> None:
    options = ["--device", "cpu", "--from-scratch", "--batch-size", "8", "--lstm-size", "8", "--head", "bilstm-crf"]
    assert nerctl("train", *options, "--steps", "4").code == 0
    values = result_of(tiny / "output").values
    assert values["DeviceType"] == platform.machine() and values["E2ETrainingTime"].isdigit()
    assert values["CaseName"] == "BiLSTM_CRF_ID0125_for_TensorFlow_bs8_1p_perf" and float(values["ActualFPS"]) > 0
    assert values["ActualLoss"] == (tiny / "output" / "loss+perf_cpu.txt").read_text().split()[-1]
