"""Assembles the Typer app from one file a command, and turns errors into one sentence and an exit code."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from typing import Any, Optional

import typer

import nerctl
from nerctl.commands._environment import complaints, known_names
from nerctl.commands._help import GROUPS, Commands
from nerctl.console import out
from nerctl.errors import NerctlError
from nerctl.native_words import hold_native_words

COMMANDS = tuple(name for lines in GROUPS.values() for name in lines)
"""The commands, in the order of work."""

app = typer.Typer(
    name="nerctl",
    cls=Commands,
    help="Chinese named-entity recognition: corpus to scored, exported, served and archived model.",
    invoke_without_command=True,
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
    context: typer.Context,
    version: Optional[bool] = typer.Option(
        None, "--version", callback=_version, is_eager=True, help="Print the version and leave."
    ),
    quiet: bool = typer.Option(False, "--quiet", "-q", help="Print results and errors only."),
    debug: bool = typer.Option(False, "--debug", help="Show the whole traceback of an error."),
) -> None:
    out.quiet = quiet
    out.debug = debug
    if context.invoked_subcommand is None:
        out.result(context.get_help())
        return
    for sentence in complaints(os.environ, known_names(context.command)):
        out.warn(sentence)


def main() -> None:
    """Console entry point: runs the app; an error is one sentence on standard error and an exit code."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    hold_native_words(unless=lambda: out.debug)
    sys.exit(run())


def run(arguments: Optional[list[str]] = None) -> int:
    """Runs a command line (default: this process's) and returns its exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    try:
        return app([with_home(word) for word in words], prog_name="nerctl", standalone_mode=False) or 0
    except NerctlError as error:
        return _failed(error, str(error), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        out.say("Interrupted.")
        return 128 + signal.SIGINT
    except Exception as error:
        if not hasattr(error, "format_message"):  # Click's: the command line itself is wrong
            raise
        return _failed(error, _usage(error), 2)


def with_home(word: str) -> str:
    """`--to=~/x` as a shell would have written `--to ~/x`: it replaces a tilde at the beginning of a word only."""
    option, _, value = word.partition("=")
    if option.startswith("--") and value.startswith("~"):
        return f"{option}={os.path.expanduser(value)}"
    return word


def _failed(error: Exception, sentence: str, code: int) -> int:
    if out.debug:
        traceback.print_exception(type(error), error, error.__traceback__)
    out.error(sentence)
    return code


def _usage(error: Any) -> str:
    """Click's complaint and where to look, in one line."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "nerctl"
    complaint = " ".join(error.format_message().split()).rstrip(".")  # a missing choice gets a line each
    complaint = complaint.replace("Value error, ", "")  # newer Typer says so before a choice
    return f"{complaint}{' ' if complaint.endswith('?') else '; '}{command} --help shows what it takes"
