"""Chinese named-entity recognition from a raw corpus to a scored, exported, served and archived model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nerctl.inference.tagger import Tagger

__version__ = "0.1.0"
__all__ = ["Tagger", "__version__"]


def __getattr__(name: str) -> Any:
    # Tagger needs numpy: it is imported when somebody asks for it, so that `nerctl --help` stays quick.
    if name == "Tagger":
        from nerctl.inference.tagger import Tagger

        return Tagger
    raise AttributeError(f"module 'nerctl' has no attribute {name!r}")
