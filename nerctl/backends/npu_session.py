"""The session config of graph-mode programs on the NPU (TensorFlow 1.15, or `tf.compat.v1`)."""

from __future__ import annotations

from typing import Any, Union

Parameter = Union[bool, int, str]


def session_parameters(device_id: int, precision_mode: str) -> dict[str, Parameter]:
    """The NpuOptimizer's parameter map for one card, one step a loop, nothing profiled or dumped."""
    return {
        "use_off_line": True,  # run on the NPU
        "enable_data_pre_proc": True,
        "mix_compile_mode": False,  # what the card cannot run is an error, not a slow op on the host
        "hcom_parallel": False,  # one card has no gradients to exchange
        "iterations_per_loop": 1,  # each step returns to the host, so that it can be timed
        "graph_run_mode": 1,  # training
        "session_device_id": device_id,
        "precision_mode": precision_mode,
        "op_select_implmode": "high_precision",
        "profiling_mode": False,
        "profiling_options": "",
        "enable_dump": False,
        "jit_compile": "auto",
    }


def session_config(device_id: int, precision_mode: str) -> Any:
    """A `tf.compat.v1.ConfigProto` with the NpuOptimizer, remapping and memory optimisation off."""
    import tensorflow as tf
    from tensorflow.core.protobuf import rewriter_config_pb2

    config = tf.compat.v1.ConfigProto(allow_soft_placement=True)
    rewriter = config.graph_options.rewrite_options
    optimizer = rewriter.custom_optimizers.add()
    optimizer.name = "NpuOptimizer"
    for name, value in session_parameters(device_id, precision_mode).items():
        target = optimizer.parameter_map[name]
        if isinstance(value, bool):
            target.b = value
        elif isinstance(value, int):
            target.i = value
        else:
            target.s = value.encode()
    rewriter.remapping = rewriter_config_pb2.RewriterConfig.OFF
    # The vendor's scripts write RewriterConfig.OFF here too, which this field's own enum does not have.
    rewriter.memory_optimization = rewriter_config_pb2.RewriterConfig.NO_MEM_OPT
    return config
