"""The whole network: BERT, an LSTM if the head has one, a projection, and the head (`nerctl.heads`).

Letters: W windows, P word pieces a window, T tokens a window, B sentences (chains), L tokens a sentence, H hidden,
U LSTM units, O columns of the projection, K of the emissions. A window's emissions are computed on its own; a sentence's
are gathered from its windows, so a long sentence has one loss and one decoding.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Callable

import numpy as np
import tensorflow as tf

from nerctl.model.bert import (
    Bert,
    BertConfig,
    Dense,
    Dropout,
    Initial,
    dimensions,
    truncated_normal,
    variable_name,
)
from nerctl.model.bilstm import BiLstm
from nerctl.model.head import Head


@dataclass(frozen=True)
class Regularisation:
    """The dropouts of one forward pass; each is the identity outside training."""

    attention: Dropout
    """On attention weights."""
    hidden: Dropout
    """On the outputs of the encoder's blocks."""
    head: Dropout
    """Before and after the head's LSTM."""


def identity(x: tf.Tensor) -> tf.Tensor:
    """No dropout."""
    return x


NO_DROPOUT = Regularisation(identity, identity, identity)
"""For scoring and prediction."""


class TaggerModel(tf.Module):
    """The network with its variables.

    Args:
        bert: the encoder's shape.
        head: what stands on the encoder.
        initial: first values by variable name.
        dtype: the type of the encoder's products (float32, bfloat16 or float16); variables are float32 in any case.
        lstm_form: a name in `bilstm.FORMS`.
    """

    def __init__(
        self,
        bert: BertConfig,
        head: Head,
        initial: Initial,
        dtype: tf.DType = tf.float32,
        lstm_form: str = "block",
    ) -> None:
        super().__init__()
        self.dtype = dtype
        self.lstm_form = lstm_form
        self.bert = Bert(bert, initial)
        self.lstm: BiLstm | None = None
        features = bert.hidden_size
        if head.lstm_size:
            self.lstm = BiLstm("head/bilstm", features, head.lstm_size, initial)
            # The projection sees the encoder beside the LSTM: without that path the encoder's first gradients come
            # through an untrained LSTM, and at rates that a small encoder wants they destroy what it knows.
            features += 2 * head.lstm_size
        self.projection = Dense("head/projection", features, head.width, initial)
        self.head = head.network(initial)
        self.columns = head.columns

    def emissions(
        self,
        pieces: tf.Tensor,
        piece_counts: tf.Tensor,
        firsts: tf.Tensor,
        token_counts: tf.Tensor,
        dropout: Regularisation = NO_DROPOUT,
    ) -> tf.Tensor:
        """What the head says of each window's tokens; of tags in a chain, their scores.

        Args:
            pieces: [W, P] int32 word pieces with [CLS] and [SEP].
            piece_counts: [W] int32 pieces a window; what follows is padding.
            firsts: [W, T] int32 index of each token's first piece in the flattened [W * P] pieces; 0 at padding.
            token_counts: [W] int32 tokens a window.
            dropout: training's dropouts.

        Returns:
            [W, T, K] float32.
        """
        piece_mask = tf.sequence_mask(piece_counts, dimensions(pieces)[1], tf.float32)  # [W, P]
        hidden = self.bert(pieces, piece_mask, dropout.attention, dropout.hidden, self.dtype)  # [W * P, H]
        windows, tokens = dimensions(firsts)
        x = tf.cast(rows_of(hidden, tf.reshape(firsts, [-1])), tf.float32)  # [W * T, H]
        x = dropout.head(x)
        if self.lstm is not None:
            token_mask = tf.sequence_mask(token_counts, tokens, tf.float32)  # [W, T]
            states = self.lstm(tf.reshape(x, [windows, tokens, x.shape[-1]]), token_mask, self.lstm_form)  # [W, T, 2U]
            states = dropout.head(tf.reshape(states, [-1, states.shape[-1]]))  # [W * T, 2U]
            x = tf.concat([states, x], axis=-1)  # [W * T, 2U + H]
        emissions = self.head.emissions(self.projection(x))  # [W * T, O] -> [W * T, K]
        return tf.reshape(emissions, [windows, tokens, self.columns])  # [W, T, K]

    def losses(self, batch: Mapping[str, tf.Tensor], dropout: Regularisation = NO_DROPOUT) -> tf.Tensor:
        """The loss of each chain of a batch, by the head.

        Args:
            batch: the arrays of a `nerctl.data.batches.Batch` by name.
            dropout: training's dropouts.

        Returns:
            [B] float32.
        """
        emissions = self.emissions(
            batch["pieces"], batch["piece_counts"], batch["firsts"], batch["token_counts"], dropout
        )  # [W, T, K]
        flat = tf.reshape(emissions, [-1, self.columns])  # [W * T, K]
        chains, length = dimensions(batch["chain"])
        stitched = rows_of(flat, tf.reshape(batch["chain"], [-1]))  # [B * L, K]
        stitched = tf.reshape(stitched, [chains, length, self.columns])  # [B, L, K]
        mask = tf.sequence_mask(batch["chain_counts"], length, tf.float32)  # [B, L]
        return self.head.losses(stitched, mask, batch)

    def variables_by_name(self) -> dict[str, tf.Variable]:
        """Every variable under its checkpoint name, in the order of creation's names."""
        return {variable_name(item): item for item in sorted(self.variables, key=variable_name)}


def rows_of(table: tf.Tensor, places: tf.Tensor) -> tf.Tensor:
    """Rows of a table [N, D] at `places` [M], with a dense gradient (tf.gather's is sparse, and warns when made dense)."""

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def gather(rows: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            return tf.math.unsorted_segment_sum(upstream, places, dimensions(rows)[0])

        return tf.gather(rows, places), gradient

    return gather(table)


def random_initial(seed: int, deviation: float = 0.02) -> Initial:
    """First values for variables that no checkpoint gives; each depends on (seed, name) only.

    Kernels of linear layers and tables are truncated normal (Google's 0.02); LSTM kernels are Glorot uniform with
    orthogonal state parts and a forget bias of 1 (Jozefowicz et al. 2015); CRF scores begin at 0.
    """

    def initial(name: str, shape: tuple[int, ...]) -> np.ndarray:
        generator = np.random.default_rng([seed, zlib.crc32(name.encode())])
        for part, make in INITIALS.items():
            if part in name:
                return make(shape, generator)
        if name.endswith("/gamma"):
            return np.ones(shape, np.float32)
        if name.endswith(("/beta", "/bias")):
            return np.zeros(shape, np.float32)
        return truncated_normal(shape, deviation, generator)

    return initial


def _lstm_kernel(shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
    units = shape[1] // 4
    inputs = shape[0] - units
    limit = math.sqrt(6.0 / (inputs + units))
    kernel = generator.uniform(-limit, limit, (inputs, 4 * units))
    state = [np.linalg.qr(generator.standard_normal((units, units)))[0] for _ in range(4)]
    return np.concatenate([kernel, np.concatenate(state, axis=1)]).astype(np.float32)


def _lstm_bias(shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
    bias = np.zeros(shape, np.float32)
    units = shape[0] // 4
    bias[2 * units : 3 * units] = 1.0  # gates: input, cell, forget, output
    return bias


def _zeros(shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
    return np.zeros(shape, np.float32)


INITIALS: dict[str, Callable[[tuple[int, ...], np.random.Generator], np.ndarray]] = {
    "bilstm/forward/kernel": _lstm_kernel,
    "bilstm/backward/kernel": _lstm_kernel,
    "bilstm/forward/bias": _lstm_bias,
    "bilstm/backward/bias": _lstm_bias,
    "crf/": _zeros,
}
