"""A very small BERT in Google's format, written for the tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Optional

SIZES = {
    "hidden_size": 8,
    "intermediate_size": 16,
    "max_position_embeddings": 12,
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "type_vocab_size": 2,
    "vocab_size": 6,
}
ENTRIES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "中", "国"]


def write_tiny_bert(
    folder: Path,
    config: Optional[dict[str, Any]] = None,
    entries: Optional[list[str]] = None,
    without: str = "",
    prefix: str = "bert_model.ckpt",
    seed: int = 0,
) -> Path:
    """An encoder that fits, but for the config keys, vocabulary or missing tensor given."""
    import numpy as np

    from nerctl.model.encoder_config import BertConfig
    from nerctl.model.families import variables
    from nerctl.transfer.small_encoder import write_checkpoint

    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.RandomState(seed)
    tensors = {one.name: random.rand(*one.shape).astype(np.float32) for one in variables(BertConfig(**SIZES))}
    tensors.pop(without, None)
    write_checkpoint(folder / prefix, tensors)
    (folder / "bert_config.json").write_text(json.dumps({**SIZES, "hidden_act": "gelu", **(config or {})}))
    (folder / "vocab.txt").write_text("\n".join(ENTRIES if entries is None else entries) + "\n", "utf-8")
    return folder
