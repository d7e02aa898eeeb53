"""A corpus in memory, read from a file of any format of `nerctl.data.formats`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple, Optional

import numpy as np

from nerctl.data import bio
from nerctl.data.columns import Columns, Note, line_of
from nerctl.data.conll import read_conll
from nerctl.data.first_bytes import HEAD, refuse_file_of_no_text
from nerctl.data.formats import columns_layout, registry
from nerctl.data.formats.first_lines import Sample, refusal_of
from nerctl.data.formats.hugging_face import has_unnamed_numbers
from nerctl.data.formats.record import OnBad
from nerctl.data.formats.registry import Format
from nerctl.data.formats.to_columns import columns_of_rows, columns_of_texts
from nerctl.data.schemes import Conversion, MixedSchemes, count_ids, to_bio
from nerctl.data.spans import Span
from nerctl.data.splits import PathLike
from nerctl.data.token_table import TokenTable
from nerctl.errors import DataError, near_path

JSON_SUFFIXES = (".json", ".jsonl", ".ndjson")
LONGEST_FIRST = 1 << 20
"""Bytes of the first line of JSON that are looked at."""


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
    token_lines: bool = True
    """Has each token a line of its own in the file?"""

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
        return line_of(token, self.offsets, self.lines, self.token_lines)


class Reading(NamedTuple):
    """A corpus with what its reader noticed."""

    corpus: Corpus
    conversion: Conversion
    columns: Columns


def read_corpus(path: PathLike, input_format: str = "auto") -> Corpus:
    """Read the corpus at `path`, of a format of `nerctl.data.formats.registry`, by its content where none is named.

    A file without any token gives a corpus of no sentences. Raises DataError, with file and line, at the
    first line that cannot be read.
    """

    def stop(line: int, reason: str) -> None:
        raise DataError(f"{path}:{line}: {reason}.")

    return read_with(path, stop, input_format).corpus


def read_with(path: PathLike, on_bad: OnBad, input_format: str = "auto") -> Reading:
    """Like `read_corpus`, but lines that cannot be read go to `on_bad` and their sentences are left out.

    Raises DataError where the file as a whole is something else: no text, another encoding, a layout of nobody's.
    """
    source = source_of(path, input_format)
    if source.named or source.format.name in registry.UNSAID:
        return reading_of(source, on_bad)
    return reading_of(source, on_bad, Note(f"read as {source.format.what}", 1, 0))


class Source(NamedTuple):
    """A file and how it is read."""

    path: Path
    """The file, or the folder of a format that has one."""
    format: Format
    """Its format."""
    sample: Optional[Sample]
    """Its beginning; None where it is no text."""
    named: bool
    """Was the format named, not recognised?"""


def source_of(path: PathLike, input_format: str = "auto") -> Source:
    """A file with its format; raises DataError where it cannot be read, or there is no format of that name."""
    file = Path(path)
    asked = registry.asked(input_format)
    found = asked or registry.by_place(file)
    if found is not None and found.at is not None:
        return Source(file, found, None, asked is not None)
    try:
        sample = Sample.of(_beginning(file))
    except OSError as error:
        raise _unreadable(file, error) from None
    found = asked or registry.recognise(sample)
    if found is None and file.suffix.lower() in JSON_SUFFIXES and not refusal_of(sample):
        found = registry.FORMATS["jsonl"]
    return Source(file, found or registry.FORMATS["conll"], sample, asked is not None)


def _beginning(file: Path) -> bytes:
    """The first bytes of a text file; of JSON with a long first line that line."""
    head = refuse_file_of_no_text(file)
    content = head.lstrip()
    if len(head) < HEAD or content[:1] not in (b"{", b"[") or b"\n" in content:
        return head
    with open(file, "rb") as stream:
        stream.seek(len(head) - len(content))
        return stream.readline(LONGEST_FIRST)


def reading_of(source: Source, on_bad: OnBad, *notes: Note) -> Reading:
    """Reads a file whose format is known, as `read_with` does; `notes` stand before what the reader noticed."""
    try:
        columns = _columns_of(source, on_bad)
    except OSError as error:
        raise _unreadable(source.path, error) from None
    columns = replace(columns, notes=(*notes, *columns.notes))
    return _assemble(str(source.path), columns, "spans" if source.format.texts else "")


def _columns_of(source: Source, on_bad: OnBad) -> Columns:
    path, found = source.path, source.format
    if found.texts is not None:
        return columns_of_texts(found.texts, path, found.inclusive, on_bad)
    if found.rows is not None:
        return columns_of_rows(found.rows(path, on_bad), on_bad, _unnamed_tags(source))
    return _columns(source, on_bad)


def _columns(source: Source, on_bad: OnBad) -> Columns:
    """A file of columns, however its lines are written; one that is none at all is a DataError at its first bad line."""
    sample = source.sample
    assert sample is not None
    asked = False

    def explain(line: int, reason: str) -> None:
        nonlocal asked
        refusal = "" if asked or source.named else refusal_of(sample)
        asked = True
        if refusal:
            raise DataError(f"{source.path}: this looks like {refusal}")
        on_bad(line, reason)

    layout = None
    if not columns_layout.are_columns(sample.lines) or columns_layout.is_disguised(sample.lines):
        layout = columns_layout.layout_of(sample.lines)
    if layout is None:
        return read_conll(source.path, explain)
    columns = read_conll(source.path, explain, layout.rewrite, layout.heading)
    return replace(columns, notes=(Note(f"read as {layout.what}", 1, 0), *columns.notes))


def _unnamed_tags(source: Source) -> tuple[Note, ...]:
    """A note where the tags of a file are numbers without names."""
    if source.format.name != "tokens" or source.sample is None:
        return ()
    told = "tags are numbers that nothing names, read as O, B-T1, I-T1, B-T2; write their names into labels.txt beside"
    return (Note(told, 1, 0),) if has_unnamed_numbers(source.path, source.sample.fields) else ()


def _unreadable(file: Path, error: OSError) -> DataError:
    if isinstance(error, IsADirectoryError):
        return DataError(f"{file}: cannot be read (it is a folder); name a corpus file in it.")
    return DataError(f"{file}: cannot be read ({error.strerror or error}); {near_path(file)}name a corpus file.")


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
        token_lines=columns.token_lines,
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
