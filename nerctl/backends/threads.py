"""Processor cores, and how TensorFlow shares them out."""

from __future__ import annotations

import os


def available_cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def set_threads(of_one_operation: int, operations: int) -> bool:
    """Fixes the threads of one operation, and how many operations of a graph run at once.

    Returns:
        Whether it could be done; False once TensorFlow runs, with the threads that it has then.
    """
    import tensorflow as tf

    try:
        tf.config.threading.set_intra_op_parallelism_threads(of_one_operation)
        tf.config.threading.set_inter_op_parallelism_threads(operations)
    except RuntimeError:
        return False
    return True
