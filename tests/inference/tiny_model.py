"""A tiny random model folder for the tests of this room: real files, weights that mean nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Optional

import numpy as np

from nerctl.backends import DeviceOptions
from nerctl.backends.cpu import CpuBackend
from nerctl.data.corpus import Corpus, read_corpus
from nerctl.data.tags import Labels
from nerctl.data.tokenizer import TextSplitter, Vocabulary, WordPieceTokenizer
from nerctl.files import sha256_of
from nerctl.folder import ModelFolder, Weights
from nerctl.heads import make_head
from nerctl.model.bert import BertConfig
from nerctl.model.checkpoint import save_tensors
from nerctl.model.tagger import TaggerModel, random_initial

TYPES = ("LOC", "ORG", "PER")
CHARACTERS = "海钓比赛地点在厦门与金之间的域我们中国北京上王小明大学公司人民a b c1 2。，"


def vocabulary() -> Vocabulary:
    letters = [character for character in dict.fromkeys(CHARACTERS) if character != " "]
    return Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *letters, "##b", "##c", "##1", "##2"])


def bert_config(size: int = 8) -> BertConfig:
    return BertConfig(
        vocab_size=len(vocabulary()),
        hidden_size=size,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=2 * size,
        max_position_embeddings=64,
    )


def make_model(
    head: str = "bilstm-crf", seed: int = 8, deviation: float = 0.5, bert: Optional[BertConfig] = None
) -> TaggerModel:
    """Weights large enough for tags to differ from token to token, and CRF scores that are not 0."""
    initial = random_initial(seed, deviation)

    def lively(name: str, shape: tuple[int, ...]) -> np.ndarray:
        generator = np.random.default_rng([seed, len(name)])
        if name.startswith("crf/"):
            return generator.normal(size=shape).astype(np.float32) / 2
        if name.endswith("bias") and "bilstm" in name:
            return initial(name, shape) + generator.normal(size=shape).astype(np.float32) / 4
        # Tokens must differ in their tags: words count for more than places, and the projection is steep.
        steepness = {"bert/embeddings/word_embeddings": 3, "head/projection/kernel": 6}.get(name, 1)
        return initial(name, shape) * steepness

    return TaggerModel(bert or bert_config(), make_head(head, Labels(TYPES), 6), lively)


def cpu() -> CpuBackend:
    backend = CpuBackend(DeviceOptions(device="cpu"))
    backend.open()
    return backend


def write_model_folder(
    folder: Path,
    head: str = "bilstm-crf",
    splitter: TextSplitter = TextSplitter(),
    allow_blanks: bool = False,
    bert: Optional[BertConfig] = None,
) -> Path:
    """A training folder of one set of weights."""
    model = make_model(head, bert=bert)
    weights = folder / "checkpoints" / "00000001"
    weights.mkdir(parents=True)
    save_tensors(weights / "model.ckpt", {name: item.numpy() for name, item in model.variables_by_name().items()})
    config = {
        "head": head,
        "lstm_size": 6,
        "max_seq_length": 32,
        "lower_case": True,
        "splitter": splitter.to_dict(),
    }
    contents = {
        "labels.json": json.dumps(Labels(TYPES, allow_blanks).to_dict()),
        "vocab.txt": "\n".join(vocabulary().pieces) + "\n",
        "bert_config.json": json.dumps((bert or bert_config()).as_dict()),
        "config.json": json.dumps(config),
    }
    for name, content in contents.items():
        (folder / name).write_text(content, encoding="utf-8")
    ModelFolder(
        path=folder,
        engine="tensorflow",
        shared={name: sha256_of(folder / name) for name in contents},
        best=None,
        last=Weights(
            1,
            weights.relative_to(folder).as_posix(),
            {file.name: sha256_of(file) for file in sorted(weights.iterdir())},
        ),
    ).write()
    return folder


def write_corpus(path: Path, lengths: list[int], seed: int = 0) -> Corpus:
    """Sentences of random characters and legal BIO tags, in CoNLL columns."""
    generator = np.random.default_rng(seed)
    lines = []
    for length in lengths:
        before = "O"
        for _ in range(length):
            choices = ["O", "B-PER", "B-LOC"] + ([f"I-{before[2:]}"] * 2 if before != "O" else [])
            before = choices[generator.integers(len(choices))]
            character = CHARACTERS[generator.integers(len(CHARACTERS))]
            lines.append(f"{character}\t{before}")
        lines.append("")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return read_corpus(path)


def tokenizer() -> WordPieceTokenizer:
    return WordPieceTokenizer(vocabulary())
