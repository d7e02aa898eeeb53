"""`nerctl check-data`: what a data set holds, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Optional

import typer

from nerctl.commands._help import DATA, MODEL, OUTPUT
from nerctl.console import out
from nerctl.wording import counted

if TYPE_CHECKING:
    from rich.table import Table

    from nerctl.data.report import Problem, Report

STYLES = {"error": "bold red", "warning": "yellow", "note": "cyan"}


def check_data(
    path: Path = typer.Argument(
        ..., metavar="DIR", help="Folder with the files of train, dev and test; or one corpus file."
    ),
    bert_dir: Optional[Path] = typer.Option(
        None,
        help="Encoder folder; its vocabulary makes lengths word pieces and tells unknown tokens.",
        metavar="DIR",
        rich_help_panel=MODEL,
    ),
    max_seq_length: int = typer.Option(
        202,
        min=3,
        help="Window: word pieces with [CLS] and [SEP]; longer sentences need more than one.",
        metavar="N",
        rich_help_panel=DATA,
    ),
    input_format: str = typer.Option(
        "auto", metavar="FORMAT", help="As nerctl convert --help lists them; auto: by content.", rich_help_panel=DATA
    ),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object.", rich_help_panel=OUTPUT),
) -> None:
    """Count each split's sentences, tokens and entities, and list its problems, worst first.

    Reads CoNLL columns (BIO, IOB1, BMES, BIOES, BILOU), JSON lines and the formats of annotation tools. Exit
    code 2 when a problem is an error: training refuses the data, or its scores would mean little.

    \b
    Examples:
      nerctl check-data NERdata --bert-dir model
      nerctl check-data NERdata/dev.txt --json
    """
    from nerctl.commands._splits_table import SplitsTable
    from nerctl.data.validation import check_data as check
    from nerctl.encoders.opening import read_vocabulary

    vocabulary = read_vocabulary(bert_dir) if bert_dir else None
    report = check(path, vocabulary, max_seq_length, input_format)
    if as_json:
        out.json(report.to_dict())
    else:
        figures = [SplitsTable(report)] if report.splits else []
        problems = [_problems(report.problems)] if report.problems else []
        out.show(*figures, *problems, _verdict(report))
    if not report.ok:
        raise typer.Exit(2)


def _problems(problems: list[Problem]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row()
    for problem in problems:
        table.add_row(Text(f"{problem.level}:", style=STYLES[problem.level]), Text(problem.message))
        for example in problem.examples:
            table.add_row(
                "", Text(f"{Path(example.file).name}:{example.line}: {example.detail}", style="dim")
            )
        if problem.count > len(problem.examples) > 0:
            table.add_row("", Text(f"... and {problem.count - len(problem.examples):,} more", style="dim"))
    return table


def _verdict(report: Report) -> str:
    counts = {level: sum(problem.level == level for problem in report.problems) for level in STYLES}
    found = [counted(count, level) for level, count in counts.items() if count]
    if not counts["error"] and not counts["warning"]:
        found = ["No problem found", *found]
    return f"\n{', '.join(found)}." + ("" if report.ok else " Mend the errors before training.")
