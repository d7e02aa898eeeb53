"""The CUDA backend as far as no GPU is needed: shapes, options, session config, and what it says where there is none."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from nerctl.backends import DeviceOptions, backend_for, cuda_parts
from nerctl.backends.cpu import CpuBackend
from nerctl.backends.cuda import BUCKETS, CudaBackend
from nerctl.errors import DeviceError
from nerctl.workflows.doctor.trial import RATES, tiny_batch, tiny_stepper


def cuda(**options: object) -> CudaBackend:
    return CudaBackend(DeviceOptions(device="cuda", **options))


@given(st.integers(3, 512))
def test_few_lengths_rise_to_the_longest_window(longest: int) -> None:
    lengths = cuda().window_lengths(longest)
    assert lengths[-1] == longest
    assert 1 <= len(lengths) <= BUCKETS
    assert list(lengths) == sorted(set(lengths))
    assert all(length % 8 == 0 for length in lengths[:-1])
    assert all(length >= 3 for length in lengths)


def test_fixed_is_one_shape_and_a_usual_batch_goes_in_whole() -> None:
    assert cuda(batch_shape="fixed").window_lengths(202) == (202,)
    assert cuda().max_tokens(32, 202) == 32 * 202
    assert cuda().max_tokens(512, 512) >= 512


def test_precision_sets_the_products_and_the_loss_scaling() -> None:
    assert cuda().compute_dtype == tf.float32 and not cuda().loss_scaling
    assert cuda(precision="mixed_bfloat16").compute_dtype == tf.bfloat16
    assert not cuda(precision="mixed_bfloat16").loss_scaling
    assert cuda(precision="mixed_float16").compute_dtype == tf.float16
    assert cuda(precision="mixed_float16").loss_scaling


def test_the_session_config_grows_memory_on_the_card_that_was_asked_for() -> None:
    config = cuda(device_id=2).session_config()
    assert config.gpu_options.allow_growth is True
    assert config.gpu_options.visible_device_list == "2"
    assert config.allow_soft_placement is True
    on = tf.compat.v1.OptimizerOptions.ON_1
    assert config.graph_options.optimizer_options.global_jit_level == on
    assert cuda(xla=False).session_config().graph_options.optimizer_options.global_jit_level != on


def test_its_update_computes_what_the_cpus_does() -> None:
    """Not on a GPU: the same graphs that a GPU would be given, without XLA, placed on the CPU."""

    def losses(backend: object) -> list[float]:
        stepper = tiny_stepper(backend, "bilstm-crf")
        return [stepper.run(step, [tiny_batch(step)], RATES).loss for step in (1, 2, 3)]

    reference = losses(CpuBackend(DeviceOptions(device="cpu", batch_shape="fixed")))
    assert losses(cuda()) == pytest.approx(reference, rel=1e-5)


needs_no_card = pytest.mark.skipif(bool(tf.config.list_physical_devices("GPU")), reason="a GPU is here")


@needs_no_card
def test_without_a_card_cuda_is_an_error_and_auto_is_the_cpu() -> None:
    with pytest.raises(DeviceError, match="--device cuda: ") as caught:
        backend_for(DeviceOptions(device="cuda")).open()
    assert caught.value.exit_code == 2
    assert backend_for(DeviceOptions(device="auto")).name == "cpu"


def test_each_missing_part_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(tf.test, "is_built_with_cuda", lambda: False)
    assert "built without CUDA" in cuda_parts.missing_part()
    monkeypatch.setattr(tf.test, "is_built_with_cuda", lambda: True)
    for hidden in ("", "-1"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
        assert "hides every card" in cuda_parts.missing_part()
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")

    class NoDriver:
        def __init__(self, file: str) -> None:
            raise OSError(file)

    monkeypatch.setattr(cuda_parts.ctypes, "CDLL", NoDriver)
    assert "no NVIDIA driver (libcuda.so.1)" in cuda_parts.missing_part()


@pytest.mark.parametrize(("code", "count", "says"), [(100, 0, "sees no card"), (803, 0, "803"), (0, 0, "no card")])
def test_a_driver_that_does_not_work_is_told_apart(
    monkeypatch: pytest.MonkeyPatch, code: int, count: int, says: str
) -> None:
    driver = SimpleNamespace(cuInit=lambda flags: code, cuDeviceGetCount=lambda pointer: 0)
    monkeypatch.setattr(cuda_parts.ctypes, "CDLL", lambda file: driver)
    trouble = cuda_parts.driver_trouble()
    assert trouble is not None and says in trouble and "nvidia-smi" in trouble


def test_missing_libraries_carry_the_versions_of_tensorflows_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda_parts, "_loads", lambda file: "cudart" in file)
    monkeypatch.setattr(cuda_parts, "_packaged", lambda package, library: False)
    lost = cuda_parts.missing_libraries({"cuda_version": "12.5.1", "cudnn_version": "9"})
    assert lost == ["cuBLAS (libcublas.so.12)", "cuDNN (libcudnn.so.9)"]


class Cards:
    """What `tf.config` would say on a machine with cards."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capability: tuple) -> None:
        cards = [SimpleNamespace(name="GPU:0"), SimpleNamespace(name="GPU:1")]
        self.calls: list = []
        monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: cards)
        monkeypatch.setattr(
            tf.config.experimental,
            "get_device_details",
            lambda card: {"device_name": card.name, "compute_capability": capability},
        )
        for holder, name in (
            (tf.config, "set_visible_devices"),
            (tf.config.experimental, "set_memory_growth"),
            (tf.config, "set_soft_device_placement"),
            (tf.config.experimental, "enable_tensor_float_32_execution"),
            (tf.config.optimizer, "set_jit"),
        ):
            monkeypatch.setattr(holder, name, self._record(name))

    def _record(self, name: str):
        def call(*arguments: object) -> None:
            self.calls.append((name, *(getattr(one, "name", one) for one in arguments)))

        return call


def test_open_takes_the_card_that_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    cards = Cards(monkeypatch, (8, 0))
    backend = cuda(device_id=1)
    backend.open()
    assert ("set_memory_growth", "GPU:1", True) in cards.calls
    assert ("set_soft_device_placement", True) in cards.calls
    assert ("enable_tensor_float_32_execution", False) in cards.calls  # float32 is float32
    assert ("set_jit", "autoclustering") in cards.calls
    assert backend.describe()["name"] == "GPU:1"
    assert cuda(device_id=1, xla=False).describe()["xla"] is False


def test_a_card_that_is_not_there_or_too_old_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    Cards(monkeypatch, (7, 5))
    with pytest.raises(DeviceError, match=r"--device-id 2: TensorFlow sees 2 card"):
        cuda(device_id=2).open()
    with pytest.raises(DeviceError, match=r"needs compute capability 8\.0; this card has 7\.5"):
        cuda(precision="mixed_bfloat16").open()
    cuda(precision="mixed_float16").open()
