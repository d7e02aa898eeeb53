"""The small encoder that is trained from scratch on the sample: its vocabulary and its shape, no weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nerctl.files import write_json, write_text

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
"""The first entries of a vocabulary, in the order of Google's Chinese one but for the unused between them."""

SHAPE: dict[str, Any] = {
    "hidden_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 512,
    "max_position_embeddings": 256,
    "type_vocab_size": 2,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
    "initializer_range": 0.02,
}
"""BERT-tiny (Turc et al. 2019, arXiv:1908.08962: 2 layers, hidden 128) with half its positions."""


def vocabulary_of(sentences: Iterable[Iterable[str]], at_least: int = 2) -> list[str]:
    """SPECIAL and the characters that occur `at_least` times, in code point order.

    Rarer ones are [UNK]: so [UNK] is trained too, and a character never seen is treated like one seen once.
    Letters are lower case, as the tokenizer makes them.
    """
    counts = Counter(character.lower() for tokens in sentences for token in tokens for character in token)
    return SPECIAL + sorted(character for character, count in counts.items() if count >= at_least)


def write_encoder(folder: Path, sentences: Iterable[Iterable[str]]) -> None:
    """Writes vocab.txt (one piece a line) and bert_config.json into `folder`, which is made if missing.

    Args:
        folder: where to.
        sentences: the tokens of the training sentences, which decide the vocabulary.
    """
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = vocabulary_of(sentences)
    write_text(folder / "vocab.txt", "\n".join(vocabulary) + "\n")
    write_json(folder / "bert_config.json", {"vocab_size": len(vocabulary), **SHAPE})
