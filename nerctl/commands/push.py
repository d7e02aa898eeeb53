"""nerctl push: an export into a repository of a model hub."""

from __future__ import annotations

from pathlib import Path

import typer

from nerctl.commands._help import MODEL, OUTPUT
from nerctl.commands._progress import Progress
from nerctl.console import out


def push(
    export: Path = typer.Argument(..., metavar="EXPORT", help="A folder that nerctl export wrote."),
    repository: str = typer.Argument(
        ..., metavar="REPO", help="OWNER/NAME[@BRANCH] on the hub; made if it is not there."
    ),
    yes: bool = typer.Option(False, "--yes", "-y", help="Upload; without it, list what would go.", rich_help_panel=OUTPUT),
    private: bool = typer.Option(
        False, "--private", help="A repository that is made is for its owner only.", rich_help_panel=MODEL
    ),
) -> None:
    """Upload an export, its card included, to a model hub. Without --yes it only lists what would go.

    Needs pip install 'nerctl[hub]' and a token that may write in HF_TOKEN; HF_ENDPOINT names another hub. What
    nerctl export --format transformers wrote is then loaded by that name in Transformers, and its encoder by
    nerctl fetch-bert.

    \b
    Examples:
      nerctl push hub me/chinese-ner
      nerctl push hub me/chinese-ner --yes
    """
    from nerctl.transfer.hub import address_of, endpoint, files_to_push
    from nerctl.transfer.hub import push as upload

    address = address_of(repository)
    if not yes:
        files = files_to_push(export)
        for file in files:
            out.result(f"{file.size:>12,}  {file.name}")
        size = sum(file.size for file in files) / 1e6
        out.item(f"{len(files)} files, {size:,.1f} MB, would go to {endpoint()}/{address.repository}; --yes uploads them")
        if not any(file.name == "README.md" for file in files):
            out.warn(f"{export}: has no README.md, so the repository will have no card")
        return
    with Progress() as progress:
        out.result(upload(export, repository, private, progress))
