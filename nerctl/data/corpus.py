"""A corpus in memory, read from CoNLL columns or JSON lines, and the files of a data folder's splits."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Union

import numpy as np

from nerctl.data.columns import Columns, OnBad
from nerctl.data.conll import read_conll
from nerctl.data.json_lines import read_json_lines
from nerctl.data.schemes import Conversion, MixedSchemes, bio_names, count_ids, to_bio
from nerctl.errors import DataError, near_path

PathLike = Union[str, Path]

SPLITS: dict[str, tuple[str, ...]] = {
    "train": ("train",),
    "dev": ("dev", "valid", "validation", "val"),
    "test": ("test",),
}
"""The words in a file's name that make it a split."""

JSON_SUFFIXES = (".json", ".jsonl", ".ndjson")
NO_CORPUS = re.compile(
    r"~$|\.(bak|gz|zip|tar|tgz|xz|bz2|7z|md|py|sh|html|log|csv|toml|ya?ml|pkl|np[yz]|tf_?record|part|tmp|sw[op]"
    r"|md5|sha\d+)$",
    re.IGNORECASE,
)
"""Names of files that lie beside corpora and are none."""


@dataclass(frozen=True)
class Sentence:
    """One sentence, as Python strings."""

    tokens: tuple[str, ...]
    """Its tokens; " " for a blank."""
    tags: tuple[str, ...]
    """A legal BIO tag for each token."""
    line: int
    """Line of its first token, from 1."""


@dataclass(frozen=True, eq=False)
class Corpus:
    """All sentences of one file in columns: about 6 bytes a token, whatever the tokens are."""

    path: str
    """The file, as it was given."""
    vocabulary: list[str]
    """The distinct tokens."""
    token_ids: np.ndarray
    """[N] int32, index into `vocabulary`."""
    tag_names: list[str]
    """"O", then B-X and I-X of each type X, sorted by type; both even when only one of them occurs."""
    tag_ids: np.ndarray
    """[N] int16, index into `tag_names`; always legal BIO: an I-X that begins an entity was made B-X."""
    offsets: np.ndarray
    """[S+1] int64: sentence s is tokens offsets[s]:offsets[s+1]; no sentence is empty."""
    lines: np.ndarray
    """[S] int64: the line, from 1, of each sentence's first token."""
    scheme: str
    """How the file writes its tags: BIO, IOB1, BMES, BIOES, BILOU, or spans (JSON lines)."""

    def __len__(self) -> int:
        return len(self.lines)

    def __iter__(self) -> Iterator[Sentence]:
        return (self.sentence(index) for index in range(len(self)))

    def sentence(self, index: int) -> Sentence:
        """Sentence `index`, counted from 0."""
        start, end = int(self.offsets[index]), int(self.offsets[index + 1])
        return Sentence(
            tokens=tuple(self.vocabulary[token] for token in self.token_ids[start:end].tolist()),
            tags=tuple(self.tag_names[tag] for tag in self.tag_ids[start:end].tolist()),
            line=int(self.lines[index]),
        )

    @property
    def types(self) -> list[str]:
        """The entity types that occur, sorted."""
        return [name[2:] for name in self.tag_names[1::2]]

    @property
    def lengths(self) -> np.ndarray:
        """[S] int64: tokens of each sentence."""
        return np.diff(self.offsets)

    def entity_counts(self) -> dict[str, int]:
        """Entities of each type."""
        counts = count_ids(self.tag_ids, len(self.tag_names))
        return dict(zip(self.types, counts[1::2].tolist()))

    def line_of(self, token: int) -> int:
        """The line, from 1, of the token at position `token` of the N."""
        sentence = int(np.searchsorted(self.offsets, token, side="right")) - 1
        line = int(self.lines[sentence])
        return line if self.scheme == "spans" else line + token - int(self.offsets[sentence])


class Reading(NamedTuple):
    """A corpus with what its reader noticed."""

    corpus: Corpus
    conversion: Conversion
    columns: Columns


def read_corpus(path: PathLike) -> Corpus:
    """Read the corpus file at `path`: JSON lines (by suffix, or by its first line), else CoNLL columns.

    A file without any token gives a corpus of no sentences. Raises DataError, with file and line, at the
    first line that cannot be read.
    """

    def stop(line: int, reason: str) -> None:
        raise DataError(f"{path}:{line}: {reason}.")

    return read_with(path, stop).corpus


def read_with(path: PathLike, on_bad: OnBad) -> Reading:
    """Like `read_corpus`, but lines that cannot be read go to `on_bad` and their sentences are left out."""
    file = Path(path)
    try:
        as_json = file.suffix.lower() in JSON_SUFFIXES or _begins_with_json(file)
        columns = read_json_lines(file, on_bad) if as_json else read_conll(file, on_bad)
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror or error}); {near_path(file)}name a corpus file."
        ) from None
    return _assemble(str(path), columns, "spans" if as_json else "")


def _assemble(path: str, columns: Columns, scheme: str) -> Reading:
    try:
        conversion = to_bio(columns.tag_ids, columns.offsets, columns.tags)
    except MixedSchemes as error:
        sentence = int(np.searchsorted(columns.offsets, error.token, side="right")) - 1
        line = int(columns.lines[sentence] + error.token - columns.offsets[sentence])
        raise DataError(
            f"{path}:{line}: tags of different schemes in one file (prefixes {error.prefixes}); "
            "use one of BIO, IOB1, BMES, BIOES, BILOU."
        ) from None
    corpus = Corpus(
        path=path,
        vocabulary=columns.vocabulary,
        token_ids=columns.token_ids,
        tag_names=bio_names(conversion.types),
        tag_ids=conversion.tag_ids,
        offsets=columns.offsets,
        lines=columns.lines,
        scheme=scheme or conversion.scheme,
    )
    return Reading(corpus, conversion, columns)


def _begins_with_json(file: Path) -> bool:
    """Is the first line that is not blank a JSON object? (A token may be a brace, so the line must parse.)"""
    with open(file, "rb") as stream:
        for raw in iter(lambda: stream.readline(1 << 20), b""):
            line = raw.replace(b"\xef\xbb\xbf", b"").strip()
            if line:
                return line.startswith(b"{") and _is_json_object(line)
    return False


def _is_json_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def find_splits(data_dir: PathLike, needed: Sequence[str] = ()) -> dict[str, Path]:
    """The files of `data_dir` that hold the splits: "train", "dev" and "test", those of them that are there.

    A file is a split by a word of its name, whatever parts the words: train.txt, example.train,
    train.char.bmes, msra_train.jsonl; dev may also be called valid, validation or val. Raises DataError when
    the folder has none, lacks one of `needed`, or has two files for one split.
    """
    folder = Path(data_dir)
    if not folder.is_dir():
        raise DataError(
            f"{data_dir}: no such folder; name the folder that holds train.txt, dev.txt and test.txt."
        )
    candidates: dict[str, list[Path]] = {split: [] for split in SPLITS}
    for file in sorted(folder.iterdir()):
        split = split_of(file)
        if split:
            candidates[split].append(file)
    for split, files in candidates.items():
        if len(files) > 1:
            names = " and ".join(file.name for file in files)
            raise DataError(f"{data_dir}: {names} could each be the {split} split; leave one of them there.")
    found = {split: files[0] for split, files in candidates.items() if files}
    missing = [split for split in needed if split not in found] if found else list(SPLITS)
    if missing:
        looked = ", ".join(
            f"{split}.txt, example.{split}, {split}.char.bmes or {split}.json" for split in missing[:1]
        )
        raise DataError(f"{data_dir}: no {' / '.join(missing)} file; looked for names such as {looked}.")
    return found


def split_of(file: Path) -> str:
    """The split that a file's name tells, or "" for none or more than one."""
    if file.name.startswith(".") or NO_CORPUS.search(file.name) or not file.is_file():
        return ""
    words = set(re.split(r"[^a-z]+", file.name.lower()))
    splits = [split for split, names in SPLITS.items() if words.intersection(names)]
    return splits[0] if len(splits) == 1 else ""
