"""Texts and sentences of any format as the columns that a corpus is made of."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import numpy as np

from nerctl.data.columns import Columns, Note, without_sentences
from nerctl.data.conll import unknown_tag
from nerctl.data.dialects import with_usual_tags
from nerctl.data.formats.offsets import Way, resolved, told, usual_way, way_of
from nerctl.data.formats.record import OnBad, Raw, RawReader, Row, Unreadable
from nerctl.data.spans import Span, outermost
from nerctl.errors import DataError
from nerctl.wording import counted, plural

WORDS = 0x110000
"""Tokens of several characters are numbered from here on; others are their code point."""


def columns_of_texts(reader: RawReader, path: Path, inclusive: bool, on_bad: OnBad) -> Columns:
    """The columns of a file of annotated texts; one that cannot be read goes to `on_bad` and is left out.

    Raises DataError where a folder's file cannot be read, or the file as a whole.
    """
    wrong: list[int] = []

    def note(line: int, reason: str) -> None:
        wrong.append(line)

    with suppress(DataError):  # it is said when the file is read again
        found = _columns(reader(path, note), usual_way(inclusive), note)
        if not wrong:
            return found
    way, notes = way_of(reader, path, inclusive)
    return _columns(reader(path, on_bad), way, on_bad, notes)


def _columns(raws: Iterable[Raw], way: Way, on_bad: OnBad, notes: tuple[Note, ...] = ()) -> Columns:
    tokens = array("I")
    tag_ids = array("h")
    words: dict[str, int] = {}
    tags: dict[str, int] = {"O": 0}
    offsets = array("q", [0])
    lines = array("q")
    empty_texts = 0
    overlapping: dict[int, tuple[Span, ...]] = {}
    lost: dict[str, list[int]] = {}  # what cannot be held: the lines that have it
    for raw in raws:
        try:
            record = resolved(raw, way)
            spans = record.token_spans()
            if record.tokens is None:
                ids = _code_points(record.text)
            else:
                ids = _word_ids(record.words(), words)
        except Unreadable as error:
            told(error, raw, on_bad)
            continue
        for what in (*raw.lost, *["entity of several parts"] * len(record.broken)):
            lost.setdefault(what, []).append(record.line)
        if not ids:
            empty_texts += 1
            continue
        tokens.frombytes(ids)
        flat = outermost(spans)
        if len(flat) < len(spans):
            overlapping[len(lines)] = tuple(span.unscored for span in spans)
        tag_ids.frombytes(_span_tags(flat, len(ids) // 4, tags).tobytes())
        offsets.append(len(tokens))
        lines.append(record.line)
    vocabulary, token_ids = _distinct(np.frombuffer(tokens, dtype=np.uint32), list(words))
    return Columns(
        vocabulary=vocabulary,
        token_ids=token_ids,
        tags=list(tags),
        tag_ids=np.array(tag_ids, dtype=np.int16),
        offsets=np.array(offsets, dtype=np.int64),
        lines=np.array(lines, dtype=np.int64),
        empty_texts=empty_texts,
        notes=(*notes, *(Note(f"left out: {counted(len(at), what, plural(what))}", at[0], 0) for what, at in lost.items())),
        overlapping=overlapping,
        token_lines=False,
    )


def columns_of_rows(rows: Iterable[Row], on_bad: OnBad, notes: tuple[Note, ...] = ()) -> Columns:
    """The columns of sentences whose tokens have tags; one that cannot be read goes to `on_bad` and is left out."""
    vocabulary: dict[str, int] = {}
    tags: dict[str, int] = {"O": 0}
    token_ids = array("i")
    tag_ids = array("h")
    offsets = array("q", [0])
    lines = array("q")
    empty = 0
    for row in rows:
        if len(row.tags) != len(row.tokens):
            on_bad(row.line, f"{len(row.tokens)} tokens with {len(row.tags)} tags; each token needs one")
            continue
        if not row.tokens:
            empty += 1
            continue
        token_ids.extend(vocabulary.setdefault(token or " ", len(vocabulary)) for token in row.tokens)
        tag_ids.extend(tags.setdefault(tag, len(tags)) for tag in row.tags)
        offsets.append(len(token_ids))
        lines.append(row.line)
    columns = Columns(
        vocabulary=list(vocabulary),
        token_ids=np.array(token_ids, dtype=np.int32),
        tags=list(tags),
        tag_ids=np.array(tag_ids, dtype=np.int16),
        offsets=np.array(offsets, dtype=np.int64),
        lines=np.array(lines, dtype=np.int64),
        empty_texts=empty,
        notes=notes,
        token_lines=False,
    )
    columns, odd = with_usual_tags(columns, np.zeros(0, dtype=np.int64))
    for token in odd[:1]:  # one is enough: the file as a whole has no dialect
        tag = columns.tags[columns.tag_ids[token]]
        on_bad(columns.line_of(int(token)), unknown_tag(tag))
    return without_sentences(columns, odd)


def _code_points(text: str) -> bytes:
    try:
        return text.encode("utf-32-le")
    except UnicodeEncodeError as error:
        raise Unreadable(f"half a surrogate pair at character {error.start} of the text") from None


def _word_ids(tokens: Iterable[str], words: dict[str, int]) -> bytes:
    ids = (ord(token) if len(token) == 1 else words.setdefault(token, WORDS + len(words)) for token in tokens)
    return array("I", ids).tobytes()


def _span_tags(spans: list[Span], length: int, tags: dict[str, int]) -> np.ndarray:
    """[length] int16 tag ids of the spans; new tags are added to `tags`."""
    ids = np.zeros(length, dtype=np.int16)
    for start, end, entity_type, _ in spans:
        begin = tags.setdefault(f"B-{entity_type}", len(tags))
        inside = tags.setdefault(f"I-{entity_type}", len(tags))
        ids[start] = begin
        ids[start + 1 : end] = inside
    return ids


def _distinct(tokens: np.ndarray, words: list[str]) -> tuple[list[str], np.ndarray]:
    """The distinct tokens of [N] uint32 code points and numbers of words, and [N] int32 indices into them."""
    place = np.zeros(WORDS + len(words), dtype=np.int32)
    place[tokens] = 1
    present = np.flatnonzero(place)
    place[present] = np.arange(len(present))
    names = [chr(number) if number < WORDS else words[number - WORDS] for number in present.tolist()]
    return names, place[tokens]
