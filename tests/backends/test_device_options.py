"""An option of a device that was given and cannot be met is an error on every device, before anything is written."""

from __future__ import annotations

from pathlib import Path

import pytest
import tensorflow as tf
from command_line import nerctl

from nerctl.backends import DeviceOptions, backend_for, lstm_form
from nerctl.backends.cpu import CpuBackend
from nerctl.errors import DeviceError

no_card = pytest.mark.skipif(bool(tf.config.list_physical_devices("GPU")), reason="a GPU is here")


@no_card
@pytest.mark.parametrize(("device", "says"), [("cpu", "--device cpu has no cards"), ("auto", "sees no card")])
@pytest.mark.parametrize("card", [0, 9])
def test_a_card_that_is_asked_for_where_there_is_none_is_an_error(device: str, says: str, card: int) -> None:
    with pytest.raises(DeviceError, match=f"--device-id {card}: .*{says}"):
        backend_for(DeviceOptions(device=device, device_id=card))


@pytest.mark.parametrize("device", ["auto", "cpu", "cuda", "npu"])
def test_a_negative_card_is_an_error_on_every_device(device: str) -> None:
    with pytest.raises(DeviceError, match="--device-id -1: must be at least 0"):
        DeviceOptions(device=device, device_id=-1)


def test_xla_on_the_cpu_is_refused_for_the_head_whose_lstm_it_cannot_compile_and_for_no_other() -> None:
    backend = CpuBackend(DeviceOptions(device="cpu", xla=True))
    with pytest.raises(DeviceError, match=r"--xla: .*bilstm-crf.*--head crf"):
        lstm_form(backend, "bilstm-crf", True)
    assert lstm_form(backend, "crf", False) == lstm_form(backend, "softmax", False) == "block"
    assert lstm_form(CpuBackend(DeviceOptions(device="cpu", xla=False)), "bilstm-crf", True) == "stepped"


def test_xla_on_the_cpu_is_given_one_shape_as_each_is_compiled_anew() -> None:
    backend = CpuBackend(DeviceOptions(device="cpu", xla=True))
    assert (backend.window_lengths(202), backend.together, backend.describe()["batch_shape"]) == ((202,), 1, "fixed")
    assert CpuBackend(DeviceOptions(device="cpu", xla=True, batch_shape="bucketed")).window_lengths(202) == ()
    assert CpuBackend(DeviceOptions(device="cpu")).window_lengths(202) == ()


@no_card
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--device-id", "9"], "--device-id 9"),
        (["--device", "cpu", "--xla"], "--xla"),
        (["--device", "cpu", "--npu-option", "deterministic=1"], "--npu-option needs --device npu"),
        (["--precision", "mixed_float16"], "--precision mixed_float16"),
    ],
)
def test_train_refuses_what_its_device_cannot_meet_and_writes_nothing(
    workplace: Path, arguments: list[str], says: str
) -> None:
    before = sorted(workplace.rglob("*"))
    code, _, said = nerctl("train", "--from-scratch", "--steps", "1", *arguments)
    assert code == 2 and says in said and "Traceback" not in said
    assert sorted(workplace.rglob("*")) == before


def test_doctor_refuses_xla_on_the_cpu_before_it_tries_anything() -> None:
    code, printed, said = nerctl("doctor", "--device", "cpu", "--xla")
    assert code == 2 and "--xla" in said and not printed


def test_bench_refuses_options_of_the_other_measurement() -> None:
    code, _, said = nerctl("bench", "predict", "--precision", "mixed_float16")
    assert code == 2 and "--precision: nerctl bench predict does not take it" in said
    code, _, said = nerctl("bench", "train", "--model", "output")
    assert code == 2 and "--model: nerctl bench train does not take it" in said
