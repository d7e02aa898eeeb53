"""Chinese named-entity recognition from a raw corpus to a scored, exported, served and archived model."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nerctl.api import TrainResult, check_data, evaluate, train
    from nerctl.errors import NerctlError
    from nerctl.inference.tagger import Entity, Result, Tagger

__version__ = "0.1.0"
__all__ = [
    "Entity",
    "NerctlError",
    "Result",
    "Tagger",
    "TrainResult",
    "__version__",
    "check_data",
    "evaluate",
    "train",
]

_HOMES = {
    "nerctl.api": ("TrainResult", "check_data", "evaluate", "train"),
    "nerctl.errors": ("NerctlError",),
    "nerctl.inference.tagger": ("Entity", "Result", "Tagger"),
}


def __getattr__(name: str) -> Any:
    # What needs numpy or TensorFlow is imported when somebody asks for it, so that `nerctl --help` stays quick.
    for home, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(home), name)
    raise AttributeError(f"module 'nerctl' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
