"""NVIDIA GPUs through CUDA: few static shapes, XLA, mixed precision.

Written against TensorFlow's documented API and never run on a GPU; docs/cuda.md lists what that means and the command
that checks it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Callable

from nerctl.backends import DeviceOptions
from nerctl.backends.cuda_parts import driver_version, missing_part
from nerctl.backends.dropout import counter_dropout
from nerctl.backends.overflow import all_finite
from nerctl.errors import DeviceError
from nerctl.wording import counted

BUCKETS = 4
"""Window lengths of a run: each is one program for XLA, and padding to the next of four costs little."""

TILE = 8
"""Tensor cores want sizes that are multiples of 8 (NVIDIA, "Train with mixed precision", section 4.1)."""

MAX_TOKENS = 32_768
"""Default bound on padded positions in memory at once: 64 windows of 512."""


class CudaBackend:
    """One card."""

    name = "cuda"
    log_name = "gpu"
    lstm_form: str | None = "block"
    together = 1
    fused_adam = True
    repeats = False  # sums by atomic additions come in any order
    warms_up = True

    def __init__(self, options: DeviceOptions) -> None:
        if options.npu_options:
            raise DeviceError("--npu-option needs --device npu")
        self.options = options
        self.loss_scaling = options.precision == "mixed_float16"
        self.xla = options.xla is not False
        self._card: Any = None

    def open(self) -> None:
        import tensorflow as tf

        cards = tf.config.list_physical_devices("GPU")
        if not cards:
            raise DeviceError(f"--device cuda: {missing_part()}")
        index = self.options.device_id or 0
        if index >= len(cards):
            hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
            seen = f", CUDA_VISIBLE_DEVICES={hidden}" if hidden is not None else ""
            raise DeviceError(
                f"--device-id {index}: TensorFlow sees {counted(len(cards), 'card')}, numbered from 0{seen}; nvidia-smi -L "
                "lists them"
            )
        self._card = cards[index]
        self._check_precision()
        try:
            tf.config.set_visible_devices([self._card], "GPU")
            tf.config.experimental.set_memory_growth(self._card, True)
        except RuntimeError as error:
            raise DeviceError(
                f"--device cuda: the card must be opened before TensorFlow runs anything in this process ({error})"
            ) from None
        tf.config.set_soft_device_placement(True)
        # float32 is to mean float32: with TF32 products have ten bits of mantissa, and losses differ from the CPU's.
        tf.config.experimental.enable_tensor_float_32_execution(self.options.precision != "float32")
        if self.xla:
            # Clusters what XLA can compile (encoder, CRF, update) around what it cannot (the fused LSTM).
            tf.config.optimizer.set_jit("autoclustering")

    def _check_precision(self) -> None:
        capability = self._details().get("compute_capability")
        if self.options.precision == "mixed_bfloat16" and capability and tuple(capability) < (8, 0):
            raise DeviceError(
                f"--precision mixed_bfloat16 needs compute capability 8.0; this card has {capability[0]}.{capability[1]}. "
                "Take mixed_float16, or float32"
            )

    def _details(self) -> dict[str, Any]:
        import tensorflow as tf

        return dict(tf.config.experimental.get_device_details(self._card)) if self._card else {}

    @property
    def compute_dtype(self) -> Any:
        import tensorflow as tf

        names = {"mixed_float16": tf.float16, "mixed_bfloat16": tf.bfloat16}
        return names.get(self.options.precision, tf.float32)

    def window_lengths(self, max_seq_length: int) -> tuple[int, ...]:
        if self.options.batch_shape == "fixed":
            return (max_seq_length,)
        steps = (-(-max_seq_length * part // (BUCKETS * TILE)) * TILE for part in range(1, BUCKETS))
        return tuple(sorted({min(step, max_seq_length) for step in steps} | {max_seq_length}))

    def max_tokens(self, batch_size: int, max_seq_length: int) -> int:
        return min(batch_size * max_seq_length, max(MAX_TOKENS, max_seq_length))

    def inference_tokens(self, max_seq_length: int) -> int:
        return max(MAX_TOKENS, max_seq_length)

    def window_rows(self, most: int) -> tuple[int, ...]:
        # A single text must not wait for a full batch of padding, and each number is a program of its own.
        return tuple(sorted({max(1, most // part) for part in (1, 8, 64)}))

    def compile(self, function: Callable[..., Any], signature: Sequence[Any]) -> Callable[..., Any]:
        import tensorflow as tf

        return tf.function(function, input_signature=signature, autograph=False)

    def dropout(self, x: Any, rate: float, key: Any, site: int) -> Any:
        return counter_dropout(x, rate, key, site)

    def reduce(self, gradients: list[Any]) -> list[Any]:
        return gradients

    def finite(self, gradients: list[Any]) -> Any:
        return all_finite(gradients)

    def session_config(self) -> Any:
        import tensorflow as tf

        config = tf.compat.v1.ConfigProto(allow_soft_placement=True)
        config.gpu_options.allow_growth = True
        config.gpu_options.visible_device_list = str(self.options.device_id or 0)
        if self.xla:
            config.graph_options.optimizer_options.global_jit_level = tf.compat.v1.OptimizerOptions.ON_1
        return config

    def describe(self) -> dict[str, Any]:
        import tensorflow as tf

        build = tf.sysconfig.get_build_info()
        details = self._details()
        return {
            "backend": self.name,
            "log": self.log_name,
            "name": details.get("device_name", "GPU"),
            "compute_capability": ".".join(str(part) for part in details.get("compute_capability", ())),
            "precision": self.options.precision,
            "batch_shape": "fixed" if self.options.batch_shape == "fixed" else "bucketed",
            "xla": self.xla,
            "libraries": {
                "cuda": build.get("cuda_version"),
                "cudnn": build.get("cudnn_version"),
                "driver": driver_version(),
            },
            "loss_scaling": self.loss_scaling,
        }

    def close(self) -> None:
        """TensorFlow gives the card back when the process ends."""


def cuda_is_visible() -> bool:
    """Whether TensorFlow sees a card."""
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))
