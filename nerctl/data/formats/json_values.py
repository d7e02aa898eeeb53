"""The JSON values of a file: one a line, the elements of an array, or objects over several lines; never all at once."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Callable, TypeVar

from nerctl.data.first_bytes import not_utf8, shown
from nerctl.data.formats.record import OnBad, Unreadable
from nerctl.data.invisible import looks_blank
from nerctl.errors import DataError

BLOCK = 1 << 20
"""Bytes read at a time."""
LONGEST = 1 << 28
"""Characters of one value; a longer one is no record of a corpus."""
_BETWEEN = re.compile(r"[\s,\ufeff]*")
_Found = TypeVar("_Found")


def each(parse: Callable[[int, Any], _Found], path: Path, on_bad: OnBad) -> Iterator[_Found]:
    """What `parse` makes of line and value of each record of the file; where it raises Unreadable, `on_bad` is told."""
    for line, value in json_values(path, on_bad):
        try:
            found = parse(line, value)
        except Unreadable as error:
            on_bad(line, str(error))
        else:
            yield found


def json_values(path: Path, on_bad: OnBad) -> Iterator[tuple[int, Any]]:
    """Line, from 1, and value of each record of the file.

    A line that is no JSON goes to `on_bad`; in a file whose values are not one a line that is a DataError, as nobody
    knows where the next one begins.
    """
    with open(path, "rb") as stream:
        first = _first_line(stream)
        stream.seek(0)
        yield from _by_lines(stream, on_bad) if _is_record(first) else _one_after_another(path, stream)


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these fields; raises Unreadable when one stands there twice."""
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Unreadable(f"the field {shown(twice)} stands twice in one object; keep one of them")
    return value


_DECODER = json.JSONDecoder(object_pairs_hook=unique)


def _first_line(stream: BinaryIO) -> bytes:
    for raw in iter(lambda: stream.readline(LONGEST), b""):
        line = raw.replace(b"\xef\xbb\xbf", b"").strip()
        if line:
            return line
    return b""


def _is_record(line: bytes) -> bool:
    """Is the first line a record by itself, and not the beginning of a value over several lines?

    An array of which the first element is an object or an array holds the records.
    """
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return not re.search(rb"^\[|[\[{,:]$", line)
    return not (isinstance(value, list) and (not value or isinstance(value[0], (dict, list))))


def _by_lines(stream: BinaryIO, on_bad: OnBad) -> Iterator[tuple[int, Any]]:
    for number, raw in enumerate(stream, 1):
        while raw.startswith(b"\xef\xbb\xbf"):
            raw = raw[3:]
        content = raw.strip()
        if not content or (len(content) < 64 and looks_blank(content.decode("utf-8", "replace"))):
            continue
        try:
            value = _DECODER.decode(raw.decode("utf-8"))
        except UnicodeDecodeError:
            on_bad(number, not_utf8(raw))
        except Unreadable as error:
            on_bad(number, str(error))
        except (ValueError, RecursionError) as error:
            on_bad(number, f"not JSON ({error}); one object a line is wanted")
        else:
            yield number, value


def _one_after_another(path: Path, stream: BinaryIO) -> Iterator[tuple[int, Any]]:
    """The elements of an array, or objects without one."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    buffer, at, line, ended, in_array = "", 0, 1, False, False
    while True:
        between = _BETWEEN.match(buffer, at)
        assert between is not None
        line += between[0].count("\n")
        at = between.end()
        if not in_array and buffer[at : at + 1] == "[":
            in_array, at = True, at + 1
            continue
        if in_array and buffer[at : at + 1] == "]":
            return
        if at < len(buffer):
            try:
                value, end = _DECODER.raw_decode(buffer, at)
            except Unreadable as error:
                raise DataError(f"{path}:{line}: {error}.") from None
            except (ValueError, RecursionError) as error:
                if ended or len(buffer) - at > LONGEST or isinstance(error, RecursionError):
                    raise DataError(f"{path}:{line}: not JSON ({error}).") from None
            else:
                if end < len(buffer) or ended:
                    yield line, value
                    line += buffer.count("\n", at, end)
                    at = end
                    continue
        elif ended:
            if in_array:
                raise DataError(f"{path}:{line}: the array is not closed; the file is cut off.")
            return
        try:
            block = stream.read(max(BLOCK, len(buffer) - at))  # a long value is not tried again at every block
            ended = not block
            buffer = buffer[at:] + decoder.decode(block, ended)
        except UnicodeDecodeError as error:
            raise DataError(f"{path}: {not_utf8(error.object[error.start : error.start + 60], str(path))}") from None
        at = 0
