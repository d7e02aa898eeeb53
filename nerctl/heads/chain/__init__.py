"""Tags in a chain: a linear-chain CRF, or one softmax a token, which is a chain without scores of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nerctl.data.tags import Labels
    from nerctl.model.head import Head

HEADS = {"bilstm-crf": True, "crf": False, "softmax": False}


def make(name: str, labels: Labels, lstm_size: int, reach: int) -> Head:
    """The head of that name."""
    from nerctl.heads.chain.head import ChainHead

    return ChainHead(labels, lstm_size, scored=name != "softmax")
