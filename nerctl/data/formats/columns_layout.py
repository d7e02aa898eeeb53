"""Columns that are written otherwise than token, blank or TAB, tag: how each line becomes one that is.

A layout is found in the first lines of a file, only where they cannot be read as they are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import Callable, NamedTuple, Optional

from nerctl.data.conll import read_line
from nerctl.data.dialects import dialect_of
from nerctl.data.invisible import type_fault

MARKS = {",": "commas", ";": "semicolons", "/": "slashes", "|": "upright lines", "\\": "backslashes"}
_ONE_MARK = re.compile(r"(?P<token>.+?)\s*(?P<mark>[,;:|/\\#_=])\s*(?P<tag>[^,;:|/\\#=\s]+)")


class Layout(NamedTuple):
    """A way to write columns."""

    what: str
    """What it is called before people."""
    rewrite: Callable[[bytes], bytes]
    """A line without its line end as token, TAB, tag; as it is where it has another layout."""
    heading: bool = False
    """Is the first line a heading?"""


def are_columns(lines: Sequence[str]) -> bool:
    """Can all of the lines be read as columns, their tags in one dialect?"""
    parsed = [read_line(line.encode("utf-8", "surrogateescape"))[0] for line in lines]
    if any(isinstance(one, str) for one in parsed):
        return False
    return are_tags([one[1] for one in parsed if isinstance(one, tuple)])


def are_tags(tags: Sequence[str]) -> bool:
    """Are all of them tags, in whatever dialect?"""
    return bool(tags) and not any(map(type_fault, tags)) and (bool(dialect_of(tags)) or set(tags) == {"O"})


def is_disguised(lines: Sequence[str]) -> bool:
    """Would the lines be read as columns, and wrongly?"""
    return are_numbered([line.split() for line in lines], 3)


def layout_of(lines: Sequence[str]) -> Optional[Layout]:
    """The layout of a file that begins with these lines; None where they have none in common."""
    return _numbered(lines) or _tag_first(lines) or _other_mark(lines)


def _numbered(lines: Sequence[str]) -> Optional[Layout]:
    if are_numbered([line.split() for line in lines], 3):
        return Layout("columns with the number of each token first", _without_number)
    return None


def are_numbered(rows: Sequence[Sequence[str]], columns: int) -> bool:
    """Do rows of so many columns or more begin with 1, 2, 3, and again with 1 at a new sentence?"""
    if len(rows) < 3 or any(len(row) < columns or not row[0].isdecimal() for row in rows):
        return False
    numbers = [int(row[0]) for row in rows]
    first = numbers[0]
    goes_on = all(now in (first, before + 1) for before, now in zip(numbers, numbers[1:]))
    return first in (0, 1) and goes_on and max(numbers) > first


def _without_number(raw: bytes) -> bytes:
    found = re.fullmatch(rb"\s*\d+[ \t]+(\S.*)", raw)
    return found[1] if found else raw


def _tag_first(lines: Sequence[str]) -> Optional[Layout]:
    rows = [line.split() for line in lines]
    if rows and all(len(row) > 1 for row in rows) and are_tags([row[0] for row in rows]):
        return Layout("columns with the tag first", _tag_last)
    return None


def _tag_last(raw: bytes) -> bytes:
    tag, _, token = raw.replace(b"\t", b" ").strip(b" ").partition(b" ")
    return token.strip(b" ") + b"\t" + tag if tag and token else raw


def _other_mark(lines: Sequence[str]) -> Optional[Layout]:
    """Columns parted by another character, perhaps below a heading."""
    for used in (lines, lines[1:]):
        found = [_ONE_MARK.fullmatch(line.strip()) for line in used]
        parts = [part for part in found if part]
        marks = {part["mark"] for part in parts}
        if parts and len(parts) == len(used) and len(marks) == 1 and are_tags([part["tag"] for part in parts]):
            mark = marks.pop()
            heading = used is not lines
            what = f"columns parted by {MARKS.get(mark, repr(mark))}{', below a heading' if heading else ''}"
            return Layout(what, partial(_at_mark, mark.encode()), heading)
    return None


def _at_mark(mark: bytes, raw: bytes) -> bytes:
    head, found, tag = raw.rstrip(b" \t\r").rpartition(mark)
    if not found or not head:
        return raw
    if head.startswith(b'"') and head.endswith(b'"') and len(head) > 2:
        head = head[1:-1].replace(b'""', b'"')  # as CSV quotes a comma
    return head.strip(b" \t") + b"\t" + tag.strip(b" \t")
