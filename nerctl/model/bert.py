"""The BERT encoder (Devlin et al. 2019, arXiv:1810.04805) and its relatives, with Google's variable names.

What a family has beside or in place of BERT's parts, and all names and shapes, come from its row in `families.py`.

Letters: B windows, T word pieces (with [CLS] and [SEP]), N = B * T positions, E width of the embedding tables, H hidden,
A heads, D = H / A, F feed-forward. Positions are kept flat, [N, H], between layers, so that every product is one matrix
product.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Callable

import numpy as np
import tensorflow as tf

from nerctl.model.activations import FUNCTIONS
from nerctl.model.encoder_config import BertConfig as BertConfig  # it is imported from here
from nerctl.model.families import POSITIONS, PROJECTION, ROOT, WORDS, first_row_tables, layer_names, variables

Dropout = Callable[[tf.Tensor], tf.Tensor]
"""Applies dropout to a tensor; the identity outside training."""

Initial = Callable[[str, tuple[int, ...]], np.ndarray]
"""Gives the first value of the variable of a name and shape, float32."""

MASKED = -10000.0
"""Added to the attention scores of padding, as Google's code does; exp() of it is 0 in float32."""


def truncated_normal(shape: Sequence[int], deviation: float, generator: np.random.Generator) -> np.ndarray:
    """Normal values cut at two deviations, as Google's initialiser draws them; float32."""
    values = generator.standard_normal(shape, dtype=np.float32)
    while True:
        outside = np.abs(values) > 2
        if not outside.any():
            return (values * deviation).astype(np.float32)
        values[outside] = generator.standard_normal(int(outside.sum()), dtype=np.float32)


class Dense(tf.Module):
    """A linear layer under Google's names `<name>/kernel` [in, out] and `<name>/bias` [out]."""

    def __init__(self, name: str, inputs: int, outputs: int, initial: Initial) -> None:
        super().__init__()
        self.kernel = variable(f"{name}/kernel", (inputs, outputs), initial)
        self.bias = variable(f"{name}/bias", (outputs,), initial)

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        product = tf.matmul(x, tf.cast(self.kernel, x.dtype))  # [N, in] -> [N, out]
        return tf.nn.bias_add(product, tf.cast(self.bias, x.dtype))


class LayerNorm(tf.Module):
    """Layer normalisation (Ba et al. 2016, arXiv:1607.06450) over the last axis, in float32."""

    def __init__(self, name: str, size: int, epsilon: float, initial: Initial) -> None:
        super().__init__()
        self.gamma = variable(f"{name}/gamma", (size,), initial)
        self.beta = variable(f"{name}/beta", (size,), initial)
        self.epsilon = epsilon

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        return tf.cast(layer_norm(tf.cast(x, tf.float32), self.gamma, self.beta, self.epsilon), x.dtype)


@dataclass(frozen=True)
class Parts:
    """Makes an encoder's parts by name, in the shapes that its family gives them."""

    shapes: Mapping[str, tuple[int, ...]]
    """Of every variable, by name."""
    epsilon: float
    """Of every LayerNorm."""
    initial: Initial
    """First values."""

    def table(self, name: str) -> tf.Variable:
        """An embedding table [rows, E]."""
        return variable(name, self.shapes[name], self.initial)

    def dense(self, name: str) -> Dense:
        """A linear layer."""
        inputs, outputs = self.shapes[f"{name}/kernel"]
        return Dense(name, inputs, outputs, self.initial)

    def norm(self, name: str) -> LayerNorm:
        """A LayerNorm."""
        (size,) = self.shapes[f"{name}/gamma"]
        return LayerNorm(name, size, self.epsilon, self.initial)


class SelfAttention(tf.Module):
    """Scaled dot-product attention in A heads; queries, keys and values come from one product."""

    def __init__(self, name: str, heads: int, parts: Parts) -> None:
        super().__init__()
        self.heads = heads
        self.query = parts.dense(f"{name}/self/query")
        self.key = parts.dense(f"{name}/self/key")
        self.value = parts.dense(f"{name}/self/value")
        self.output = parts.dense(f"{name}/output/dense")

    def __call__(self, x: tf.Tensor, bias: tf.Tensor, shape: tuple[Any, Any], dropout: Dropout) -> tf.Tensor:
        batch, length = shape
        hidden = x.shape[-1]
        depth = hidden // self.heads
        parts = (self.query, self.key, self.value)
        kernel = tf.concat([tf.cast(part.kernel, x.dtype) for part in parts], axis=1)  # [H, 3H]
        offset = tf.concat([tf.cast(part.bias, x.dtype) for part in parts], axis=0)  # [3H]
        mixed = tf.nn.bias_add(tf.matmul(x, kernel), offset)  # [N, 3H]
        mixed = tf.reshape(mixed, [batch, length, 3, self.heads, depth])  # [B, T, 3, A, D]
        query, key, value = tf.unstack(tf.transpose(mixed, [2, 0, 3, 1, 4]), num=3)  # 3 of [B, A, T, D]
        context = attend(query * (1.0 / math.sqrt(depth)), key, value, bias, dropout)  # [B, A, T, D]
        context = tf.transpose(context, [0, 2, 1, 3])  # [B, T, A, D]
        return self.output(tf.reshape(context, [-1, hidden]))  # [N, H]


class Layer(tf.Module):
    """One transformer layer: attention and feed-forward, each added to its input and normalised (post-LN)."""

    def __init__(self, name: str, config: BertConfig, parts: Parts) -> None:
        super().__init__()
        self.attention = SelfAttention(f"{name}/attention", config.num_attention_heads, parts)
        self.attention_norm = parts.norm(f"{name}/attention/output/LayerNorm")
        self.intermediate = parts.dense(f"{name}/intermediate/dense")
        self.activation = FUNCTIONS[config.hidden_act]
        self.output = parts.dense(f"{name}/output/dense")
        self.output_norm = parts.norm(f"{name}/output/LayerNorm")

    def __call__(
        self, x: tf.Tensor, bias: tf.Tensor, shape: tuple[Any, Any], attention_dropout: Dropout, dropout: Dropout
    ) -> tf.Tensor:
        attended = self.attention(x, bias, shape, attention_dropout)  # [N, H]
        x = self.attention_norm(x + dropout(attended))  # [N, H]
        inner = self.activation(self.intermediate(x))  # [N, F]
        return self.output_norm(x + dropout(self.output(inner)))  # [N, H]


class Bert(tf.Module):
    """The encoder: word pieces to hidden vectors. Pooler and pre-training heads are not part of it."""

    def __init__(self, config: BertConfig, initial: Initial) -> None:
        super().__init__()
        self.config = config
        shapes = {one.name: one.shape for one in variables(config)}
        parts = Parts(shapes, config.layer_norm_eps, initial)
        self.words = parts.table(f"{ROOT}/{WORDS}")  # [V, E]
        self.positions = parts.table(f"{ROOT}/{POSITIONS}")  # [longest, E]
        self.types = [parts.table(name) for name in first_row_tables(config)]  # [types, E] each
        self.norm = parts.norm(f"{ROOT}/embeddings/LayerNorm")
        self.projection = parts.dense(f"{ROOT}/{PROJECTION}") if config.projects else None
        names = layer_names(config)
        made = {name: Layer(name, config, parts) for name in dict.fromkeys(names)}
        self.layers = [made[name] for name in names]  # a shared layer comes as often as it is used

    def __call__(
        self,
        pieces: tf.Tensor,
        mask: tf.Tensor,
        attention_dropout: Dropout,
        dropout: Dropout,
        dtype: tf.DType = tf.float32,
    ) -> tf.Tensor:
        """Hidden vectors of the last layer.

        Args:
            pieces: [B, T] int32 word-piece ids with [CLS] and [SEP].
            mask: [B, T] float32, 1 at pieces and 0 at padding.
            attention_dropout, dropout: applied to attention weights and to block outputs.
            dtype: the type that products are computed in; LayerNorm and softmax stay float32.

        Returns:
            [B * T, H] of `dtype`.
        """
        batch, length = dimensions(pieces)
        width = self.config.width
        x = tf.gather(self.words, tf.reshape(pieces, [-1]))  # [N, E]
        places = self.positions[:length]  # [T, E]
        for table in self.types:  # only the first segment type, the first task, occurs
            places += table[0]
        x = tf.reshape(x, [batch, length, width]) + places  # [B, T, E]
        x = dropout(self.norm(tf.reshape(x, [-1, width])))  # [N, E]
        x = tf.cast(x, dtype)
        if self.projection is not None:
            x = self.projection(x)  # [N, H]
        bias = ((1.0 - mask) * MASKED)[:, None, None, :]  # [B, 1, 1, T]
        for layer in self.layers:
            x = layer(x, bias, (batch, length), attention_dropout, dropout)  # [N, H]
        return x


def variable(name: str, shape: tuple[int, ...], initial: Initial) -> tf.Variable:
    """A float32 variable that carries its full name, as checkpoints know it."""
    return tf.Variable(initial(name, shape), name=name.replace(":", "_"), dtype=tf.float32)


def variable_name(item: tf.Variable) -> str:
    """The name a variable was made under, without TensorFlow's `:0`."""
    return str(item.name).split(":")[0]


def dimensions(x: tf.Tensor) -> list[Any]:
    """The sizes of a tensor: a number where it is known when the graph is built, else a scalar tensor."""
    dynamic: Any = None
    sizes: list[Any] = []
    for axis, size in enumerate(x.shape):
        if size is None and dynamic is None:
            dynamic = tf.shape(x)
        sizes.append(dynamic[axis] if size is None else int(size))
    return sizes


def attend(query: tf.Tensor, key: tf.Tensor, value: tf.Tensor, bias: tf.Tensor, dropout: Dropout) -> tf.Tensor:
    """softmax(query key^T + bias) value, with dropout of the weights.

    The gradient passes over [T, T] three times instead of six: the dropout's mask is not needed again, and the sum of
    softmax's gradient is that of upstream * result (Dao et al. 2022, arXiv:2205.14135, appendix B).

    Args:
        query, key, value: [B, A, T, D], the query already scaled.
        bias: [B, 1, 1, T] float32; gets no gradient.
        dropout: of the weights; it scales or drops each.

    Returns:
        [B, A, T, D].
    """

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def run(query: tf.Tensor, key: tf.Tensor, value: tf.Tensor) -> tuple[tf.Tensor, Callable[..., Any]]:
        scores = tf.matmul(query, key, transpose_b=True)  # [B, A, T, T]
        weights = tf.nn.softmax(tf.cast(scores, tf.float32) + bias)  # [B, A, T, T]
        kept = dropout(tf.cast(weights, query.dtype))  # [B, A, T, T]
        context = tf.matmul(kept, value)  # [B, A, T, D]

        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            toward = tf.matmul(upstream, value, transpose_b=True)  # [B, A, T, T]
            total = tf.reduce_sum(upstream * context, axis=-1, keepdims=True)  # [B, A, T, 1]
            scored = tf.cast(kept * toward, tf.float32) - weights * tf.cast(total, tf.float32)  # [B, A, T, T]
            scored = tf.cast(scored, query.dtype)
            return (
                tf.matmul(scored, key),
                tf.matmul(scored, query, transpose_a=True),
                tf.matmul(kept, upstream, transpose_a=True),
            )

        return context, gradient

    return run(query, key, value)


@tf.custom_gradient  # type: ignore[untyped-decorator]
def layer_norm(
    x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: float
) -> tuple[tf.Tensor, Callable[..., Any]]:
    """LayerNorm over the last axis of [N, H], with its gradient in closed form to spare passes over memory."""
    mean = tf.reduce_mean(x, axis=-1, keepdims=True)  # [N, 1]
    centred = x - mean
    scale = tf.math.rsqrt(tf.reduce_mean(tf.square(centred), axis=-1, keepdims=True) + epsilon)  # [N, 1]
    normal = centred * scale

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, None]:
        weighted = upstream * gamma
        projected = tf.reduce_mean(weighted * normal, axis=-1, keepdims=True)  # [N, 1]
        inner = weighted - tf.reduce_mean(weighted, axis=-1, keepdims=True) - normal * projected
        return (
            inner * scale,
            tf.reduce_sum(upstream * normal, axis=0),  # [H]
            tf.reduce_sum(upstream, axis=0),  # [H]
            None,
        )

    return normal * gamma + beta, gradient
