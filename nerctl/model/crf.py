"""Linear-chain conditional random field (Lafferty et al. 2001) over the corpus' own tags.

The likelihood is a log-depth tree of semiring products (Rush 2020, "Torch-Struct", arXiv:2002.00876): each position is
a K x K matrix of log scores, neighbours are multiplied pairwise in the log semiring, and log2(L) levels give the sum over
all paths, without any loop op. Letters: B sentences (chains), L tokens, K tags.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from nerctl.model.bert import Initial, dimensions, variable

NEVER = -1e9
"""The log score of what cannot be; exp() of it is 0 in float32."""

LEVELS = 16
"""Levels of the product tree where the length is unknown when the graph is built: sentences of up to 65,536 tokens."""


class Crf(tf.Module):
    """Transition, start and end scores.

    `transitions` [K, K] (from, to), `start` [K] and `end` [K]; one score a tag pair, as in Lample et al. 2016
    (arXiv:1603.01360).
    """

    def __init__(self, tags: int, initial: Initial, trainable: bool = True) -> None:
        super().__init__()
        self.tags = tags
        if trainable:
            self.transitions = variable("crf/transitions", (tags, tags), initial)
            self.start = variable("crf/start", (tags,), initial)
            self.end = variable("crf/end", (tags,), initial)
        else:
            # With all scores at 0 the chain falls apart into one softmax a token.
            self.transitions = tf.zeros([tags, tags])
            self.start = tf.zeros([tags])
            self.end = tf.zeros([tags])

    def log_likelihood(
        self, emissions: tf.Tensor, tags: tf.Tensor, mask: tf.Tensor, first: tf.Tensor, last: tf.Tensor
    ) -> tf.Tensor:
        """Log probability of each chain's tags.

        Args:
            emissions: [B, L, K] float32.
            tags: [B, L] int32; any value at padding.
            mask: [B, L] float32, 1 at tokens, then 0; at least one token in a row that counts.
            first: [B] float32, 1 where the chain begins its sentence (start scores count), else 0.
            last: [B] float32, 1 where the chain ends its sentence (end scores count), else 0.

        Returns:
            [B] float32, at most 0.
        """
        start = self.start * first[:, None]  # [B, K]
        end = self.end * last[:, None]  # [B, K]
        one_hot = tf.one_hot(tags, self.tags) * mask[:, :, None]  # [B, L, K]
        return self._score(emissions, one_hot, mask, start, end) - self._log_partition(emissions, mask, start, end)

    def _score(
        self, emissions: tf.Tensor, one_hot: tf.Tensor, mask: tf.Tensor, start: tf.Tensor, end: tf.Tensor
    ) -> tf.Tensor:
        emitted = tf.reduce_sum(emissions * one_hot, axis=[1, 2])  # [B]
        batch, length, tags = dimensions(one_hot)
        # [B * L, K] x [K, K]: the transition scores out of each position's tag.
        outgoing = tf.matmul(tf.reshape(one_hot, [-1, tags]), self.transitions)
        outgoing = tf.reshape(outgoing, [batch, length, tags])  # [B, L, K]
        moved = tf.reduce_sum(outgoing[:, :-1] * one_hot[:, 1:], axis=[1, 2])  # [B]
        began = tf.reduce_sum(start * one_hot[:, 0], axis=1)  # [B]
        following = tf.concat([mask[:, 1:], tf.zeros_like(mask[:, :1])], axis=1)  # [B, L]
        at_end = (mask - following)[:, :, None]  # [B, L, 1]: 1 at the last token
        ended = tf.reduce_sum(end * tf.reduce_sum(one_hot * at_end, axis=1), axis=1)  # [B]
        return emitted + moved + began + ended

    def _log_partition(self, emissions: tf.Tensor, mask: tf.Tensor, start: tf.Tensor, end: tf.Tensor) -> tf.Tensor:
        alpha = start + emissions[:, 0]  # [B, K]
        steps = self.transitions + emissions[:, 1:, None, :]  # [B, L-1, K, K]
        present = mask[:, 1:, None, None]  # [B, L-1, 1, 1]
        steps = steps * present + log_identity(self.tags) * (1.0 - present)
        product = product_tree(steps)  # [B, K, K]
        return tf.reduce_logsumexp(alpha[:, :, None] + product + end[:, None, :], axis=[1, 2])  # [B]


def log_identity(tags: int) -> tf.Tensor:
    """The unit of the log semiring's matrix product: 0 on the diagonal, `NEVER` elsewhere; [K, K]."""
    return tf.constant(NEVER * (1.0 - np.eye(tags)), tf.float32)


def product_tree(steps: tf.Tensor) -> tf.Tensor:
    """The product of all matrices of a row in the log semiring.

    Args:
        steps: [B, M, K, K] float32; M may be 0.

    Returns:
        [B, K, K] float32.
    """
    batch, count, tags, _ = dimensions(steps)
    unit = log_identity(tags)
    static = isinstance(count, int)
    levels = max(count - 1, 0).bit_length() if static else LEVELS
    if not static or count == 0:
        # At least one matrix, whatever the length: the unit changes no product.
        steps = tf.concat([steps, tf.broadcast_to(unit, tf.stack([batch, 1, tags, tags]))], axis=1)
        count = count + 1
        levels = levels if not static else 0
    for _level in range(levels):
        odd = count % 2
        if not static or odd:
            filler = tf.broadcast_to(unit, tf.stack([batch, odd, tags, tags]))  # [B, 0 or 1, K, K]
            steps = tf.concat([steps, filler], axis=1)
            count = count + odd
        count = count // 2
        pairs = tf.reshape(steps, tf.stack([batch, count, 2, tags, tags]))
        steps = log_product(pairs[:, :, 0], pairs[:, :, 1])  # [B, M/2, K, K]
    return tf.reshape(steps, tf.stack([batch, tags, tags]))


def log_product(left: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """log(exp(left) @ exp(right)) over the last two axes, each [..., K, K], without overflow.

    The shift by the greatest score of each row makes the inner product a plain matrix product: with
    t_k = max_j right_kj and r_i = max_k (left_ik + t_k), both factors are at most 1 and the greatest term is kept. A
    result more than about 87 below the best of its row is lost to float32 (`NEVER` + the shift), and so is nothing to
    the sum.
    """
    best_right = tf.stop_gradient(tf.reduce_max(right, axis=-1))  # [..., K]
    reach = left + best_right[..., None, :]  # [..., K, K]
    best = tf.stop_gradient(tf.reduce_max(reach, axis=-1, keepdims=True))  # [..., K, 1]
    total = tf.matmul(tf.exp(reach - best), tf.exp(right - best_right[..., None]))  # [..., K, K]
    return tf.math.log(tf.maximum(total, 1e-37)) + best

