"""The warm-up compiles what the steps need and leaves the run as it was, bit for bit."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from nerctl.backends import DeviceOptions
from nerctl.backends.cpu import CpuBackend
from nerctl.backends.cuda import CudaBackend
from nerctl.data.batches import Shapes
from nerctl.data.windows import SPECIAL
from nerctl.training.warm_up import blank_batch, warm_up
from nerctl.workflows.doctor.trial import LENGTH, RATES, ROWS, tiny_batch, tiny_head, tiny_stepper


def data(lengths: tuple, longest: int = 5, max_tokens: int = 10_000):
    shapes = Shapes(batch_size=ROWS, max_seq_length=LENGTH, max_tokens=max_tokens, lengths=lengths)
    return SimpleNamespace(shapes=shapes, head=tiny_head("crf"), windows=SimpleNamespace(lengths=np.array([3, longest])))


def warming_backend() -> CpuBackend:
    backend = CpuBackend(DeviceOptions(device="cpu", batch_shape="fixed"))
    backend.warms_up = True
    backend.loss_scaling = True  # its state is to be put back as well
    return backend


@pytest.mark.parametrize(("longest", "programs"), [(5, 1), (50, 3)])
def test_weights_moments_and_scale_are_as_before_and_no_step_compiles(longest: int, programs: int) -> None:
    stepper = tiny_stepper(warming_backend(), "crf")
    stepper.run(1, [tiny_batch(1)], RATES)  # moments that are not 0
    variables = [*stepper.model.variables, *stepper.optimizer.moments.values()]
    before = [item.numpy().copy() for item in variables]
    stepper._compiled.clear()
    state = np.random.get_state()[1].copy()
    notes: list[str] = []
    seen = warm_up(stepper, data((LENGTH,), longest), notes.append)
    assert all((item.numpy() == old).all() for item, old in zip(variables, before))
    assert (np.random.get_state()[1] == state).all()
    assert seen["programs"] == programs and seen["shapes"] == [[ROWS, LENGTH]] and seen["seconds"] > 0
    assert len(notes) == 1 and not notes[0].startswith("step:")
    assert not stepper.run(2, [tiny_batch(2)], RATES).compiled
    if longest > LENGTH:
        assert not stepper.run(3, [tiny_batch(2), tiny_batch(1)], RATES).compiled


def test_a_run_that_warmed_up_has_the_losses_of_one_that_did_not() -> None:
    def losses(warm: bool) -> list[float]:
        stepper = tiny_stepper(warming_backend(), "crf", dropout=0.1)
        if warm:
            assert warm_up(stepper, data((LENGTH,)), lambda note: None)
        return [stepper.run(step, [tiny_batch(step)], RATES).loss for step in (1, 2)]

    assert losses(True) == losses(False)


def test_each_shape_of_a_bucketed_device_is_compiled() -> None:
    backend = CudaBackend(DeviceOptions(device="cuda"))  # not opened: it runs on the CPU
    stepper = tiny_stepper(backend, "crf")
    seen = warm_up(stepper, data((8, LENGTH)), lambda note: None)
    assert seen["programs"] == 2 and seen["shapes"] == [[ROWS, 8], [ROWS, LENGTH]]


def test_the_cpu_and_dynamic_shapes_have_no_warm_up() -> None:
    backend = CpuBackend(DeviceOptions(device="cpu"))
    stepper = tiny_stepper(backend, "crf")
    assert warm_up(stepper, data(()), pytest.fail) is None
    assert stepper.traces == 0


def test_a_blank_batch_has_every_field_of_a_real_one_in_the_devices_shape() -> None:
    blank, real = blank_batch(data((8, LENGTH), max_tokens=24), 8), tiny_batch(1)
    assert {name: (value.ndim, value.dtype) for name, value in blank.items()} == {
        name: (value.ndim, value.dtype) for name, value in real.items()
    }
    assert blank["pieces"].shape == (3, 8)
    assert blank["chain"].shape == (3, 8 - SPECIAL)
    assert blank["weights"].sum() == 0
