"""Tensors on disk: Google's BERT checkpoints, and our own in the same format (TensorFlow's V2 bundle)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

from nerctl.errors import ModelError
from nerctl.model.bert import Initial

CHECKPOINT = "bert_model.ckpt"
"""The prefix of the checkpoint files in an encoder's folder."""

UNREADABLE = (tf.errors.OpError, ValueError, RuntimeError, IndexError)
"""What TensorFlow's checkpoint reader raises for files that are damaged, depending on where."""


def save_tensors(prefix: Path, tensors: Mapping[str, np.ndarray]) -> list[Path]:
    """Writes tensors under their names as `<prefix>.index` and `<prefix>.data-00000-of-00001`; returns both paths."""
    names = sorted(tensors)
    with tf.device("/CPU:0"):
        tf.raw_ops.SaveV2(
            prefix=str(prefix),
            tensor_names=names,
            shape_and_slices=[""] * len(names),
            tensors=[tf.constant(tensors[name]) for name in names],
        )
    return [Path(f"{prefix}.index"), Path(f"{prefix}.data-00000-of-00001")]


def load_tensors(prefix: Path) -> dict[str, np.ndarray]:
    """All tensors of a checkpoint by name.

    Raises:
        ModelError: there is no checkpoint, or it cannot be read.
    """
    reader = _open(prefix)
    return {name: _read(reader, prefix, name) for name in reader.get_variable_to_shape_map()}


def google_initial(prefix: Path, config: Path, otherwise: Initial) -> Initial:
    """First values that come from a checkpoint for `bert/` variables and from `otherwise` for the head.

    Pooler, pre-training heads, optimizer moments and a run's own head in the checkpoint are not looked at.

    Args:
        prefix: of the checkpoint's files: Google's, or those of a run.
        config: the bert_config.json that belongs to it, for messages.
        otherwise: first values of all other variables.

    Raises:
        ModelError: the checkpoint is missing or damaged; later, when asked for a tensor that it lacks or that has
            another shape.
    """
    reader = _open(prefix)
    shapes = reader.get_variable_to_shape_map()

    def initial(name: str, shape: tuple[int, ...]) -> np.ndarray:
        if not name.startswith("bert/"):
            return otherwise(name, shape)
        if name not in shapes:
            raise ModelError(
                f"{prefix}: tensor {name} is missing; it needs {list(shape)} by {config}. "
                "Fetch the encoder again, or train with --from-scratch"
            )
        if tuple(shapes[name]) != tuple(shape):
            raise ModelError(
                f"{prefix}: tensor {name} is {list(shapes[name])}, but {config} asks for "
                f"{list(shape)}; the two files do not belong together"
            )
        return _read(reader, prefix, name).astype(np.float32)

    return initial


def _open(prefix: Path) -> tf.train.CheckpointReader:
    index = Path(f"{prefix}.index")
    if not index.is_file():
        raise ModelError(f"{index}: no such file; nerctl fetch-bert puts an encoder in place")
    try:
        return tf.train.load_checkpoint(str(prefix))
    except UNREADABLE as error:
        raise ModelError(f"{prefix}: not a readable checkpoint ({_first_line(error)}); fetch it again") from None


def _read(reader: tf.train.CheckpointReader, prefix: Path, name: str) -> np.ndarray:
    try:
        return np.asarray(reader.get_tensor(name))
    except UNREADABLE as error:
        raise ModelError(
            f"{prefix}: tensor {name} cannot be read ({_first_line(error)}); fetch the checkpoint again"
        ) from None


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:200]
