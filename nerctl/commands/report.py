"""nerctl report: writes the reports of a training run again."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import typer

from nerctl.backends import Device
from nerctl.commands._help import DATA, MODEL, OUTPUT
from nerctl.commands._modelzoo import MODELZOO_OPTION, check_modelzoo_alone, print_results
from nerctl.commands._options import DEVICE_OPTION, THREADS_OPTION
from nerctl.console import out


def report(
    model: Path = typer.Option(
        Path("output"), "--model", "-m",
        help="Output folder of nerctl train.", metavar="DIR", rich_help_panel=MODEL,
    ),
    data: Optional[Path] = typer.Option(
        None, "--data", "-d",
        help="Corpus file whose errors to show, or a folder: then its test file.",
        metavar="FILE",
        rich_help_panel=DATA,
    ),
    input_format: str = typer.Option(
        "auto", metavar="FORMAT", rich_help_panel=DATA,
        help="Of --data's file, as nerctl convert --help lists them; auto: by content.",
    ),
    as_json: bool = typer.Option(
        False, "--json",
        help="One JSON object: the names of the files written, or --modelzoo's values.",
        rich_help_panel=OUTPUT,
    ),
    modelzoo: bool = MODELZOO_OPTION,
    device: Device = DEVICE_OPTION,
    threads: int = THREADS_OPTION,
) -> None:
    """Write a run's reports again: report.html, report.json, README.md and curves.png in its folder.

    report.html is one file for any browser: curves, scores by type, and the sentences with errors, sorted and
    filterable. Without --data it shows the errors that it showed before, or else those on the run's own test
    (or dev) file. --modelzoo writes nothing: it prints the run as a result file of the vendor's model zoo.

    \b
    Examples:
      nerctl report --model output
      nerctl report --model output --data NERdata/test.txt
      nerctl report --model output --modelzoo
    """
    if modelzoo:
        check_modelzoo_alone({"--data": data is not None, "--input-format": input_format != "auto"})
        print_results([model], None, as_json)
        return
    from nerctl.training.reporting import report_run

    paths = report_run(model, data, device, threads, out.say, input_format)
    if as_json:
        out.json({"files": [str(path) for path in paths]})
        return
    for path in paths:
        out.result(str(path))
