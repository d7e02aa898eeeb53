"""What form an input of `nerctl predict` has: text, JSON lines or columns, by its first lines.

A file that somebody annotated in another shape is refused instead of being tagged, brackets, tags and all, as text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Optional, Union

from nerctl.data.invisible import trimmed
from nerctl.errors import DataError

LOOK_LINES = 1000
"""Lines, blank ones not counted, by which the form is known at the latest."""

LOOK_BYTES = 1 << 16
"""Bytes, likewise; a pipe is read so far ahead."""

WHOLE_LINE = 1 << 20
"""Bytes; of a longer line the beginning is looked at."""

_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff"))
_TYPE = r"([^\s\x00-\x1f]+)"
_STRICT = re.compile(rf"[BIMESLU]-{_TYPE}")
_LOOSE = re.compile(rf"([BIMESLU])[-_]{_TYPE}|{_TYPE}[-_]([BIMESLU])|[O0]", re.IGNORECASE)
"""A tag as people write them: B-PER, B_PER, PER-B, b-per, O, o, 0."""
_MARK = re.compile(
    r"(?:(?<=[\s/,;|\x01\x02'\"\[(])|^)(?:([BIMESLU])[-_]([^\s/,;|\x01\x02'\"\])]+)|O)(?=[\s/,;|\x01\x02'\"\])]|$)"
)
"""A tag, set apart, anywhere in a line."""
_ARRAY = re.compile(r'\[\s*(?:\{\s*"(?:[^"\\]|\\.)*"\s*:|"(?:[^"\\]|\\.)*"\s*[,\]]|\[\s*["{\[])')
_PAIR = re.compile(r'\[\s*"(?:[^"\\]|\\.)*"\s*,\s*\{')
_OBJECT = re.compile(r'\{\s*"(?:[^"\\]|\\.)*"\s*:')
_SAID = "if it is text, say --input-format text"


def recognise(name: str, lines: Sequence[tuple[int, bytes]]) -> str:
    """The form of an input: jsonl, conll or text.

    Args:
        name: the input's, for messages.
        lines: number and content of its first lines, blank ones too.

    Raises:
        DataError: it is clearly none of the three; the message says what it is and what to do.
    """
    used = [(number, raw) for number, raw in lines if raw.strip()]
    if not used:
        return "text"
    half = (len(used) + 1) // 2
    texts = [raw[:WHOLE_LINE].decode("utf-8", "replace") for _, raw in used]
    objects = [bool(_OBJECT.match(text.strip())) for text in texts]
    # Objects that are not JSON are for the reader to complain of, line by line.
    if sum(_is_object(raw) for _, raw in used) >= half or (objects[0] and sum(objects) >= half):
        return "jsonl"
    first = f"{name}:{used[0][0]}"
    _refuse_json(first, texts)
    if len(lines) == 1 and "\r" in texts[0]:
        raise DataError(f"{first}: its line ends are CR alone; make them LF: tr '\\r' '\\n'; {_SAID}")
    rows = [row for row in (columns(text.translate(_INVISIBLE)) for text in texts) if row is not None]
    if len(rows) >= half and _are_columns(rows):
        _refuse_numbered(first, rows)
        return "conll"
    _refuse_tags(name, [(number, text) for (number, _), text in zip(used, texts)], half)
    return "text"


def columns(line: str) -> Optional[list[str]]:
    """The columns of a line whose last one looks like a tag; None: it does not look like columns.

    The token comes first, as it is; the others without invisible characters.
    Of three and more columns that blanks part, the last two must look like tags, for "go to O" is text.
    """
    line = trimmed(line)
    token, *others = line.split("\t" if "\t" in line else " ")
    others = [field.translate(_INVISIBLE).strip(" ") for field in others]
    if "\t" not in line:
        others = [field for field in others if field]
    # A line may lack its token: that is what a writer makes of a blank.
    fields = [token.strip(" ") or " ", *others]
    if len(fields) < 2 or not _LOOSE.fullmatch(fields[-1]):
        return None
    if len(fields) > 2 and "\t" not in line and not _LOOSE.fullmatch(fields[-2]):
        return None
    return fields


def token_of(raw: bytes) -> Union[tuple[str, bool], None]:
    """The token of a line that holds it alone or beside a tag, however that is written, and whether there is a tag.

    None: the line holds something else.
    """
    try:
        text = raw.decode("utf-8").rstrip(" \t\r\v\f")
    except UnicodeDecodeError:
        return None
    if "\0" in text or "\r" in text:
        return None
    row = columns(text)
    if row is not None:
        return row[0], True
    alone = text.strip(" \t")
    return None if " " in alone or "\t" in alone else (alone, False)


def _is_object(raw: bytes) -> bool:
    line = raw.strip()
    if not (line.startswith(b"{") and line.endswith(b"}")):
        return False
    if len(line) > WHOLE_LINE:
        return bool(_OBJECT.match(line[:WHOLE_LINE].decode("utf-8", "replace")))
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _refuse_json(first: str, texts: Sequence[str]) -> None:
    content = "\n".join(texts).strip()
    if _PAIR.match(content):
        raise DataError(
            f"{first}: a text and its entities in an array; make objects of them: jq -c '{{text: .[0]}}'; {_SAID}"
        )
    if _ARRAY.match(content):
        raise DataError(f"{first}: a JSON array; write JSON lines instead, one object a line: jq -c '.[]'; {_SAID}")
    if _OBJECT.match(content):
        raise DataError(
            f"{first}: an object over several lines; write JSON lines, one object a line: jq -c .; {_SAID}"
        )


def _are_columns(rows: Sequence[Sequence[str]]) -> bool:
    """Whether lines that each may be columns are: "我的血型是 O" is none."""
    tags = [row[-1] for row in rows]
    if any(_STRICT.fullmatch(tag) for tag in tags):
        return True
    matches = [match for match in map(_LOOSE.fullmatch, tags) if match is not None]
    if _has_entities((match[1] or match[4], match[2] or match[3]) for match in matches):
        return True
    # No entity so far: characters with their O, or too many lines to end so by chance.
    return set(tags) == {"O"} and (len(rows) >= 10 or all(len(row[0]) == 1 for row in rows))


def _has_entities(marks: Iterable[tuple[Optional[str], Optional[str]]]) -> bool:
    """Whether of prefixes and types some type has a B and another prefix."""
    found: dict[str, set[str]] = {}
    for prefix, kind in marks:
        if kind and prefix:
            found.setdefault(kind, set()).add(prefix.upper())
    return any("B" in prefixes and len(prefixes) > 1 for prefixes in found.values())


def _refuse_numbered(first: str, rows: Sequence[Sequence[str]]) -> None:
    """CoNLL-U counts its tokens in the first column."""
    if len(rows[0]) > 2 and all(row[0].split("-")[0].split(".")[0].isdigit() for row in rows) and rows[0][0] == "1":
        raise DataError(
            f"{first}: CoNLL-U, whose first column counts the tokens; cut out token and tag: "
            f"grep -v '^#' | cut -f 2,{len(rows[0])}"
        )


def _refuse_tags(name: str, lines: Sequence[tuple[int, str]], half: int) -> None:
    found = [list(_MARK.finditer(text.translate(_INVISIBLE))) for _, text in lines]
    marked = [line for line, marks in zip(lines, found) if any(mark[2] for mark in marks)]
    words = [line for line in lines if _is_tagged_words(line[1])]
    if sum(map(bool, found)) >= half and _has_entities((mark[1], mark[2]) for marks in found for mark in marks):
        number, line, reason = *marked[0], "tags are mixed with the text"
    elif len(words) >= half:
        number, line, reason = *words[0], "each word has a tag behind it"
    else:
        return
    line = line.strip() if len(line) <= 30 else line[:29].strip() + "…"
    raise DataError(f"{name}:{number}: {reason} ({line!r}); take the tags out, or make columns of it; {_SAID}")


WORD_AND_PART = re.compile(r"\[?[^\s/]+/[A-Za-z]{1,4}(\][A-Za-z]{1,4})?")
"""A word and its part of speech, as People's Daily and MSRA have them: 厦门/ns."""


def _is_tagged_words(text: str) -> bool:
    words = text.split()
    return len(words) > 2 and sum(bool(WORD_AND_PART.fullmatch(word)) for word in words) >= 0.8 * len(words)
