"""Curves and charts: nothing lost in thinning, round ticks that cover the data, torn logs read."""

from __future__ import annotations

import json
import re
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nerctl.charts import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Line, Panel, log_ticks, number, svg, ticks
from nerctl.evaluation.calibration import Bin, Calibration
from nerctl.evaluation.curves import POINTS, curve_panel, curve_panels, curves_of, read_steps, speed_of, thin
from nerctl.evaluation.webpage import environment, reliability

finite = st.floats(-1e9, 1e9, allow_nan=False)


@given(values=st.lists(finite, max_size=3 * POINTS))
def test_thinning_keeps_short_curves_and_the_mean_of_long_ones(values: list[float]) -> None:
    curve = [(float(step), value) for step, value in enumerate(values)]
    thinned = thin(curve)
    assert len(thinned) <= POINTS
    if len(curve) <= POINTS:
        assert thinned == curve
    assert [step for step, _ in thinned] == sorted(step for step, _ in thinned)
    if values:
        assert min(values) - 1 <= min(v for _, v in thinned) <= max(v for _, v in thinned) <= max(values) + 1


@given(low=finite, span=st.floats(1e-6, 1e9))
def test_ticks_cover_the_data_in_few_even_steps(low: float, span: float) -> None:
    high = low + span
    if high - low < abs(low) * 1e-6:
        return  # finer than the numbers' own digits
    found = ticks(low, high)
    slack = (found[1] - found[0]) * 1e-6
    assert found[0] <= low + slack and found[-1] >= high - slack
    assert 2 <= len(found) <= 8
    steps = [after - before for before, after in zip(found, found[1:])]
    assert max(steps) - min(steps) <= 1e-6 * max(abs(found[0]), abs(found[-1]), steps[0])


def test_ticks_of_one_value_still_span_something() -> None:
    assert len(ticks(5, 5)) >= 2 and len(ticks(0, 0)) >= 2


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (0.8, "0.8"), (2e-5, "2e-5"), (1500, "1500"), (12000, "12000"), (250000, "2.5e5"), (-0.5, "-0.5")],
)
def test_numbers_are_short(value: float, shown: str) -> None:
    assert number(value) == shown


def test_a_chart_without_points_is_empty_and_one_point_is_drawn() -> None:
    empty = {"loss": [], "dev_f1": [], "learning_rate": {}, "seconds": []}
    assert curve_panels(empty) == []
    (panel,) = curve_panels({**empty, "loss": [(1, 2.0)]})
    assert "<circle" in svg(panel)


@given(st.floats(1e-6, 1e6), st.floats(1, 1e9))
def test_a_logarithmic_axis_covers_the_data_and_has_a_few_ticks(low: float, ratio: float) -> None:
    (bottom, top), found = log_ticks(low, low * ratio)
    assert bottom < low <= low * ratio < top and 1 <= len(found) <= 12
    assert all(bottom <= tick <= top for tick in found)


def test_a_line_is_broken_where_a_value_cannot_be_drawn_and_names_are_escaped() -> None:
    line = Line([(1, 1.0), (2, 2.0), (3, float("nan")), (4, 0.0), (5, 3.0)], "<b>", marker="s", hollow={1})
    assert svg(Panel(("<i>",), [line])).count("<polyline") == 2
    drawn = svg(Panel(("<i>",), [line], log=True))
    assert drawn.count("<rect") == 3 + 1 and drawn.count('"dot hollow"') == 1  # 0 has no place on a logarithmic axis
    assert "<b>" not in drawn and "<i>" not in drawn


def test_a_single_point_stands_where_its_step_is_on_the_runs_axis() -> None:
    chart = svg(curve_panel("dev_f1", {"": [(75, 0.87)]}, steps=[0, 100], values=[0.8, 0.9]))
    found = re.search(r'cx="([\d.]+)" cy="([\d.]+)"', chart)
    assert found is not None
    across = (float(found[1]) - LEFT) / (WIDTH - LEFT - RIGHT)
    up = (HEIGHT - BOTTOM - float(found[2])) / (HEIGHT - TOP - BOTTOM)
    assert (across, up) == pytest.approx((0.75, 0.7), abs=0.01)
    assert ">100<" in chart and ">0.8<" in chart and ">0.9<" in chart


def sticking_out(chart: str) -> list[str]:
    """Labels of a chart that leave its frame at the largest size that the page gives them."""
    style = (resources.files("nerctl.evaluation") / "page" / "report.css").read_text(encoding="utf-8")
    size = max(int(found) for found in re.findall(r"\.chart text {[^}]*font-size: (\d+)px", style))
    found = re.findall(r'<text class="(tick mid|tick end)" x="([\d.]+)" y="([\d.]+)">([^<]*)', chart)
    out = []
    for kind, x, y, label in found:
        width = size * sum({".": 0.32, "-": 0.37}.get(letter, 0.64) for letter in label)  # DejaVu Sans, a wide font
        left = float(x) - (width if kind == "tick end" else width / 2)
        right = float(x) + (0 if kind == "tick end" else width / 2)
        if left < 0 or right > WIDTH or float(y) - 0.8 * size < 0 or float(y) > HEIGHT:
            out.append(label)
    return out


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.floats(1e-6, 1e6), st.floats(1e-6, 1e6), st.sampled_from([1, -1]))
@example(1, 999, 0.1, 60.0, 1)
@example(1, 1, 0.00390625, 0.001953125, -1)
@example(1, 1, 1.4e-4, 1.25e-4, -1)
def test_no_label_of_a_chart_is_clipped_on_a_phone(first: int, more: int, low: float, high: float, sign: int) -> None:
    chart = svg(curve_panel("loss", {"": [(first, low * sign), (first + more, high * sign)]}))
    assert not sticking_out(chart)


def test_the_count_above_a_full_bar_is_not_clipped() -> None:
    chart = svg(reliability(Calibration((Bin(0.9, 1.0, 120000, 0.99, 1.0),), 0.01, 120000)))
    assert ">120000<" in chart and not sticking_out(chart)


def test_a_bar_cannot_leave_its_frame() -> None:
    bar = environment().get_template("macros.html").module.bar  # type: ignore[attr-defined]
    assert 'width="100.00"' in bar([("fill", 7.0)], "<x>") and "<x>" not in bar([("fill", 7.0)], "<x>")


def test_a_log_with_torn_and_strange_lines_is_read(tmp_path: Path) -> None:
    path = tmp_path / "steps.jsonl"
    assert read_steps(path) == []
    good = {"step": 1, "loss": float("nan"), "seconds": 2.0, "learning_rate": 1e-4}
    lines = [json.dumps(good), "[]", '{"loss": 1}', "null", '{"step": 2, "loss": 5.0}', '{"step": 3, "lo']
    path.write_text("\n".join(lines))
    steps = read_steps(path)
    assert [step["step"] for step in steps] == [1, 2]
    curves = curves_of(steps, [])
    assert curves.loss == [(2, 5.0)] and curves.learning_rate == {"": [(1, 1e-4)]} and curves.dev_f1 == []
    speed = speed_of(steps)
    assert speed is not None and speed.median_seconds == 2.0
    assert speed.tokens_per_second is None and speed.padding is None


def test_step_time_leaves_compiling_steps_out_unless_all_compile() -> None:
    steps = [{"step": n, "seconds": 100.0 if n == 1 else 1.0, "compiled": n == 1, "tokens": 50} for n in (1, 2, 3)]
    assert curves_of(steps, []).seconds == [(2, 1.0), (3, 1.0)]
    speed = speed_of(steps)
    assert speed is not None and (speed.tokens_per_second, speed.longest, speed.compiled) == (50.0, 100.0, 1)
    assert curves_of(steps[:1], []).seconds == [(1, 100.0)]


def test_only_dev_evaluations_with_scores_are_the_dev_curve() -> None:
    evaluations = [
        {"step": 2, "split": "dev", "scores": {"f1": 0.5}},
        {"step": 1, "split": "dev", "scores": {"f1": 0.4}},
        {"step": 3, "split": "test", "scores": {"f1": 0.9}},
        {"step": 4, "split": "dev", "scores": None},
    ]
    assert curves_of([], evaluations).dev_f1 == [(1, 0.4), (2, 0.5)]
