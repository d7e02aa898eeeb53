"""`nerctl compare`: two training runs side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import typer

from nerctl.commands._help import OUTPUT, SCHEDULE
from nerctl.commands._modelzoo import MODELZOO_OPTION, check_modelzoo_alone, print_results
from nerctl.console import out
from nerctl.errors import NerctlError


def compare(
    log_a: Path = typer.Argument(..., metavar="A", help="A step log, a steps.jsonl, or the folder of a run."),
    log_b: Optional[Path] = typer.Argument(
        None, metavar="B", help="What to set beside it; ratios are B over A. --modelzoo needs none."
    ),
    as_json: bool = typer.Option(
        False, "--json", help="Everything as JSON, every step included.", rich_help_panel=OUTPUT
    ),
    plot: Optional[Path] = typer.Option(
        None, "--plot",
        help="Draw losses and step times: FILE.html as a page of its own, or FILE.png (needs nerctl[plot]).",
        metavar="FILE",
        rich_help_panel=OUTPUT,
    ),
    loss_tolerance: Optional[float] = typer.Option(
        None, "--loss-tolerance",
        help="Largest relative loss difference, such as 1e-3; exit code 1 where a step's is larger or a side lacks a step.",
        metavar="X",
        rich_help_panel=OUTPUT,
    ),
    warmup: Optional[int] = typer.Option(
        None, "--warmup", min=0,
        help="The first N steps of both sides are warm-up; else it is found.", metavar="N", rich_help_panel=SCHEDULE,
    ),
    batch_size: Optional[int] = typer.Option(
        None, "--batch-size", min=1,
        help="Sentences a step, for logs that do not tell.", metavar="N", rich_help_panel=SCHEDULE,
    ),
    modelzoo: bool = MODELZOO_OPTION,
) -> None:
    """Compare two runs: a verdict in two sentences, then losses and times step by step, and steady speed.

    Reads what nerctl train writes and what the original prints after nerctl patch-hooks. Warm-up is found
    from the times when all steps have one shape, else from the steps that are marked as compiling.

    \b
    Examples:
      nerctl compare loss+perf_gpu.txt loss+perf_npu.txt --plot speed.png
      nerctl compare run-cpu/output run-npu/output --loss-tolerance 1e-4
      nerctl compare loss+perf_npu.txt --modelzoo --batch-size 32
    """
    if modelzoo:
        given = {"--plot": plot, "--loss-tolerance": loss_tolerance, "--warmup": warmup}
        check_modelzoo_alone({option: value is not None for option, value in given.items()})
        print_results([log_a] if log_b is None else [log_a, log_b], batch_size, as_json)
        return
    if log_b is None:
        raise NerctlError(f"{log_a}: nothing is named to set beside it; name a second run, or ask for --modelzoo")
    from nerctl.workflows.compare import chart, comparison, report_json, report_text

    if plot is not None:
        chart.check_plot_name(plot)
    result = comparison.compare_runs(
        log_a, log_b, warm_up=warmup, batch_size=batch_size, loss_tolerance=loss_tolerance
    )
    if as_json:
        out.json(report_json.as_json(result))
    else:
        out.result(report_text.text_report(result, min(out.rich().width, report_text.WIDTH)))
    if plot is not None:
        chart.write_plot(result, plot)
        out.say(f"The plot is in {plot}.")
    if result.agreement is not None and not result.agreement.agree:
        raise typer.Exit(1)
