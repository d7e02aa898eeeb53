"""The environment's NERCTL_* names that no command knows: a mistyped one would be ignored without a word."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from nerctl.commands._help import prints_and_leaves

PREFIX = "NERCTL_"

FOREIGN = ("NERCTL_VERSION",)
"""Names that others use for purposes of their own: the release that a Dockerfile installs."""


def known_names(group: Any) -> Iterator[str]:
    """Every environment variable that sets an option of the Typer group or of one of its commands, all of which it loads."""
    for prefix, command in [(PREFIX, group), *((f"{PREFIX}{_upper(name)}_", one) for name, one in group.commands.items())]:
        for parameter in command.params:
            own = parameter.envvar
            yield from [own] if isinstance(own, str) else own or ()
            if parameter.param_type_name == "option" and not (command is group and prints_and_leaves(parameter)):
                yield prefix + parameter.name.upper()


def complaints(environment: Mapping[str, str], known: Iterable[str]) -> Iterator[str]:
    """A sentence for each NERCTL_* name in the environment that is not known, with the near one if there is one.

    What is known is asked for only where the environment has such a name.
    """
    ours = sorted(name for name in environment if name.startswith(PREFIX) and name not in FOREIGN)
    names = sorted(set(known)) if ours else []
    for name in ours:
        if name not in names:
            close = difflib.get_close_matches(name, names, n=1, cutoff=0.85)
            meant = f"did you mean {close[0]}?" if close else "nerctl COMMAND --help lists the options"
            yield f"{name} in the environment sets no option; {meant}"


def _upper(name: str) -> str:
    return name.replace("-", "_").upper()
