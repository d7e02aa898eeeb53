"""The activations of an encoder's feed-forward part, by the names that configs use."""

from __future__ import annotations

import math
from typing import Any, Callable

import tensorflow as tf


@tf.custom_gradient  # type: ignore[untyped-decorator]
def gelu(x: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
    """GELU in the erf form (Hendrycks and Gimpel 2016, arXiv:1606.08415); keeps only its slope for the gradient."""
    half = 0.5 + 0.5 * tf.math.erf(x * math.sqrt(0.5))
    slope = half + x * tf.exp(-0.5 * math.log(2.0 * math.pi) - 0.5 * x * x)

    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        return upstream * slope

    return x * half, gradient


@tf.custom_gradient  # type: ignore[untyped-decorator]
def gelu_new(x: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
    """GELU in the tanh form (the same paper, section 2, with the constant of Google's code); keeps only its slope."""
    scale, cubic = math.sqrt(2.0 / math.pi), 0.044715
    bend = tf.tanh(scale * x * (1.0 + cubic * x * x))
    half = 0.5 + 0.5 * bend
    slope = half + 0.5 * x * (1.0 - bend * bend) * scale * (1.0 + 3.0 * cubic * x * x)

    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        return upstream * slope

    return x * half, gradient


def silu(x: tf.Tensor) -> tf.Tensor:
    """x * sigmoid(x) (Elfwing et al. 2018, arXiv:1702.03118)."""
    return x * tf.sigmoid(x)


FUNCTIONS: dict[str, Callable[[tf.Tensor], Any]] = {"gelu": gelu, "gelu_new": gelu_new, "relu": tf.nn.relu, "silu": silu}
"""The function of each of `families.ACTIVATIONS`."""
