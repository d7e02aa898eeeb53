"""Dropout whose masks depend on (key, site) only: the same on each run and each device with the same generator."""

from __future__ import annotations

import math
from typing import Any

MANTISSAS = {"bfloat16": 7, "float16": 10}
"""Bits behind the point of the types that are too coarse for most scales."""


def counter_dropout(x: Any, rate: float, key: Any, site: int) -> Any:
    """Dropout from a counter-based generator (Philox; Salmon et al. 2011), eight random bits a value.

    The rate is rounded to 1/256, and the scale is that of the rounded rate, so the mean is kept. Where the type of x is
    too coarse for that scale, the kept values are shared out between its two neighbours, so that the mean is exact too.

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
    if x.dtype.name not in MANTISSAS:
        return x * (tf.cast(keep, x.dtype) * (256.0 / (256 - dropped)))
    low, high, greater = neighbours(dropped, MANTISSAS[x.dtype.name])
    more = tf.reshape(octets < tf.constant(dropped + greater, tf.uint8), shape)
    scale = tf.where(more, tf.constant(high, x.dtype), tf.constant(low, x.dtype))
    return x * (tf.cast(keep, x.dtype) * scale)


def neighbours(dropped: int, bits: int) -> tuple[float, float, int]:
    """Two multipliers for the kept of 256 values, so that multipliers and zeros have a mean of exactly 1.

    Args:
        dropped: values of 256 that become 0, 1 to 255.
        bits: of the mantissa that holds the multipliers.

    Returns:
        Two neighbours among the numbers with that mantissa, and how many of the kept values get the greater one.
    """
    kept = 256 - dropped
    spacing = 2.0 ** (math.floor(math.log2(256 / kept)) - bits)
    units, greater = divmod(round(256 / spacing), kept)
    return units * spacing, (units + 1) * spacing, greater
