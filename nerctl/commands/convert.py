"""nerctl convert: a corpus of one format written in another."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Optional

import typer

from nerctl.commands._help import DATA, OUTPUT, choices
from nerctl.console import out
from nerctl.data.spans import Nested
from nerctl.errors import NerctlError
from nerctl.wording import counted
from nerctl.workflows.convert_options import By, Conversion


def convert(
    source: Path = typer.Argument(..., metavar="IN", help="Corpus file, or a folder of brat."),
    target: Path = typer.Argument(..., metavar="OUT", help="File to write; a folder for brat and with --split."),
    from_format: str = typer.Option(
        "auto", "--from", metavar="FORMAT", help="Format of IN; auto: by its content.", rich_help_panel=DATA
    ),
    to_format: str = typer.Option(
        "", "--to", metavar="FORMAT", help="Format of OUT; default: by its suffix.", rich_help_panel=OUTPUT
    ),
    split: str = typer.Option(
        "", "--split", metavar="SHARES", help="0.8,0.1,0.1: shares of train, dev and test.", rich_help_panel=OUTPUT
    ),
    seed: int = typer.Option(1, metavar="N", help="Of the split.", rich_help_panel=OUTPUT),
    by: By = typer.Option(
        "text", metavar=choices(By), help="What goes into one split as a whole.", rich_help_panel=OUTPUT
    ),
    rename: list[str] = typer.Option(
        [], "--map", metavar="OLD=NEW", help="Name a type otherwise; repeatable.", rich_help_panel=DATA
    ),
    drop: list[str] = typer.Option(
        [], "--drop", metavar="TYPE", help="Leave the entities of a type out; repeatable.", rich_help_panel=DATA
    ),
    sentences: bool = typer.Option(
        False, "--sentences", help="Cut at sentence ends, never in an entity; offsets are kept.", rich_help_panel=DATA
    ),
    join: bool = typer.Option(
        False, "--join", help="Put what --sentences cut together again.", rich_help_panel=DATA
    ),
    nested: Optional[Nested] = typer.Option(
        None, metavar=choices(Nested),
        help="Entities that overlap; default: keep where OUT can, else outermost.", rich_help_panel=DATA,
    ),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object.", rich_help_panel=OUTPUT),
) -> None:
    """Write a corpus in another format, and say what was changed or left out.

    Formats: conll, jsonl, cluener, doccano, label-studio, label-studio-min, brat, cmeee, ccks, conllu, spacy,
    docbin, tokens, parquet, uie, paddle, pairs; inline, words and lists are only read. Where a corpus states
    mentions, they decide how its positions count. The order, ids and other fields are kept where OUT can hold them.

    \b
    Examples:
      nerctl convert doccano.jsonl train.txt
      nerctl convert export.json data --to jsonl --split 0.8,0.1,0.1
      nerctl convert brat-folder notes.jsonl --sentences --map Person=PER
    """
    from nerctl.commands._progress import Progress
    from nerctl.commands._stops import stops
    from nerctl.workflows.convert import convert as run

    wanted = Conversion(
        source, target, from_format, to_format, _shares(split), seed, by, _renamed(rename),
        frozenset(drop), sentences, join, nested,
    )  # fmt: skip
    with stops(lambda: "Stopped; nothing is written."), Progress("texts") as progress:
        done = run(wanted, progress)
    if as_json:
        out.json(asdict(done))
        return
    out.say(f"{source}: read as {done.read_as}")
    for note in done.notes:
        out.warn(note)
    for name, texts in done.files.items():
        out.result(f"{name}: {counted(texts, 'text')}")
    for what, count in sorted(done.changes.items()):
        out.result(f"{count:>9,} x {what}")
    if not done.changes:
        out.result("Nothing was changed or left out.")


def _shares(split: str) -> tuple[float, ...]:
    try:
        return tuple(float(share) for share in split.split(",")) if split else ()
    except ValueError:
        raise NerctlError(f"--split {split}: shares of train, dev and test, such as 0.8,0.1,0.1") from None


def _renamed(pairs: list[str]) -> dict[str, str]:
    from nerctl.data.formats.record import Unreadable, checked_type

    renamed: dict[str, str] = {}
    for pair in pairs:
        old, mark, new = pair.partition("=")
        if old in renamed:
            raise NerctlError(f"--map {pair}: {old} is named {renamed[old]} already; give it one name")
        try:
            renamed[checked_type(old)] = checked_type(new if mark else "")
        except Unreadable as error:
            raise NerctlError(f"--map {pair}: OLD=NEW is wanted ({error})") from None
    return renamed
