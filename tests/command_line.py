"""Runs the command line in this process, with standard output apart from what is said on the way, on both stacks."""

from __future__ import annotations

import typing

from typer.testing import CliRunner

from nerctl.cli import app
from nerctl.errors import NerctlError


class Ran(typing.NamedTuple):
    """What a command came to."""

    code: int
    """Exit code."""
    printed: str
    """Standard output."""
    said: str
    """Standard output and error, and the sentence of the error that ended it."""


def nerctl(*arguments: str) -> Ran:
    """Runs `nerctl` with these arguments."""
    try:
        runner = CliRunner(mix_stderr=False)
    except TypeError:  # newer releases always keep the two apart
        runner = CliRunner()
    result = runner.invoke(app, list(arguments))
    said = result.stdout + result.stderr
    if isinstance(result.exception, NerctlError):
        return Ran(result.exception.exit_code, result.stdout, said + str(result.exception))
    return Ran(result.exit_code, result.stdout, said)
