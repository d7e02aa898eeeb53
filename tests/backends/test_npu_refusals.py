"""Without the right host, adapter or environment, `--device npu` names what is missing, and never falls back."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import tensorflow as tf

from nerctl.backends import DeviceOptions, backend_for
from nerctl.backends import npu as npu_module
from nerctl.backends.npu import NpuBackend, load_adapter
from nerctl.backends.npu_session import session_config
from nerctl.errors import DeviceError

ASCEND_STACK = tf.__version__.startswith("2.6.")


@pytest.mark.skipif(ASCEND_STACK, reason="this is the TensorFlow that the adapter wants")
def test_the_wrong_tensorflow_is_named_with_the_one_that_is_needed() -> None:
    with pytest.raises(DeviceError, match=r"2\.6\.5 on Python 3\.7 to 3\.9 only; this is TensorFlow " + tf.__version__):
        backend_for(DeviceOptions(device="npu")).open()


@pytest.mark.skipif(not ASCEND_STACK, reason="needs the TensorFlow that the adapter wants")
@pytest.mark.skipif(importlib.util.find_spec("npu_device") is not None, reason="an adapter is installed")
def test_the_missing_adapter_is_named() -> None:
    with pytest.raises(DeviceError, match=r"npu_device, is not installed") as caught:
        backend_for(DeviceOptions(device="npu")).open()
    assert caught.value.exit_code == 2


def write_adapter(folder: Path, content: str) -> None:
    package = folder / "npu_device"
    package.mkdir()
    (package / "__init__.py").write_text(content)


def test_the_missing_toolkit_environment_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_adapter(tmp_path, "")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("ASCEND_OPP_PATH", raising=False)
    with pytest.raises(DeviceError, match=r"ASCEND_OPP_PATH is not set; source .* set_env\.sh"):
        load_adapter()


@pytest.mark.parametrize("failure", ["ImportError", "OSError", "tf.errors.NotFoundError"])
def test_an_adapter_whose_libraries_do_not_load_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: str
) -> None:
    arguments = 'None, None, "libge_runner.so: cannot open"' if "tf." in failure else '"libge_runner.so: cannot open"'
    write_adapter(tmp_path, f"import tensorflow as tf\nraise {failure}({arguments})\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("ASCEND_OPP_PATH", str(tmp_path))
    monkeypatch.delitem(sys.modules, "npu_device", raising=False)
    with pytest.raises(DeviceError, match=r"does not load \(libge_runner\.so: cannot open\)"):
        load_adapter()


@pytest.mark.parametrize("asks", ["RANK_SIZE", "CM_WORKER_SIZE"])
def test_several_cards_are_refused_before_the_adapter_is_loaded(monkeypatch: pytest.MonkeyPatch, asks: str) -> None:
    monkeypatch.setattr(npu_module, "check_host", lambda: None)
    monkeypatch.setattr(npu_module, "load_adapter", lambda: pytest.fail("the adapter was loaded"))
    for name, value in {**dict.fromkeys(npu_module.ONE_CARD, "0"), "RANK_SIZE": "1", asks: "8"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ASCEND_DEVICE_ID", "0")
    with pytest.raises(DeviceError, match=f"{asks} is 8"):
        NpuBackend(DeviceOptions(device="npu")).open()


def test_a_loss_scale_that_cannot_know_of_an_overflow_is_refused() -> None:
    backend = NpuBackend(DeviceOptions(device="npu", precision="mixed_float16"))
    backend._adapter = SimpleNamespace(npu_device=SimpleNamespace())
    with pytest.raises(DeviceError, match=r"does not say how the card overflows.*float32"):
        backend.finite([tf.zeros([2])])


def test_the_session_config_is_the_documented_one() -> None:
    config = session_config(5, "allow_mix_precision")
    rewriter = config.graph_options.rewrite_options
    (optimizer,) = rewriter.custom_optimizers
    assert optimizer.name == "NpuOptimizer"
    parameters = optimizer.parameter_map
    assert parameters["use_off_line"].b is True
    assert parameters["graph_run_mode"].i == 1
    assert parameters["session_device_id"].i == 5
    assert parameters["iterations_per_loop"].i == 1
    assert parameters["precision_mode"].s == b"allow_mix_precision"
    assert set(parameters) == {
        "use_off_line", "enable_data_pre_proc", "mix_compile_mode", "hcom_parallel", "iterations_per_loop",
        "graph_run_mode", "session_device_id", "precision_mode", "op_select_implmode", "profiling_mode",
        "profiling_options", "enable_dump", "jit_compile",
    }  # fmt: skip
    assert rewriter.remapping == rewriter.OFF
    assert rewriter.memory_optimization == rewriter.NO_MEM_OPT


def test_one_static_shape_holds_a_whole_batch() -> None:
    backend = NpuBackend(DeviceOptions(device="npu"))
    assert backend.window_lengths(202) == (202,)
    assert backend.max_tokens(32, 202) == 32 * 202
