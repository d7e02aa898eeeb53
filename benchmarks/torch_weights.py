"""Transformers' BertModel with the weights of one of nerctl's networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nerctl.model.bert import BertConfig


def bert_model(config: BertConfig, tensors: Mapping[str, np.ndarray]) -> Any:
    """A BertModel (scaled-dot-product attention, no pooler) with tensors under Google's names.

    Raises:
        KeyError: a tensor is missing.
    """
    import torch
    from transformers import BertConfig as TransformersConfig
    from transformers import BertModel

    model = BertModel(TransformersConfig(**config.as_dict(), attn_implementation="sdpa"), add_pooling_layer=False)
    state = {name: tensors[google_name(name)] for name in model.state_dict() if "position_ids" not in name}
    state = {name: value.T if google_name(name).endswith("kernel") else value for name, value in state.items()}
    model.load_state_dict({name: torch.tensor(np.ascontiguousarray(value)) for name, value in state.items()}, strict=False)
    return model


def google_name(name: str) -> str:
    """The checkpoint name of one of Transformers' tensors."""
    name = "bert/" + name.replace(".", "/").replace("layer/", "layer_")
    name = name.replace("LayerNorm/weight", "LayerNorm/gamma").replace("LayerNorm/bias", "LayerNorm/beta")
    if name.endswith("embeddings/weight"):
        return name[: -len("/weight")]
    return name[: -len("weight")] + "kernel" if name.endswith("/weight") else name
