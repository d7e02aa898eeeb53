"""Reports of a run that is over: scores a split again where need be, and lists the reports in the record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, Optional

from nerctl.config import TrainConfig
from nerctl.data.formats.registry import asked
from nerctl.errors import DataError
from nerctl.evaluation.errors import ScoredSentence
from nerctl.evaluation.report import has_analysis, write_report
from nerctl.files import check_output_folder, sha256_of_corpus
from nerctl.run_record import RunRecord


class Split(NamedTuple):
    """A corpus file to analyse, and what the report calls it."""

    name: str
    file: Path


def report_run(
    run_dir: Path,
    data: Optional[Path],
    device: str = "auto",
    threads: int = 0,
    say: Callable[[str], None] = lambda message: None,
    input_format: str = "auto",
) -> list[Path]:
    """Writes the reports of a run's folder again and gives their paths.

    data: corpus file, or a folder with a test file, whose errors are analysed. None: the analysis of the last
    report stays; where there is none, the run's own test (or dev) file is scored if it is still what it was.
    input_format: of the file that `data` means, where it is none of the run's.

    Raises DataError or ModelError when a file of the folder or the corpus cannot be read.
    """
    asked(input_format)
    record = RunRecord.load(run_dir)
    check_output_folder(run_dir, "--model")
    split = _named(record, data) if data is not None else None
    if split is None and not has_analysis(run_dir):
        split = _own(record)
    sentences = None
    if split is not None:
        say(f"scoring {split.file}")
        config = TrainConfig.from_dict(record.content.get("config") or {})
        if split.name not in record.corpus:
            config = replace(config, input_format=input_format)
        sentences = _scored(run_dir, split.file, config, device, threads)
    paths = write_report(run_dir, sentences, split.name if split else "")
    record.save([*record.files(), *(path.name for path in paths)])  # --overwrite may remove what it lists
    return paths


def _named(record: RunRecord, data: Path) -> Split:
    """The file that --data means; it has a split's name where it is that split's file."""
    from nerctl.evaluation.evaluate import corpus_file

    file = corpus_file(data)
    if not file.exists():
        raise DataError(f"{file}: no such file; name a corpus file, or a folder with test.txt")
    digest = sha256_of_corpus(file)
    names = (name for name, split in record.corpus.items() if split.sha256 == digest)
    return Split(next(names, file.name), file)


def _own(record: RunRecord) -> Optional[Split]:
    """The run's test file, else its dev file, if it is there with the content that was recorded."""
    for name in ("test", "dev"):
        split = record.corpus.get(name)
        if split is not None and Path(split.path).exists() and sha256_of_corpus(Path(split.path)) == split.sha256:
            return Split(name, Path(split.path))
    return None


def _scored(run_dir: Path, file: Path, config: TrainConfig, device: str, threads: int) -> list[ScoredSentence]:
    from nerctl.data.sentence_windows import SentenceWindows
    from nerctl.evaluation.corpus import scored_sentences
    from nerctl.inference.loading import load_model
    from nerctl.training.session import read_split

    corpus = read_split(file, config)
    if not len(corpus):
        raise DataError(f"{file}: no sentences; name a corpus file to score")
    model = load_model(run_dir, device=device, threads=threads)
    windows = SentenceWindows(corpus, model.tokenizer, model.max_seq_length)
    return scored_sentences(model.engine, model.decoder, corpus, windows)
