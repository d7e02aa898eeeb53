"""Options, the handle, and what as_default replaces."""

from __future__ import annotations

import contextlib
import gc
import os

import numpy as np
import tensorflow as tf
from tensorflow.python.eager import def_function
from tensorflow.python.ops import resource_variable_ops

from nerctl.backends.npu_ops import shipped_npu_ops
from npu_device.options import Options, all_options
from npu_device.record import record

NOT_KERNELS = {"Placeholder", "NoOp"}

_options = None
_handle = None
_real_function = tf.function
_real_dropout = tf.nn.dropout


def global_options() -> Options:
    """The options object; set its fields before open()."""
    global _options
    if _options is None:
        _options = all_options()
    return _options


def open(device_id=None):
    """Opens a card: one a process, before any variable or tf.function exists."""
    global _handle
    if device_id is None:
        device_id = int(os.getenv("ASCEND_DEVICE_ID", "0"))
    if _handle is not None:
        if _handle.device_id == device_id:
            return _handle
        raise RuntimeError(f"Failed create npu instance on device {device_id} as existed instance on [{_handle.device_id}]")
    _refuse_early_objects("open()")
    record("open", device_id)
    global_options().close()
    _handle = NpuDeviceHandle(device_id)
    return _handle


def _refuse_early_objects(before: str) -> None:
    from npu_device import gen_npu_ops

    for item in gc.get_objects():
        if isinstance(item, resource_variable_ops.BaseResourceVariable) and item is not gen_npu_ops.STATUS.variable:
            raise RuntimeError(f"stand-in: variable {item.name} was made before {before}")
        if isinstance(item, def_function.Function):
            python_function = item._python_function
            if not str(getattr(python_function, "__module__", "")).startswith(("tensorflow", "keras")):
                raise RuntimeError(f"stand-in: a tf.function of {python_function} was made before {before}")


class NpuDeviceHandle:
    """One opened card."""

    def __init__(self, device_id) -> None:
        self.device_id = device_id
        self.workers_num = int(os.getenv("RANK_SIZE", "1"))
        self.worker_id = int(os.getenv("RANK_ID", "0"))

    def name(self):
        """The device's name."""
        return f"/job:localhost/replica:0/task:0/device:NPU:{self.device_id}"

    def scope(self):
        """A context on the card; here, a context that does nothing."""
        record("scope")
        return contextlib.nullcontext()

    def as_default(self):
        """Replaces tf.function and tf.nn.dropout; comes before any variable or tf.function."""
        _refuse_early_objects("as_default()")
        record("as_default")
        tf.function = npu_compat_function
        tf.nn.dropout = npu_dropout
        return self


def npu_compat_function(func=None, *args, **kwargs):
    """What tf.function is after as_default."""
    if func is None:
        return lambda one: npu_compat_function(one, *args, **kwargs)
    kwargs.pop("jit_compile", None)  # the adapter skips XLA
    return CompiledOnce(func, _real_function(func, *args, **kwargs), kwargs.get("input_signature") is not None)


class CompiledOnce:
    """A function that may be compiled for one input signature, of ops in the committed list."""

    def __init__(self, python_function, inner, has_signature) -> None:
        self.__name__ = getattr(python_function, "__name__", "function")
        self._inner = inner
        self._has_signature = has_signature
        self._signature = None

    def __call__(self, *arguments):
        signature = [_described(one) for one in tf.nest.flatten(arguments)]
        if self._signature is None:
            self.get_concrete_function(*(() if self._has_signature else arguments))
            self._signature = signature
            record("compile", self.__name__, signature)
        elif signature != self._signature:
            changed = next(pair for pair in zip(self._signature, signature) if pair[0] != pair[1])
            raise RuntimeError(
                f"stand-in: {self.__name__} was called with a second input signature ({changed[0]}, then {changed[1]}): "
                "the whole graph would be compiled again"
            )
        record("run", self.__name__)
        return self._inner(*arguments)

    def get_concrete_function(self, *arguments, **keywords):
        """The traced function, its ops checked."""
        concrete = self._inner.get_concrete_function(*arguments, **keywords)
        self._check_ops(concrete)
        return concrete

    def __getattr__(self, name):
        return getattr(self.__dict__["_inner"], name)

    def _check_ops(self, concrete) -> None:
        graph = concrete.graph.as_graph_def()
        used = {node.op for node in graph.node}
        for function in graph.library.function:
            used |= {node.op for node in function.node_def}
        unknown = sorted(used - shipped_npu_ops().names - NOT_KERNELS)
        if unknown:
            raise RuntimeError(f"stand-in: ops outside the list of supported ops: {', '.join(unknown)}")


def _described(value) -> list:
    array = value if isinstance(value, tf.Tensor) else np.asarray(value)
    return [[int(size) for size in array.shape], tf.as_dtype(array.dtype).name]


def npu_dropout(x, rate, noise_shape=None, seed=None, name=None):
    """What tf.nn.dropout is after as_default: graph mode only, its masks do not repeat between devices."""
    if tf.executing_eagerly():
        raise RuntimeError("npu_ops.dropout() is not compatible with eager execution.")
    record("dropout", float(rate))
    return _real_dropout(x, rate, noise_shape=noise_shape, seed=seed, name=name)


def is_inf_nan_enabled():
    """Whether the card's floats overflow to infinity; else overflow shows in the status register only."""
    return os.environ.get("STANDIN_INF_NAN") == "1"


def set_npu_loop_size(loop_size):
    """Steps that one call runs on the card."""
    record("set_npu_loop_size", loop_size)


@contextlib.contextmanager
def npu_run_context(options=None):
    """A context with run options."""
    record("npu_run_context")
    yield
