"""Warm-up told from steady steps."""

from __future__ import annotations

from pathlib import Path
from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nerctl.errors import NerctlError
from nerctl.workflows.compare.run_facts import RunFacts
from nerctl.workflows.compare.step_log import Run, Step
from nerctl.workflows.compare.timing import timing_of, warm_up_length

GPU = [7.391, 6.387, 0.534, 0.490, 0.487]
NPU = [164.408, 157.066, 79.547, 79.599, 79.854]
"""The published logs' seconds."""


def made(
    seconds: list[float],
    *,
    compiled: set[int] | None = None,
    shape: str | None = None,
    warm_up: float = 0.0,
    counts: list[tuple[int, int, int]] | None = None,
) -> Run:
    """A run of these seconds; `compiled` marks steps, `counts` are sentences, tokens and positions."""
    steps = tuple(
        Step(
            number,
            100.0,
            taken,
            *(counts[number - 1] if counts else (None, None, None)),
            compiled=None if compiled is None else number in compiled,
        )
        for number, taken in enumerate(seconds, 1)
    )
    values = {} if shape is None else {"batch shape": shape}
    return Run(Path("run"), steps, RunFacts(values, warm_up_seconds=warm_up), 0.0, shape is None)


@pytest.mark.parametrize(("seconds", "steady"), [(GPU, 0.490), (NPU, 79.599)])
def test_published_logs_have_two_warm_up_steps(seconds: list[float], steady: float) -> None:
    timing = timing_of(made(seconds))
    assert timing.warm_up == (1, 2) and timing.steady == 3
    assert timing.median == steady
    assert timing.first_step == seconds[0] and timing.total == pytest.approx(sum(seconds))


@settings(deadline=None)
@given(st.floats(0.01, 1000), st.lists(st.floats(0.85, 1.15), min_size=1, max_size=60))
def test_flat_log_has_no_warm_up(pace: float, noise: list[float]) -> None:
    assert warm_up_length([pace * factor for factor in noise]) == 0


@settings(deadline=None)
@given(
    st.floats(0.05, 1000),
    st.lists(st.floats(2.0, 50.0), min_size=1, max_size=5),
    st.lists(st.floats(0.9, 1.1), min_size=5, max_size=60),
)
def test_slow_first_steps_are_found_exactly(pace: float, slow: list[float], steady: list[float]) -> None:
    assert warm_up_length([pace * factor for factor in [*slow, *steady]]) == len(slow)


@settings(deadline=None)
@given(
    st.lists(st.floats(2.0, 50.0), min_size=1, max_size=3),
    st.lists(st.floats(0.9, 1.1), min_size=8, max_size=40),
    st.data(),
)
def test_a_slow_step_later_on_does_not_change_what_is_found(
    slow: list[float], steady: list[float], data: st.DataObject
) -> None:
    place = data.draw(st.integers(1, len(steady) - 1))
    stumble = data.draw(st.floats(1.5, 1000))
    assert warm_up_length([*slow, *steady[:place], stumble, *steady[place:]]) == len(slow)


@settings(deadline=None)
@given(st.lists(st.floats(0.5, 500), min_size=1, max_size=30), st.sampled_from([0.25, 0.5, 2.0, 4.0, 1024.0]))
def test_warm_up_is_a_minority_slower_than_the_rest_in_any_unit(seconds: list[float], unit: float) -> None:
    length = warm_up_length(seconds)
    assert 0 <= length <= len(seconds) // 2
    rest = median(seconds[length:])
    assert all(taken > 1.5 * rest for taken in seconds[:length])
    if length:  # seconds are far above the 2 ms floor, so the unit does not matter
        assert warm_up_length([unit * taken for taken in seconds]) == length


@settings(deadline=None)
@given(st.permutations([0.9, 0.95, 1.0, 1.02, 1.05, 1.1]))
def test_order_of_the_steady_steps_does_not_matter(steady: list[float]) -> None:
    assert warm_up_length([3.0, 2.4, *steady]) == 2


def test_rounding_of_very_short_steps_makes_no_warm_up() -> None:
    assert warm_up_length([0.002, 0.002, 0.001, 0.001, 0.001, 0.0, 0.001]) == 0


def test_marked_steps_are_set_apart_wherever_they_are() -> None:
    timing = timing_of(made([9.0, 1.0, 8.0, 0.5, 1.5], compiled={1, 3}, shape="bucketed"))
    assert timing.warm_up == (1, 3) and timing.found == "marked steps"
    assert timing.median == 1.0 and timing.mad == 0.5


def test_bucketed_times_alone_make_no_warm_up() -> None:
    seconds = [9.0, 8.0, 1.0, 1.0, 1.0]
    timing = timing_of(made(seconds, shape="bucketed"))
    assert timing.warm_up == () and "--warmup" in timing.found
    assert timing_of(made(seconds, compiled=set(), shape="bucketed")).warm_up == ()
    assert timing_of(made(seconds, shape="bucketed"), warm_up=2).warm_up == (1, 2)


def test_fixed_shapes_take_marks_and_times_together() -> None:
    timing = timing_of(made([30.0, 9.0, 1.0, 1.0, 5.0, 1.1, 1.0], compiled={1, 5}, shape="fixed"))
    assert timing.warm_up == (1, 2, 5)


def test_warm_up_that_is_named_counts_and_must_leave_something() -> None:
    assert timing_of(made(GPU), warm_up=0).warm_up == ()
    assert timing_of(made(GPU), warm_up=3).warm_up == (1, 2, 3)
    with pytest.raises(NerctlError, match="leaves no steady step"):
        timing_of(made(GPU), warm_up=5)


def test_rates_are_of_the_steady_steps() -> None:
    counts = [(32, 900, 1600), (32, 1000, 1600), (16, 500, 1000)]
    timing = timing_of(made([10.0, 2.0, 3.0], compiled={1}, shape="bucketed", counts=counts))
    assert timing.sentences_per_second == pytest.approx(48 / 5)
    assert timing.tokens_per_second == pytest.approx(1500 / 5)
    assert timing.padding == pytest.approx(1 - 1500 / 2600)


def test_batch_size_serves_where_the_log_does_not_tell() -> None:
    assert timing_of(made(GPU)).sentences_per_second is None
    assert timing_of(made(GPU), batch_size=32).sentences_per_second == pytest.approx(
        96 / (0.534 + 0.490 + 0.487)
    )


def test_warm_up_before_step_one_counts_in_the_totals_only() -> None:
    timing = timing_of(made([1.0, 1.0, 1.0], shape="fixed", warm_up=12.5))
    assert (timing.first_step, timing.total, timing.median) == (13.5, 15.5, 1.0)


def test_run_of_compiling_steps_alone_has_no_median() -> None:
    timing = timing_of(made([3.0, 2.0], compiled={1, 2}, shape="bucketed"))
    assert timing.steady == 0 and timing.median is None and timing.mad is None
