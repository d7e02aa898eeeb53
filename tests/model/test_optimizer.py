"""AdamW against the paper's update written out in NumPy, and the schedule's shape."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from nerctl.model.optimizer import AdamW, AdamWConfig, Schedule, decays, group_of

NAMES = ("bert/a/kernel", "bert/a/bias", "head/b/kernel", "crf/transitions", "bert/x/LayerNorm/gamma")


@pytest.mark.parametrize("fused", [False, True])
def test_updates_equal_adamw_with_bias_correction_written_out(fused: bool) -> None:
    draw = np.random.default_rng(0)
    start = {name: draw.normal(size=(3, 2)) for name in NAMES}
    variables = [tf.Variable(value.astype(np.float32), name=name) for name, value in start.items()]
    config = AdamWConfig(weight_decay=0.1, clip_norm=1.0)
    optimizer = AdamW(variables, config, fused)
    rates = {"encoder": 0.01, "head": 0.03, "crf": 0.2}
    m = {name: np.zeros((3, 2)) for name in NAMES}
    v = {name: np.zeros((3, 2)) for name in NAMES}
    for step in range(1, 6):
        gradients = {name: draw.normal(size=(3, 2)) * step for name in NAMES}
        norm = np.sqrt(sum((gradient**2).sum() for gradient in gradients.values()))
        found = optimizer.apply(
            [tf.constant(gradients[name], tf.float32) for name in NAMES],
            tf.constant(list(rates.values()), tf.float32),
            tf.constant(float(step)),
        )
        assert float(found) == pytest.approx(norm, rel=1e-5)
        for name in NAMES:
            clipped = gradients[name] / max(norm, 1.0)
            m[name] = 0.9 * m[name] + 0.1 * clipped
            v[name] = 0.999 * v[name] + 0.001 * clipped**2
            update = (m[name] / (1 - 0.9**step)) / (np.sqrt(v[name] / (1 - 0.999**step)) + 1e-6)
            if name in ("bert/a/kernel", "head/b/kernel"):
                update = update + 0.1 * start[name]
            start[name] = start[name] - rates[group_of(name)] * update
    for variable in variables:
        np.testing.assert_allclose(variable.numpy(), start[variable.name.split(":")[0]], atol=2e-5)


def test_decay_leaves_layer_norm_bias_and_crf_alone() -> None:
    assert [name for name in NAMES if decays(name)] == ["bert/a/kernel", "head/b/kernel"]


@given(total=st.integers(1, 500), warmup=st.floats(0, 0.9))
def test_the_schedule_rises_to_the_peak_falls_and_never_is_zero_or_negative(total: int, warmup: float) -> None:
    schedule = Schedule((1.0, 2.0, 3.0), total, warmup)
    rates = [schedule.at(step) for step in range(1, total + 1)]
    first = [rate[0] for rate in rates]
    peak = first.index(max(first))
    assert all(rate[1] == pytest.approx(2 * rate[0]) and rate[2] == pytest.approx(3 * rate[0]) for rate in rates)
    assert first[: peak + 1] == sorted(first[: peak + 1])
    assert first[peak:] == sorted(first[peak:], reverse=True)
    assert min(first) > 0
    assert max(first) <= 1
