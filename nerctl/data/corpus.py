"""A corpus in memory, read from CoNLL columns or JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nerctl.data import bio
from nerctl.data.columns import Columns, Note, OnBad
from nerctl.data.conll import read_conll
from nerctl.data.first_bytes import refuse_file_of_no_text
from nerctl.data.foreign import Sample, disguise_of, layout_of
from nerctl.data.json_lines import read_json_lines
from nerctl.data.schemes import Conversion, MixedSchemes, count_ids, to_bio
from nerctl.data.spans import Span
from nerctl.data.splits import PathLike
from nerctl.data.token_table import TokenTable
from nerctl.errors import DataError, near_path

JSON_SUFFIXES = (".json", ".jsonl", ".ndjson")


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
class Corpus(TokenTable):
    """All sentences of one file in columns: about 6 bytes a token, whatever the tokens are."""

    path: str
    """The file, as it was given."""
    tag_names: list[str]
    """"O", then B-X and I-X of each type X, sorted by type; both even when only one of them occurs."""
    tag_ids: np.ndarray
    """[N] int16, index into `tag_names`; always legal BIO: an I-X that begins an entity was made B-X."""
    lines: np.ndarray
    """[S] int64: the line, from 1, of each sentence's first token."""
    scheme: str
    """How the file writes its tags: BIO, IOB1, BMES, BIOES, BILOU, or spans (JSON lines)."""
    notes: tuple[str, ...] = ()
    """What was unusual in the file and read all the same, a sentence each that begins with file:line."""
    overlapping: Mapping[int, tuple[Span, ...]] = field(default_factory=dict)
    """All entities of each sentence in which some overlap, in order; its tags hold the outermost."""

    def __iter__(self) -> Iterator[Sentence]:
        return (self.sentence(index) for index in range(len(self)))

    def sentence(self, index: int) -> Sentence:
        """Sentence `index`, counted from 0."""
        start, end = int(self.offsets[index]), int(self.offsets[index + 1])
        return Sentence(
            tokens=tuple(self.tokens(index)),
            tags=tuple(self.tag_names[tag] for tag in self.tag_ids[start:end].tolist()),
            line=int(self.lines[index]),
        )

    @property
    def types(self) -> list[str]:
        """The entity types that occur, sorted."""
        return bio.types_of(self.tag_names)

    def spans(self, index: int) -> list[Span]:
        """The entities of sentence `index`, nested ones included, by start."""
        if index in self.overlapping:
            return list(self.overlapping[index])
        return bio.spans_of_ids(self.tag_ids[self.offsets[index] : self.offsets[index + 1]], self.types)

    def goes_on(self, index: int) -> np.ndarray:
        """[n] bool: the tokens of sentence `index` at which an entity that began before goes on."""
        if index not in self.overlapping:
            return bio.is_inside(self.tag_ids[self.offsets[index] : self.offsets[index + 1]])
        found = np.zeros(int(self.lengths[index]), bool)
        for span in self.overlapping[index]:
            found[span.start + 1 : span.end] = True
        return found

    def longest_entity(self) -> int:
        """Tokens of the longest entity; 0 where there is none."""
        inside = bio.is_inside(self.tag_ids)
        ends = np.flatnonzero((self.tag_ids > 0) & ~np.append(inside[1:], False))
        begins = np.flatnonzero(bio.is_begin(self.tag_ids))
        longest = int((ends - begins).max()) + 1 if len(begins) else 0
        nested = (span.end - span.start for spans in self.overlapping.values() for span in spans)
        return max(longest, max(nested, default=0))

    def entity_counts(self) -> dict[str, int]:
        """Entities of each type."""
        counts = dict(zip(self.types, count_ids(self.tag_ids, len(self.tag_names))[bio.BEGINS].tolist()))
        for index, spans in self.overlapping.items():
            held = bio.spans_of(self.sentence(index).tags)
            for span in spans:
                counts[span.type] += span not in held
        return counts

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
    """Like `read_corpus`, but lines that cannot be read go to `on_bad` and their sentences are left out.

    Raises DataError where the file as a whole is something else: no text, another encoding, another tool's layout.
    """
    file = Path(path)
    try:
        sample = Sample.of(refuse_file_of_no_text(file))
        disguise = disguise_of(sample)
        if disguise:
            raise DataError(f"{path}: this looks like {disguise}")

        asked = False

        def explain(line: int, reason: str) -> None:
            nonlocal asked
            layout = "" if asked else layout_of(sample)
            asked = True
            if layout:
                raise DataError(f"{path}: this looks like {layout}")
            on_bad(line, reason)

        as_json = file.suffix.lower() in JSON_SUFFIXES or _begins_with_json(file)
        columns = read_json_lines(file, explain) if as_json else read_conll(file, explain)
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror or error}); {near_path(file)}name a corpus file."
        ) from None
    return _assemble(str(path), columns, "spans" if as_json else "")


def _assemble(path: str, columns: Columns, scheme: str) -> Reading:
    try:
        nested = {span.type for spans in columns.overlapping.values() for span in spans}
        conversion = to_bio(columns.tag_ids, columns.offsets, columns.tags, nested)
    except MixedSchemes as error:
        raise DataError(
            f"{path}:{columns.line_of(error.token)}: tags of different schemes in one file (prefixes {error.prefixes}); "
            "use one of BIO, IOB1, BMES, BIOES, BILOU."
        ) from None
    columns = _with_mixed_inside(columns)
    corpus = Corpus(
        path=path,
        vocabulary=columns.vocabulary,
        token_ids=columns.token_ids,
        tag_names=bio.tag_names(conversion.types),
        tag_ids=conversion.tag_ids,
        offsets=columns.offsets,
        lines=columns.lines,
        scheme=scheme or conversion.scheme,
        notes=tuple(note.sentence(path) for note in columns.notes),
        overlapping=columns.overlapping,
    )
    return Reading(corpus, conversion, columns)


def _with_mixed_inside(columns: Columns) -> Columns:
    """`columns` with a note where both M- and I- go on with entities."""
    middle = columns.tagged(lambda tag: tag.startswith("M-"))
    inside = columns.tagged(lambda tag: tag.startswith("I-"))
    if not len(middle) or not len(inside):
        return columns
    line = columns.line_of(max(int(middle[0]), int(inside[0])))
    note = Note("tags with M- and with I- both go on with an entity, and mean the same", line, 0)
    return replace(columns, notes=(*columns.notes, note))


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
    except (ValueError, RecursionError):
        return False
