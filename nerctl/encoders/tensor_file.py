"""A file of named tensors, whatever its format: shapes first, then one tensor at a time, float32."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import numpy as np

from nerctl.errors import ModelError

POINTER = b"version https://git-lfs"
"""How the text begins that git leaves in place of a large file (git-lfs specification)."""


@dataclass(frozen=True)
class TensorFile:
    """A file whose list of tensors was read and found sound."""

    path: Path
    """The file."""
    shapes: Mapping[str, tuple[int, ...]]
    """Shape of each tensor of floating-point values, by the file's names."""
    read: Callable[[str], np.ndarray]
    """The values of one tensor, float32; raises ModelError."""
    keras: bool = False
    """Whether names and axes are those of TensorFlow models, not those of a state dict."""


def refuse_pointer(path: Path) -> None:
    """Raises ModelError for a file that is missing, empty, or a git-lfs pointer."""
    try:
        with path.open("rb") as stream:
            head = stream.read(len(POINTER))
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror or error}); fetch the encoder again") from None
    if head == POINTER:
        raise ModelError(
            f"{path}: a git-lfs pointer in place of the weights; run git lfs pull in the folder, or download the file itself"
        )
    if not head:
        raise ModelError(f"{path}: empty; fetch the encoder again")


def damaged(path: Path, why: object) -> ModelError:
    """The sentence for a file that cannot be read as what its name says."""
    return ModelError(f"{path}: damaged, or not the format that its name says ({why}); fetch it again")


def widened(raw: np.ndarray) -> np.ndarray:
    """bfloat16 values, given as uint16, as float32: their bits are the upper half of a float32's."""
    return (raw.astype(np.uint32) << 16).view(np.float32)
