"""The texts that `nerctl predict` reads from lines: one record a text, whatever the form of the input."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Union

from nerctl.data.conll import parse_line
from nerctl.data.invisible import looks_blank
from nerctl.data.text_splitter import TextSplitter
from nerctl.inference.documents import Document
from nerctl.inference.input_form import token_of


@dataclass(frozen=True)
class Record:
    """One text of the input."""

    line: int
    """Its first line, from 1."""
    last_line: int
    """Its last line."""
    end: int
    """Bytes of the input up to behind it."""
    document: Document
    """What is tagged."""
    extra: dict[str, Any] = field(default_factory=dict)
    """Other fields of a JSON line, passed through."""
    field: str = "text"
    """The JSON field that the text came from."""


@dataclass(frozen=True)
class Bad:
    """A line that cannot be read."""

    line: int
    """Its number, from 1."""
    last_line: int
    """The last line that is left out with it: a whole sentence of columns."""
    end: int
    """Bytes of the input up to behind it."""
    reason: str
    """What is wrong with it."""


Item = Union[Record, Bad]
Line = tuple[int, int, bytes]
"""Number from 1, bytes of the input up to behind it, content without the line end."""


def read_items(lines: Iterable[Line], form: str, name: str, splitter: TextSplitter) -> Iterator[Item]:
    """The texts of an input of that form; `name` is the JSON field that holds the text."""
    if form == "conll":
        yield from _conll(lines)
        return
    for number, end, raw in lines:
        if form == "jsonl":
            if raw.strip():
                yield _json(number, end, raw, name, splitter)
        else:
            try:
                yield Record(number, number, end, Document.split(raw.decode("utf-8"), splitter))
            except UnicodeDecodeError as error:
                yield Bad(number, number, end, f"not UTF-8 at byte {error.start + 1} of the line")


class _Twice(Exception):
    """A name that stands twice in one object."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _Twice(f'"{twice}" stands twice in one object')
    return value


def _json(number: int, end: int, raw: bytes, name: str, splitter: TextSplitter) -> Item:
    try:
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=_object)
    except UnicodeDecodeError as error:
        return Bad(number, number, end, f"not UTF-8 at byte {error.start + 1} of the line")
    except _Twice as error:
        return Bad(number, number, end, str(error))
    except (ValueError, RecursionError) as error:
        return Bad(number, number, end, f"not JSON ({error})")
    if not isinstance(value, dict):
        return Bad(number, number, end, "no JSON object")
    if not isinstance(value.get(name), str):
        there = ", ".join(list(value)[:5]) or "none"
        return Bad(number, number, end, f'no string in the field "{name}" (--field); its fields: {there}')
    text = value.pop(name)
    return Record(number, number, end, Document.split(text, splitter), value, name)


def _conll(lines: Iterable[Line]) -> Iterator[Item]:
    """Sentences of columns; the tags are not looked at, and one column is enough."""
    tokens: list[str] = []
    tagged = False
    first, last = 0, (0, 0)
    reason = ""
    for number, end, raw in lines:
        parsed = _token(raw)
        if parsed is None or (tagged and isinstance(parsed, tuple) and not parsed[1] and looks_blank(parsed[0])):
            if tokens or reason:
                yield _sentence(tokens, (first, number, end), reason)
            tokens, tagged, reason = [], False, ""
            continue
        if not tokens and not reason:
            first = number
        if isinstance(parsed, tuple):
            tokens.append(parsed[0])
            tagged |= parsed[1]
        elif not reason:
            reason, first = parsed, number
        last = number, end
    if tokens or reason:
        yield _sentence(tokens, (first, *last), reason)


def _token(raw: bytes) -> Union[tuple[str, bool], str, None]:
    """A line's token and whether it has a tag, why the line cannot be read, or None where it ends a sentence.

    A token alone is fine, and so is any spelling of its tag: there is nothing else to know of what is to be tagged.
    """
    parsed = parse_line(raw)
    if isinstance(parsed, tuple):
        return parsed[0], True
    return parsed if parsed is None else (token_of(raw) or parsed)


def _sentence(tokens: list[str], place: tuple[int, int, int], reason: str) -> Item:
    return Bad(*place, reason) if reason else Record(*place, Document.of_tokens(tokens))
