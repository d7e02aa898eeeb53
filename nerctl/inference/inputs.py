"""What `nerctl predict` is given, as texts in order: lines of any stream, or a file that an annotation tool wrote."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Optional

from nerctl.data.corpus import Source, source_of
from nerctl.data.first_bytes import HEAD, refuse_no_text
from nerctl.data.formats import registry
from nerctl.data.formats.first_lines import Sample
from nerctl.data.formats.record import OnBad, joined
from nerctl.data.text_splitter import TextSplitter
from nerctl.errors import DataError, NerctlError
from nerctl.inference.documents import Document
from nerctl.inference.forms import STREAMED
from nerctl.inference.input_form import LOOK_BYTES, LOOK_LINES, recognise
from nerctl.inference.part_file import Done
from nerctl.inference.records import Bad, Item, Line, Record, read_items

LONGEST_LINE = 1 << 26
"""Bytes; a longer line is refused, for it would not fit in memory with its windows."""


@dataclass(frozen=True)
class StreamOptions:
    """How an input is read and written."""

    form: str = "auto"
    """auto, one of `nerctl.inference.forms.STREAMED`, or a format of `nerctl.data.formats.registry`."""
    output: str = "jsonl"
    """A `nerctl.inference.forms.OutputForm`."""
    field: str = "text"
    """JSON field that holds the text."""
    skip_bad: bool = False
    """Leave out lines that cannot be read, and say so, instead of stopping."""

    def __post_init__(self) -> None:
        if self.field == "entities" and self.output == "jsonl":
            raise NerctlError('--field entities: that is where the answer goes; give the text\'s field another name')
        if self.form not in STREAMED:
            registry.asked(self.form)


class Texts(NamedTuple):
    """An input that is open."""

    form: str
    """One of STREAMED, or the name of a format."""
    items: Iterator[Item]
    """Its texts, and the lines that cannot be read, from behind what is done."""


@contextmanager
def open_texts(source: str, options: StreamOptions, splitter: TextSplitter, done: Done = Done()) -> Iterator[Texts]:
    """An input, from behind what is `done`.

    Raises:
        DataError: it cannot be opened, or is of no form that is read.
    """
    corpus = _corpus(source, done.form or options.form, options.field)
    if corpus is not None:
        items = _corpus_items(corpus, splitter)
        yield Texts(corpus.format.name, islice(items, done.texts + done.skipped, None))
        return
    with open_input(source) as stream:
        _skip_input(stream, done.input_bytes)
        yield stream_texts(stream, source, options, splitter, done)


def stream_texts(stream: BinaryIO, name: str, options: StreamOptions, splitter: TextSplitter, done: Done) -> Texts:
    """The texts of a stream that stands behind what is `done`; `name` is what messages call it."""
    form, lines = _form(_lines(stream, name, done), name, done.form or options.form)
    return Texts(form, read_items(lines, form, options.field, splitter))


def _corpus(source: str, form: str, field: str) -> Optional[Source]:
    """The input as a file of an annotation tool; None where it is lines."""
    if form in STREAMED:
        return None
    if form != "auto":
        if source == "-":
            raise NerctlError(f"--input-format {form}: is read from a file, not from a pipe; name it with --input")
        return source_of(source, form)
    path = Path(source)
    if source == "-" or not (path.is_file() or path.is_dir()):
        return None
    found = source_of(path)
    if found.format.name in _AS_LINES or (found.sample is not None and _is_plain(found.sample, field)):
        return None
    return found


_AS_LINES = ("conll", "jsonl", "cluener", "doccano")
"""Formats whose lines are read one by one, and their other fields with them."""


def _is_plain(sample: Sample, field: str) -> bool:
    """Are these lines of JSON that have the text in that field?"""
    return not sample.in_array and isinstance(sample.fields.get(field), str)


def _corpus_items(source: Source, splitter: TextSplitter) -> Iterator[Item]:
    """The texts of a corpus without its entities; ids and other fields pass through."""
    bad: list[Item] = []

    def note(line: int, reason: str) -> None:
        bad.append(Bad(line, line, 0, reason))

    try:
        for record in _unmarked(source, splitter, note):
            yield from bad
            bad.clear()
            yield record
    except OSError as error:
        raise DataError(f"{source.path}: cannot be read ({error.strerror or error}).") from None
    yield from bad


def _unmarked(source: Source, splitter: TextSplitter, on_bad: OnBad) -> Iterator[Record]:
    found = source.format
    if found.texts is not None:
        for raw in found.texts(source.path, on_bad):
            one = raw.record
            yield Record(one.line, one.line, 0, Document.split(one.text, splitter), _with_id(one.key, one.extra))
    if found.rows is not None:
        for row in found.rows(source.path, on_bad):
            document = Document(*joined(row.tokens))
            yield Record(row.line, row.line, 0, document, _with_id(row.key, row.extra))


def _with_id(key: Any, extra: Mapping[str, Any]) -> dict[str, Any]:
    return dict(extra) if key is None else {"id": key, **extra}


def _form(lines: Iterator[Line], name: str, wanted: str) -> tuple[str, Iterator[Line]]:
    """The form of the input, by its first lines if `wanted` is auto, and all its lines."""
    if wanted != "auto":
        return wanted, lines
    seen: list[Line] = []
    size = filled = 0
    for line in lines:
        seen.append(line)
        size += len(line[2]) + 1
        filled += bool(line[2].strip())
        # However long the blank beginning is, something must be seen of what follows.
        if filled and (size >= LOOK_BYTES or filled >= LOOK_LINES):
            break
    form = recognise(name, [(number, content) for number, _, content in seen])

    def all_lines() -> Iterator[Line]:
        yield from seen
        yield from lines

    return form, all_lines()


def _lines(stream: BinaryIO, name: str, done: Done) -> Iterator[Line]:
    """The lines from where the stream stands, which is behind what is done."""
    number, end = done.lines, done.input_bytes
    while True:
        raw = stream.readline(LONGEST_LINE + 1)
        if not raw:
            return
        number += 1
        if len(raw) > LONGEST_LINE:
            raise DataError(f"{name}:{number}: longer than {LONGEST_LINE >> 20} MiB; cut the line")
        end += len(raw)
        content = raw[3:] if end == len(raw) and raw.startswith(b"\xef\xbb\xbf") else raw
        content = content[:-1] if content.endswith(b"\n") else content
        yield number, end, content[:-1] if content.endswith(b"\r") else content


def open_input(source: str) -> BinaryIO:
    """The input as bytes; "-" is standard input.

    Raises:
        DataError: it cannot be opened, or its first bytes are those of something else than UTF-8 text.
    """
    try:
        stream = io.BufferedReader(io.FileIO(os.dup(sys.stdin.fileno()) if source == "-" else source), HEAD)
        try:
            # A peek takes nothing away, which matters for a pipe; of one it sees what has arrived.
            refuse_no_text("standard input" if source == "-" else source, stream.peek(HEAD))
        except BaseException:
            stream.close()
            raise
    except OSError as error:
        reason = error.strerror or error
        raise DataError(f"{source}: cannot be read ({reason}); name a file, or - for standard input") from None
    return stream


def _skip_input(stream: BinaryIO, count: int) -> None:
    if stream.seekable():
        stream.seek(count)
        return
    while count:
        block = stream.read(min(count, 1 << 20))
        if not block:
            raise DataError("standard input is shorter than what was done before; give the same input to --resume")
        count -= len(block)
