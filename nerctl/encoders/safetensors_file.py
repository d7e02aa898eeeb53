"""Reads model.safetensors with the library of that name, which checks the header before anything is read."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np

from nerctl.encoders.tensor_file import TensorFile, damaged, refuse_pointer, widened
from nerctl.errors import ModelError

FLOATS = ("F32", "F16", "BF16")
"""Types that become float32 without a loss."""


def open_safetensors(path: Path) -> TensorFile:
    """The tensors of a safetensors file.

    Raises:
        ModelError: it is missing, a git-lfs pointer, or its header is wrong: overlapping or negative places, a header
            larger than the file, ...
    """
    refuse_pointer(path)
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="numpy") as opened:
            slices = {name: opened.get_slice(name) for name in opened.keys()}  # noqa: SIM118
            types = {name: str(one.get_dtype()) for name, one in slices.items()}
            shapes = {name: tuple(map(int, one.get_shape())) for name, one in slices.items() if types[name] in FLOATS}
    except (SafetensorError, OSError, ValueError, TypeError, OverflowError, MemoryError) as error:
        raise damaged(path, error) from None

    def read(name: str) -> np.ndarray:
        if types[name] == "BF16":  # NumPy has no such type, so the library does not give it
            return _bfloat16(path, name, shapes[name])
        try:
            with safe_open(str(path), framework="numpy") as opened:
                return np.asarray(opened.get_tensor(name)).astype(np.float32)
        except (SafetensorError, OSError, ValueError, TypeError) as error:
            raise damaged(path, error) from None

    return TensorFile(path, shapes, read)


def _bfloat16(path: Path, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """A bfloat16 tensor from its place in the file, in a header that the library has found right."""
    try:
        with path.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            begin, end = json.loads(stream.read(length))[name]["data_offsets"]
            stream.seek(8 + length + begin)
            raw = np.frombuffer(stream.read(end - begin), "<u2")
        return widened(raw).reshape(shape)
    except (OSError, ValueError, KeyError, struct.error) as error:
        raise ModelError(f"{path}: tensor {name} cannot be read ({error}); fetch it again") from None
