"""Opens a model folder: checks its files, and makes the engine that runs it."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Optional, Union

import numpy as np

from nerctl.backends.process import take_process
from nerctl.backends.threads import set_threads
from nerctl.data.tags import Labels
from nerctl.data.text_splitter import TextSplitter
from nerctl.data.tokenizer import Vocabulary, WordPieceTokenizer
from nerctl.data.windows import SPECIAL
from nerctl.errors import ModelError
from nerctl.folder import ModelFolder
from nerctl.heads import make_head
from nerctl.inference.engine import Engine, TensorFlowEngine
from nerctl.inference.sample_check import FILE as SAMPLE
from nerctl.inference.sample_check import changed_sample
from nerctl.model.head import Decoder, Head

logger = logging.getLogger(__name__)

ENGINES = ("auto", "tensorflow", "onnx")
"""What `engine` takes; auto: what the folder was made for."""


@dataclass(frozen=True)
class LoadedModel:
    """A model that is ready to tag."""

    folder: ModelFolder
    """Where it came from."""
    engine: Engine
    """Computes its emissions."""
    head: Head
    """What stands on the encoder."""
    decoder: Decoder
    """Makes entities of emissions."""
    labels: Labels
    """Its tags."""
    tokenizer: WordPieceTokenizer
    """Tokens to word pieces."""
    splitter: TextSplitter
    """Text to tokens."""
    max_seq_length: int
    """Longest window in word pieces, [CLS] and [SEP] included."""


def load_model(
    path: Union[str, Path],
    engine: str = "auto",
    device: str = "auto",
    threads: int = 0,
    max_seq_length: Optional[int] = None,
    max_tokens: Optional[int] = None,
    allow_blanks: bool = False,
) -> LoadedModel:
    """Opens a training folder or an exported folder.

    Args:
        path: the folder.
        engine: one of `ENGINES`.
        device: for TensorFlow: auto, cpu, cuda or npu.
        threads: computing threads; 0: as many as cores.
        max_seq_length: window; None: that of training.
        max_tokens: padded positions that the engine computes at once; None: what the device runs best with.
        allow_blanks: let entities begin and end anywhere, whatever the training corpus marks.

    Raises:
        ModelError: a file is missing, altered, or does not fit; the message names it.
        NerctlError: the process is a fork of one that has run TensorFlow, which the engine needs.
    """
    if max_tokens is not None and max_tokens < 1:
        raise ModelError(f"--max-tokens {max_tokens}: it must be at least 1")
    if engine not in ENGINES:
        raise ModelError(f"engine {engine}: unknown; it is one of {', '.join(ENGINES)}")
    folder = ModelFolder.open(Path(path))
    if folder.engine not in ("tensorflow", "onnx"):
        raise ModelError(f"{path}: made for the engine {folder.engine}, which nerctl does not run here")
    if engine not in ("auto", folder.engine):
        hint = "nerctl export --format onnx makes one" if engine == "onnx" else "name the training folder"
        raise ModelError(f"{path}: made for {folder.engine}, not for {engine}; {hint}")
    folder.verify(names=_needed(folder))
    labels = Labels.from_dict(folder.read_json("labels.json"))
    if allow_blanks:
        labels = replace(labels, allow_blanks=True)
    config = folder.read_json("config.json")
    bert = folder.read_json("bert_config.json")
    limit = _window(folder, config, bert, max_seq_length)
    tokenizer = WordPieceTokenizer(Vocabulary.read(folder.path / "vocab.txt"), bool(config.get("lower_case", True)))
    splitter = TextSplitter.from_dict(config["splitter"]) if "splitter" in config else TextSplitter()
    make = _tensorflow if folder.engine == "tensorflow" else _onnx
    reach = _window(folder, config, bert, None) - SPECIAL
    head = make_head(str(config.get("head", "bilstm-crf")), labels, int(config.get("lstm_size", 128)), reach)
    made, decoder = make(folder, head, limit, device, threads, max_tokens)
    model = LoadedModel(folder, made, head, decoder, labels, tokenizer, splitter, limit)
    sample = folder.path / folder.weights.folder / SAMPLE
    if sample.is_file() and (changed := changed_sample(model, sample)):
        logger.warning("%s", changed)
    return model


def model_digest(path: Union[str, Path]) -> str:
    """SHA-256 of what `load_model` would take from a folder, from its pointer alone: no weights are read.

    Raises:
        ModelError: no such folder, or no model in it.
    """
    folder = ModelFolder.open(Path(path))
    return folder.digest(_needed(folder))


def _needed(folder: ModelFolder) -> Optional[str]:
    """How the names of the weights' files begin that prediction reads; None: all of them."""
    return "model." if folder.engine == "tensorflow" else None


def _window(folder: ModelFolder, config: Any, bert: Any, wanted: Optional[int]) -> int:
    try:
        longest = int(bert["max_position_embeddings"])
        usual = min(int(config.get("max_seq_length", longest)), longest)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ModelError(
            f"{folder.path / 'bert_config.json'}: no max_position_embeddings; take it from an archive"
        ) from None
    if wanted is not None and not 3 <= wanted <= longest:
        raise ModelError(f"--max-seq-length {wanted}: this model takes 3 to {longest}")
    return wanted or usual


def _tensorflow(
    folder: ModelFolder, head: Head, limit: int, device: str, threads: int, max_tokens: Optional[int]
) -> tuple[Engine, Decoder]:
    from nerctl.backends import DeviceOptions, backend_for
    from nerctl.model.bert import BertConfig
    from nerctl.model.checkpoint import load_tensors
    from nerctl.model.tagger import TaggerModel

    take_process()  # before anything of TensorFlow runs, for it would never return
    backend = backend_for(DeviceOptions(device=device))
    if threads:
        set_threads(threads, 1)
    backend.open()
    prefix = folder.path / folder.weights.folder / "model.ckpt"
    tensors = load_tensors(prefix)

    def saved(name: str, shape: tuple[int, ...]) -> np.ndarray:
        if name not in tensors or tensors[name].shape != tuple(shape):
            found = list(tensors[name].shape) if name in tensors else "missing"
            raise ModelError(
                f"{prefix}: tensor {name} is {found}, {list(shape)} is wanted; the folder's files do not fit together"
            )
        return np.asarray(tensors[name], np.float32)

    bert = BertConfig.load(folder.path / "bert_config.json")
    # Only --xla leaves the CPU without a form, and a loaded model is not compiled with it.
    model = TaggerModel(bert, head, saved, backend.compute_dtype, backend.lstm_form or "block")
    return TensorFlowEngine(model, backend, limit, max_tokens), head.decoder(model.head)


def _onnx(
    folder: ModelFolder, head: Head, limit: int, device: str, threads: int, max_tokens: Optional[int]
) -> tuple[Engine, Decoder]:
    from nerctl.inference.onnx_engine import OnnxEngine, read_head

    if device not in ("auto", "cpu"):
        raise ModelError(f"--device {device}: {folder.path} is an ONNX export, which runs on the CPU")
    weights = folder.path / folder.weights.folder
    return OnnxEngine(weights / "model.onnx", threads, max_tokens), read_head(weights, head)
