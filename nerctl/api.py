"""The commands as functions: the options of the command line by name, a typed result, nothing printed."""

from __future__ import annotations

import inspect
import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional, Union

from nerctl.config import TrainConfig
from nerctl.data.spans import Nested
from nerctl.errors import NerctlError

if TYPE_CHECKING:
    from nerctl.data.report import Report
    from nerctl.evaluation.evaluate import Evaluation
    from nerctl.evaluation.scores import Scores
    from nerctl.inference.tagger import Tagger
    from nerctl.training.listener import Listener

PathLike = Union[str, Path]


@dataclass(frozen=True)
class TrainResult:
    """What a training came to."""

    folder: Path
    """The run: weights, log, reports; what `Tagger.load`, `evaluate` and the commands take."""
    step: int
    """Updates made in all."""
    dev_f1: Optional[float]
    """Best entity F1 on dev, a fraction of 1; None when dev was not scored."""
    test: Optional[Scores]
    """Scores of the best weights on test; None when it was not scored."""

    def tagger(self, **options: Any) -> Tagger:
        """The best weights, ready to tag; options as those of `Tagger.load`."""
        from nerctl.inference.tagger import Tagger

        return Tagger.load(self.folder, **options)


def train(
    *, resume: bool = False, overwrite: bool = False, listener: Optional[Listener] = None, **options: Any
) -> TrainResult:
    """Trains a tagger, as `nerctl train` does.

    Args:
        resume: go on with the run in `output_dir`.
        overwrite: replace the run in `output_dir`.
        listener: hears of each update and each scoring; None: nobody does.
        options: those of `nerctl train` by name, such as `data_dir="NERdata", epochs=1`; `nerctl.config.TrainConfig`
            describes them. A folder may be a `Path`. With `resume` those that are left out stay as the run has them.

    Raises:
        NerctlError: an option is unknown or wrong, or something is missing; nothing was written or removed.
        FailedError: the loss is no number any more; what was saved stays.
    """
    known = {field.name for field in fields(TrainConfig)}
    for name in options:
        if name not in known:
            raise NerctlError(f"{name}: train has no such option; nerctl.config.TrainConfig lists them")
    # A run keeps its options as JSON, which knows no paths.
    options = {name: os.fspath(value) if isinstance(value, os.PathLike) else value for name, value in options.items()}
    from nerctl.training.listener import Listener
    from nerctl.training.loop import train as run
    from nerctl.training.resume import resumed_config

    if resume:
        config = resumed_config(Path(options.get("output_dir", TrainConfig.output_dir)), options)
    else:
        config = TrainConfig.from_dict(options)
    command = f"nerctl.train({', '.join(f'{name}={value!r}' for name, value in options.items())})"
    outcome = run(config, command, listener or Listener(), resume, overwrite)
    return TrainResult(Path(config.output_dir), outcome.step, outcome.dev_f1, outcome.test)


def evaluate(
    model: PathLike = "output",
    data: PathLike = "NERdata",
    *,
    predictions: Optional[PathLike] = None,
    input_format: str = "auto",
    nested: Nested = "keep",
    strict: bool = False,
    max_seq_length: Optional[int] = None,
    device: str = "auto",
    threads: int = 0,
) -> Evaluation:
    """Scores a model on a corpus, as `nerctl evaluate` does.

    Args:
        model: training folder or exported folder.
        data: corpus file, or a folder: then its test file.
        predictions: file to write `token gold predicted` lines to.
        input_format: the corpus' format, as `nerctl convert --help` lists them; auto: by its content.
        nested: which of the corpus' entities that overlap count: keep, outermost, innermost, or refuse.
        strict: as for `nerctl score`; a corpus is read as legal BIO, where it changes nothing.
        max_seq_length: longest window in word pieces; None: that of training.
        device: auto, cpu, cuda or npu.
        threads: computing threads; 0: as many as cores.

    Returns:
        The file that was scored, and its scores, fractions of 1.

    Raises:
        NerctlError: the model or the corpus cannot be read.
    """
    from nerctl.evaluation.evaluate import evaluate_model
    from nerctl.inference.loading import load_model

    loaded = load_model(model, device=device, threads=threads, max_seq_length=max_seq_length)
    written = Path(predictions) if predictions is not None else None
    return evaluate_model(loaded, Path(data), written, input_format=input_format, nested=nested)


def check_data(
    path: PathLike, *, bert_dir: Optional[PathLike] = None, max_seq_length: int = 202, input_format: str = "auto"
) -> Report:
    """What a data set holds and what is wrong with it, as `nerctl check-data` tells.

    Args:
        path: folder with the files of train, dev and test, or one corpus file.
        bert_dir: encoder folder; its vocabulary makes lengths word pieces and tells unknown tokens.
        max_seq_length: window in word pieces.
        input_format: the files' format, as `nerctl convert --help` lists them; auto: each one's by its content.

    Returns:
        Figures of each split and problems, worst first; `ok` says whether training would take it.

    Raises:
        DataError: there is nothing to read.
    """
    from nerctl.data.validation import check_data as check
    from nerctl.encoders.opening import read_vocabulary

    vocabulary = read_vocabulary(Path(bert_dir)) if bert_dir is not None else None
    return check(path, vocabulary, max_seq_length, input_format)


def _signature_with_options() -> inspect.Signature:
    """The signature of `train` with every option by name and default, for help() and editors."""
    own = [one for one in inspect.signature(train).parameters.values() if one.kind is not inspect.Parameter.VAR_KEYWORD]
    named = [
        inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=field.type)
        for field in fields(TrainConfig)
    ]
    return inspect.signature(train).replace(parameters=[*named, *own])


train.__signature__ = _signature_with_options()  # type: ignore[attr-defined]
