"""What `nerctl predict` reads and writes: one record a text, in the form of its input and output."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Union

from nerctl.data.conll import parse_line
from nerctl.data.text_splitter import TextSplitter
from nerctl.inference.documents import Document
from nerctl.inference.tagger import Result

INPUTS = ("auto", "text", "jsonl", "conll")
"""Forms of input; auto looks at the first line that is not blank."""

OUTPUTS = ("jsonl", "conll", "inline")
"""Forms of output."""


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


def form_of(first: bytes) -> str:
    """The form of an input whose first line that is not blank is this: jsonl, conll or text."""
    line = first.strip()
    if line.startswith(b"{"):
        try:
            if isinstance(json.loads(line), dict):
                return "jsonl"
        except ValueError:
            pass
    columns = first.rstrip().replace(b"\t", b" ").split(b" ")
    tag = columns[-1] if len(columns) == 2 or b"\t" in line else b""
    return "conll" if (tag == b"O" or tag[:2] in (b"B-", b"I-", b"M-", b"S-", b"E-")) else "text"


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


def _json(number: int, end: int, raw: bytes, name: str, splitter: TextSplitter) -> Item:
    try:
        value = json.loads(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        return Bad(number, number, end, f"not UTF-8 at byte {error.start + 1} of the line")
    except (ValueError, RecursionError) as error:
        return Bad(number, number, end, f"not JSON ({error})")
    if not isinstance(value, dict):
        return Bad(number, number, end, "no JSON object")
    if not isinstance(value.get(name), str):
        return Bad(number, number, end, f'no string in the field "{name}" (--field)')
    text = value.pop(name)
    return Record(number, number, end, Document.split(text, splitter), value, name)


def _conll(lines: Iterable[Line]) -> Iterator[Item]:
    """Sentences of columns; the tags are not looked at, and one column is enough."""
    tokens: list[str] = []
    first, last = 0, (0, 0)
    reason = ""
    for number, end, raw in lines:
        parsed = parse_line(raw)
        if parsed is None:
            if tokens or reason:
                yield _sentence(tokens, (first, number, end), reason)
            tokens, reason = [], ""
            continue
        if not tokens and not reason:
            first = number
        if isinstance(parsed, tuple):
            tokens.append(parsed[0])
        elif not reason:
            # A token alone is fine: there is nothing else to know of a text that is to be tagged.
            alone = _alone(raw)
            if alone is None:
                reason, first = parsed, number
            else:
                tokens.append(alone)
        last = number, end
    if tokens or reason:
        yield _sentence(tokens, (first, *last), reason)


def _alone(raw: bytes) -> Union[str, None]:
    try:
        text = raw.decode("utf-8").strip(" \t\r\v\f")
    except UnicodeDecodeError:
        return None
    return None if " " in text or "\t" in text or "\0" in text else text


def _sentence(tokens: list[str], place: tuple[int, int, int], reason: str) -> Item:
    return Bad(*place, reason) if reason else Record(*place, Document.of_tokens(tokens))


def write_record(record: Record, result: Result, form: str) -> str:
    """The lines of one text in that form of output, the last line end included.

    jsonl: one object; a lone surrogate is written as an escape. conll: `token TAB tag` lines and a blank one.
    inline: the text with [mention](TYPE); a line end in it becomes a blank.
    """
    if form == "jsonl":
        return _dumped({**record.extra, record.field: result.text, **_entities(result)})
    if form == "inline":
        return _inline(result)
    tags = ["O"] * len(record.document.tokens)
    begins = {start: index for index, (start, _) in enumerate(record.document.tokens)}
    for entity in result.entities:
        first = begins[entity.start]
        for index in range(first, len(tags)):
            if record.document.tokens[index][0] >= entity.end:
                break
            tags[index] = f"{'B' if index == first else 'I'}-{entity.type}"
    lines = [f"{_visible(result.text[start:end])}\t{tag}\n" for (start, end), tag in zip(record.document.tokens, tags)]
    return "".join(lines) + "\n"


def _entities(result: Result) -> dict[str, Any]:
    return {"entities": [entity.as_dict() for entity in result.entities]}


def _dumped(value: dict[str, Any]) -> str:
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        text = json.dumps(value)
    return text + "\n"


def _inline(result: Result) -> str:
    parts, reached = [], 0
    for entity in result.entities:
        parts += [result.text[reached : entity.start], f"[{entity.text}]({entity.type})"]
        reached = entity.end
    parts.append(result.text[reached:])
    return _encodable(" ".join("".join(parts).splitlines())) + "\n"


def _visible(token: str) -> str:
    """A token that a reader of columns finds again: a line end or TAB becomes a blank."""
    return _encodable("".join(" " if mark in "\t\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029" else mark for mark in token))


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")
