"""Dropout whose masks depend on (key, site) only: the same on each run and each device with the same generator."""

from __future__ import annotations

from typing import Any


def counter_dropout(x: Any, rate: float, key: Any, site: int) -> Any:
    """Dropout from a counter-based generator (Philox; Salmon et al. 2011), eight random bits a value.

    The rate is rounded to 1/256, and the scale is that of the rounded rate, so the mean is kept exactly.

    Args:
        x: any shape, floating.
        rate: share to drop, 0 <= rate < 1; x itself comes back when it rounds to 0.
        key: [2] int32; changes with each micro-batch.
        site: which dropout of the graph this is.
    """
    import tensorflow as tf

    dropped = round(rate * 256)
    if dropped == 0:
        return x
    dropped = min(dropped, 255)
    shape = tf.shape(x)
    size = tf.reduce_prod(shape)
    seed = key + tf.constant([site * 7919, 0], tf.int32)
    words = tf.random.stateless_uniform([(size + 3) // 4], seed, minval=None, maxval=None, dtype=tf.int32)
    octets = tf.reshape(tf.bitcast(words, tf.uint8), [-1])[:size]
    keep = tf.reshape(octets >= tf.constant(dropped, tf.uint8), shape)
    return x * (tf.cast(keep, x.dtype) * (256.0 / (256 - dropped)))
