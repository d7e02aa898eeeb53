"""Whether gradients overflowed, on devices whose floats overflow to infinity."""

from __future__ import annotations

from typing import Any


def all_finite(gradients: list[Any]) -> Any:
    """[] bool: whether every value of every gradient is finite."""
    import tensorflow as tf

    return tf.reduce_all(tf.stack([tf.reduce_all(tf.math.is_finite(gradient)) for gradient in gradients]))
