"""One update: forward, backward, AdamW, compiled once a shape; a batch too large for memory goes in parts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Callable

import numpy as np
import tensorflow as tf

from nerctl.backends import Backend
from nerctl.data.batches import Batch
from nerctl.data.sentence_windows import Field
from nerctl.model.bert import BertConfig
from nerctl.model.loss_scale import LossScale
from nerctl.model.optimizer import AdamW
from nerctl.model.tagger import Regularisation, TaggerModel, identity


@dataclass(frozen=True)
class DropoutRates:
    """The rates of one run."""

    attention: float
    """Of attention weights."""
    hidden: float
    """Of the outputs of the encoder's blocks."""
    head: float
    """Around the head's LSTM."""

    @classmethod
    def of(cls, bert: BertConfig, asked: float | None) -> DropoutRates:
        """One rate for all when asked for, else the encoder's own, its hidden rate for the head."""
        if asked is not None:
            return cls(asked, asked, asked)
        return cls(bert.attention_probs_dropout_prob, bert.hidden_dropout_prob, bert.hidden_dropout_prob)


@dataclass(frozen=True)
class StepResult:
    """What one update gave."""

    loss: float
    """Mean negative log likelihood of the batch's sentences."""
    norm: float
    """Global norm of the gradients before clipping."""
    compiled: bool
    """Whether this step traced or compiled something, so that its time is no steady time."""
    skipped: bool = False
    """Whether float16 gradients overflowed, so that the weights stayed as they were (see `loss_scale`)."""
    loss_scale: float | None = None
    """What the loss was multiplied by before the backward pass; None without loss scaling."""


class Stepper:
    """Runs updates on a device.

    Dropout depends on (seed, step, part of the batch) only. The loss of a batch does not depend on how many parts it
    has, but for rounding and the dropout masks.
    """

    def __init__(
        self,
        model: TaggerModel,
        fields: Sequence[Field],
        optimizer: AdamW,
        backend: Backend,
        dropout: DropoutRates,
        seed: int,
        max_seq_length: int,
    ) -> None:
        self.model = model
        self.fields = tuple(fields)
        """The arrays of a batch, in the order in which compiled functions take them."""
        self.optimizer = optimizer
        self.backend = backend
        self.rates = dropout
        self.seed = seed
        self.max_seq_length = max_seq_length
        self.traces = 0
        """How often a function was traced."""
        self.loss_scale: LossScale | None = None
        if backend.loss_scaling:
            self.loss_scale = LossScale()
            # Beside the moments, so that a resumed run goes on with the scale that it had.
            optimizer.moments.update({str(item.name).split(":")[0]: item for item in self.loss_scale.variables})
        self._compiled: dict[Any, Callable[..., Any]] = {}
        self._side_by_side: Callable[..., Iterable[Any]] = map
        if backend.together > 1:
            self._side_by_side = ThreadPoolExecutor(backend.together, "part").map

    def run(self, step: int, batches: Sequence[Batch], rates: Sequence[float]) -> StepResult:
        """Update number `step` (from 1) on the parts of one batch, with the learning rates of `optimizer.GROUPS`."""
        traces = self.traces
        arguments = (np.asarray(rates, np.float32), np.float32(step))
        if len(batches) == 1 and self._fixed():
            # One program for the device. Where shapes are dynamic, two functions serve split and whole batches alike.
            update = self._function("update", self._update, batches[0], self._scalars())
            loss, norm, finite, scale = update(*self._arrays(batches[0]), self._key(step, 0), *arguments)
        else:
            loss, finite, total = self._sums(step, batches)
            signature = [tf.TensorSpec(gradient.shape, tf.float32) for gradient in total]
            flag = tf.TensorSpec([], tf.bool)
            apply = self._compile("apply", self._apply, [*self._scalars()[1:], flag, *signature])
            norm, finite, scale = apply(*arguments, finite, *total)
        used = None if self.loss_scale is None else float(scale)
        return StepResult(float(loss), float(norm), self.traces > traces, not bool(finite), used)

    def gradients(self, step: int, batches: Sequence[Batch]) -> tuple[Any, list[Any]]:
        """The loss of a batch and its dense gradients, summed over its parts, in the order of the optimizer."""
        loss, _, total = self._sums(step, batches)
        return loss, total

    def programs(self) -> list[Callable[..., Any]]:
        """The compiled functions so far, one a program of the device where shapes are fixed."""
        return list(self._compiled.values())

    def _sums(self, step: int, batches: Sequence[Batch]) -> tuple[Any, bool, list[Any]]:
        """Loss, whether all is finite, and gradients, summed over the parts in their order, on this device only."""
        functions = [self._function("gradients", self._gradients, batch, self._scalars()[:1]) for batch in batches]

        def compute(part: int) -> Any:
            return functions[part](*self._arrays(batches[part]), self._key(step, part))

        loss: Any = 0.0
        finite = True
        total: list[Any] = []
        for one, good, *gradients in self._side_by_side(compute, range(len(batches))):
            loss = loss + one
            finite = finite and bool(good)
            if not total:
                total = gradients
                continue
            for place, new in enumerate(gradients):  # one by one: no third set of gradients in memory
                total[place] += new
        return loss, finite, total

    def _update(self, *arguments: Any) -> tuple[Any, ...]:
        self.traces += 1
        loss, gradients = self._backward(arguments[:-3], arguments[-3])
        return (loss, *self._move(gradients, arguments[-2], arguments[-1]))

    def _gradients(self, *arguments: Any) -> tuple[Any, ...]:
        self.traces += 1
        loss, gradients = self._backward(arguments[:-1], arguments[-1])
        finite = tf.constant(True) if self.loss_scale is None else self.backend.finite(gradients)
        return (loss, finite, *gradients)

    def _apply(self, rates: Any, step: Any, finite: Any, *gradients: Any) -> tuple[Any, Any, Any]:
        self.traces += 1
        return self._move(list(gradients), rates, step, finite)

    def _move(self, gradients: list[Any], rates: Any, step: Any, parts_finite: Any = None) -> tuple[Any, Any, Any]:
        """Moves the weights by the gradients of a whole batch; their norm, whether they were finite, their loss scale."""
        gradients = self.backend.reduce(gradients)
        if self.loss_scale is None:
            return self.optimizer.apply(gradients, rates, step), tf.constant(True), tf.constant(1.0)
        # An output of the program: to read the variable from outside would be one more trip to the device each step.
        scale = tf.identity(self.loss_scale.scale)
        # Of the sum as well: what overflowed on one replica is then known to all.
        finite = self.backend.finite(gradients)
        if parts_finite is not None:
            finite = tf.reduce_all(tf.stack([parts_finite, finite]))
        norm = self.optimizer.apply(gradients, rates, step, finite)
        self.loss_scale.update(finite)
        return norm, finite, scale

    def _backward(self, arrays: Sequence[Any], key: Any) -> tuple[Any, list[Any]]:
        """The loss of one part of a batch, and its gradients."""
        batch = {field.name: array for field, array in zip(self.fields, arrays)}
        scale = None if self.loss_scale is None else tf.convert_to_tensor(self.loss_scale.scale)
        with tf.GradientTape() as tape:
            losses = self.model.losses(batch, self._regularisation(key))  # [B]
            loss = tf.reduce_sum(losses * batch["weights"])
            target = loss if scale is None else loss * scale
        found = tape.gradient(target, self.optimizer.trained, unconnected_gradients="zero")
        gradients = [tf.convert_to_tensor(gradient) for gradient in found]
        return loss, gradients if scale is None else [gradient / scale for gradient in gradients]

    def _regularisation(self, key: Any) -> Regularisation:
        site = 0

        def at(rate: float) -> Callable[[Any], Any]:
            def apply(x: Any) -> Any:
                nonlocal site
                site += 1
                return self.backend.dropout(x, rate, key, site)

            return apply if rate > 0 else identity

        return Regularisation(at(self.rates.attention), at(self.rates.hidden), at(self.rates.head))

    def _function(
        self, name: str, function: Callable[..., Any], batch: Batch, scalars: Sequence[Any]
    ) -> Callable[..., Any]:
        fixed = self._fixed()
        signature = [
            tf.TensorSpec(batch[field.name].shape if fixed else field.shape({}), field.dtype) for field in self.fields
        ]
        return self._compile(name, function, [*signature, *scalars])

    def _compile(self, name: str, function: Callable[..., Any], signature: Sequence[Any]) -> Callable[..., Any]:
        key = (name, tuple((tuple(spec.shape.as_list()), spec.dtype.name) for spec in signature))
        if key not in self._compiled:
            self._compiled[key] = self.backend.compile(function, signature)
        return self._compiled[key]

    def _fixed(self) -> bool:
        return bool(self.backend.window_lengths(self.max_seq_length))

    @staticmethod
    def _scalars() -> list[Any]:
        return [tf.TensorSpec([2], tf.int32), tf.TensorSpec([3], tf.float32), tf.TensorSpec([], tf.float32)]

    def _key(self, step: int, part: int) -> np.ndarray:
        return np.array([self.seed * 104_729 % 2**31, (step * 4096 + part) % 2**31], np.int32)

    def _arrays(self, batch: Batch) -> list[np.ndarray]:
        return [batch[field.name] for field in self.fields]
