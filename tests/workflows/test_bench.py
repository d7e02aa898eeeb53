"""`nerctl bench`: figures that add up, and a verdict that knows the spread."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import nerctl

from nerctl.errors import DataError
from nerctl.workflows.bench.figures import Figures, Spread, compare, encoder_flops


def figures(*seconds: float, what: str = "train", work: str = "a") -> Figures:
    return Figures(what, 1.0, 1.0, Spread.of(seconds), 1.0, 1.0, 0.0, 1.0, 2.0, None, {"work": work})


def test_flops_count_every_product_twice_a_multiply_add() -> None:
    hidden, inner, layers, windows, length = 4, 6, 3, 2, 5
    positions = windows * length
    products = 4 * positions * hidden * hidden + 2 * positions * hidden * inner
    attention = 2 * windows * length * length * hidden
    assert encoder_flops(hidden, inner, layers, windows, length) == 2 * layers * (products + attention)


def test_the_verdict_is_no_difference_when_quartiles_overlap(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(figures(1.0, 1.1, 1.2, 1.3).as_dict()))
    near = compare(figures(1.05, 1.15, 1.25), tmp_path / "a.json")
    assert not near.clear and "no difference" in near.sentence()
    far = compare(figures(0.5, 0.55, 0.6), tmp_path / "a.json")
    assert far.clear and far.ratio == pytest.approx(1.15 / 0.55) and "faster" in far.sentence()


@pytest.mark.parametrize("content", ["", "{}", '{"seconds": 3}'])
def test_another_file_is_refused_by_name(tmp_path: Path, content: str) -> None:
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(DataError, match=r"x\.json"):
        compare(figures(1.0), tmp_path / "x.json")


def test_a_measurement_of_other_work_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(json.dumps(figures(1.0, work="b").as_dict()))
    with pytest.raises(DataError, match="something else"):
        compare(figures(1.0), tmp_path / "x.json")


def test_training_is_measured_and_leaves_no_file(workplace: Path) -> None:
    before = sorted(workplace.rglob("*"))
    found = nerctl(
        "bench", "train", "--device", "cpu", "--from-scratch", "--steps", "3", "--batch-size", "8", "--json"
    )
    assert found.code == 0, found.said
    content = json.loads(found.printed)
    assert content["seconds"]["count"] == 3
    assert content["sentences_per_second"] == pytest.approx(8 / content["seconds"]["median"], rel=0.9)
    assert 0 < content["share"] < 1.5
    assert sorted(workplace.rglob("*")) == before
