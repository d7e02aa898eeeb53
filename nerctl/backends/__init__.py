"""Devices behind one small interface: open it before any variable exists, compile steps, say what it is.

A backend knows no model: it compiles functions, drops out values, reduces gradients, and says which forms (of the LSTM, of
batch shapes, of numbers) the device wants.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Callable, Literal, Protocol, get_args

from nerctl.errors import DeviceError

Device = Literal["auto", "cpu", "cuda", "npu"]
"""What `--device` takes."""

Precision = Literal["float32", "mixed_bfloat16", "mixed_float16"]
"""What `--precision` takes."""

BatchShape = Literal["auto", "bucketed", "fixed"]
"""What `--batch-shape` takes."""

DEVICES, PRECISIONS, BATCH_SHAPES = get_args(Device), get_args(Precision), get_args(BatchShape)


@dataclass(frozen=True)
class DeviceOptions:
    """What a user says of the device; each backend refuses what it cannot do."""

    device: str = "auto"
    """A `Device`; auto takes CUDA when TensorFlow sees a card, else the CPU."""
    device_id: int | None = None
    """The card, from 0; None: the first, or what the environment says."""
    precision: str = "float32"
    """A `Precision`; variables, LayerNorm, softmax and CRF stay float32 in all of them."""
    batch_shape: str = "auto"
    """A `BatchShape`; auto takes what the device runs best."""
    xla: bool | None = None
    """Compile with XLA; None takes what the device runs best."""
    npu_options: tuple[str, ...] = ()
    """NAME=VALUE options of the Ascend adapter."""

    def __post_init__(self) -> None:
        for value, allowed, option in (
            (self.device, DEVICES, "--device"),
            (self.precision, PRECISIONS, "--precision"),
            (self.batch_shape, BATCH_SHAPES, "--batch-shape"),
        ):
            if value not in allowed:
                raise DeviceError(f"{option} {value}: unknown; it takes {', '.join(allowed)}")
        if self.device_id is not None and self.device_id < 0:
            raise DeviceError(f"--device-id {self.device_id}: must be at least 0; cards are numbered from 0")


class Backend(Protocol):
    """One device, opened."""

    name: str
    """cpu, cuda or npu."""
    log_name: str
    """The device in the step log's file name: cpu, gpu or npu."""
    lstm_form: str | None
    """A name in `nerctl.model.bilstm.FORMS`; None where the options that were given leave no form (see `lstm_form`)."""
    fused_adam: bool
    """Whether TensorFlow's Adam kernel is used there."""
    loss_scaling: bool
    """Whether gradients need a dynamic loss scale (float16 products)."""
    repeats: bool
    """Whether a run with the same seed repeats bit for bit, dropout included."""
    together: int
    """Micro-batches of one update that are best computed at the same time; they share the bound on positions."""
    warms_up: bool
    """Whether programs are compiled before the first step, on rows of padding."""

    def open(self) -> None:
        """Checks that the device is there and takes it; before any variable or `tf.function` exists.

        Raises:
            DeviceError: the device cannot be used; the message says what is missing.
        """

    @property
    def compute_dtype(self) -> Any:
        """The TensorFlow dtype of the encoder's products."""

    def window_lengths(self, max_seq_length: int) -> tuple[int, ...]:
        """The only window lengths that batches may have, rising; empty: any (dynamic shapes)."""

    def max_tokens(self, batch_size: int, max_seq_length: int) -> int:
        """The default bound on padded positions in memory at once."""

    def inference_tokens(self, max_seq_length: int) -> int:
        """The default bound on padded positions that a loaded model, without gradients, computes at once."""

    def window_rows(self, most: int) -> tuple[int, ...]:
        """The only numbers of windows that a batch of predictions may have, rising, where their lengths are fixed."""

    def compile(self, function: Callable[..., Any], signature: Sequence[Any]) -> Callable[..., Any]:
        """A compiled function of tensors of this signature (`tf.TensorSpec`s)."""

    def dropout(self, x: Any, rate: float, key: Any, site: int) -> Any:
        """Dropout at one site of the graph; `key` is [2] int32 and changes with each micro-batch."""

    def reduce(self, gradients: list[Any]) -> list[Any]:
        """Gradients of a whole batch summed over replicas, once an update; unchanged on one device."""

    def finite(self, gradients: list[Any]) -> Any:
        """[] bool: whether the products so far in the graph did not overflow; asked where `loss_scaling` is set."""

    def session_config(self) -> Any:
        """A `tf.compat.v1.ConfigProto` for graph-mode programs on this device."""

    def describe(self) -> dict[str, Any]:
        """Facts for the run record: backend, log, name, precision, batch_shape, xla, libraries."""

    def close(self) -> None:
        """Gives the device back."""


def backend_for(options: DeviceOptions) -> Backend:
    """The backend that the options ask for, not yet opened.

    Raises:
        DeviceError: an option that the device does not take.
    """
    from nerctl.backends.cpu import CpuBackend

    if options.device == "cpu":
        return CpuBackend(options)
    if options.device == "npu":
        from nerctl.backends.npu import NpuBackend

        return NpuBackend(options)
    from nerctl.backends.cuda import CudaBackend, cuda_is_visible

    if options.device == "cuda" or cuda_is_visible():
        return CudaBackend(options)
    return CpuBackend(options)


def lstm_form(backend: Backend, head: str, has_lstm: bool) -> str:
    """The form of the LSTM that a model has on a device; any form where its head has none.

    Raises:
        DeviceError: the head has an LSTM, and XLA cannot compile one for the device.
    """
    if backend.lstm_form is None and has_lstm:
        raise DeviceError(
            f"--xla: XLA has no usable LSTM on the CPU, which head {head} needs; leave --xla out, or train with "
            "--head crf"
        )
    return backend.lstm_form or "block"
