"""`nerctl train`: parses the options, trains, shows the progress."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path
from typing import Optional

import typer

from nerctl.backends import BatchShape, Device, Precision
from nerctl.commands._help import DATA, DEVICE, MODEL, OUTPUT, SCHEDULE, choices
from nerctl.commands._options import Head
from nerctl.commands._stops import signals
from nerctl.commands.config import gather
from nerctl.config import BATCH_SIZES, ENCODER_RATES, HEAD_RATES, CrfStart, TrainConfig, size_rule
from nerctl.data.spans import Nested

DEFAULT = TrainConfig()

_RATES, _HEAD_RATES, _BATCHES = map(size_rule, (ENCODER_RATES, HEAD_RATES, BATCH_SIZES))


def train(
    context: typer.Context,
    data_dir: str = typer.Option(
        DEFAULT.data_dir, help="Folder with the train, dev and test files.", metavar="DIR", rich_help_panel=DATA
    ),
    input_format: str = typer.Option(
        DEFAULT.input_format, metavar="FORMAT", rich_help_panel=DATA,
        help="As nerctl convert --help lists them; auto: each file's by its content.",
    ),
    nested: Nested = typer.Option(
        DEFAULT.nested, metavar=choices(Nested), rich_help_panel=DATA,
        help="Entities that overlap; keep is for --head pointer.",
    ),
    bert_dir: str = typer.Option(
        DEFAULT.bert_dir,
        help="Folder with the encoder, in Google's form or Hugging Face's.",
        metavar="DIR",
        rich_help_panel=MODEL,
    ),
    init: Optional[str] = typer.Option(
        None, help="Begin with the encoder of another run, in place of --bert-dir's.", metavar="RUN", rich_help_panel=MODEL
    ),
    output_dir: str = typer.Option(
        DEFAULT.output_dir, help="Folder that the run is written to.", metavar="DIR", rich_help_panel=OUTPUT
    ),
    config: Optional[str] = typer.Option(
        None, metavar="FILE.toml", help="Options from a TOML file; those given here win.", is_eager=True
    ),
    device: Device = typer.Option(
        DEFAULT.device, help="auto takes CUDA if there is a card.", metavar=choices(Device), rich_help_panel=DEVICE
    ),
    device_id: Optional[int] = typer.Option(
        None, help="The card, from 0 (the original's -device_map).", metavar="N", rich_help_panel=DEVICE
    ),
    precision: Precision = typer.Option(
        DEFAULT.precision, help="Of products in the encoder.", metavar=choices(Precision), rich_help_panel=DEVICE
    ),
    batch_shape: BatchShape = typer.Option(
        DEFAULT.batch_shape, help="fixed: one shape for all batches.", metavar=choices(BatchShape), rich_help_panel=DEVICE
    ),
    xla: Optional[bool] = typer.Option(
        None, "--xla/--no-xla", help="Compile with XLA; default: as the device.", rich_help_panel=DEVICE
    ),
    npu_option: list[str] = typer.Option(
        [], metavar="NAME=VALUE", help="An option of the Ascend adapter; repeatable.", rich_help_panel=DEVICE
    ),
    threads: Optional[int] = typer.Option(
        None, help="Processor cores to use; default: all.", metavar="N", rich_help_panel=DEVICE
    ),
    from_scratch: bool = typer.Option(
        False, "--from-scratch", help="Begin from random weights, not the encoder's.", rich_help_panel=MODEL
    ),
    lower_case: Optional[bool] = typer.Option(
        None, "--lower-case/--cased",
        help="Lower-case the text; default: as the encoder's files say, else yes.",
        rich_help_panel=DATA,
    ),
    head: Head = typer.Option(
        DEFAULT.head, help="What finds the entities.", metavar=choices(Head), rich_help_panel=MODEL
    ),
    lstm_size: int = typer.Option(
        DEFAULT.lstm_size, help="LSTM units in each direction.", metavar="N", rich_help_panel=MODEL
    ),
    crf_start: CrfStart = typer.Option(
        DEFAULT.crf_start, help="What the CRF's scores begin with; counts: of the training tags.",
        metavar=choices(CrfStart), rich_help_panel=MODEL,
    ),
    max_seq_length: int = typer.Option(
        DEFAULT.max_seq_length,
        help="Word pieces a window, [CLS] and [SEP] included; longer sentences take several.",
        metavar="N",
        rich_help_panel=DATA,
    ),
    batch_size: Optional[int] = typer.Option(
        None, help=f"Sentences an update. Default: {_BATCHES}.", metavar="N", rich_help_panel=SCHEDULE
    ),
    max_tokens: Optional[int] = typer.Option(
        None,
        help="Padded positions in memory at once; larger batches go in parts. Default: 1536 on the CPU.",
        metavar="N",
        rich_help_panel=DEVICE,
    ),
    epochs: int = typer.Option(
        DEFAULT.epochs,
        help="Passes over train that the learning-rate schedule plans for.",
        metavar="N",
        rich_help_panel=SCHEDULE,
    ),
    steps: Optional[int] = typer.Option(
        None, help="Stop after this many updates in all; the schedule stays.", metavar="N", rich_help_panel=SCHEDULE
    ),
    learning_rate: Optional[float] = typer.Option(
        None,
        help=f"Peak rate of the encoder. Default: {_RATES} (docs/results.md).",
        metavar="RATE",
        rich_help_panel=SCHEDULE,
    ),
    head_learning_rate: Optional[float] = typer.Option(
        None, help=f"Peak rate of the head. Default: {_HEAD_RATES}.", metavar="RATE", rich_help_panel=SCHEDULE
    ),
    crf_learning_rate: float = typer.Option(
        DEFAULT.crf_learning_rate, help="Peak rate of the CRF's scores.", metavar="RATE", rich_help_panel=SCHEDULE
    ),
    warmup: float = typer.Option(
        DEFAULT.warmup,
        help="Share of the updates over which the rates rise.",
        metavar="SHARE",
        rich_help_panel=SCHEDULE,
    ),
    weight_decay: float = typer.Option(
        DEFAULT.weight_decay,
        help="Decoupled decay, not on LayerNorm and biases.",
        metavar="X",
        rich_help_panel=SCHEDULE,
    ),
    clip_norm: float = typer.Option(
        DEFAULT.clip_norm, help="Global gradient norm.", metavar="X", rich_help_panel=SCHEDULE
    ),
    dropout: Optional[float] = typer.Option(
        None, help="Dropout everywhere; default: the encoder's own rates.", metavar="SHARE", rich_help_panel=SCHEDULE
    ),
    seed: int = typer.Option(
        DEFAULT.seed, help="Fixes first weights, data order and dropout.", metavar="N", rich_help_panel=SCHEDULE
    ),
    eval_every: Optional[int] = typer.Option(
        None, help="Score dev after this many updates; default: each epoch.", metavar="N", rich_help_panel=OUTPUT
    ),
    save_every: Optional[int] = typer.Option(
        None,
        help="Save after this many updates; default: each evaluation, and 5 min.",
        metavar="N",
        rich_help_panel=OUTPUT,
    ),
    patience: Optional[int] = typer.Option(
        None, help="Stop after this many evaluations without a better dev F1.", metavar="N", rich_help_panel=SCHEDULE
    ),
    test: Optional[bool] = typer.Option(
        None, "--test/--no-test", help="Score test at the end; default: after a whole epoch.", rich_help_panel=OUTPUT
    ),
    resume: bool = typer.Option(
        False, "--resume", help="Go on with the run in the output folder.", rich_help_panel=OUTPUT
    ),
    overwrite: bool = typer.Option(
        False, "--overwrite", help="Replace the run in the output folder; other files stay.", rich_help_panel=OUTPUT
    ),
) -> None:
    """Train a BERT-BiLSTM-CRF tagger on a corpus and score it.

    On standard output comes a line a step when it is redirected, else a progress bar; the lines are always in
    OUTPUT/loss+perf_cpu.txt (_gpu, _npu). Ctrl-C finishes the step, saves, and says how to go on.

    \b
    Examples:
      nerctl train --device cpu --steps 5
      nerctl train --data-dir NERdata --bert-dir model --output-dir output
    """
    options = gather(context, TrainConfig, config)
    from nerctl.commands._train_screen import Lines, close, listening
    from nerctl.training.loop import train as run
    from nerctl.training.resume import resumed_config

    if resume:
        settings = resumed_config(Path(options.values["output_dir"]), options.explicit)
    else:
        settings = TrainConfig.from_dict(options.values)
    began = time.monotonic()
    with signals() as stop, listening(Lines()) as listener:
        outcome = run(settings, command_line(), listener, resume, overwrite, stop)
    close(outcome, settings.output_dir, time.monotonic() - began)


def command_line() -> str:
    """The command as it was typed, for the record."""
    return " ".join(["nerctl", *(shlex.quote(word) for word in sys.argv[1:])])
