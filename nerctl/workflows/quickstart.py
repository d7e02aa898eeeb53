"""The first five minutes: the built-in sample, a small encoder, a run, its test score, a few sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from nerctl.config import TrainConfig
from nerctl.data.sample import sample_corpus, write_encoder, write_sample
from nerctl.errors import NerctlError
from nerctl.evaluation.scores import Scores
from nerctl.files import check_output_folder
from nerctl.inference.tagger import Result, Tagger
from nerctl.progress import SILENT, Report
from nerctl.run_record import RunRecord
from nerctl.training.listener import Listener
from nerctl.training.loop import train
from nerctl.training.resume import resumed_config
from nerctl.transfer.encoder import fetch_encoder
from nerctl.transfer.sources import E5_SMALL_ZH

DATA, ENCODER, RUN = "data", "encoder", "output"
"""The folders that a quickstart makes in its own."""

BERT = E5_SMALL_ZH.name
"""The pretrained encoder that `--bert` takes: the one that is built without a download."""

TEXTS = (
    "记者陈国华从苏州报道，江南大学医院的专家张晓梅昨天从上海回来。",
    "王建国高兴地说，他明年春天要去海南旅游，马上就买车票。",
    "金山公布年度报告，收入增长8.5%；我家在金山附近。",
    "他在杭州市教育局工作，白天写文章，周末种黄瓜。",
)
"""Sentences that are tagged at the end. None is in the sample, but what they are made of is: they come out right."""


@dataclass(frozen=True)
class Quickstart:
    """What a quickstart came to."""

    folder: Path
    """Where everything is."""
    interrupted: int | None
    """The signal that stopped the training; then nothing was scored or tagged."""
    step: int
    """Updates made."""
    dev_f1: float | None
    """Best dev F1, a fraction of 1."""
    test: Scores | None
    """Scores of the test part by the best weights."""
    results: Sequence[Result]
    """TEXTS, tagged."""

    @property
    def run(self) -> Path:
        """The run folder: the model, its log and its reports."""
        return self.folder / RUN


def config_for(folder: Path, device: str, seed: int, bert: str | None) -> TrainConfig:
    """How the sample is trained: from random weights, or with `bert` from a pretrained encoder.

    Raises:
        NerctlError: `bert` is no encoder that can be had without a download.
    """
    if bert not in (None, BERT):
        raise NerctlError(f"--bert {bert}: unknown; quickstart takes {BERT}, nerctl train takes any encoder")
    return TrainConfig(
        data_dir=str(folder / DATA),
        bert_dir=str(folder / ENCODER),
        output_dir=str(folder / RUN),
        device=device,
        seed=seed,
        max_seq_length=128,
        batch_size=16,
        # From scratch, sentences must be seen often, with more dropout than BERT's 0.1; both chosen on dev.
        from_scratch=bert is None,
        epochs=8 if bert is None else 2,
        dropout=0.2 if bert is None else None,
        test=True,
    )


def quickstart(
    folder: Path,
    device: str,
    seed: int,
    bert: str | None,
    overwrite: bool,
    command: str,
    listener: Listener,
    report: Report = SILENT,
    stop: Callable[[], int | None] = lambda: None,
) -> Quickstart:
    """Writes the sample and the encoder, trains, scores the test part, and tags TEXTS.

    A run that was stopped goes on where it was; one that is finished is left alone unless `overwrite`.

    Args:
        folder: made if missing; DATA, ENCODER and RUN go into it.
        device: auto, cpu, cuda or npu.
        seed: of the training; the sample is always the same.
        bert: None for the small encoder with random weights, or BERT.
        overwrite: replace the run that is there.
        command: the command line, for the record.
        listener: hears what the training does.
        report: hears what fetching the encoder does.
        stop: asked after each update; a signal number ends the training in order.

    Raises:
        NerctlError: a finished run is there, a stopped one with other options, or an option is wrong.
    """
    config = config_for(folder, device, seed, bert)
    check_output_folder(folder, "--output-dir")
    resume = not overwrite and _is_unfinished(folder / RUN)
    if resume:
        config = _resumed(folder / RUN, config)
    else:
        write_sample(folder / DATA)
        _place_encoder(folder / ENCODER, bert, report)
    outcome = train(config, command, listener, resume, overwrite, stop)
    results: Sequence[Result] = ()
    if outcome.interrupted is None:
        results = Tagger.load(folder / RUN, device=device).batch(TEXTS)
    return Quickstart(folder, outcome.interrupted, outcome.step, outcome.dev_f1, outcome.test, results)


def _is_unfinished(run: Path) -> bool:
    """Whether a run is there that a signal or a power cut stopped.

    Raises:
        NerctlError: a run is there and it is finished.
    """
    try:
        state = RunRecord.load(run).content.get("state")
    except NerctlError:
        return False  # no run, or one whose record cannot be read, which the training refuses by itself
    if state == "finished":
        raise NerctlError(
            f"{run}: holds a finished quickstart; look at report.html in it, run it again with --overwrite, "
            "or name another --output-dir"
        )
    return True


def _resumed(run: Path, wanted: TrainConfig) -> TrainConfig:
    """The config of the stopped run, on the device that is wanted now.

    Raises:
        NerctlError: it has another seed or another encoder.
    """
    saved = resumed_config(run, {"device": wanted.device})
    if (saved.seed, saved.from_scratch) != (wanted.seed, wanted.from_scratch):
        bert = "without --bert" if saved.from_scratch else f"with --bert {BERT}"
        raise NerctlError(
            f"{run}: holds a stopped quickstart with --seed {saved.seed} {bert}; give the same options to go on with "
            "it, add --overwrite to begin again, or name another --output-dir"
        )
    return saved


def _place_encoder(folder: Path, bert: str | None, report: Report) -> None:
    if bert is None:
        write_encoder(folder, (tokens for tokens, _ in sample_corpus()["train"]))
    else:
        fetch_encoder(bert, folder, force=True, report=report)
