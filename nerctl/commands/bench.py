"""`nerctl bench`: how fast training or prediction runs here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Optional

import typer

from nerctl.backends import Device, Precision
from nerctl.commands._help import DATA, DEVICE, MODEL, OUTPUT, SCHEDULE, choices
from nerctl.commands._options import DEVICE_OPTION, Head
from nerctl.console import out
from nerctl.errors import NerctlError
from nerctl.files import check_output_file, write_json
from nerctl.workflows.bench import Work

if TYPE_CHECKING:
    from nerctl.workflows.bench.figures import Figures


OF_TRAIN = ("bert_dir", "precision", "batch_size", "head", "from_scratch")
OF_PREDICT = ("model",)
"""Options that the other of the two does not have."""


def bench(
    context: typer.Context,
    what: Work = typer.Argument(..., metavar="train|predict", help="What to measure."),
    bert_dir: str = typer.Option(
        "model", help="train: folder with the encoder.", metavar="DIR", rich_help_panel=MODEL
    ),
    model: str = typer.Option(
        "output", help="predict: folder of a run or an export.", metavar="DIR", rich_help_panel=MODEL
    ),
    data: str = typer.Option(
        "NERdata", "--data", help="The corpus: a folder; for predict a file too.", metavar="DIR", rich_help_panel=DATA
    ),
    device: Device = DEVICE_OPTION,
    precision: Precision = typer.Option(
        "float32", help="train: of products in the encoder.", metavar=choices(Precision), rich_help_panel=DEVICE
    ),
    batch_size: Optional[int] = typer.Option(
        None,
        help="train: sentences an update; default: that of nerctl train.", metavar="N", rich_help_panel=SCHEDULE,
    ),
    head: Head = typer.Option(
        "bilstm-crf", help="train: what finds the entities.", metavar=choices(Head), rich_help_panel=MODEL
    ),
    from_scratch: bool = typer.Option(
        False, "--from-scratch", help="train: random weights; the speed is the same.", rich_help_panel=MODEL
    ),
    steps: int = typer.Option(
        10, min=1,
        help="Steady steps (train) or passes over 500 sentences (predict) to time.",
        metavar="N",
        rich_help_panel=SCHEDULE,
    ),
    compare: Optional[Path] = typer.Option(
        None, help="An earlier measurement to compare with.", metavar="FILE", rich_help_panel=OUTPUT
    ),
    output: Optional[Path] = typer.Option(
        None, help="Write the JSON there as well.", metavar="FILE", rich_help_panel=OUTPUT
    ),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object.", rich_help_panel=OUTPUT),
) -> None:
    """Measure training or prediction on this machine; nothing of it is kept.

    Speeds are of the steady steps; the first, which compiles, is told apart. The share is that of the machine's own
    float32 matrix-product rate, measured in the same process.

    \b
    Examples:
      nerctl bench train --steps 20 --output before.json
      nerctl bench predict --data NERdata/test.txt --compare before.json
    """
    for name in OF_PREDICT if what == "train" else OF_TRAIN:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            raise NerctlError(f"--{name.replace('_', '-')}: nerctl bench {what} does not take it; leave it out")
    if output is not None:
        check_output_file(output, "--output")
    from nerctl.config import TrainConfig
    from nerctl.workflows.bench.figures import compare as verdict_on
    from nerctl.workflows.bench.run import bench_predict, bench_train

    each = "step" if what == "train" else "pass"
    out.say(f"... {what}: one {each} that compiles, then {steps} to time")
    if what == "train":
        config = TrainConfig(
            data_dir=data, bert_dir=bert_dir, device=device, precision=precision, batch_size=batch_size, head=head,
            from_scratch=from_scratch,
        )  # fmt: skip
        figures = bench_train(config, steps)
    else:
        figures = bench_predict(Path(model), Path(data), steps, device)
    verdict = verdict_on(figures, compare) if compare else None
    content = figures.as_dict()
    if verdict is not None:
        content["compared"] = {"file": str(compare), "ratio": verdict.ratio, "clear": verdict.clear}
    if output is not None:
        write_json(output, content)
    if as_json:
        out.json(content)
        return
    for line in lines(figures):
        out.item(line, indent=" " * 14)
    if verdict is not None:
        out.item(verdict.sentence())


def lines(figures: Figures) -> list[str]:
    """The figures for a person, a line each."""
    spread = figures.seconds
    each, several = ("step", f"{spread.count} steps") if figures.what == "train" else ("pass", f"{spread.count} passes")
    rows = [
        ("measured", str(figures.facts["work"])),
        ("ready after", f"{figures.ready_seconds:.1f} s"),
        (f"first {each}", f"{figures.first_seconds:.2f} s, compilation included"),
        (f"steady {each}", f"{spread.median:.3f} s (quartiles {spread.low:.3f} to {spread.high:.3f} of {several})"),
        ("sentences/s", f"{figures.sentences_per_second:,.1f}"),
        ("tokens/s", f"{figures.tokens_per_second:,.0f}"),
        ("padding", f"{figures.padding:.1%}"),
        ("encoder", f"{figures.model_gflops:,.0f} GFLOP/s, {figures.share:.0%} of {figures.machine_gflops:,.0f} measured"),
    ]
    if figures.peak_memory_bytes:
        rows.append(("peak memory", f"{figures.peak_memory_bytes / 1e9:.2f} GB"))
    return [f"{name:<13} {value}" for name, value in rows]
