"""Where an option's value comes from: the command line, the environment, a TOML file, or the default."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional, get_type_hints

import typer

from nerctl.commands._help import OUTPUT
from nerctl.console import out
from nerctl.errors import NerctlError

if TYPE_CHECKING:
    from nerctl.config import Unset

PARAMETERS = {"npu_option": "npu_options"}
"""Options whose name on the command line is not the field's."""

DEFAULT = "default"
"""The origin of a value that nobody gave."""

SOURCES = {"COMMANDLINE": "command line", "ENVIRONMENT": "NERCTL_TRAIN_{}"}
"""Origins by the name of the parameter source."""


def config(
    context: typer.Context,
    file: Optional[str] = typer.Option(None, "--config", metavar="FILE.toml", help="A TOML file of options."),
    as_json: bool = typer.Option(
        False, "--json", help="Print one JSON object: value and origin of each option.", rich_help_panel=OUTPUT
    ),
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
    from nerctl.config import TrainConfig, unset_options

    command: Any = get_command(app)
    train = command.commands["train"].make_context(
        "config", list(context.args), parent=context.parent, auto_envvar_prefix="NERCTL_TRAIN"
    )
    options = gather(train, TrainConfig, file)
    effective = TrainConfig.from_dict(options.values)
    unset = unset_options(effective)
    if as_json:
        entries = effective.as_dict().items()
        out.json({name: _entry(value, options.origins[name], unset.get(name)) for name, value in entries})
        return
    lines, reasons = [], []
    for name, value in effective.as_dict().items():
        lines.append(toml_line(name, value, unset.get(name)))
        reasons.append(unset[name].why if name in unset else options.origins[name])
    width = max(map(len, lines))
    out.result("[train]")
    for line, reason in zip(lines, reasons):
        out.item(f"{line:<{width}}  # {reason}", indent=f"{'':{width}}  #   ")


def _entry(value: Any, origin: str, unset: Optional[Unset]) -> dict[str, Any]:
    entry = {"value": value, "origin": origin}
    return entry if unset is None else {**entry, "effective": unset.value, "rule": unset.why}


def toml_line(name: str, value: Any, unset: Optional[Unset] = None) -> str:
    """An option as a line of TOML; one that nobody gave as a comment, with its value where that is known."""
    if unset is None:
        return f"{name} = {json.dumps(value, ensure_ascii=False)}"
    return f"# {name}" if unset.value is None else f"# {name} = {json.dumps(unset.value)}"


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
    if any(type(value) is one or value == one for one in wanted) and "tuple" not in str(hint).lower():
        return value
    names = " or ".join(getattr(one, "__name__", str(one)) for one in wanted)
    raise NerctlError(f"{path}: {name} = {value!r}: must be {names}")


def near(name: str, known: Any) -> str:
    """A question with the known name that is nearest, or nothing."""
    import difflib

    close = difflib.get_close_matches(name.replace("-", "_"), list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""
