"""Linear-chain conditional random field (Lafferty et al. 2001) over the corpus' own tags.

The likelihood is a log-depth tree of semiring products (Rush 2020, "Torch-Struct", arXiv:2002.00876): each position is
a K x K matrix of log scores, neighbours are multiplied pairwise in the log semiring, and log2(L) levels give the sum over
all paths, without any loop op. Letters: B sentences (chains), L tokens, K tags.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from nerctl.model.bert import Initial, dimensions, variable

NEVER = -1e9
"""The log score of what cannot be; exp() of it is 0 in float32."""

LEVELS = 24
"""Levels of the product tree where the length is unknown when the graph is built: sentences of up to 16.7 million tokens,
more than memory holds."""

SUMMED_TAGS = 9
"""Tags, four types', up to which a product costs no more when each of its terms is summed by itself."""

LEAST = 1e-30
"""Least sum that counts beside 1; its inverse, in the gradient, is far from overflow, a loss scale included."""


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

    def emissions(self, projected: tf.Tensor) -> tf.Tensor:
        """The projection is the tags' scores: [N, K]."""
        return projected

    def losses(self, emissions: tf.Tensor, mask: tf.Tensor, batch: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Negative log likelihood [B] of the batch's `tags`, each at least 0."""
        return -self.log_likelihood(emissions, batch["tags"], mask, batch["begins"], batch["ends"])

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
        product = product_tree(steps, mask[:, 1:])  # [B, K, K]
        return tf.reduce_logsumexp(alpha[:, :, None] + product + end[:, None, :], axis=[1, 2])  # [B]


def log_identity(tags: int) -> tf.Tensor:
    """The unit of the log semiring's matrix product: 0 on the diagonal, `NEVER` elsewhere; [K, K]."""
    return tf.constant(NEVER * (1.0 - np.eye(tags)), tf.float32)


def product_tree(steps: tf.Tensor, present: tf.Tensor) -> tf.Tensor:
    """The product of each row's matrices in the log semiring.

    Args:
        steps: [B, M, K, K] float32; M may be 0.
        present: [B, M] float32; in each row 1 for those that count, then 0.

    Returns:
        [B, K, K] float32; the unit for a row of padding.
    """
    batch, count, tags, _ = dimensions(steps)
    static = isinstance(count, int)
    levels = max(count - 1, 0).bit_length() if static else LEVELS
    if not static or count == 0:  # at least one matrix, whatever the length
        steps = tf.concat([steps, tf.zeros(tf.stack([batch, 1, tags, tags]))], axis=1)
        present = tf.concat([present, tf.zeros(tf.stack([batch, 1]))], axis=1)
        count = count + 1
    for _level in range(levels):
        pairs = count // 2
        paired = tf.reshape(steps[:, : 2 * pairs], tf.stack([batch, pairs, 2, tags, tags]))
        both = tf.reshape(present[:, : 2 * pairs], tf.stack([batch, pairs, 2]))
        # Padding is passed over and not multiplied by a unit, whose scores of what cannot be float32 would round.
        products = log_product(paired[:, :, 0], paired[:, :, 1])  # [B, M/2, K, K]
        products = tf.where(tf.cast(both[:, :, 1, None, None], tf.bool), products, paired[:, :, 0])
        # What has no partner waits: once one matrix is left, the levels that remain cost nothing.
        steps = tf.concat([products, steps[:, 2 * pairs :]], axis=1)
        present = tf.concat([both[:, :, 0], present[:, 2 * pairs :]], axis=1)
        count = count - pairs
    product = tf.reshape(steps, tf.stack([batch, tags, tags]))
    any_present = tf.cast(tf.reshape(present, tf.stack([batch, 1, 1])), tf.bool)
    return tf.where(any_present, product, log_identity(tags))


def log_product(left: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """log(exp(left) @ exp(right)) over the last two axes, each [..., K, K], without overflow.

    Up to `SUMMED_TAGS` tags every result is summed on its own, right at any gap between scores.
    """
    if left.shape[-1] > SUMMED_TAGS:
        return _multiplied(left, right)
    terms = left[..., :, :, None] + right[..., None, :, :]  # [..., K, K, K]: from, over, to
    return tf.reduce_logsumexp(terms, axis=-2)  # [..., K, K]


def _multiplied(left: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """One plain matrix product, in time that many tags need.

    Both the rows and the columns of the result are brought to a maximum near 0 first, so that a tag whose emissions
    are far below or above the others' keeps all of its digits, however far. What is lost to float32 is a result more
    than 69 below both the best of its row and the best of its column. Emissions make no such result: from the best
    path of the row one can change over to the best of the column, at the cost of two transitions. So nothing is lost
    as long as transition scores lie within 30 of each other; those beyond are taken for a little better than they are.
    """
    over = tf.stop_gradient(tf.reduce_max(right, axis=-1))  # [..., K]
    reach = left + over[..., None, :]  # [..., K, K]
    rows = tf.stop_gradient(tf.reduce_max(reach, axis=-1, keepdims=True))  # [..., K, 1]
    reach = reach - rows
    best = tf.stop_gradient(tf.reduce_max(reach, axis=-2))  # [..., K]
    onward = right + (best - over)[..., :, None]  # [..., K, K]
    columns = tf.stop_gradient(tf.reduce_max(onward, axis=-2, keepdims=True))  # [..., 1, K]
    total = tf.matmul(tf.exp(reach - best[..., None, :]), tf.exp(onward - columns))  # [..., K, K]
    return tf.math.log(total + LEAST) + (rows + columns)


class TagServer(tf.Module):
    """Decoding in the graph, for a SavedModel; the chain holds the constraints."""

    def __init__(self, chain: Crf) -> None:
        super().__init__()
        self.chain = chain

    def __call__(self, emissions: tf.Tensor, present: tf.Tensor) -> dict[str, tf.Tensor]:
        """`tags` [B, L] int32, -1 at padding, and `scores` [B, L] float32 of the tag at its token, 0 at padding.

        Args:
            emissions: [B, L, K] float32.
            present: [B, L] bool, true at tokens.
        """
        mask = tf.cast(present, tf.float32)
        tags = viterbi(emissions, mask, self.chain)
        scores = tag_shares(emissions, tags, mask, self.chain)
        return {
            "tags": tf.where(present, tags, -tf.ones_like(tags)),
            "scores": tf.where(present, scores, tf.zeros_like(scores)),
        }


def viterbi(emissions: tf.Tensor, mask: tf.Tensor, chain: Crf) -> tf.Tensor:
    """The best tags [B, L] int32; emissions [B, L, K], mask [B, L] float32, 1 at tokens, then 0."""
    tags = chain.tags
    length = tf.shape(emissions)[1]
    by_step = tf.transpose(emissions, [1, 0, 2])  # [L, B, K]
    present = tf.transpose(mask)[:, :, None]  # [L, B, 1]
    stay = tf.range(tags)[None, :]  # [1, K]: at padding each tag comes from itself

    def forward(step: Any, score: Any, came: Any) -> tuple[Any, Any, Any]:
        reached = score[:, :, None] + chain.transitions  # [B, K, K]: from, to
        best = tf.reduce_max(reached, axis=1) + by_step[step]  # [B, K]
        before = tf.argmax(reached, axis=1, output_type=tf.int32)  # [B, K]
        here = present[step] > 0  # [B, 1]
        return step + 1, tf.where(here, best, score), came.write(step, tf.where(here, before, stay))

    came = tf.TensorArray(tf.int32, length, element_shape=[None, tags])
    _, score, came = tf.while_loop(lambda step, *_: step < length, forward, (1, chain.start + by_step[0], came))
    last = tf.argmax(score + chain.end, axis=1, output_type=tf.int32)  # [B]

    def backward(step: Any, tag: Any, found: Any) -> tuple[Any, Any, Any]:
        before = tf.gather(came.read(step), tag, axis=1, batch_dims=1)  # [B]
        return step - 1, before, found.write(step - 1, before)

    found = tf.TensorArray(tf.int32, length, element_shape=[None]).write(length - 1, last)
    _, _, found = tf.while_loop(lambda step, *_: step > 0, backward, (length - 1, last, found))
    return tf.transpose(found.stack())  # [B, L]


def tag_shares(emissions: tf.Tensor, tags: tf.Tensor, mask: tf.Tensor, chain: Crf) -> tf.Tensor:
    """The probability [B, L] of each token's own tag, of `tags` [B, L]; 0 at padding.

    The gradient of a path's log likelihood by the emissions is 1 at the path's tags, less the marginals.
    """
    ones = tf.ones_like(mask[:, 0])
    with tf.GradientTape() as tape:
        tape.watch(emissions)
        likelihood = chain.log_likelihood(emissions, tags, mask, ones, ones)  # [B]
    gradient = tape.gradient(likelihood, emissions)  # [B, L, K]
    on_path = tf.one_hot(tags, chain.tags) * mask[:, :, None]
    return tf.reduce_sum((on_path - gradient) * tf.one_hot(tags, chain.tags), axis=2)
