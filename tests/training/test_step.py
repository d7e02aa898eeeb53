"""One update: what its parts give together, and how often the device's services are asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tiny_run import eagerly

from nerctl.backends import DeviceOptions
from nerctl.backends.cpu import CpuBackend
from nerctl.workflows.doctor.trial import RATES, tiny_batch, tiny_stepper


class Replicas(CpuBackend):
    """A device of so many replicas with like gradients, which compiles nothing."""

    def __init__(self, factor: float, loss_scaling: bool = False) -> None:
        super().__init__(DeviceOptions(device="cpu"))
        self.factor = factor
        self.loss_scaling = loss_scaling
        self.reductions = 0

    def compile(self, function: Any, signature: Any) -> Any:
        return eagerly(function, signature)

    def reduce(self, gradients: list[Any]) -> list[Any]:
        self.reductions += 1
        return [gradient * self.factor for gradient in gradients]


@pytest.mark.parametrize("parts", [1, 3])
def test_gradients_are_reduced_over_replicas_once_an_update(parts: int) -> None:
    batches = [tiny_batch(number) for number in range(1, parts + 1)]
    norms = []
    for factor in (1.0, 2.0):
        backend = Replicas(factor)
        norms.append(tiny_stepper(backend, "crf").run(1, batches, RATES).norm)
        assert backend.reductions == 1
    assert norms[1] == pytest.approx(2 * norms[0], rel=1e-5)


@pytest.mark.parametrize("parts", [1, 2])
def test_an_overflow_on_another_replica_skips_the_update_on_this_one(parts: int) -> None:
    stepper = tiny_stepper(Replicas(float("inf"), loss_scaling=True), "crf")
    before = [item.numpy() for item in stepper.model.variables]
    result = stepper.run(1, [tiny_batch(number) for number in range(1, parts + 1)], RATES)
    assert result.skipped
    assert all(np.array_equal(old, item.numpy()) for old, item in zip(before, stepper.model.variables))


@pytest.mark.parametrize("parts", [1, 2])
def test_a_step_tells_the_loss_scale_that_it_was_computed_with(parts: int) -> None:
    batches = [tiny_batch(number) for number in range(1, parts + 1)]
    assert tiny_stepper(Replicas(1.0), "crf").run(1, batches, RATES).loss_scale is None
    for backend in (Replicas(float("inf"), loss_scaling=True), compiling()):
        stepper = tiny_stepper(backend, "crf")
        scales = []
        for step in (1, 2, 3):
            before = float(stepper.loss_scale.scale)
            result = stepper.run(step, batches, RATES)
            assert result.loss_scale == before
            scales.append(result.loss_scale)
        halved = [2.0**15, 2.0**14, 2.0**13]  # each step overflows
        assert scales == (halved if isinstance(backend, Replicas) else [2.0**15] * 3)


def compiling() -> CpuBackend:
    """The CPU with programs of a fixed shape, as an NPU has them, and a loss scale."""
    backend = CpuBackend(DeviceOptions(device="cpu", batch_shape="fixed"))
    backend.loss_scaling = True
    return backend
