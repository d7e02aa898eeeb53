"""Reads JSON lines with character spans; every character of a text is a token.

Two layouts: {"text", "entities": [{"start", "end", "type"}]} with the end exclusive, and CLUENER's
{"text", "label": {type: {mention: [[start, end], ...]}}} with the end inclusive. Positions count code points.
"""

from __future__ import annotations

import json
from array import array
from pathlib import Path
from typing import Any, Union

import numpy as np

from nerctl.data.columns import Columns, OnBad
from nerctl.data.conll import not_utf8, shown
from nerctl.errors import DataError

Span = tuple[int, int, str]
"""Start, end (exclusive), type."""


class _Unreadable(Exception):
    """Why a line cannot be read."""


def read_json_lines(path: Path, on_bad: OnBad) -> Columns:
    """The columns of the file at `path`; a line that cannot be read goes to `on_bad` and is left out.

    Raises DataError when the file is one JSON value instead of one a line.
    """
    characters = array("I")
    tag_ids = array("h")
    tags: dict[str, int] = {"O": 0}
    offsets = array("q", [0])
    lines = array("q")
    empty_texts = 0
    with open(path, "rb") as file:
        for number, raw in enumerate(file, 1):
            if number == 1:
                raw = raw[3:] if raw.startswith(b"\xef\xbb\xbf") else raw
                _refuse_one_value(path, raw)
            if not raw.strip():
                continue
            try:
                text, spans = parse_object(raw)
                code_points = _code_points(text)
            except _Unreadable as error:
                on_bad(number, str(error))
                continue
            if not text:
                empty_texts += 1
                continue
            characters.frombytes(code_points)
            tag_ids.frombytes(_span_tags(spans, len(text), tags).tobytes())
            offsets.append(len(characters))
            lines.append(number)
    vocabulary, token_ids = _distinct(np.frombuffer(characters, dtype=np.uint32))
    return Columns(
        vocabulary=vocabulary,
        token_ids=token_ids,
        tags=list(tags),
        tag_ids=np.array(tag_ids, dtype=np.int16),
        offsets=np.array(offsets, dtype=np.int64),
        lines=np.array(lines, dtype=np.int64),
        empty_texts=empty_texts,
    )


def _refuse_one_value(path: Path, first: bytes) -> None:
    """Say so at once when the file is a JSON array, or one object printed over several lines."""
    start = first.strip()
    if start.startswith(b"["):
        raise DataError(f"{path}:1: a JSON array; write JSON lines instead, one object a line: jq -c '.[]'.")
    if start == b"{":
        raise DataError(
            f"{path}:1: an object over several lines; write JSON lines, one object a line: jq -c ."
        )


def parse_object(raw: bytes) -> tuple[str, list[Span]]:
    """Text and spans of one line, the spans in order; raises _Unreadable."""
    try:
        value = json.loads(raw.decode("utf-8"))
    except UnicodeDecodeError:
        raise _Unreadable(not_utf8(raw)) from None
    except (ValueError, RecursionError) as error:
        raise _Unreadable(f"not JSON ({error}); one object a line is wanted") from None
    if not isinstance(value, dict) or not isinstance(value.get("text"), str):
        raise _Unreadable('an object with a string "text" is wanted')
    text: str = value["text"]
    if isinstance(value.get("entities"), list):
        spans = [_entity(item) for item in value["entities"]]
    elif isinstance(value.get("label"), dict):
        spans = _cluener(value["label"], text)
    else:
        raise _Unreadable(
            'neither a list "entities" nor a CLUENER "label"; write "entities": [] when there is none'
        )
    return text, _in_order(spans, text)


def _entity(item: Any) -> Span:
    if not isinstance(item, dict):
        raise _Unreadable(f"entity {item!r} is no object with start, end and type")
    missing = [name for name in ("start", "end", "type") if name not in item]
    if missing:
        raise _Unreadable(
            f'an entity with {", ".join(item) or "nothing"} lacks {" and ".join(missing)}; '
            '{"start": 0, "end": 2, "type": "PER"} is wanted, the end exclusive'
        )
    return _span(item.get("start"), item.get("end"), item.get("type"))


def _cluener(label: dict[str, Any], text: str) -> list[Span]:
    spans: list[Span] = []
    for entity_type, mentions in label.items():
        if not isinstance(mentions, dict):
            raise _Unreadable(f'"label" of type {entity_type!r} is no object of mentions')
        for mention, places in mentions.items():
            for place in places if isinstance(places, list) else [places]:
                if not isinstance(place, list) or len(place) != 2 or not isinstance(place[1], int):
                    raise _Unreadable(f"{place!r} of {mention!r} is no pair of start and end")
                span = _span(place[0], place[1] + 1, entity_type)
                if text[span[0] : span[1]] != mention:
                    raise _Unreadable(
                        f"the text at {place[0]} to {place[1]} is {shown(text[span[0] : span[1]])}, "
                        f"not {shown(mention)}"
                    )
                spans.append(span)
    return spans


def _span(start: Any, end: Any, entity_type: Any) -> Span:
    for value in (start, end):
        if isinstance(value, bool) or not isinstance(value, int):
            raise _Unreadable(f"a span's start and end must be whole numbers, not {value!r}")
    if (
        not isinstance(entity_type, str)
        or not entity_type.strip()
        or any(mark in entity_type for mark in "\0\r\n\t ")
    ):
        raise _Unreadable(f"a span's type must be a string without blanks, not {entity_type!r}")
    return start, end, entity_type


def _in_order(spans: list[Span], text: str) -> list[Span]:
    """`spans` sorted and without repeats, each within the text and none over another; raises _Unreadable."""
    ordered = sorted(set(spans))
    reached: Union[Span, None] = None
    for span in ordered:
        start, end, entity_type = span
        if not 0 <= start < end <= len(text):
            raise _Unreadable(
                f"{entity_type} at {start} to {end} is empty or outside the text of {len(text)} characters"
            )
        if reached is not None and start < reached[1]:
            raise _Unreadable(
                f"{entity_type} at {start} to {end} overlaps {reached[2]} at {reached[0]} to {reached[1]}; "
                "a token has one tag: keep one of the two"
            )
        reached = span
    return ordered


def _code_points(text: str) -> bytes:
    try:
        return text.encode("utf-32-le")
    except UnicodeEncodeError as error:
        raise _Unreadable(f"half a surrogate pair at character {error.start} of the text") from None


def _span_tags(spans: list[Span], length: int, tags: dict[str, int]) -> np.ndarray:
    """[length] int16 tag ids of the spans; new tags are added to `tags`."""
    ids = np.zeros(length, dtype=np.int16)
    for start, end, entity_type in spans:
        begin = tags.setdefault(f"B-{entity_type}", len(tags))
        inside = tags.setdefault(f"I-{entity_type}", len(tags))
        ids[start] = begin
        ids[start + 1 : end] = inside
    return ids


def _distinct(code_points: np.ndarray) -> tuple[list[str], np.ndarray]:
    """The distinct characters of [N] uint32 code points, and [N] int32 indices into them."""
    place = np.zeros(0x110000, dtype=np.int32)
    place[code_points] = 1
    present = np.flatnonzero(place)
    place[present] = np.arange(len(present))
    return [chr(code_point) for code_point in present.tolist()], place[code_points]
