"""The adapter's loss scaler, which nerctl must not use: it wraps Keras optimizers and branches with tf.cond."""

from __future__ import annotations


class NpuLossScaleOptimizer:
    """Takes what the real one takes, and refuses what it would refuse: anything but a Keras 2.6 optimizer."""

    def __init__(self, inner, dynamic=True, initial_scale=None, dynamic_growth_steps=None) -> None:
        raise TypeError(f"{type(inner).__name__} is not a tf.keras.optimizers.Optimizer")
