"""Heads: what stands on the encoder and finds the entities. One module or package here is one head.

Such a room has `HEADS`, its names for `--head` with whether an LSTM stands under each, and `make`, which gives the
`nerctl.model.head.Head` of one of them. Nothing else has to know of it.
"""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from nerctl.errors import ModelError

if TYPE_CHECKING:
    from nerctl.data.tags import Labels
    from nerctl.model.head import Head


@cache
def rooms() -> dict[str, ModuleType]:
    """The module that makes each head, by the head's name, in the order of the modules' names."""
    modules = [import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)]
    return {name: module for module in modules for name in getattr(module, "HEADS", ())}


def names() -> tuple[str, ...]:
    """What `--head` takes."""
    return tuple(rooms())


def has_lstm(name: str) -> bool:
    """Whether an LSTM stands under the head of that name."""
    return bool(_room(name).HEADS[name])


def make_head(name: str, labels: Labels, lstm_size: int = 128, reach: int = 200) -> Head:
    """The head of that name.

    Args:
        name: one of `names()`.
        labels: the types.
        lstm_size: units, each way, of the LSTM where one stands under it.
        reach: tokens that a window holds: no entity is longer, for heads that have to know.

    Raises:
        ModelError: there is no such head, or the size is under 1.
    """
    room = _room(name)
    if lstm_size < 1:
        raise ModelError(f"lstm_size ({lstm_size}) must be at least 1")
    head: Head = room.make(name, labels, lstm_size if room.HEADS[name] else 0, reach)
    return head


def _room(name: str) -> ModuleType:
    if name not in rooms():
        raise ModelError(f"unknown head {name!r}; the heads are {', '.join(names())}")
    return rooms()[name]
