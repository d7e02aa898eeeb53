"""Where an option's value comes from: the command line, the environment, a TOML file, or the default."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Optional, get_type_hints

import typer

from nerctl.console import out
from nerctl.errors import NerctlError

PARAMETERS = {"npu_option": "npu_options"}
"""Options whose name on the command line is not the field's."""

DEFAULT = "default"
"""The origin of a value that nobody gave."""

SOURCES = {"COMMANDLINE": "command line", "ENVIRONMENT": "NERCTL_TRAIN_{}"}
"""Origins by the name of the parameter source."""


def config(
    context: typer.Context,
    file: Optional[str] = typer.Option(None, "--config", metavar="FILE.toml", help="A TOML file of options."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object: value and origin of each option."),
) -> None:
    """Print the options that nerctl train would run with, and where each comes from.

    Takes the options of nerctl train too. With no file the output is itself a file for --config.

    \b
    Examples:
      nerctl config --config run.toml
      NERCTL_TRAIN_SEED=7 nerctl config --epochs 5 > run.toml
    """
    from typer.main import get_command

    from nerctl.cli import app
    from nerctl.config import TrainConfig

    command: Any = get_command(app)
    train = command.commands["train"].make_context(
        "config", list(context.args), parent=context.parent, auto_envvar_prefix="NERCTL_TRAIN"
    )
    options = gather(train, TrainConfig, file)
    effective = TrainConfig.from_dict(options.values).as_dict()
    if as_json:
        out.json({name: {"value": value, "origin": options.origins[name]} for name, value in effective.items()})
        return
    width = max(len(line) for line in map(toml_line, effective.items()))
    out.result("[train]")
    for name, value in effective.items():
        out.result(f"{toml_line((name, value)):<{width}}  # {options.origins[name]}")


def toml_line(item: tuple[str, Any]) -> str:
    """An option as a line of TOML; one without a value as a comment."""
    name, value = item
    return f"# {name} =" if value is None else f"{name} = {json.dumps(value, ensure_ascii=False)}"


@dataclass(frozen=True)
class Options:
    """The options of a command, the command line over the environment over the TOML file over the defaults."""

    values: dict[str, Any]
    """All values, by field name."""
    origins: dict[str, str]
    """Where each came from: default, the file's name, an environment variable, or the command line."""

    @property
    def explicit(self) -> dict[str, Any]:
        """The values that somebody gave."""
        return {name: self.values[name] for name, origin in self.origins.items() if origin != DEFAULT}


def gather(context: typer.Context, kind: Any, file: str | None) -> Options:
    """The options that a command was called with.

    Args:
        context: of the command that was called.
        kind: the frozen dataclass that the options make.
        file: the TOML file, if one was named.

    Raises:
        NerctlError: the file is missing, is not TOML, or holds an option that the command does not have.
    """
    values = {field.name: getattr(kind(), field.name) for field in fields(kind)}
    origins = dict.fromkeys(values, DEFAULT)
    if file:
        for name, value in read_toml(Path(file), kind).items():
            values[name], origins[name] = value, file
    for parameter, value in context.params.items():
        name = PARAMETERS.get(parameter, parameter)
        source = context.get_parameter_source(parameter)
        if name not in values or source is None or source.name not in SOURCES:
            continue
        values[name] = tuple(value) if isinstance(value, list) else value
        origins[name] = SOURCES[source.name].format(parameter.upper())
    return Options(values, origins)


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
