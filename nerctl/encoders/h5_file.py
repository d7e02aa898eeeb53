"""Reads tf_model.h5, the weights that Transformers' TensorFlow models save, with h5py, which TensorFlow brings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from nerctl.encoders.tensor_file import TensorFile, damaged, refuse_pointer

DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError, MemoryError)
"""What h5py raises for damaged files."""

NUMBERED = "_._"
"""Between the name of a list of layers and a layer's number, in Keras' names."""


def open_h5(path: Path) -> TensorFile:
    """The tensors of tf_model.h5, by their paths in it with plain slashes (`layer_._0` is `layer/0`) and no `:0`.

    Links out of the file are not followed.

    Raises:
        ModelError: the file is missing, a git-lfs pointer, or damaged.
    """
    refuse_pointer(path)
    import h5py

    shapes: dict[str, tuple[int, ...]] = {}
    places: dict[str, str] = {}

    def visit(place: str, item: Any) -> None:
        if not isinstance(item, h5py.Dataset) or item.dtype.kind != "f" or item.dtype.itemsize > 4:
            return
        if item.external or item.is_virtual:  # its values would come from another file
            return
        name = place.split(":")[0].replace(NUMBERED, "/")
        shapes[name], places[name] = tuple(item.shape), place

    try:
        with h5py.File(path, "r") as opened:
            opened.visititems(visit)
    except DAMAGE as error:
        raise damaged(path, error) from None

    def read(name: str) -> np.ndarray:
        try:
            with h5py.File(path, "r") as opened:
                return np.asarray(opened[places[name]][()], np.float32)
        except DAMAGE as error:
            raise damaged(path, error) from None

    return TensorFile(path, shapes, read, keras=True)
