"""nerctl score: entity scores of a file of `token gold predicted` lines."""

from __future__ import annotations

from pathlib import Path

import typer

from nerctl.commands._help import DATA, OUTPUT
from nerctl.console import out
from nerctl.errors import NerctlError


def score(
    file: Path = typer.Argument(..., metavar="FILE", help="Lines of 'token gold predicted'."),
    as_json: bool = typer.Option(
        False, "--json", help="One JSON object; figures are fractions of 1.", rich_help_panel=OUTPUT
    ),
    conlleval: bool = typer.Option(
        False, "--conlleval", help="The very report that conlleval prints.", rich_help_panel=OUTPUT
    ),
    strict: bool = typer.Option(
        False, "--strict",
        help="Strict BIO: an I- that does not continue an entity of its type is no entity.", rich_help_panel=DATA,
    ),
) -> None:
    """Score a prediction file: entity precision, recall and F1, by type and in all.

    Each line holds a token, its gold tag and its predicted tag; a blank line ends a sentence. `nerctl
    evaluate --predictions FILE` writes such a file, and so does the original project (output/label_test.txt).

    \b
    Examples:
      nerctl score output/label_test.txt
      nerctl score predictions.txt --conlleval
    """
    from nerctl.evaluation.conlleval import conlleval_report
    from nerctl.evaluation.predictions import score_file
    from nerctl.evaluation.render import ScoresTable

    if conlleval:
        if as_json or strict:
            raise NerctlError("--conlleval prints conlleval's own text; leave out --json and --strict")
        out.result(conlleval_report(file).rstrip("\n"))
        return
    scores = score_file(file, strict, out.warn)
    if as_json:
        out.json(scores.as_dict())
    else:
        out.show(ScoresTable(scores))
