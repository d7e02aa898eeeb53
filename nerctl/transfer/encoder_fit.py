"""Whether a folder holds an encoder in Google's BERT format whose parts fit each other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nerctl.encoders.origin import ORIGIN
from nerctl.errors import ModelError
from nerctl.model.encoder_config import BertConfig
from nerctl.model.families import ROOT, layer_names, variables

CONFIG, VOCABULARY, PREFIX = "bert_config.json", "vocab.txt", "bert_model.ckpt"
SETTINGS = "tokenizer_config.json"
"""Names of the files, Google's but for SETTINGS, which says whether text is lower-cased. PREFIX is followed by .index,
.data-00000-of-00001 and, from TensorFlow 1, .meta."""
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
"""Entries without which no sentence can be encoded."""
EXTRAS = ("SOURCE", "README", "LICENSE", "LICENCE", "NOTICE")
"""Beginnings of the names of small files that come along."""
EXTRA_BYTES = 1 << 20
"""No such file is larger."""


@dataclass(frozen=True)
class Encoder:
    """The files of one encoder in a folder."""

    folder: Path
    """Where they are."""
    prefix: str
    """Beginning of the checkpoint's file names."""
    files: tuple[tuple[str, str], ...]
    """Name in the folder, and name under which it is put in place."""


def find_encoder(folder: Path) -> Encoder:
    """The one encoder in a folder or anywhere below it.

    Raises ModelError when a file is missing, or there is more than one encoder.
    """
    configs = sorted(path for path in folder.rglob(CONFIG) if path.is_file())
    if not configs:
        raise ModelError(
            f"{folder}: neither {CONFIG} in it, as Google's form has it, nor a config.json with a model_type, as Hugging "
            "Face's has it"
        )
    if len(configs) > 1:
        places = ", ".join(str(path.parent.relative_to(folder)) or "." for path in configs[:3])
        raise ModelError(f"{folder}: holds more than one encoder ({places}); name the folder of one")
    inner = configs[0].parent
    if not (inner / VOCABULARY).is_file():
        raise ModelError(f"{inner}: no {VOCABULARY} beside {CONFIG}")
    prefixes = sorted(path.name[: -len(".index")] for path in inner.glob("*.index"))
    if PREFIX in prefixes:
        prefixes = [PREFIX]
    if len(prefixes) != 1:
        what = "several checkpoints" if prefixes else "no TensorFlow checkpoint (*.index)"
        raise ModelError(f"{inner}: {what} beside {CONFIG}; one named {PREFIX} is looked for")
    return Encoder(inner, prefixes[0], tuple(_names(inner, prefixes[0])))


def _names(folder: Path, prefix: str) -> list[tuple[str, str]]:
    pairs = []
    for path in sorted(folder.iterdir()):
        if not path.is_file():
            continue
        beginning, ending = path.name[: len(prefix)], path.name[len(prefix) :]
        if beginning == prefix and (ending in (".index", ".meta") or ending.startswith(".data-")):
            pairs.append((path.name, PREFIX + ending))
        elif path.name in (CONFIG, VOCABULARY, SETTINGS, ORIGIN) or (
            path.name.upper().startswith(EXTRAS) and path.stat().st_size <= EXTRA_BYTES
        ):
            pairs.append((path.name, path.name))
    return pairs


def check_fit(encoder: Encoder) -> None:
    """Reads the config, the vocabulary and every tensor of the checkpoint.

    Raises ModelError with the first thing that does not fit.
    """
    config = BertConfig.load(encoder.folder / CONFIG)
    _check_vocabulary(encoder.folder / VOCABULARY, config.vocab_size)
    _check_tensors(encoder, config)


def _check_vocabulary(path: Path, rows: int) -> None:
    try:
        entries = path.read_text("utf-8").rstrip("\n").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: is not text in UTF-8") from error
    if len(entries) != rows:
        raise ModelError(f"{path}: {len(entries):,} entries, but vocab_size in {CONFIG} is {rows:,}")
    known = {entry.strip() for entry in entries}
    missing = [entry for entry in SPECIAL if entry not in known]
    if missing:
        raise ModelError(f"{path}: lacks {' '.join(missing)}; BERT needs these entries")


def _check_tensors(encoder: Encoder, config: BertConfig) -> None:
    import numpy as np
    import tensorflow as tf

    prefix = encoder.folder / encoder.prefix
    name = ""
    try:
        reader = tf.train.load_checkpoint(str(prefix))
        shapes: dict[str, list[int]] = reader.get_variable_to_shape_map()
        for one in variables(config):
            name, shape = one.name, one.shape
            if name not in shapes:
                raise ModelError(f"{prefix}: lacks the tensor {name} that {CONFIG} asks for")
            if tuple(shapes[name]) != shape:
                raise ModelError(f"{prefix}: {name} is {_by(shapes[name])}, {CONFIG} asks for {_by(shape)}")
            if not np.isfinite(reader.get_tensor(name)).all():
                raise ModelError(f"{prefix}: {name} holds values that are no numbers")
    except (tf.errors.OpError, ValueError, RuntimeError, TypeError) as error:
        where = f" at {name}" if name else ""
        raise ModelError(f"{prefix}: cannot be read{where}; the checkpoint is damaged or incomplete") from error
    beyond = f"{ROOT}/encoder/layer_{len(set(layer_names(config)))}/"
    if any(other.startswith(beyond) for other in shapes):
        raise ModelError(f"{prefix}: has more layers than num_hidden_layers in {CONFIG} says")


def _by(shape: Any) -> str:
    return " x ".join(str(size) for size in shape) or "a single number"
