"""Where an option's value comes from: the command line, the environment, a TOML file, or the default."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

import typer

from nerctl.errors import NerctlError

PARAMETERS = {"npu_option": "npu_options"}
"""Options whose name on the command line is not the field's."""


def merged_options(
    context: typer.Context, kind: Any, config: str | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The options of a command, the command line over the environment over the TOML file over the defaults.

    Args:
        context: of the command that was called.
        kind: the frozen dataclass that the options make.
        config: the TOML file, if one was named.

    Returns:
        The values that somebody gave, and all values, by field name.

    Raises:
        NerctlError: the file is missing, is not TOML, or holds an option that the command does not have.
    """
    names = {field.name for field in fields(kind)}
    explicit = dict(read_toml(Path(config), kind)) if config else {}
    values: dict[str, Any] = {field.name: getattr(kind(), field.name) for field in fields(kind)}
    values.update(explicit)
    for parameter, value in context.params.items():
        name = PARAMETERS.get(parameter, parameter)
        if name not in names:
            continue
        source = context.get_parameter_source(parameter)
        if source is not None and source.name in ("COMMANDLINE", "ENVIRONMENT"):
            explicit[name] = values[name] = tuple(value) if isinstance(value, list) else value
    return explicit, values


def read_toml(path: Path, kind: Any) -> dict[str, Any]:
    """The options in a TOML file: at its top level, or in a table [train]; `-` and `_` are the same in names.

    Raises:
        NerctlError: as `merged_options`.
    """
    try:
        import tomllib
    except ImportError:  # Python 3.9 and 3.10
        import tomli as tomllib
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise NerctlError(f"{path}: cannot be read ({error.strerror or error}); name a TOML file (--config)") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise NerctlError(f"{path}: not TOML: {error}") from None
    table = content.get("train", {})
    if not isinstance(table, dict):
        raise NerctlError(f"{path}: [train] must be a table of options")
    flat = {**{name: value for name, value in content.items() if name != "train"}, **table}
    hints = get_type_hints(kind)
    options: dict[str, Any] = {}
    for written, value in flat.items():
        name = PARAMETERS.get(written.replace("-", "_"), written.replace("-", "_"))
        if name not in hints:
            raise NerctlError(f"{path}: {written}: no such option{near(written, hints)}")
        options[name] = checked(path, written, value, hints[name])
    return options


def checked(path: Path, name: str, value: Any, hint: Any) -> Any:
    """The value as the field's type takes it.

    Raises:
        NerctlError: it is of another type.
    """
    wanted = [one for one in getattr(hint, "__args__", (hint,)) if one not in (type(None), Ellipsis)]
    if isinstance(value, list) and all(isinstance(one, str) for one in value) and "tuple" in str(hint).lower():
        return tuple(value)
    if isinstance(value, int) and not isinstance(value, bool) and float in wanted:
        return float(value)
    if any(type(value) is one for one in wanted) and "tuple" not in str(hint).lower():
        return value
    names = " or ".join(getattr(one, "__name__", str(one)) for one in wanted)
    raise NerctlError(f"{path}: {name} = {value!r}: must be {names}")


def near(name: str, known: Any) -> str:
    """A question with the known name that is nearest, or nothing."""
    import difflib

    close = difflib.get_close_matches(name.replace("-", "_"), list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""
