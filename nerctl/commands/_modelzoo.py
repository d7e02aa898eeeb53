"""`--modelzoo` of report and compare: the vendor's result file on standard output, what to know of it beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Optional

import typer

from nerctl.commands._help import OUTPUT
from nerctl.console import out
from nerctl.errors import NerctlError

MODELZOO_OPTION: Any = typer.Option(
    False, "--modelzoo",
    help="Print the result file of the vendor's model zoo: ActualFPS by its rule, the median beside it.",
    rich_help_panel=OUTPUT,
)  # fmt: skip


def check_modelzoo_alone(given: Mapping[str, bool]) -> None:
    """Raises NerctlError where an option was given that has no meaning with --modelzoo."""
    for option, is_given in given.items():
        if is_given:
            raise NerctlError(f"{option}: has no meaning with --modelzoo, which prints result lines only; leave one out")


def print_results(paths: Sequence[Path], batch_size: Optional[int], as_json: bool) -> None:
    """Prints the result file of each run, or all as JSON; remarks on standard error, so that a redirect has the file."""
    from nerctl.workflows.modelzoo import result_of

    results = [result_of(path, batch_size) for path in paths]
    if as_json:
        values = [result.as_json() for result in results]
        out.json(values[0] if len(values) == 1 else dict(zip("ab", values)))
        return
    for side, result in zip("AB", results):
        label = ""
        if len(results) > 1:
            out.result(("\n" if side == "B" else "") + f"{side}  {result.run.path}")
            label = f"{side}: "
        out.result("\n".join(result.lines()))
        for remark in result.remarks:
            out.say(label + remark)
