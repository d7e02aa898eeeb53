"""Writes encoders as they are published: Hugging Face folders in every format, from the state dicts in the reference."""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Optional

import numpy as np

REFERENCE = Path(__file__).parents[1] / "data" / "encoder_reference.npz"
KINDS = ("bert", "ernie", "electra", "albert")
PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"中国人民北京上海的一在是我有这个大来他时", *"abcdef"]

KERAS_HEADS = {"bert": "tf_bert_for_pre_training", "electra": "tf_electra_for_pre_training", "albert": "tf_albert_model"}


def reference(kind: str) -> dict[str, Any]:
    """Config, state dict, gradients, inputs and outputs of one family."""
    with np.load(REFERENCE) as stored:
        found: dict[str, Any] = {"w": {}, "g": {}}
        for name in stored.files:
            family, _, rest = name.partition("/")
            if family != kind:
                continue
            if rest[:2] in ("w/", "g/"):
                found[rest[0]][rest[2:]] = stored[name]
            else:
                found[rest] = stored[name]
    found["config"] = json.loads(str(found["config"]))
    return found


def folder_of(folder: Path, config: Mapping[str, Any], pieces: Optional[list[str]] = None) -> Path:
    """A Hugging Face folder without weights."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "vocab.txt").write_text("\n".join(PIECES if pieces is None else pieces) + "\n", encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": True}), encoding="utf-8")
    return folder


def old_names(state: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """gamma and beta, as the first PyTorch models had them."""
    found = {}
    for name, value in state.items():
        if "LayerNorm" in name or "layer_norm" in name:
            name = name.replace(".weight", ".gamma").replace(".bias", ".beta")
        found[name] = value
    return found


def under(before: str, state: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A state dict as part of a larger model's, with a head beside it."""
    whole = {before + name: value for name, value in state.items()}
    if before:
        whole["classifier.weight"] = np.ones((2, 8), np.float32)
        whole["cls.predictions.decoder.weight"] = state["embeddings.word_embeddings.weight"]
    return whole


def bfloat16(values: np.ndarray) -> np.ndarray:
    """The upper halves of float32 values that lose nothing by it."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    assert not (bits & 0xFFFF).any()
    return (bits >> 16).astype(np.uint16)


def raw(values: np.ndarray, kind: str) -> bytes:
    if kind == "bfloat16":
        return bfloat16(values).tobytes()
    return values.astype(values.dtype if values.dtype.kind == "i" else kind).tobytes()


def write_safetensors(path: Path, state: Mapping[str, np.ndarray], kind: str = "float32") -> Path:
    """The format by hand: eight bytes of length, a JSON header, the values."""
    types = {"float32": "F32", "float16": "F16", "bfloat16": "BF16"}
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    content = b""
    for name, values in state.items():
        block = raw(values, kind)
        type_of = "I64" if values.dtype.kind == "i" else types[kind]
        header[name] = {
            "dtype": type_of, "shape": list(values.shape), "data_offsets": [len(content), len(content) + len(block)]
        }  # fmt: skip
        content += block
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + content)
    return path


def write_h5(path: Path, kind: str, state: Mapping[str, np.ndarray], headed: bool, dtype: str = "float32") -> Path:
    """As Transformers' TensorFlow models saved themselves."""
    import h5py

    model = KERAS_HEADS[kind] if headed else f"tf_{kind}_model"
    with h5py.File(path, "w") as opened:
        opened.attrs["backend"] = b"tensorflow"
        for name, values in state.items():
            if values.dtype.kind == "i":
                continue
            opened[f"{kind}/{model}/{kind}/{keras_name(name)}:0"] = (values.T if is_linear(name) else values).astype(dtype)
        if headed:  # the head's group has the tied table once more
            words = state["embeddings.word_embeddings.weight"].astype(dtype)
            opened[f"mlm___cls/{model}/{kind}/embeddings/word_embeddings/weight:0"] = words
    return path


def is_linear(name: str) -> bool:
    return name.endswith(".weight") and "embeddings." not in name and "orm." not in name


def keras_name(name: str) -> str:
    place, _, last = name.rpartition(".")
    if "LayerNorm" in place or "layer_norm" in place:
        last = {"weight": "gamma", "bias": "beta"}[last]
    elif is_linear(name):
        last = "kernel"
    elif place.endswith(("position_embeddings", "token_type_embeddings")):
        last = "embeddings"
    path = place.replace(".", "/")
    for part in ("layer", "albert_layer_groups", "albert_layers"):
        path = path.replace(f"/{part}/", f"/{part}_._")
    return f"{path}/{last}"


# -- pytorch_model.bin, by hand: what torch.save writes, or anything else -------------------------------------------------

STORAGES = {"float32": "FloatStorage", "float16": "HalfStorage", "bfloat16": "BFloat16Storage", "int64": "LongStorage"}


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def number(value: int) -> bytes:
    return b"J" + struct.pack("<i", value) if -(1 << 31) <= value < 1 << 31 else long_number(value)


def long_number(value: int) -> bytes:
    block = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(block)]) + block


def name_of(module: str, name: str) -> bytes:
    return b"c" + f"{module}\n{name}\n".encode()


def numbers(values: Any) -> bytes:
    return b"(" + b"".join(map(number, values)) + b"t"


def storage(kind: str, key: str, count: int) -> bytes:
    return b"(" + text("storage") + name_of("torch", STORAGES[kind]) + text(key) + text("cpu") + number(count) + b"tQ"


def tensor(where: bytes, shape: Any, strides: Any = None, offset: int = 0) -> bytes:
    """A call of _rebuild_tensor_v2."""
    if strides is None:
        strides = [int(np.prod(shape[axis + 1 :])) for axis in range(len(shape))]
    hooks = name_of("collections", "OrderedDict") + b")R"
    call = b"(" + where + number(offset) + numbers(shape) + numbers(strides) + b"\x89" + hooks + b"t"
    return name_of("torch._utils", "_rebuild_tensor_v2") + call + b"R"


def program(items: Mapping[str, bytes]) -> bytes:
    """A dict of what the given pieces of program make."""
    body = b"".join(text(name) + made for name, made in items.items())
    return b"\x80\x02" + name_of("collections", "OrderedDict") + b")R(" + body + b"u."


def write_bin(path: Path, state: Mapping[str, np.ndarray], kind: str = "float32") -> Path:
    items, storages = {}, {}
    for key, (name, values) in enumerate(state.items()):
        own = "int64" if values.dtype.kind == "i" else kind
        items[name] = tensor(storage(own, str(key), values.size), values.shape)
        storages[str(key)] = raw(values, own)
    return write_archive(path, program(items), storages)


def write_archive(
    path: Path, listed: bytes, storages: Mapping[str, bytes], top: str = "archive", compression: int = zipfile.ZIP_STORED
) -> Path:
    with zipfile.ZipFile(path, "w", compression) as opened:
        opened.writestr(f"{top}/data.pkl", listed)
        for key, content in storages.items():
            opened.writestr(f"{top}/data/{key}", content)
        opened.writestr(f"{top}/version", "3\n")
    return path
