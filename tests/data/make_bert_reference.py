"""Writes bert_reference.npz: a small random encoder, inputs, and what Transformers' BertModel makes of them.

Run in an environment with the extra `oracle`: python tests/data/make_bert_reference.py
"""

import sys
from pathlib import Path

import numpy as np
import torch
import transformers

sys.path.insert(0, str(Path(__file__).parents[1] / "model"))
from test_bert import google_name

SHAPE = (61, 16, 3, 4, 40, 40)  # vocabulary, hidden, layers, heads, feed-forward, positions

torch.manual_seed(0)
names = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
config = transformers.BertConfig(**dict(zip((*names, "max_position_embeddings"), SHAPE)), initializer_range=0.3)
model = transformers.BertModel(config, add_pooling_layer=False).eval()
arrays = {}
with torch.no_grad():
    for name, parameter in model.named_parameters():
        parameter.normal_(0.5 if name.endswith("LayerNorm.weight") else 0.0, 0.3)
        google, turned = google_name(name)
        arrays[f"w:{google}"] = (parameter.T if turned else parameter).numpy()
    draw = np.random.default_rng(0)
    lengths = np.array([3, 40, 17, 4])
    pieces = draw.integers(0, SHAPE[0], (len(lengths), max(lengths)))
    mask = torch.tensor(np.arange(max(lengths)) < lengths[:, None]).long()
    hidden = model(torch.tensor(pieces), attention_mask=mask).last_hidden_state.numpy()
np.savez_compressed(
    Path(__file__).parent / "bert_reference.npz",
    config=np.array(SHAPE), pieces=pieces.astype(np.int32), lengths=lengths, hidden=hidden, **arrays,
)  # fmt: skip
