"""Loss scaling: an overflow leaves everything as it was and halves the scale; good updates are those of plain AdamW."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from nerctl.backends import DeviceOptions
from nerctl.backends.cpu import CpuBackend
from nerctl.backends.npu import NpuBackend
from nerctl.backends.overflow import all_finite
from nerctl.model.loss_scale import LossScale, LossScaleConfig
from nerctl.model.optimizer import AdamW, AdamWConfig
from nerctl.workflows.doctor.trial import RATES, tiny_batch, tiny_stepper


def scale_after(outcomes: list[bool], config: LossScaleConfig) -> float:
    loss_scale = LossScale(config)
    update = tf.function(loss_scale.update, autograph=False, input_signature=[tf.TensorSpec([], tf.bool)])
    for finite in outcomes:
        update(finite)
    return float(loss_scale.scale)


def test_the_scale_follows_the_paper_step_by_step() -> None:
    config = LossScaleConfig(initial=8.0, growth_steps=3, greatest=32.0)
    draw = np.random.RandomState(0)
    for _ in range(5):
        outcomes = [bool(one) for one in draw.rand(25) > 0.2]
        expected, good = config.initial, 0
        for finite in outcomes:
            good = good + 1 if finite else 0
            if not finite:
                expected = max(expected / 2, 1.0)
            elif good == config.growth_steps:
                expected, good = min(expected * 2, config.greatest), 0
        assert scale_after(outcomes, config) == expected


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_one_bad_value_in_one_gradient_is_an_overflow(bad: float) -> None:
    fine = [tf.ones([2, 3]), tf.zeros([4])]
    assert bool(all_finite(fine))
    broken = np.ones((2, 3), np.float32)
    broken[1, 2] = bad
    assert not bool(all_finite([tf.constant(broken), fine[1]]))


@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_a_left_out_update_changes_no_weight_and_no_moment(bad: float) -> None:
    variable = tf.Variable([1.0, -2.0], name="head/projection/kernel")
    optimizer = AdamW([variable], AdamWConfig())
    rates, step = tf.constant([0.1, 0.1, 0.1]), tf.constant(1.0)
    optimizer.apply([tf.constant([0.5, 0.5])], rates, step, tf.constant(True))
    before = [item.numpy().copy() for item in (variable, *optimizer.moments.values())]
    norm = optimizer.apply([tf.constant([bad, 0.5])], rates, step + 1, tf.constant(False))
    after = [item.numpy() for item in (variable, *optimizer.moments.values())]
    assert all((one == other).all() for one, other in zip(before, after))
    assert float(norm) == 0.0


def test_an_update_with_the_flag_is_the_update_without() -> None:
    def run(finite: object) -> list[np.ndarray]:
        variable = tf.Variable([1.0, -2.0], name="bert/x/kernel")
        optimizer = AdamW([variable], AdamWConfig())
        for step in (1.0, 2.0):
            optimizer.apply([tf.constant([0.5, -3.0])], tf.constant([0.1, 0.1, 0.1]), tf.constant(step), finite)
        return [variable.numpy(), *(item.numpy() for item in optimizer.moments.values())]

    for one, other in zip(run(None), run(tf.constant(True))):
        np.testing.assert_array_equal(one, other)


def test_scaled_steps_have_the_losses_of_unscaled_ones_whole_or_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """In float32 a power of two as a scale changes nothing but what overflows."""

    def losses(scaled: bool, parts: int) -> list[float]:
        backend = CpuBackend(DeviceOptions(device="cpu", batch_shape="fixed"))
        backend.loss_scaling = scaled
        stepper = tiny_stepper(backend, "bilstm-crf")
        results = [stepper.run(step, [tiny_batch(step)] * parts, RATES) for step in (1, 2, 3)]
        assert not any(result.skipped for result in results)
        if scaled:
            assert "loss_scale/scale" in stepper.optimizer.moments  # and so in the checkpoints
        return [result.loss for result in results]

    for parts in (1, 2):
        np.testing.assert_allclose(losses(True, parts), losses(False, parts), rtol=1e-5)


def test_float16_training_stays_near_float32() -> None:
    def losses(precision: str) -> list[float]:
        backend = NpuBackend(DeviceOptions(device="npu", precision=precision))  # not opened: it runs on the CPU
        stepper = tiny_stepper(backend, "crf")
        results = [stepper.run(step, [tiny_batch(1)], RATES) for step in range(1, 8)]
        return [result.loss for result in results if not result.skipped]

    half, full = losses("mixed_float16"), losses("float32")
    assert len(half) >= 4  # a first scale of 32768 may overflow once or more
    assert half[0] == pytest.approx(full[0], rel=1e-2)
    assert half[-1] < half[0]


def test_the_scale_is_saved_and_restored_with_a_run(tmp_path: Path) -> None:
    from nerctl.training.state import Progress, RunState

    backend = CpuBackend(DeviceOptions(device="cpu", batch_shape="fixed"))
    backend.loss_scaling = True
    stepper = tiny_stepper(backend, "crf")
    stepper.loss_scale.scale.assign(64.0)
    for name in ("labels.json", "vocab.txt", "bert_config.json", "config.json"):
        (tmp_path / name).write_text("{}")
    RunState(tmp_path, stepper.model, stepper.optimizer, {}).save(Progress(step=1), False)
    stepper.loss_scale.scale.assign(2.0)
    RunState(tmp_path, stepper.model, stepper.optimizer, {}).restore()
    assert float(stepper.loss_scale.scale) == 64.0
