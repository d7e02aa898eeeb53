"""The commands by name, each imported when it is asked for: `nerctl --help` and every other command load none of them."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, MutableMapping
from typing import Any, Optional

ALSO = {"fetch-encoder": "fetch-bert"}
"""Other names of commands; no help lists them."""


class Loaded(MutableMapping[str, Any]):
    """Click commands that are made of the modules in `nerctl.commands` when they are first looked up.

    A module and its function have the command's name with `_` for `-`.

    Args:
        names: the commands, in their order.
        kind: the class of each.
    """

    def __init__(self, names: Iterable[str], kind: type) -> None:
        self._made: dict[str, Optional[Any]] = dict.fromkeys(names)
        self._kind = kind

    def __getitem__(self, name: str) -> Any:
        name = ALSO.get(name, name)
        command = self._made[name]
        if command is None:
            command = self._made[name] = _command(name, self._kind)
        return command

    def __setitem__(self, name: str, command: Any) -> None:
        self._made[name] = command

    def __delitem__(self, name: str) -> None:
        del self._made[name]

    def __contains__(self, name: object) -> bool:
        return name in self._made or name in ALSO

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)


def _command(name: str, kind: type) -> Any:
    import typer
    from typer.main import get_command

    function = name.replace("-", "_")
    module = importlib.import_module(f"nerctl.commands.{function}")
    # nerctl config hands what it is given to nerctl train's own parser.
    settings = {"ignore_unknown_options": True, "allow_extra_args": True} if name == "config" else None
    alone = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    alone.command(name, cls=kind, context_settings=settings)(getattr(module, function))
    return get_command(alone)
