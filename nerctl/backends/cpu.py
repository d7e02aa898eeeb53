"""The CPU: dynamic shapes, float32, fused LSTM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Callable

from nerctl.backends import DeviceOptions
from nerctl.backends.dropout import counter_dropout
from nerctl.backends.overflow import all_finite
from nerctl.backends.processor import processor_name
from nerctl.errors import DeviceError

MAX_TOKENS = 1536
"""Padded positions in memory at once: BERT-base trains in under 8 GB (benchmarks/memory.py)."""


class CpuBackend:
    """Runs everywhere; the reference that other devices are compared with."""

    name = "cpu"
    log_name = "cpu"
    fused_adam = True
    loss_scaling = False
    repeats = True
    warms_up = False

    def __init__(self, options: DeviceOptions) -> None:
        if options.precision == "mixed_float16":
            raise DeviceError("--precision mixed_float16 needs --device cuda or npu; the CPU takes float32")
        if options.npu_options:
            raise DeviceError("--npu-option needs --device npu")
        if options.device_id is not None:
            where = "--device cpu has no cards" if options.device == "cpu" else "TensorFlow sees no card here"
            remedy = "leave it out" if options.device == "cpu" else "nerctl doctor --device cuda says what is missing"
            raise DeviceError(f"--device-id {options.device_id}: {where}; {remedy}")
        self.options = options
        # The fused kernels cannot be compiled, and the unrolled form takes XLA a minute at 50 tokens already.
        self.lstm_form: str | None = None if options.xla else "stepped"
        # XLA compiles each shape anew, and TensorFlow 2.6 takes gigabytes for one whose sizes it does not know.
        self.fixed = options.batch_shape == "fixed" or (bool(options.xla) and options.batch_shape == "auto")
        # Two parts on half of the cores each leave no core idle in what one part cannot share out.
        self.together = 1 if self.fixed else 2

    def open(self) -> None:
        """Hides any GPU from this process, so that nothing is placed there by accident."""
        import tensorflow as tf

        if self.options.precision == "mixed_bfloat16" and not self.options.xla and tf.__version__.startswith("2.6."):
            raise DeviceError(
                "--precision mixed_bfloat16: TensorFlow 2.6 has bfloat16 on the CPU under XLA only; take float32, or add "
                "--xla and --head crf"
            )
        try:
            tf.config.set_visible_devices([], "GPU")
        except RuntimeError:  # TensorFlow is already running; CPU ops then go where their inputs are
            pass

    @property
    def compute_dtype(self) -> Any:
        import tensorflow as tf

        return tf.bfloat16 if self.options.precision == "mixed_bfloat16" else tf.float32

    def window_lengths(self, max_seq_length: int) -> tuple[int, ...]:
        return (max_seq_length,) if self.fixed else ()

    def max_tokens(self, batch_size: int, max_seq_length: int) -> int:
        return MAX_TOKENS

    def inference_tokens(self, max_seq_length: int) -> int:
        return 4096

    def window_rows(self, most: int) -> tuple[int, ...]:
        return (most,)

    def compile(self, function: Callable[..., Any], signature: Sequence[Any]) -> Callable[..., Any]:
        import tensorflow as tf

        return tf.function(function, input_signature=signature, autograph=False, jit_compile=bool(self.options.xla))

    def dropout(self, x: Any, rate: float, key: Any, site: int) -> Any:
        return counter_dropout(x, rate, key, site)

    def reduce(self, gradients: list[Any]) -> list[Any]:
        return gradients

    def finite(self, gradients: list[Any]) -> Any:
        return all_finite(gradients)

    def session_config(self) -> Any:
        import tensorflow as tf

        return tf.compat.v1.ConfigProto(device_count={"GPU": 0}, allow_soft_placement=True)

    def describe(self) -> dict[str, Any]:
        import tensorflow as tf

        return {
            "backend": self.name,
            "log": self.log_name,
            "name": processor_name(),
            "precision": self.options.precision,
            "batch_shape": "fixed" if self.fixed else "bucketed",
            "xla": bool(self.options.xla),
            "threads": {
                "intra": tf.config.threading.get_intra_op_parallelism_threads(),
                "inter": tf.config.threading.get_inter_op_parallelism_threads(),
            },
        }

    def close(self) -> None:
        """Nothing to give back."""
