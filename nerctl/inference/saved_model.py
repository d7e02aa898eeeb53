"""The whole tagger as a TensorFlow SavedModel: padded ids to tags and scores, for TensorFlow Serving.

Letters: W windows (one text each), P word pieces, T tokens, K tags.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nerctl.data.sentence_windows import SentenceWindows, lay_windows
from nerctl.inference.documents import Document, token_table

if TYPE_CHECKING:
    from nerctl.inference.loading import LoadedModel
    from nerctl.model.head import Head
    from nerctl.model.tagger import TaggerModel


def write_saved_model(model: TaggerModel, head: Head, folder: Path) -> None:
    """Writes the SavedModel.

    Its signature `serving_default` takes `pieces` [W, P] int32 (ids with [CLS] and [SEP], then 0) and `firsts`
    [W, T] int32 (place in the row of each token's first piece, then -1), and gives `tags` [W, T] int32 (index in
    labels.json, -1 at padding) and `scores` [W, T] float32 (probability of that tag at that token, 0 at padding).

    Raises:
        NerctlError: the head has no such form.
    """
    import tensorflow as tf

    module = tf.Module()
    module.network = model
    module.server = head.server(model.head)

    def serve(pieces: Any, firsts: Any) -> dict[str, Any]:
        windows, length = tf.shape(pieces)[0], tf.shape(pieces)[1]
        piece_counts = tf.maximum(tf.reduce_sum(tf.cast(pieces > 0, tf.int32), axis=1), 1)  # [W]
        present = firsts >= 0  # [W, T]
        token_counts = tf.reduce_sum(tf.cast(present, tf.int32), axis=1)  # [W]
        flat = tf.where(present, firsts + tf.range(windows)[:, None] * length, tf.zeros_like(firsts))
        emissions = model.emissions(pieces, piece_counts, flat, token_counts)  # [W, T, K]
        return module.server(emissions, present)

    signature = [tf.TensorSpec([None, None], tf.int32, name) for name in ("pieces", "firsts")]
    function = tf.function(serve, input_signature=signature)
    tf.saved_model.save(module, str(folder), signatures={"serving_default": function.get_concrete_function()})


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
        sentences = SentenceWindows(token_table(documents), model.tokenizer, model.max_seq_length)
        found = []
        for row, *_ in sentences.all_rows():
            windows = lay_windows([row], sentences.pad)
            tags = self.run(windows.pieces, windows.firsts)["tags"][0]
            found.append(tags[row.window.own_start : row.window.own_end])
        return found
