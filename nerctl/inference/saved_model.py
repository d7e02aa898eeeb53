"""The whole tagger as a TensorFlow SavedModel: padded ids to tags and scores, for TensorFlow Serving.

Letters: W windows (one text each), P word pieces, T tokens, K tags.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nerctl.data.batches import Encoder, lay_windows
from nerctl.data.tags import Labels
from nerctl.inference.decoding import CrfScores
from nerctl.inference.documents import Document, as_corpus
from nerctl.inference.engine import crf_scores

if TYPE_CHECKING:
    from nerctl.inference.loading import LoadedModel
    from nerctl.model.tagger import TaggerModel


def write_saved_model(model: TaggerModel, labels: Labels, folder: Path) -> None:
    """Writes the SavedModel.

    Its signature `serving_default` takes `pieces` [W, P] int32 (ids with [CLS] and [SEP], then 0) and `firsts`
    [W, T] int32 (place in the row of each token's first piece, then -1), and gives `tags` [W, T] int32 (index in
    labels.json, -1 at padding) and `scores` [W, T] float32 (probability of that tag at that token, 0 at padding).
    """
    import tensorflow as tf

    module = tf.Module()
    module.network = model
    module.chain = _constrained(model, crf_scores(model, labels))

    def serve(pieces: Any, firsts: Any) -> dict[str, Any]:
        windows, length = tf.shape(pieces)[0], tf.shape(pieces)[1]
        piece_counts = tf.maximum(tf.reduce_sum(tf.cast(pieces > 0, tf.int32), axis=1), 1)  # [W]
        present = firsts >= 0  # [W, T]
        token_counts = tf.reduce_sum(tf.cast(present, tf.int32), axis=1)  # [W]
        flat = tf.where(present, firsts + tf.range(windows)[:, None] * length, tf.zeros_like(firsts))
        emissions = model.emissions(pieces, piece_counts, flat, token_counts)  # [W, T, K]
        tags = viterbi(emissions, tf.cast(present, tf.float32), module.chain)  # [W, T]
        shares = _marginals(emissions, tags, tf.cast(present, tf.float32), module.chain)  # [W, T, K]
        chosen = tf.reduce_sum(shares * tf.one_hot(tags, model.config.tags), axis=2)  # [W, T]
        return {
            "tags": tf.where(present, tags, -tf.ones_like(tags)),
            "scores": tf.where(present, chosen, tf.zeros_like(chosen)),
        }

    signature = [tf.TensorSpec([None, None], tf.int32, name) for name in ("pieces", "firsts")]
    function = tf.function(serve, input_signature=signature)
    tf.saved_model.save(module, str(folder), signatures={"serving_default": function.get_concrete_function()})


def _constrained(model: TaggerModel, chain: CrfScores) -> Any:
    """The chain as a module whose scores hold the BIO constraints."""
    from nerctl.model.crf import Crf

    values = {"crf/transitions": chain.transitions, "crf/start": chain.start, "crf/end": chain.end}
    return Crf(model.config.tags, lambda name, shape: values[name].astype(np.float32))


def viterbi(emissions: Any, mask: Any, chain: Any) -> Any:
    """The best tags [W, T] int32; emissions [W, T, K], mask [W, T] float32, 1 at tokens, then 0."""
    import tensorflow as tf

    tags = chain.tags
    length = tf.shape(emissions)[1]
    by_step = tf.transpose(emissions, [1, 0, 2])  # [T, W, K]
    present = tf.transpose(mask)[:, :, None]  # [T, W, 1]
    stay = tf.range(tags)[None, :]  # [1, K]: at padding each tag comes from itself

    def forward(step: Any, score: Any, came: Any) -> tuple[Any, Any, Any]:
        reached = score[:, :, None] + chain.transitions  # [W, K, K]: from, to
        best = tf.reduce_max(reached, axis=1) + by_step[step]  # [W, K]
        before = tf.argmax(reached, axis=1, output_type=tf.int32)  # [W, K]
        here = present[step] > 0  # [W, 1]
        return step + 1, tf.where(here, best, score), came.write(step, tf.where(here, before, stay))

    came = tf.TensorArray(tf.int32, length, element_shape=[None, tags])
    _, score, came = tf.while_loop(lambda step, *_: step < length, forward, (1, chain.start + by_step[0], came))
    last = tf.argmax(score + chain.end, axis=1, output_type=tf.int32)  # [W]

    def backward(step: Any, tag: Any, found: Any) -> tuple[Any, Any, Any]:
        before = tf.gather(came.read(step), tag, axis=1, batch_dims=1)  # [W]
        return step - 1, before, found.write(step - 1, before)

    found = tf.TensorArray(tf.int32, length, element_shape=[None]).write(length - 1, last)
    _, _, found = tf.while_loop(lambda step, *_: step > 0, backward, (length - 1, last, found))
    return tf.transpose(found.stack())  # [W, T]


def _marginals(emissions: Any, tags: Any, mask: Any, chain: Any) -> Any:
    """The probability [W, T, K] of each tag at each token; 0 at padding.

    The gradient of a path's log likelihood by the emissions is 1 at the path's tags, less the marginals.
    """
    import tensorflow as tf

    ones = tf.ones_like(mask[:, 0])
    with tf.GradientTape() as tape:
        tape.watch(emissions)
        likelihood = chain.log_likelihood(emissions, tags, mask, ones, ones)  # [W]
    gradient = tape.gradient(likelihood, emissions)  # [W, T, K]
    on_path = tf.one_hot(tags, chain.tags) * mask[:, :, None]
    return on_path - gradient


class SavedModelTagger:
    """A SavedModel, opened as TensorFlow Serving opens it."""

    def __init__(self, folder: Path) -> None:
        import tensorflow as tf

        words = logging.getLogger("absl")
        level = words.level
        words.setLevel(logging.ERROR)  # TensorFlow 2.6 warns that gradients of ours are not saved; nobody asks for one
        try:
            self._loaded = tf.saved_model.load(str(folder))
        finally:
            words.setLevel(level)
        self._serve = self._loaded.signatures["serving_default"]

    def run(self, pieces: np.ndarray, firsts: np.ndarray) -> dict[str, np.ndarray]:
        """Tags and scores of padded ids, as the signature says."""
        import tensorflow as tf

        found = self._serve(pieces=tf.constant(pieces, tf.int32), firsts=tf.constant(firsts, tf.int32))
        return {name: value.numpy() for name, value in found.items()}

    def tags(self, model: LoadedModel, documents: Sequence[Document]) -> list[np.ndarray]:
        """The tags [n] of each document's first window."""
        encoder = Encoder(as_corpus(documents), model.tokenizer, model.max_seq_length)
        found = []
        for index in range(len(documents)):
            row = encoder.rows(index)[0]
            windows = lay_windows([row], encoder.pad)
            tags = self.run(windows.pieces, windows.firsts)["tags"][0]
            found.append(tags[row.window.own_start : row.window.own_end])
        return found
