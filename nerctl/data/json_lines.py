"""Reads JSON lines with character spans; every character of a text is a token.

Two layouts: {"text", "entities": [{"start", "end", "type"}]} with the end exclusive, and CLUENER's
{"text", "label": {type: {mention: [[start, end], ...]}}} with the end inclusive. Positions count code points.

A mention that stands beside its positions is always compared with the text. Where the mentions of a file say that
"end" is inclusive, it is read so in the whole file.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Optional

import numpy as np

from nerctl.data.columns import Columns, Note, OnBad
from nerctl.data.first_bytes import not_utf8, shown
from nerctl.data.invisible import looks_blank, type_fault
from nerctl.data.spans import Span, outermost

MENTION = ("text", "mention", "word")
"""Fields of an entity that hold its mention."""
PERHAPS_MENTION = ("entity", "value", "name")
"""Fields that hold a mention, or something else: a mention if it stands in the text."""
LOOKED_AT = 1000
"""Lines whose mentions tell whether ends are inclusive."""


class _Unreadable(Exception):
    """Why a line cannot be read."""


def read_json_lines(path: Path, on_bad: OnBad) -> Columns:
    """The columns of the file at `path`; a line that cannot be read goes to `on_bad` and is left out."""
    characters = array("I")
    tag_ids = array("h")
    tags: dict[str, int] = {"O": 0}
    offsets = array("q", [0])
    lines = array("q")
    empty_texts = 0
    overlapping: dict[int, tuple[Span, ...]] = {}
    notes = _inclusive_ends(path)
    for number, raw in _lines(path):
        try:
            text, spans = parse_object(raw, bool(notes))
            code_points = _code_points(text)
        except _Unreadable as error:
            on_bad(number, str(error))
            continue
        if not text:
            empty_texts += 1
            continue
        characters.frombytes(code_points)
        flat = outermost(spans)
        if len(flat) < len(spans):
            overlapping[len(lines)] = tuple(sorted(spans, key=lambda one: (one.start, -one.end, one.type)))
        tag_ids.frombytes(_span_tags(flat, len(text), tags).tobytes())
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
        notes=notes,
        overlapping=overlapping,
    )


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Numbers from 1 and lines that hold something, without byte order marks."""
    with open(path, "rb") as file:
        for number, raw in enumerate(file, 1):
            while raw.startswith(b"\xef\xbb\xbf"):
                raw = raw[3:]
            content = raw.strip()
            if content and not (len(content) < 64 and looks_blank(content.decode("utf-8", "replace"))):
                yield number, raw


def _inclusive_ends(path: Path) -> tuple[Note, ...]:
    """A note when most mentions of the first lines say that "end" is the last character, not the one behind it."""
    votes = {0: 0, 1: 0}
    first = 0
    for number, raw in _lines(path):
        if number > LOOKED_AT:
            break
        if b'"entities"' not in raw:
            continue
        try:
            value = json.loads(raw)
        except (ValueError, RecursionError):
            continue
        if not isinstance(value, dict) or not isinstance(value.get("text"), str):
            continue
        entities = value.get("entities")
        for entity in entities if isinstance(entities, list) else []:
            more = _vote(entity, value["text"])
            if more is not None:
                votes[more] += 1
                first = first or (number if more else 0)
    if votes[1] <= votes[0]:
        return ()
    return (Note('"end" is the last character of the mentions, so ends are read as inclusive in the whole file', first, 0),)


def _vote(entity: Any, text: str) -> Optional[int]:
    """What must be added to an entity's end so that its mention stands there: 0, 1, or None without an answer."""
    if not isinstance(entity, dict):
        return None
    start, end, mention = _whole(entity.get("start")), _whole(entity.get("end")), _mention(entity, text)
    if mention is None or start is None or end is None or start < 0:
        return None
    return next((more for more in (0, 1) if text[start : end + more] == mention), None)


def parse_object(raw: bytes, inclusive: bool = False) -> tuple[str, list[Span]]:
    """Text and spans of one line, the spans in order; raises _Unreadable.

    inclusive: "end" of an entity is its last character.
    """
    try:
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=_unique)
    except UnicodeDecodeError:
        raise _Unreadable(not_utf8(raw)) from None
    except (ValueError, RecursionError) as error:
        raise _Unreadable(f"not JSON ({error}); one object a line is wanted") from None
    if not isinstance(value, dict) or not isinstance(value.get("text"), str):
        raise _Unreadable('an object with a string "text" is wanted')
    text: str = value["text"]
    if isinstance(value.get("entities"), list):
        spans = [_entity(item, text, int(inclusive)) for item in value["entities"]]
    elif isinstance(value.get("label"), dict):
        spans = _cluener(value["label"], text)
    else:
        raise _Unreadable(
            'neither a list "entities" nor a CLUENER "label"; write "entities": [] when there is none'
        )
    return text, _in_order(spans, text)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these fields; raises _Unreadable when one stands there twice."""
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _Unreadable(f"the field {shown(twice)} stands twice in one object; keep one of them")
    return value


def _entity(item: Any, text: str, more: int) -> Span:
    """The span of an entity; `more` is added to its end."""
    if not isinstance(item, dict):
        raise _Unreadable(f"entity {item!r} is no object with start, end and type")
    if "type" not in item and "label" in item:
        item = {**item, "type": item["label"]}
    missing = [name for name in ("start", "end", "type") if name not in item]
    if missing:
        raise _Unreadable(
            f'an entity with {", ".join(item) or "nothing"} lacks {" and ".join(missing)}; '
            '{"start": 0, "end": 2, "type": "PER"} is wanted, the end exclusive'
        )
    start, end, entity_type, _ = _span(item["start"], item["end"], item["type"])
    mention = _mention(item, text)
    if mention is not None and text[max(0, start) : end + more] != mention:
        raise _Unreadable(
            f"the text at {start} to {end} is {shown(text[max(0, start) : end + more])}, not {shown(mention)}; "
            "correct the positions, which count characters from 0"
        )
    return Span(start, end + more, entity_type)


def _mention(entity: dict[str, Any], text: str) -> Optional[str]:
    """The mention that stands beside an entity's positions, if there is one."""
    for name in MENTION + PERHAPS_MENTION:
        value = entity.get(name)
        if isinstance(value, str) and value and (name in MENTION or value in text):
            return value
    return None


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
    first, last = _whole(start), _whole(end)
    if first is None or last is None:
        raise _Unreadable(f"a span's start and end must be whole numbers, not {start if first is None else end!r}")
    if not isinstance(entity_type, str) or not entity_type:
        raise _Unreadable(f"a span's type must be a string without blanks, not {entity_type!r}")
    fault = type_fault(entity_type)
    if fault:
        raise _Unreadable(f"a span's type {shown(entity_type)} {fault}")
    return Span(first, last, entity_type)


def _whole(value: Any) -> Optional[int]:
    """A whole number, also one that is written as 2.0; None for anything else."""
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _in_order(spans: list[Span], text: str) -> list[Span]:
    """`spans` sorted and without repeats, each within the text; raises _Unreadable."""
    ordered = sorted(set(spans))
    for start, end, entity_type, _ in ordered:
        if not 0 <= start < end <= len(text):
            raise _Unreadable(
                f"{entity_type} at {start} to {end} is empty or outside the text of {len(text)} characters"
            )
    return ordered


def _code_points(text: str) -> bytes:
    try:
        return text.encode("utf-32-le")
    except UnicodeEncodeError as error:
        raise _Unreadable(f"half a surrogate pair at character {error.start} of the text") from None


def _span_tags(spans: list[Span], length: int, tags: dict[str, int]) -> np.ndarray:
    """[length] int16 tag ids of the spans; new tags are added to `tags`."""
    ids = np.zeros(length, dtype=np.int16)
    for start, end, entity_type, _ in spans:
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
