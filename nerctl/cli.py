"""Assembles the Typer app from one file a command, and turns errors into one sentence and an exit code."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from typing import Optional

import typer

import nerctl
from nerctl.console import out
from nerctl.errors import NerctlError

COMMANDS = (
    "check_data",
    "train",
    "evaluate",
    "score",
    "fetch_data",
    "fetch_bert",
    "archive",
    "compare",
    "doctor",
    "patch_hooks",
    "predict",
    "export",
    "serve",
    "quickstart",
    "report",
    "config",
    "bench",
)
"""Module names in `nerctl.commands`; each holds a function of the same name, the command with `-` for `_`."""

app = typer.Typer(
    name="nerctl",
    help="Chinese named-entity recognition: corpus to scored, exported, served and archived model.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "NERCTL"},
)


def _version(wanted: bool) -> None:
    if wanted:
        out.result(f"nerctl {nerctl.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Optional[bool] = typer.Option(
        None, "--version", callback=_version, is_eager=True, help="Print the version and leave."
    ),
    quiet: bool = typer.Option(False, "--quiet", "-q", help="Print results and errors only."),
    debug: bool = typer.Option(False, "--debug", help="Show the whole traceback of an error."),
) -> None:
    out.quiet = quiet
    out.debug = debug


def _register() -> None:
    for module_name in COMMANDS:
        if importlib.util.find_spec(f"nerctl.commands.{module_name}") is None:
            continue
        module = importlib.import_module(f"nerctl.commands.{module_name}")
        name = module_name.replace("_", "-")
        # nerctl config hands what it is given to nerctl train's own parser.
        settings = {"ignore_unknown_options": True, "allow_extra_args": True} if name == "config" else None
        app.command(name, context_settings=settings)(getattr(module, module_name))


_register()


def main() -> None:
    """Console entry point: runs the app; an error is one sentence on standard error and an exit code."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        app()
    except NerctlError as error:
        if out.debug:
            raise
        out.error(str(error))
        sys.exit(error.exit_code)
