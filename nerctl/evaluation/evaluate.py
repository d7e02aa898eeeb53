"""Scores a model folder on a corpus file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from nerctl.data.bio import outermost_tags
from nerctl.data.corpus import Sentence, read_corpus
from nerctl.data.nesting import flattened
from nerctl.data.sentence_windows import SentenceWindows
from nerctl.data.spans import Nested, Span
from nerctl.data.splits import find_splits, is_standoff
from nerctl.errors import DataError
from nerctl.evaluation.corpus import predict_spans, score_spans
from nerctl.evaluation.predictions import prediction_lines
from nerctl.evaluation.scores import Scores
from nerctl.files import write_parts
from nerctl.inference.loading import LoadedModel
from nerctl.progress import SILENT, Report


@dataclass(frozen=True)
class Evaluation:
    """What came of it."""

    data: Path
    """The file that was scored."""
    scores: Scores
    """Against the tags in the file."""
    notes: tuple[str, ...] = ()
    """What was unusual in the file and read all the same."""


def corpus_file(data: Path) -> Path:
    """The file to score: `data` itself, or the test file of a folder.

    Raises:
        DataError: there is none.
    """
    return find_splits(data, needed=("test",))["test"] if data.is_dir() and not is_standoff(data) else data


def evaluate_model(
    model: LoadedModel,
    data: Path,
    predictions: Optional[Path] = None,
    report: Report = SILENT,
    input_format: str = "auto",
    nested: Nested = "keep",
) -> Evaluation:
    """Tags a corpus and scores it; writes `token gold predicted` lines to `predictions` if given.

    `report` hears how many sentences are tagged; `input_format` is a format of `nerctl.data.formats.registry`; of entities
    that overlap those count which `nested` says.

    Raises:
        DataError: the corpus cannot be read or holds no sentence.
        FailedError: `predictions` cannot be written.
    """
    file = corpus_file(data)
    corpus = flattened(read_corpus(file, input_format), nested)
    if not len(corpus):
        raise DataError(f"{file}: no sentences; name a corpus file to score")
    windows = SentenceWindows(corpus, model.tokenizer, model.max_seq_length)
    name, total = file.name, len(corpus)
    found = predict_spans(model.engine, model.decoder, windows, told=lambda done: report.advance(name, int(done), total))
    if predictions is not None:
        write_parts(predictions, (lines.encode() for lines in map(_prediction, corpus, found)))
    return Evaluation(file, score_spans(corpus, found), corpus.notes)


def _prediction(sentence: Sentence, spans: Sequence[Span]) -> str:
    return prediction_lines(sentence.tokens, sentence.tags, outermost_tags(spans, len(sentence.tokens)))
