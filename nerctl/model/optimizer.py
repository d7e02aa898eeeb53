"""AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101) with three learning rates and a global clip.

The moments are corrected for their bias (Kingma and Ba 2015, arXiv:1412.6980), unlike in Google's BERT code; decay is
decoupled and leaves LayerNorm and biases alone. Step count and learning rates are arguments, so that the graph is the same
at each step and resuming needs no state but the moments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import tensorflow as tf

from nerctl.model.bert import variable_name
from nerctl.model.families import ROOT

GROUPS = ("encoder", "head", "crf")
"""The parts of the model that have a learning rate each."""


@dataclass(frozen=True)
class AdamWConfig:
    """The constants of the update."""

    beta1: float = 0.9
    """Decay of the first moment."""
    beta2: float = 0.999
    """Decay of the second moment."""
    epsilon: float = 1e-6
    """Added to the root of the second moment; 1e-6 as in Google's BERT code."""
    weight_decay: float = 0.01
    """Decoupled decay, times the learning rate, of kernels and tables."""
    clip_norm: float = 1.0
    """Global norm that the gradients are scaled down to."""


@dataclass(frozen=True)
class Schedule:
    """Linear warm-up, then linear decay to 0 at the last planned step."""

    rates: tuple[float, float, float]
    """Peak learning rates of `GROUPS`."""
    total_steps: int
    """Updates of the whole plan, whether or not the run stops earlier."""
    warmup: float = 0.1
    """Share of the steps that the rates rise over."""

    def at(self, step: int) -> list[float]:
        """The learning rates of `GROUPS` for update `step` (1-based)."""
        rising = max(1, round(self.total_steps * self.warmup))
        if step <= rising:
            share = step / rising
        else:
            share = max(0.0, (self.total_steps - step + 1) / (self.total_steps - rising + 1))
        return [rate * share for rate in self.rates]


class AdamW(tf.Module):
    """The optimizer and its moments, named `adam_m/<variable>` and `adam_v/<variable>`.

    Args:
        variables: what is trained.
        config: the constants.
        fused: whether each variable is updated by TensorFlow's Adam kernel, one pass over memory where plain operations
            take about ten; for devices that have it. The update is the same but for rounding.
    """

    def __init__(self, variables: Sequence[tf.Variable], config: AdamWConfig, fused: bool = False) -> None:
        super().__init__()
        self.config = config
        self.fused = fused
        self.trained = list(variables)
        self.moments: dict[str, tf.Variable] = {}
        for item in self.trained:
            for moment in ("adam_m", "adam_v"):
                name = f"{moment}/{variable_name(item)}"
                self.moments[name] = tf.Variable(tf.zeros(item.shape), name=name, trainable=False)

    def apply(
        self,
        gradients: Sequence[tf.Tensor],
        rates: tf.Tensor,
        step: tf.Tensor,
        finite: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """One update of all variables.

        Args:
            gradients: dense gradients in the order of the variables, float32.
            rates: [3] float32 learning rates of `GROUPS`.
            step: [] float32, the number of this update, from 1.
            finite: [] bool; where it is false, weights and moments stay as they are. None: always update.

        Returns:
            [] float32, the global norm of the gradients before clipping; 0 for an update that is left out.
        """
        settings = self.config
        if finite is not None:
            # Selected, not multiplied by 0: 0 times infinity is no number.
            gradients = [tf.where(finite, gradient, tf.zeros_like(gradient)) for gradient in gradients]
        norm = tf.linalg.global_norm(gradients)
        scale = settings.clip_norm / tf.maximum(norm, settings.clip_norm)
        for item, gradient in zip(self.trained, gradients):
            rate = rates[GROUPS.index(group_of(variable_name(item)))]
            if self.fused and finite is None:
                self._one_pass(item, gradient * scale, rate, step)
            else:
                self._plain(item, gradient * scale, rate, step, finite)
        return norm

    def _plain(
        self, item: tf.Variable, gradient: tf.Tensor, rate: tf.Tensor, step: tf.Tensor, finite: tf.Tensor | None
    ) -> None:
        settings, name = self.config, variable_name(item)
        m, v = self.moments[f"adam_m/{name}"], self.moments[f"adam_v/{name}"]
        new_m = m.assign(kept(settings.beta1 * m + (1.0 - settings.beta1) * gradient, m, finite))
        new_v = v.assign(kept(settings.beta2 * v + (1.0 - settings.beta2) * tf.square(gradient), v, finite))
        first_correction = 1.0 - tf.pow(settings.beta1, step)
        second_correction = tf.sqrt(1.0 - tf.pow(settings.beta2, step))
        update = (rate / first_correction) * new_m / (tf.sqrt(new_v) / second_correction + settings.epsilon)
        if decays(name):
            update += (rate * settings.weight_decay) * item
        item.assign_sub(update if finite is None else tf.where(finite, update, tf.zeros_like(update)))

    def _one_pass(self, item: tf.Variable, gradient: tf.Tensor, rate: tf.Tensor, step: tf.Tensor) -> None:
        settings, name = self.config, variable_name(item)
        if decays(name):
            item.assign_sub((rate * settings.weight_decay) * item)
        second_power = tf.pow(settings.beta2, step)
        tf.raw_ops.ResourceApplyAdam(
            var=item.handle,
            m=self.moments[f"adam_m/{name}"].handle,
            v=self.moments[f"adam_v/{name}"].handle,
            beta1_power=tf.pow(settings.beta1, step),
            beta2_power=second_power,
            lr=rate,
            beta1=settings.beta1,
            beta2=settings.beta2,
            # The kernel adds epsilon to the root that is not yet corrected for its bias.
            epsilon=settings.epsilon * tf.sqrt(1.0 - second_power),
            grad=gradient,
        )


def kept(new: tf.Tensor, old: tf.Tensor, finite: tf.Tensor | None) -> tf.Tensor:
    """The new value, or the old one of an update that is left out."""
    return new if finite is None else tf.where(finite, new, old)


def group_of(name: str) -> str:
    """The learning-rate group of a variable's name."""
    part = name.split("/")[0]
    return {ROOT: "encoder", "head": "head", "crf": "crf"}[part]


def decays(name: str) -> bool:
    """Whether weight decay applies: not to LayerNorm, biases and the CRF's scores."""
    return not (name.endswith(("/bias", "/gamma", "/beta")) or name.startswith("crf/"))
