"""nerctl evaluate: entity scores of a model on a corpus file."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import typer

from nerctl.backends import Device
from nerctl.commands._help import DATA, OUTPUT, choices
from nerctl.commands._options import (
    ALLOW_BLANKS_OPTION,
    DEVICE_OPTION,
    MAX_TOKENS_OPTION,
    MODEL_OPTION,
    THREADS_OPTION,
)
from nerctl.console import out
from nerctl.data.spans import Nested


def evaluate(
    model: Path = MODEL_OPTION,
    data: Path = typer.Option(
        Path("NERdata"), "--data", "-d",
        help="Corpus file, or a folder: then its test file.", metavar="FILE", rich_help_panel=DATA,
    ),
    input_format: str = typer.Option(
        "auto", metavar="FORMAT", help="As nerctl convert --help lists them; auto: by content.", rich_help_panel=DATA
    ),
    nested: Nested = typer.Option(
        "keep", metavar=choices(Nested), help="Entities of the corpus that overlap.", rich_help_panel=DATA
    ),
    as_json: bool = typer.Option(
        False, "--json", help="One JSON object; figures are fractions of 1.", rich_help_panel=OUTPUT
    ),
    predictions: Optional[Path] = typer.Option(
        None, "--predictions",
        help="Write 'token gold predicted' lines that conlleval reads.", metavar="FILE", rich_help_panel=OUTPUT,
    ),
    strict: bool = typer.Option(
        False, "--strict",
        help="For old command lines: a corpus is read as legal BIO, so it changes nothing.", rich_help_panel=DATA,
    ),
    max_seq_length: Optional[int] = typer.Option(
        None,
        help="Longest window in word pieces, [CLS] and [SEP] included; default: that of training.",
        metavar="N",
        rich_help_panel=DATA,
    ),
    max_tokens: Optional[int] = MAX_TOKENS_OPTION,
    device: Device = DEVICE_OPTION,
    threads: int = THREADS_OPTION,
    allow_blanks: bool = ALLOW_BLANKS_OPTION,
) -> None:
    """Score a model: entity precision, recall and F1, by type and in all, against a corpus' own tags.

    Nothing is truncated: a sentence longer than the window is read in several, and counts whole. A type that
    the model does not know counts as gold that was not found.

    \b
    Examples:
      nerctl evaluate --model output --data NERdata/test.txt
      nerctl evaluate --model export --data NERdata --predictions scored.txt
    """
    from nerctl.commands._progress import Progress
    from nerctl.commands._stops import stops
    from nerctl.data.formats.registry import asked
    from nerctl.evaluation.evaluate import corpus_file, evaluate_model
    from nerctl.evaluation.render import ScoresTable
    from nerctl.files import check_output_file
    from nerctl.inference.loading import load_model

    if predictions is not None:
        check_output_file(predictions, "--predictions")
    asked(input_format)
    file = corpus_file(data)
    loaded = load_model(
        model, "auto", device, threads, max_seq_length, max_tokens, allow_blanks
    )
    if data.is_dir():
        out.say(f"scoring {file}")
    with stops(lambda: "Stopped; nothing is written."), Progress("sentences") as progress:
        result = evaluate_model(loaded, file, predictions, progress, input_format, nested)
    for note in result.notes:
        out.warn(note)
    if as_json:
        out.json(result.scores.as_dict())
    else:
        out.show(ScoresTable(result.scores))
