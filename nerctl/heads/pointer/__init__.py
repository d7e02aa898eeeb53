"""GlobalPointer: every run of tokens has a score for each type, so that entities may lie within each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nerctl.data.tags import Labels
    from nerctl.model.head import Head

HEADS = {"pointer": False, "bilstm-pointer": True}


def make(name: str, labels: Labels, lstm_size: int, reach: int) -> Head:
    """The head of that name."""
    from nerctl.heads.pointer.head import PointerHead

    return PointerHead(labels, lstm_size, reach)
