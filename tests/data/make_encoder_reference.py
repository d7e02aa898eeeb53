"""Writes encoder_reference.npz: a small random encoder of each family as Transformers made it, its state dict, a
pytorch_model.bin that torch.save wrote, what it makes of ragged inputs, and the gradients of one loss.

Weights are multiples of 1/64 below 2, so that float16 and bfloat16 hold them exactly and every form has one result.

Run in an environment with the extra `oracle`: python tests/data/make_encoder_reference.py
"""

import io
import json
from pathlib import Path

import numpy as np
import torch
import transformers

SIZES = {
    "vocab_size": 31,
    "hidden_size": 8,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 12,
    "max_position_embeddings": 20,
}
FAMILIES = {
    "bert": (transformers.BertModel, {"hidden_act": "gelu"}),
    "ernie": (transformers.ErnieModel, {"hidden_act": "relu", "use_task_id": True, "layer_norm_eps": 1e-5}),
    "electra": (transformers.ElectraModel, {"hidden_act": "silu", "embedding_size": 6}),
    "albert": (transformers.AlbertModel, {"hidden_act": "gelu_new", "embedding_size": 4, "num_attention_heads": 4}),
}

arrays: dict[str, np.ndarray] = {}
for kind, (maker, special) in FAMILIES.items():
    torch.manual_seed(0)
    draw = np.random.default_rng(0)
    config = maker.config_class(**{**SIZES, **special})
    model = maker(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            centre = 48 if "orm.weight" in name else 0
            whole = np.clip(np.rint(draw.normal(centre, 20, tuple(parameter.shape))), -127, 127)
            parameter.copy_(torch.tensor(whole / 64))
    lengths = np.array([3, SIZES["max_position_embeddings"], 11, 4])
    # Piece 0 is padding: torch gives its row no gradient.
    pieces = draw.integers(1, SIZES["vocab_size"], (len(lengths), max(lengths)))
    mask = np.arange(max(lengths)) < lengths[:, None]
    hidden = model(torch.tensor(pieces), attention_mask=torch.tensor(mask).long()).last_hidden_state
    upstream = draw.normal(size=hidden.shape).astype(np.float32) * mask[..., None] / 16
    (hidden * torch.tensor(upstream)).sum().backward()
    state = model.state_dict()
    stream = io.BytesIO()
    torch.save(state, stream)
    arrays[f"{kind}/config"] = np.array(json.dumps({**config.to_dict(), "architectures": [maker.__name__]}))
    arrays[f"{kind}/bin"] = np.frombuffer(stream.getvalue(), np.uint8)
    arrays[f"{kind}/pieces"], arrays[f"{kind}/lengths"] = pieces.astype(np.int32), lengths
    arrays[f"{kind}/hidden"], arrays[f"{kind}/upstream"] = hidden.detach().numpy(), upstream
    for name, tensor in state.items():
        arrays[f"{kind}/w/{name}"] = tensor.numpy()
    for name, parameter in model.named_parameters():
        if parameter.grad is not None:
            arrays[f"{kind}/g/{name}"] = parameter.grad.numpy()
np.savez_compressed(Path(__file__).parent / "encoder_reference.npz", **arrays)
