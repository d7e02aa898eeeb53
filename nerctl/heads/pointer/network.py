"""The efficient GlobalPointer (Su et al. 2022, arXiv:2208.03054), its loss, and no more of it than training needs.

A span from token i to token j of type c scores q_i k_j / sqrt(d) + b_ci + e_cj: one product for all types, with rotary
positions (Su et al. 2021, arXiv:2104.09864) on q and k, says that there is an entity, and two biases say of which type.
Emissions hold q, k, b and e as they are before the rotation, which depends on distances only: so a sentence's tokens may
come from several windows, and decoding rotates them by their places in the sentence.

Letters: B chains, L tokens a chain, d size of q and k, C types, G gold spans a chain, N tokens in all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

import numpy as np
import tensorflow as tf

from nerctl.heads.pointer.decoding import FREQUENCY, NEVER
from nerctl.model.bert import Dense, Initial, dimensions


class Pointer(tf.Module):
    """The biases of the types, and the loss.

    Args:
        size: d.
        types: C.
        initial: first values by variable name.
    """

    def __init__(self, size: int, types: int, initial: Initial) -> None:
        super().__init__()
        self.size = size
        self.types = types
        self.biases = Dense("head/pointer/types", 2 * size, 2 * types, initial)

    def emissions(self, projected: tf.Tensor) -> tf.Tensor:
        """q, k, b and e side by side, [N, 2d + 2C], from the projection's [N, 2d]."""
        return tf.concat([projected, 0.5 * self.biases(projected)], axis=1)

    def losses(self, emissions: tf.Tensor, mask: tf.Tensor, batch: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """The loss of each chain [B], at least 0: over all types the sum of `multilabel_loss`.

        Args:
            emissions: [B, L, 2d + 2C] float32.
            mask: [B, L] float32, 1 at tokens, then 0.
            batch: `gold_starts` and `gold_ends`, [B, G] int32: type * L + first token, and last token; -1 at padding.
        """
        scores = self.scores(emissions, mask)  # [B, C * L, L]
        starts, length = dimensions(scores)[1:]
        # [B, C * L, G] x [B, G, L]: 1 at the gold spans.
        begin = tf.one_hot(batch["gold_starts"], starts)
        gold = tf.matmul(begin, tf.one_hot(batch["gold_ends"], length), transpose_a=True)  # [B, C * L, L]
        shape = tf.stack([tf.shape(scores)[0], self.types, -1])
        losses = multilabel_loss(tf.reshape(scores, shape), tf.reshape(gold, shape))  # [B, C]
        return tf.reduce_sum(losses, axis=1) * mask[:, 0]  # a row of padding has none

    def scores(self, emissions: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        """[B, C * L, L] by type and first token, then last token; `NEVER` where no entity can be."""
        size, types = self.size, self.types
        batch, length, _ = dimensions(emissions)
        queries = rotated(emissions[:, :, :size])  # [B, L, d]
        keys = rotated(emissions[:, :, size : 2 * size])  # [B, L, d]
        product = tf.matmul(queries, keys, transpose_b=True) / size**0.5  # [B, L, L]
        # From the first token to itself and those behind it, as far as the chain goes.
        places = tf.range(length)
        onward = tf.cast(places[None, :] >= places[:, None], tf.float32)  # [L, L]
        possible = onward[None] * mask[:, None, :] * mask[:, :, None]  # [B, L, L]
        product = product + NEVER * (1.0 - possible)
        begins = tf.transpose(emissions[:, :, 2 * size : 2 * size + types], [0, 2, 1])  # [B, C, L]
        ends = tf.transpose(emissions[:, :, 2 * size + types :], [0, 2, 1])  # [B, C, L]
        scores = product[:, None] + begins[:, :, :, None] + ends[:, :, None, :]  # [B, C, L, L]
        return tf.reshape(scores, tf.stack([batch, types * length, length]))


def rotated(x: tf.Tensor) -> tf.Tensor:
    """Rotary positions from 0 on [B, L, d]: pairs of columns, a half of d apart, turned by place x frequency."""
    length, size = dimensions(x)[1:]
    frequencies = FREQUENCY ** (-np.arange(size // 2) * 2.0 / size)  # [d/2]
    angles = tf.cast(tf.range(length), tf.float32)[:, None] * tf.constant(frequencies, tf.float32)  # [L, d/2]
    cosine, sine = tf.cos(angles), tf.sin(angles)
    left, right = x[:, :, : size // 2], x[:, :, size // 2 :]
    return tf.concat([left * cosine - right * sine, right * cosine + left * sine], axis=2)


@tf.custom_gradient  # type: ignore[untyped-decorator]
def multilabel_loss(scores: tf.Tensor, gold: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], Any]]:
    """log(1 + sum of exp(s) over what is not gold) + log(1 + sum of exp(-s) over gold), over the last axis.

    Gold scores are driven over 0 and all others under it (Su et al. 2022, section 3). The gradient is written out, so
    that no more than the scores and gold are kept for it.

    Args:
        scores: [..., M] float32; `NEVER` counts for nothing.
        gold: [..., M] float32, 1 or 0.
    """
    wrong = scores + NEVER * gold
    missed = -scores * gold + NEVER * (1.0 - gold)
    sums = [_log_one_and_sum(one) for one in (wrong, missed)]

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, None]:
        # exp of the parts is made again: cheaper than keeping it.
        down = tf.exp(scores + NEVER * gold - sums[0][..., None])
        up = tf.exp(-scores * gold + NEVER * (1.0 - gold) - sums[1][..., None])
        return upstream[..., None] * (down - up), None

    return sums[0] + sums[1], gradient


def _log_one_and_sum(x: tf.Tensor) -> tf.Tensor:
    """log(1 + sum(exp(x))) over the last axis."""
    highest = tf.maximum(tf.reduce_max(x, axis=-1), 0.0)
    return highest + tf.math.log(tf.exp(-highest) + tf.reduce_sum(tf.exp(x - highest[..., None]), axis=-1))
