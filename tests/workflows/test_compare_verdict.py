"""The two sentences that a comparison begins with."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Optional

import pytest
from two_runs import log, run

from nerctl.wording import ranges
from nerctl.workflows.compare.comparison import compare_runs
from nerctl.workflows.compare.verdict import verdict_on


def of_times(folder: Path, a: list[float], b: list[float]) -> str:
    paths = [log(folder / name, [(taken, 3.0) for taken in times]) for name, times in (("a", a), ("b", b))]
    return verdict_on(compare_runs(*paths)).speed


def of_losses(folder: Path, a: list[float], b: list[float], tolerance: Optional[float] = None, **settings: Any) -> str:
    paths = run(folder / "a", a, **settings), run(folder / "b", b, **settings)
    return verdict_on(compare_runs(*paths, loss_tolerance=tolerance)).losses


@pytest.mark.parametrize(
    ("a", "b", "told"),
    [
        (0.5, 2.0, "B is 4 times slower than A in steady steps (median 2.000 s, A 0.500)."),
        (2.0, 0.5, "B is 4 times faster than A in steady steps (median 0.500 s, A 2.000)."),
        (1.0, 1.125, "B takes 12.5 % longer than A in steady steps (median 1.125 s, A 1.000)."),
        (1.0, 0.75, "B takes 25 % less time than A in steady steps (median 0.750 s, A 1.000)."),
        (1.0, 1.996, "B is 2 times slower than A in steady steps (median 1.996 s, A 1.000)."),
        (1.0, 1.0, "B is as fast as A in steady steps, within the spread (median 1.000 s, A 1.000)."),
        (0.0, 1.0, "Which is faster is not known: the times are too short for the three decimals of a log."),
    ],
)
def test_speed_is_told_as_times_or_per_cent_slower_or_faster(tmp_path: Path, a: float, b: float, told: str) -> None:
    assert of_times(tmp_path, [a] * 3, [b] * 3) == told


def test_a_difference_within_the_spread_of_the_steps_is_none(tmp_path: Path) -> None:
    told = of_times(tmp_path, [1.0, 1.1, 1.2], [1.1, 1.2, 1.3])
    assert told.startswith("B is as fast as A in steady steps, within the spread")
    many = of_times(tmp_path, [1.0, 1.1, 1.2] * 20, [1.1, 1.2, 1.3] * 20)  # the more steps, the surer the median
    assert many.startswith("B takes 9.09 % longer than A")


def test_within_the_spread_is_within_twice_the_standard_error_of_the_medians(tmp_path: Path) -> None:
    # MAD 0.1 of 3 steps: an error of 1.2533 * 1.4826 * 0.1 / sqrt(3) = 0.107 s each: 27 % are within, 28 % are not.
    assert "within the spread" in of_times(tmp_path, [0.9, 1.0, 1.1], [1.17, 1.27, 1.37])
    assert of_times(tmp_path, [0.9, 1.0, 1.1], [1.18, 1.28, 1.38]).startswith("B takes 28 % longer than A")


def test_speed_is_unknown_where_a_side_has_no_steady_step(tmp_path: Path) -> None:
    a, b = (run(tmp_path / name, [3.0, 2.0], batch_shape="bucketed") for name in "ab")
    steps = b / "steps.jsonl"
    steps.write_text(steps.read_text().replace('"compiled": false', '"compiled": true'))
    assert verdict_on(compare_runs(a, b)).speed == "Which is faster is not known: B has no steady step."
    assert verdict_on(compare_runs(b, b)).speed == "Which is faster is not known: A and B have no steady step."


def test_steps_among_which_warm_up_was_not_found_are_not_called_steady(tmp_path: Path) -> None:
    a, b = (run(tmp_path / name, [3.0, 2.0], seconds, batch_shape="bucketed") for name, seconds in (("a", 1.0), ("b", 3.0)))
    for folder in (a, b):
        steps = folder / "steps.jsonl"
        steps.write_text(steps.read_text().replace(', "compiled": false', ""))
    told = verdict_on(compare_runs(a, b)).speed
    assert told == "B is 3 times slower than A over all steps, warm-up included (median 3.000 s, A 1.000)."


def test_batches_of_different_size_are_compared_by_the_sentence(tmp_path: Path) -> None:
    a, b = run(tmp_path / "a", [3.0], 1.0, batch_size=32), run(tmp_path / "b", [3.0], 1.0, batch_size=8)
    steps = b / "steps.jsonl"
    steps.write_text(steps.read_text().replace('"sentences": 32', '"sentences": 8'))
    told = verdict_on(compare_runs(a, b)).speed
    assert told == "B is 4 times slower than A for each sentence in steady steps (8 sentences a second, A 32)."


def test_a_smaller_last_batch_does_not_make_batches_different(tmp_path: Path) -> None:
    a, b = (run(tmp_path / name, [3.0] * 20, 1.0) for name in "ab")
    steps = b / "steps.jsonl"
    steps.write_text('"sentences": 20'.join(steps.read_text().rsplit('"sentences": 32', 1)))
    told = verdict_on(compare_runs(a, b)).speed
    assert told == "B is as fast as A in steady steps, within the spread (median 1.000 s, A 1.000)."


def test_a_log_is_compared_by_the_sentence_when_its_batch_size_is_named_and_by_the_step_with_a_reserve_else(
    tmp_path: Path,
) -> None:
    a, b = log(tmp_path / "a.txt", [(1.0, 3.0)] * 3), run(tmp_path / "b", [3.0], 1.0)
    reserve = "B is as fast as A in steady steps, if A has batches of the same size, within the spread"
    assert verdict_on(compare_runs(a, b)).speed == f"{reserve} (median 1.000 s, A 1.000)."
    told = verdict_on(compare_runs(a, b, batch_size=64)).speed
    assert told == "B is 2 times slower than A for each sentence in steady steps (32 sentences a second, A 64)."


@pytest.mark.parametrize(
    ("a", "b", "settings", "told"),
    [
        ([3.0, 2.0], [3.0, 2.0], {}, "The losses agree to the last digit."),
        ([3.0, 2.0], [3.0, 2.0002], {}, "The losses agree to 0.01 %, as they should: same seed, same batches, no dropout."),
        ([3.0, 2.0], [3.0, 2.0002], {"dropout": 0.1}, "The losses agree to 0.01 %."),
        (
            [3.0, 2.0], [3.0, 1.0], {},
            "The losses differ by up to 50 % (step 2), though they should agree: same seed, same batches, no dropout.",
        ),
        ([3.0], [2.4], {"dropout": 0.1}, "The losses differ by up to 20 %, as runs with dropout do."),
        ([3.0], [2.4], {"seed": None}, "The losses differ by up to 20 %, as unseeded runs do."),
        (
            [3.0], [2.4], {"batch_shape": "auto"},
            "The losses differ by up to 20 %, which may have a reason in what is not known: batch shape.",
        ),
        (
            [3.0, math.nan], [3.0, 2.0], {},
            "The losses do not agree: that of A is not finite in step 2; elsewhere they are equal.",
        ),
        (
            [3.0, math.inf, 2.0], [2.4, math.nan, math.nan], {},
            "The losses do not agree: that of A is not finite in step 2, that of B is not finite in steps 2 to 3; elsewhere "
            "they differ by up to 20 %.",
        ),
        ([math.nan], [1.0], {}, "The losses do not agree: that of A is not finite in step 1."),
        (
            [3.0, 2.0, 1.0, 0.5, 0.25], [3.0, 2.0], {},
            "Only 2 of 5 steps can be compared (B lacks 3 to 5): the losses agree to the last digit.",
        ),
    ],
)  # fmt: skip
def test_losses_are_told_with_what_may_explain_them(
    tmp_path: Path, a: list[float], b: list[float], settings: dict[str, Any], told: str
) -> None:
    assert of_losses(tmp_path, a, b, **settings) == told


def test_another_window_explains_no_other_losses(tmp_path: Path) -> None:
    paths = [run(tmp_path / str(length), [6.0 - length], dropout=0.1, max_seq_length=length) for length in (3, 4)]
    assert verdict_on(compare_runs(*paths)).losses == "The losses differ by up to 33.3 %, as runs with dropout do."


def test_of_many_ranges_of_steps_the_first_are_told() -> None:
    assert ranges([3, 5, 6, 7, 8]) == "3, 5 to 8"
    assert ranges([1, 3, 5, 7, 9, 10, 11]) == "1, 3, 5, 7 and 3 more"


@pytest.mark.parametrize(
    ("a", "b", "told"),
    [
        ([3.0], [3.0], "The losses agree within 0.1 relative: they are equal."),
        ([3.0], [2.85], "The losses agree within 0.1 relative: they differ by up to 5 %."),
        ([3.0], [1.5], "The losses do not agree within 0.1 relative: 1 of 1 step lies outside, step 1 furthest (50 %)."),
    ],
)
def test_a_tolerance_decides_whether_losses_agree(tmp_path: Path, a: list[float], b: list[float], told: str) -> None:
    assert of_losses(tmp_path, a, b, 0.1) == told


def test_logs_that_differ_by_their_rounding_alone_agree(tmp_path: Path) -> None:
    a, b = log(tmp_path / "a.txt", [(0.5, 2.0)]), log(tmp_path / "b.txt", [(0.5, 2.001)])
    assert verdict_on(compare_runs(a, b)).losses == "The losses agree within the rounding of a log."
