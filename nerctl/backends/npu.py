"""The Ascend NPU through its TensorFlow adapter, `npu_device`.

Implemented against the documented API, tested with a stand-in, never run on hardware (docs/ascend.md). The order is the
adapter's: options, open, as_default, and only then variables and `tf.function`s. `tf.function` and `tf.nn.dropout` are
looked up when they are called, because as_default replaces them.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Callable, Optional

from nerctl.backends import DeviceOptions
from nerctl.backends.npu_options import HALF_PRECISION, Value, apply_options, parse_options
from nerctl.backends.npu_ranks import several_cards
from nerctl.backends.npu_session import session_config
from nerctl.backends.overflow import all_finite
from nerctl.errors import DeviceError

PYTHONS = ((3, 7), (3, 9))
"""Oldest and newest Python that the adapter supports."""

TENSORFLOW = "2.6"
"""The only TensorFlow 2 release that the adapter supports; 2.6.5 is its last."""

ONE_CARD = {"JOB_ID": "10087", "RANK_ID": "0", "RANK_SIZE": "1", "SLOG_PRINT_TO_STDOUT": "0"}
"""What the vendor's one-card scripts export, beside ASCEND_DEVICE_ID; each is set only where it is unset."""

INFERENCE_ROWS = 32
"""Windows of the one program that predicts."""


class NpuBackend:
    """One card, one static shape, one compilation."""

    name = "npu"
    log_name = "npu"
    lstm_form: str | None = "unrolled"
    together = 1
    fused_adam = False
    repeats = False  # the adapter's dropout does not repeat bit for bit
    warms_up = True

    def __init__(self, options: DeviceOptions) -> None:
        if options.batch_shape == "bucketed":
            raise DeviceError(
                "--batch-shape bucketed: the NPU would compile its graph again for each shape; leave it out, or use fixed"
            )
        if options.xla:
            raise DeviceError("--xla: the Ascend adapter has a compiler of its own; leave it out")
        self.options = options
        self.adapter_options = self._with_defaults(parse_options(options.npu_options))
        precision = {self.adapter_options.get(name) for name in ("precision_mode", "precision_mode_v2")}
        self.loss_scaling = options.precision == "mixed_float16" or bool(precision & HALF_PRECISION)
        self._adapter: Any = None
        self._handle: Any = None

    def _with_defaults(self, given: dict[str, Value]) -> dict[str, Value]:
        options: dict[str, Value] = {"graph_run_mode": 1}
        if "precision_mode_v2" not in given:
            # The graph already says which products are float16; the adapter's own default would lower all of them.
            options["precision_mode"] = "must_keep_origin_dtype"
        if "op_compiler_cache_mode" not in given:
            options["op_compiler_cache_mode"] = "enable"
            options["op_compiler_cache_dir"] = str(compile_cache())
        return {**options, **given}

    def open(self) -> None:
        check_host()
        for name, value in {**ONE_CARD, "ASCEND_DEVICE_ID": str(self.options.device_id or 0)}.items():
            os.environ.setdefault(name, value)
        asked = several_cards(os.environ)
        if asked:
            value = os.environ[asked]
            raise DeviceError(f"{asked} is {value}, but nerctl trains on one card; unset {asked}, or set it to 1")
        self._adapter = load_adapter()
        apply_options(self._adapter.global_options(), self.adapter_options)
        cache = self.adapter_options.get("op_compiler_cache_dir")
        if isinstance(cache, str):
            Path(cache).mkdir(parents=True, exist_ok=True)
        try:
            self._handle = self._adapter.open(self.options.device_id)
            self._handle.as_default()
        except (RuntimeError, ValueError, TypeError) as error:
            card = os.environ["ASCEND_DEVICE_ID"] if self.options.device_id is None else self.options.device_id
            raise DeviceError(
                f"the Ascend adapter cannot open card {card}: {str(error).strip()}; npu-smi info shows the cards and "
                "who uses them"
            ) from None

    @property
    def compute_dtype(self) -> Any:
        import tensorflow as tf

        names = {"mixed_float16": tf.float16, "mixed_bfloat16": tf.bfloat16}
        return names.get(self.options.precision, tf.float32)

    def window_lengths(self, max_seq_length: int) -> tuple[int, ...]:
        return (max_seq_length,)

    def max_tokens(self, batch_size: int, max_seq_length: int) -> int:
        return batch_size * max_seq_length  # a whole batch in one run: a second program would be compiled for parts

    def inference_tokens(self, max_seq_length: int) -> int:
        return INFERENCE_ROWS * max_seq_length

    def window_rows(self, most: int) -> tuple[int, ...]:
        return (most,)  # compiling a program takes minutes, computing a few rows of padding milliseconds

    def compile(self, function: Callable[..., Any], signature: Sequence[Any]) -> Callable[..., Any]:
        import tensorflow as tf

        return tf.function(function, input_signature=signature, autograph=False)

    def dropout(self, x: Any, rate: float, key: Any, site: int) -> Any:
        import tensorflow as tf

        return tf.nn.dropout(x, rate)

    def reduce(self, gradients: list[Any]) -> list[Any]:
        if self._adapter is None:
            return gradients
        return list(self._adapter.distribute.all_reduce(gradients, reduction="sum"))

    def finite(self, gradients: list[Any]) -> Any:
        """Overflow as the card's status register tells it, or by the values where the card has infinities."""
        import tensorflow as tf

        infinities = self._adapter is None or has_infinities(self._adapter)
        if infinities is None:
            raise DeviceError(
                "the Ascend adapter does not say how the card overflows, which a loss scale must know; take --precision "
                "float32 or mixed_bfloat16, which need none"
            )
        if infinities:
            return all_finite(gradients)
        operations = self._adapter.gen_npu_ops
        attribute = tf.compat.v1.AttrValue(b=True)
        graph = tf.compat.v1.get_default_graph()
        with graph._attr_scope({"_npu_loss_scale": attribute}):
            with tf.control_dependencies(gradients):
                status = operations.npu_get_float_status_v2()
            with tf.control_dependencies([status]):
                cleared = operations.npu_clear_float_status_v2()
            status = self._adapter.distribute.all_reduce([status], reduction="sum")[0]
            with tf.control_dependencies([cleared]):
                return tf.reduce_all(tf.equal(status, 0))

    def session_config(self) -> Any:
        mode = self.adapter_options.get("precision_mode", "must_keep_origin_dtype")
        return session_config(self.options.device_id or 0, str(mode))

    def describe(self) -> dict[str, Any]:
        return {
            "backend": self.name,
            "log": self.log_name,
            "name": self._handle.name() if self._handle else "NPU, not opened",
            "precision": self.options.precision,
            "batch_shape": "fixed",
            "xla": False,
            "npu_options": dict(self.adapter_options),
            "environment": {name: os.environ.get(name) for name in (*ONE_CARD, "ASCEND_DEVICE_ID", "ASCEND_OPP_PATH")},
            "loss_scaling": self.loss_scaling,
            "infinities": None if self._adapter is None else has_infinities(self._adapter),
            "dropout_repeats": self.repeats,
        }

    def close(self) -> None:
        """The adapter closes the device itself when the process ends."""


def check_host() -> None:
    """Checks Python and TensorFlow, before anything of the adapter is touched.

    Raises:
        DeviceError: the adapter does not support this Python or this TensorFlow.
    """
    import tensorflow as tf

    python = sys.version_info[:2]
    wanted = "the Ascend adapter supports TensorFlow 2.6.5 on Python 3.7 to 3.9 only"
    if not PYTHONS[0] <= python <= PYTHONS[1] or not tf.__version__.startswith(f"{TENSORFLOW}."):
        raise DeviceError(
            f"--device npu: {wanted}; this is TensorFlow {tf.__version__} on Python {python[0]}.{python[1]}. Install "
            "nerctl under Python 3.9 (docs/ascend.md)"
        )


def load_adapter() -> Any:
    """The adapter's module.

    Raises:
        DeviceError: it is not installed, the toolkit's environment is not set, or its libraries do not load.
    """
    if importlib.util.find_spec("npu_device") is None:
        raise DeviceError(
            "--device npu: the Ascend adapter for TensorFlow, the Python package npu_device, is not installed; install "
            "the vendor's wheel (it is not on PyPI), see docs/ascend.md"
        )
    if not os.environ.get("ASCEND_OPP_PATH"):
        raise DeviceError(
            "--device npu: ASCEND_OPP_PATH is not set; source the Ascend toolkit's set_env.sh in this shell first"
        )
    try:
        return importlib.import_module("npu_device")
    except Exception as error:  # a shared library that does not load fails in many ways, TensorFlow's own included
        reason = (str(error).strip() or type(error).__name__).split("\n")[0]
        raise DeviceError(
            f"--device npu: npu_device is installed but does not load ({reason}); source the toolkit's set_env.sh, and "
            "check that adapter, toolkit and driver are of one release"
        ) from None


def has_infinities(adapter: Any) -> Optional[bool]:
    """Whether floats overflow to inf and NaN on the card that is open; False: they saturate, and its status register tells.

    None: the adapter does not say.
    """
    try:
        return bool(adapter.npu_device.is_inf_nan_enabled())
    except Exception:  # an older adapter has no such function, and what a newer one asks of the driver may fail anyhow
        return None


def compile_cache() -> Path:
    """Where compiled operators are kept between runs: `$XDG_CACHE_HOME/nerctl/ascend`, `~/.cache` without it."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "nerctl" / "ascend"
