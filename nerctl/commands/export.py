"""nerctl export: a trained model as ONNX or as a TensorFlow SavedModel."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import typer

from nerctl.commands._help import DATA, MODEL, OUTPUT, choices
from nerctl.console import out
from nerctl.workflows.export_options import ExportOptions, Format, Quantized


def export(
    to: Path = typer.Option(
        ..., "--to", help="Folder to write; it must not exist, or be empty.", metavar="DIR", rich_help_panel=OUTPUT
    ),
    model: Path = typer.Option(
        Path("output"), "--model", "-m", help="Training folder.", metavar="DIR", rich_help_panel=MODEL
    ),
    format: Format = typer.Option(
        "onnx", "--format", help="What to write.", metavar=choices(Format), rich_help_panel=OUTPUT
    ),
    quantize: Optional[Quantized] = typer.Option(
        None, help="Matrix products in eight bits; onnx only.", metavar=choices(Quantized), rich_help_panel=OUTPUT
    ),
    data: Optional[Path] = typer.Option(
        None, "--data", "-d",
        help="Corpus file or folder: print F1 before and after.", metavar="FILE", rich_help_panel=DATA,
    ),
    max_f1_drop: float = typer.Option(
        0.5, min=0.0,
        help="With --data: refuse an export that loses more points of F1.", metavar="X", rich_help_panel=OUTPUT,
    ),
    as_json: bool = typer.Option(
        False, "--json", help="One JSON object; F1 is a fraction of 1.", rich_help_panel=OUTPUT
    ),
) -> None:
    """Export a trained model; the folder is complete and needs no training folder.

    An ONNX export needs no TensorFlow either: predict, evaluate, serve and nerctl.Tagger take it as they take
    a training folder. Before it is written it is compared with the TensorFlow model on sample texts: same tags,
    emissions within 0.001 (not asked of int8, whose loss --data measures). docs/export.md describes a request
    to a SavedModel in TensorFlow Serving. --format transformers writes a folder for Transformers' pipelines, of a
    model without an LSTM; of a crf it needs --data, to tell what the best tag of each token alone loses.

    \b
    Examples:
      nerctl export --model output --to export
      nerctl export --to export-int8 --quantize int8 --data NERdata/dev.txt
      nerctl export --to hub --format transformers --data NERdata/dev.txt
    """
    from nerctl.commands._progress import Progress
    from nerctl.commands._stops import stops
    from nerctl.workflows.export import export_model

    options = ExportOptions(format, quantize == "int8", data, max_f1_drop)
    with stops(lambda: f"Stopped; nothing of {to} is left."), Progress("sentences") as progress:
        result = export_model(model, to, options, progress)
    comparison = result.comparison
    if as_json:
        out.json(
            {
                "folder": str(result.folder),
                "format": format,
                "bytes": result.bytes,
                "tokens": comparison.tokens,
                "same_tags": comparison.same_tags,
                "emission_difference": comparison.difference,
                "f1_before": result.f1_before,
                "f1_after": result.f1_after,
            }
        )
        return
    out.result(f"{result.folder}: {result.bytes / 1e6:,.1f} MB")
    out.item(
        f"{comparison.same_tags:,} of {comparison.tokens:,} tags of {comparison.texts} sample texts as before, "
        f"emissions within {comparison.difference:.2g}"
    )
    if result.f1_before is not None and result.f1_after is not None:
        out.result(f"F1 {100 * result.f1_before:.2f} before, {100 * result.f1_after:.2f} after")
