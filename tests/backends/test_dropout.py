"""Dropout by counters: the mean is kept, and the mask depends on key and site only."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from nerctl.backends.dropout import MANTISSAS, counter_dropout, neighbours

KEY = tf.constant([3, 4], tf.int32)


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_the_asked_share_is_dropped_and_the_rest_scaled_so_that_the_mean_stays(rate: float) -> None:
    found = counter_dropout(tf.ones([400, 250]), rate, KEY, 1).numpy()
    kept = 1 - round(rate * 256) / 256
    assert set(np.unique(found)) == {np.float32(0), np.float32(1 / kept)}
    assert np.mean(found == 0) == pytest.approx(rate, abs=0.01)
    assert found.mean() == pytest.approx(1, abs=0.01)


def test_the_gradient_goes_where_the_value_went() -> None:
    x = tf.constant(np.random.default_rng(0).normal(size=(30, 7)).astype(np.float32))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = counter_dropout(x, 0.3, KEY, 1)
    np.testing.assert_allclose(tape.gradient(y, x), y / x, rtol=1e-6)


def test_the_mask_repeats_with_key_and_site_and_changes_with_either() -> None:
    x = tf.ones([1000])

    def mask(key: list[int], site: int) -> bytes:
        return counter_dropout(x, 0.5, tf.constant(key, tf.int32), site).numpy().tobytes()

    assert mask([3, 4], 1) == mask([3, 4], 1)
    assert len({mask([3, 4], 1), mask([3, 5], 1), mask([2, 4], 1), mask([3, 4], 2)}) == 4


def test_a_rate_of_nothing_changes_nothing() -> None:
    x = tf.random.normal([5])
    assert counter_dropout(x, 0.0, KEY, 1) is x


@pytest.mark.parametrize("dtype", [tf.bfloat16, tf.float16, tf.float32])
@pytest.mark.parametrize("rate", [0.1, 0.2, 0.5, 0.9])
def test_the_mean_is_kept_in_every_type(dtype: tf.DType, rate: float) -> None:
    found = tf.cast(counter_dropout(tf.ones([1000, 1000], dtype), rate, KEY, 1), tf.float32).numpy().astype(np.float64)
    spread = found.std() / 1000  # of the mean of a million values
    assert abs(found.mean() - 1) < 4 * spread
    assert np.mean(found == 0) == pytest.approx(round(rate * 256) / 256, abs=0.003)


@pytest.mark.parametrize("bits", sorted(MANTISSAS.values()))
def test_multipliers_of_a_coarse_type_have_a_mean_of_exactly_one(bits: int) -> None:
    dtype = {7: tf.bfloat16, 10: tf.float16}[bits]
    for dropped in range(1, 256):
        low, high, greater = neighbours(dropped, bits)
        kept = 256 - dropped
        assert 0 <= greater < kept
        assert greater * high + (kept - greater) * low == 256
        held = tf.cast(tf.cast(tf.constant([low, high]), dtype), tf.float32).numpy().tolist()
        assert held == [low, high] and low <= 256 / kept <= high
