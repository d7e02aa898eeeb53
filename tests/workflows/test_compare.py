"""Two runs side by side: figures, agreement, text, JSON, pictures, the command."""

from __future__ import annotations

import json
import math
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from two_runs import GPU, NPU, log, run
from typer.testing import CliRunner

from nerctl.cli import app
from nerctl.errors import DataError, NerctlError
from nerctl.workflows.compare.comparison import compare_runs, relative_difference
from nerctl.workflows.compare.report_json import as_json
from nerctl.workflows.compare.report_text import WIDTH, text_report
from nerctl.workflows.compare.verdict import verdict_on

LOGS = Path(__file__).resolve().parents[3] / "shared" / "reference" / "logs"

def test_reference_logs_are_the_published_ones(published: tuple[Path, Path]) -> None:
    if not LOGS.is_dir():
        pytest.skip("../shared/reference/logs is not here")
    for path in published:
        assert (LOGS / path.name).read_text().split() == path.read_text().split()


def test_published_logs_compare_as_published(published: tuple[Path, Path]) -> None:
    comparison = compare_runs(*published, batch_size=32)
    assert comparison.timing_a.warm_up == comparison.timing_b.warm_up == (1, 2)
    assert comparison.timing_a.median == 0.490 and comparison.timing_b.median == 79.599
    assert comparison.ratio is not None and round(comparison.ratio) == 162
    for row, (gpu_seconds, gpu), (npu_seconds, npu) in zip(comparison.rows, GPU, NPU):
        assert row.difference == pytest.approx(npu - gpu) and row.ratio == pytest.approx(
            npu_seconds / gpu_seconds
        )
        assert row.relative == pytest.approx(abs(npu - gpu) / max(npu, gpu))
    assert comparison.timing_a.sentences_per_second == pytest.approx(96 / 1.511)
    report = text_report(comparison)
    for figure in ("0.490", "79.599", "162", "-11.628", "-28.470", "-37.984", "-29.782", "-21.875"):
        assert figure in report
    assert "Warm-up on both sides: found from the times." in report
    assert report.split("\n")[:2] == [
        "B is 162 times slower than A in steady steps (median 79.599 s, A 0.490).",
        "The losses differ by up to 27.6 %, as unseeded runs do; no common seed is known.",
    ]


losses = st.lists(st.floats(0.5, 1e4), min_size=1, max_size=6)


@settings(deadline=None)
@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_relative_difference_is_symmetric_and_bounded(one: float, other: float) -> None:
    difference = relative_difference(one, other)
    assert difference == relative_difference(other, one)
    assert 0 <= difference <= 2 and (difference == 0) == (one == other)


@settings(deadline=None)
@given(losses, st.floats(1e-7, 0.5), st.data())
def test_losses_agree_exactly_when_every_step_is_within_the_tolerance(
    tmp_path_factory: pytest.TempPathFactory, values: list[float], tolerance: float, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("runs")
    factors = data.draw(st.lists(st.floats(0, 2), min_size=len(values), max_size=len(values)))
    others = [value * (1 - tolerance * factor) for value, factor in zip(values, factors)]
    comparison = compare_runs(run(folder / "a", values), run(folder / "b", others), loss_tolerance=tolerance)
    within = [abs(one - other) <= tolerance * max(one, other) for one, other in zip(values, others)]
    assert comparison.agreement is not None
    assert comparison.agreement.agree == all(within)
    assert comparison.agreement.outside == tuple(number for number, good in enumerate(within, 1) if not good)


@settings(deadline=None)
@given(losses)
def test_rounding_of_a_log_is_no_disagreement(
    tmp_path_factory: pytest.TempPathFactory, values: list[float]
) -> None:
    folder = tmp_path_factory.mktemp("runs")
    rounded = log(folder / "log.txt", [(0.5, value) for value in values])
    full = run(folder / "b", values)
    for one, other in ((rounded, full), (full, rounded)):
        agreement = compare_runs(one, other, loss_tolerance=0.0).agreement
        assert agreement is not None and agreement.agree


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_loss_that_is_not_finite_never_agrees(tmp_path: Path, value: float) -> None:
    paths = run(tmp_path / "a", [1.0, value]), run(tmp_path / "b", [1.0, value])
    comparison = compare_runs(*paths, loss_tolerance=1.0)
    assert comparison.agreement is not None and not comparison.agreement.agree
    assert comparison.agreement.worst_step == 2 and comparison.agreement.outside == (2,)
    json.dumps(as_json(comparison), allow_nan=False)
    text_report(comparison)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"batch_shape": "bucketed"}, "batch shape: A fixed, B bucketed"),
        ({"precision": "mixed_float16"}, "precision: A float32, B mixed_float16"),
        ({"batch_size": 8}, "batch size: A 32, B 8"),
        ({"seed": 2}, "seed: A 1, B 2"),
        ({"sha256": "cd" * 32}, "encoder: A sha256 abababababab, B sha256 cdcdcdcdcdcd"),
        ({"dropout": 0.1}, "dropout: A 0.0, B 0.1"),
        ({"dropout": None}, "dropout: A 0.0, B the encoder's own"),
        ({"learning_rate": 4e-4}, "learning rate: A 2e-05, B 0.0004"),
        ({"epochs": 3}, "epochs: A 1, B 3"),
        ({"head": "softmax"}, "head: A crf, B softmax"),
    ],
)
def test_the_verdict_and_the_remarks_tell_each_setting_that_differs(
    tmp_path: Path, change: dict[str, Any], told: str
) -> None:
    comparison = compare_runs(run(tmp_path / "a", [3.0]), run(tmp_path / "b", [3.0], **change))
    assert comparison.differences == (told,) and comparison.unknown == ()
    remarks = " ".join(text_report(comparison).split("\n\n")[-1].split())
    assert f"The sides differ in {told}" in remarks
    assert not comparison.should_agree and "Random dropout" in remarks
    other = compare_runs(tmp_path / "a", run(tmp_path / "c", [2.0], **change))
    assert verdict_on(other).losses == f"The losses differ by up to 33.3 %, as runs do that differ in {told.split(':')[0]}."


def test_same_seed_and_no_dropout_should_agree(tmp_path: Path) -> None:
    paths = run(tmp_path / "a", [3.0]), run(tmp_path / "b", [3.0], backend="npu")
    comparison = compare_runs(*paths)
    assert comparison.should_agree and comparison.differences == ()
    assert verdict_on(comparison).losses == "The losses agree to the last digit."
    with_dropout = run(tmp_path / "c", [3.0], dropout=0.1), run(tmp_path / "d", [3.0], dropout=0.1)
    assert not compare_runs(*with_dropout).should_agree


def test_plain_logs_tell_no_settings(published: tuple[Path, Path]) -> None:
    comparison = compare_runs(*published)
    assert comparison.differences == () and "batch size" in comparison.unknown
    assert not comparison.should_agree


def test_steps_of_one_side_only_are_shown_and_not_compared(tmp_path: Path) -> None:
    a, b = log(tmp_path / "a", GPU[:3]), log(tmp_path / "b", NPU, first=2)
    comparison = compare_runs(a, b, loss_tolerance=10.0)
    assert [row.step for row in comparison.rows] == [1, 2, 3, 4, 5, 6]
    assert [row.step for row in comparison.rows if row.difference is not None] == [2, 3]
    text_report(comparison)
    with pytest.raises(DataError, match="no step to compare"):
        compare_runs(a, log(tmp_path / "c", NPU, first=10))


def test_steps_that_one_side_lacks_are_no_agreement_and_stand_in_the_verdict(tmp_path: Path) -> None:
    steps = [(0.5, 100.0 - number) for number in range(8)]
    a, b = log(tmp_path / "a", steps), log(tmp_path / "b", steps[:2])
    comparison = compare_runs(a, b, loss_tolerance=0.01)
    assert comparison.agreement is not None and not comparison.agreement.agree
    assert comparison.agreement.missing == (3, 4, 5, 6, 7, 8) and comparison.agreement.outside == ()
    told = " ".join(text_report(comparison).split())
    assert "The losses do not agree within 0.01 relative: only 2 of 8 steps can be compared (B lacks 3 to 8)." in told
    assert "only 2 of 8 steps" in verdict_on(compare_runs(a, b)).losses.lower() and call(a, b).exit_code == 0
    assert call(a, b, "--loss-tolerance", "0.01").exit_code == 1


def test_a_step_that_neither_side_tells_is_no_agreement(tmp_path: Path) -> None:
    paths = [log(tmp_path / name, [(0.5, 3.0), (0.5, 2.0), (0.5, 1.0)]) for name in "ab"]
    for path in paths:
        path.write_text(path.read_text().replace("losses: 2.000", "losses: ?"))
    comparison = compare_runs(*paths, loss_tolerance=0.1)
    assert comparison.agreement is not None and comparison.agreement.missing == (2,)
    assert "only 2 of 3 steps can be compared (A lacks 2, B lacks 2)" in " ".join(text_report(comparison).split())
    values = as_json(comparison)
    assert values["a"]["unread_steps"] == values["agreement"]["missing"] == [2] and not values["agreement"]["agree"]


@pytest.mark.parametrize("written", ["NaN", "1e+10"])
def test_a_loss_that_shot_up_is_read_and_does_not_agree(tmp_path: Path, written: str) -> None:
    a, b = (log(tmp_path / name, [(0.5, 3.0), (0.5, 2.0)]) for name in "ab")
    b.write_text(b.read_text().replace("2.000", written))
    comparison = compare_runs(a, b, loss_tolerance=0.1)
    assert comparison.agreement is not None and comparison.agreement.outside == (2,)
    furthest = "not finite" if written == "NaN" else "100 %"
    assert f"1 of 2 steps lies outside, step 2 furthest ({furthest})" in " ".join(text_report(comparison).split())


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 1e5), st.floats(-1e7, 1e7)), min_size=1, max_size=60),
    st.lists(st.tuples(st.floats(0, 1e5), st.floats(-1e7, 1e7)), min_size=1, max_size=60),
)
def test_report_fits_eighty_columns(
    tmp_path_factory: pytest.TempPathFactory, a: list[tuple[float, float]], b: list[tuple[float, float]]
) -> None:
    folder = tmp_path_factory.mktemp("a-folder-with-a-rather-long-name-that-does-not-fit-into-a-line")
    comparison = compare_runs(log(folder / "a.txt", a), log(folder / "b.txt", b), loss_tolerance=0.01)
    for width, longest in ((WIDTH, WIDTH), (50, 52)):  # the widest figures of all take 52 columns
        assert max(map(len, text_report(comparison, width).split("\n"))) <= longest
    rows = as_json(comparison)["steps"]
    assert len(rows) == max(len(a), len(b))
    assert comparison.timing_a.median == median(
        step.seconds for step in comparison.a.steps if step.number not in comparison.timing_a.warm_up
    )


# The command


def call(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["compare", *map(str, arguments)])


def test_command_exits_with_one_when_losses_do_not_agree(published: tuple[Path, Path]) -> None:
    assert call(*published).exit_code == 0
    assert call(*published, "--loss-tolerance", "0.5").exit_code == 0
    refused = call(*published, "--loss-tolerance", "0.1")
    assert refused.exit_code == 1 and "do not agree within 0.1" in refused.stdout


def test_command_gives_json_for_programs(published: tuple[Path, Path]) -> None:
    done = call(*published, "--json", "--batch-size", 32, "--loss-tolerance", "0.1")
    values = json.loads(done.stdout)
    assert done.exit_code == 1 and values["agreement"]["outside"] == [2, 3, 4, 5]
    assert values["a"]["warm_up_steps"] == [1, 2] and values["median_ratio"] == pytest.approx(79.599 / 0.490)
    assert values["steps"][0]["loss_b"] == 121.096
    assert values["verdict"]["speed"].startswith("B is 162 times slower")
    assert "step 3 furthest (27.6 %)" in values["verdict"]["losses"]


def test_command_takes_the_warm_up_that_is_named(published: tuple[Path, Path]) -> None:
    values = json.loads(call(*published, "--json", "--warmup", 1).stdout)
    assert values["b"]["warm_up_steps"] == [1] and values["b"]["median_seconds"] == median(
        [157.066, 79.547, 79.599, 79.854]
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--plot", "speed.pdf"], r"FILE\.png or FILE\.html"),
        (["--plot", "nowhere/speed.png"], "there is no folder"),
        (["--loss-tolerance", "-1"], "0 or more"),
        (["--loss-tolerance", "nan"], "0 or more"),
        (["--warmup", "5"], "leaves no steady step"),
    ],
)
def test_command_refuses_options_that_make_no_sense(
    published: tuple[Path, Path],
    options: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    done = call(*published, *options)
    assert isinstance(done.exception, NerctlError) and done.exception.exit_code == 2
    with pytest.raises(NerctlError, match=said):
        raise done.exception
    assert done.stdout == "" and sorted(tmp_path.iterdir()) == before


def test_plot_without_matplotlib_names_the_extra(
    published: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    done = call(*published, "--plot", tmp_path / "x.png")
    assert isinstance(done.exception, NerctlError) and "nerctl[plot]" in str(done.exception)
