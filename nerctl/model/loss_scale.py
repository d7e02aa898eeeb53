"""Dynamic loss scaling for float16 gradients (Micikevicius et al. 2018, "Mixed precision training", arXiv:1710.03740).

The loss is multiplied by a power of two before the backward pass, so that small gradients do not vanish in float16. An
update whose gradients overflowed is skipped and the scale halved; after a run of good updates it is doubled. Everything
is selected with `tf.where`: the graph has no branches.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import tensorflow as tf


@dataclass(frozen=True)
class LossScaleConfig:
    """The constants of the scale; the defaults are those of the paper's section 3.2 as TensorFlow applies them."""

    initial: float = 2.0**15
    """First scale."""
    factor: float = 2.0
    """What the scale grows and shrinks by."""
    growth_steps: int = 2000
    """Good updates in a row before the scale grows."""
    greatest: float = 2.0**24
    """Upper bound of the scale."""


class LossScale(tf.Module):
    """The scale and the count of good updates since it last changed, as variables of a checkpoint."""

    def __init__(self, config: LossScaleConfig = LossScaleConfig()) -> None:
        super().__init__()
        self.config = config
        self.scale = tf.Variable(config.initial, name="loss_scale/scale", trainable=False, dtype=tf.float32)
        self.good = tf.Variable(0.0, name="loss_scale/good_updates", trainable=False, dtype=tf.float32)

    def update(self, finite: Any) -> None:
        """Moves the scale after an update.

        Args:
            finite: [] bool, whether the gradients of the update were finite.
        """
        settings = self.config
        good = self.good + 1.0
        grows = good >= settings.growth_steps
        raised = tf.minimum(self.scale * settings.factor, settings.greatest)
        lowered = tf.maximum(self.scale / settings.factor, 1.0)
        self.scale.assign(tf.where(finite, tf.where(grows, raised, self.scale), lowered))
        self.good.assign(tf.where(finite, tf.where(grows, 0.0, good), 0.0))
