"""nerctl's own JSON lines, and CLUENER's.

{"text", "entities": [{"start", "end", "type"}]} with the end exclusive, and CLUENER's
{"text", "label": {type: {mention: [[start, end], ...]}}} with the end inclusive. A mention beside the positions is
compared with the text. "tokens", pairs of start and end, are there where not every character is one.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Optional

from nerctl.data.formats.record import Mark, Place, Raw, Record, Unreadable, fields, mark_of, whole
from nerctl.data.json_text import json_bytes

MENTION = ("text", "mention", "word")
"""Fields of an entity that hold its mention."""
PERHAPS_MENTION = ("entity", "value", "name")
"""Fields that hold a mention, or something else: a mention if it stands in the text."""
OWN = ("text", "entities", "tokens", "id", "document", "begin")
"""Fields that are not carried along as they are."""


def text_of(value: Any, name: str = "text") -> str:
    """The text of a record; raises Unreadable when it has none."""
    if not isinstance(value, dict) or not isinstance(value.get(name), str):
        raise Unreadable(f'an object with a string "{name}" is wanted')
    text: str = value[name]
    return text


def plain_text(line: int, value: Any) -> Raw:
    """A text of nerctl's JSON lines."""
    text = text_of(value)
    entities = value.get("entities")
    if not isinstance(entities, list):
        raise Unreadable('neither a list "entities" nor a CLUENER "label"; write "entities": [] when there is none')
    document, begin = value.get("document"), value.get("begin", 0)
    record = Record(
        line,
        text,
        tokens=_tokens(value.get("tokens"), len(text)),
        key=value.get("id"),
        document=document if isinstance(document, str) else None,
        begin=whole(begin) or 0,
        extra=_others(value, document, begin),
    )
    return Raw(record, [_entity(item, text) for item in entities])


def _others(value: dict[str, Any], document: Any, begin: Any) -> dict[str, Any]:
    others = {name: content for name, content in value.items() if name not in OWN}
    if not isinstance(document, str) and document is not None:
        others["document"] = document
    if whole(begin) is None:
        others["begin"] = begin
    if "tokens" in value and not _are_pairs(value["tokens"]):
        others["tokens"] = value["tokens"]
    return others


def _are_pairs(tokens: Any) -> bool:
    return isinstance(tokens, list) and all(isinstance(one, list) and list(map(type, one)) == [int, int] for one in tokens)


def _tokens(tokens: Any, length: int) -> Optional[list[Place]]:
    if not _are_pairs(tokens):
        return None  # a field of somebody else's
    places = [(start, end) for start, end in tokens]
    ends = [0, *(end for _, end in places)]
    if any(start < before or end <= start for (start, end), before in zip(places, ends)) or ends[-1] > length:
        raise Unreadable('"tokens" must be pairs of start and end, one after another within the text')
    return places


def _entity(item: Any, text: str) -> Mark:
    if not isinstance(item, dict):
        raise Unreadable(f"entity {item!r} is no object with start, end and type")
    if "type" not in item and "label" in item:
        item = {**item, "type": item["label"]}
    if isinstance(item.get("pieces"), list) and "type" in item:
        return broken_mark(item["pieces"], item["type"])
    missing = [name for name in ("start", "end", "type") if name not in item]
    if missing:
        raise Unreadable(
            f'an entity with {", ".join(item) or "nothing"} lacks {" and ".join(missing)}; '
            '{"start": 0, "end": 2, "type": "PER"} is wanted, the end exclusive'
        )
    return mark_of(item["start"], item["end"], item["type"], _mention(item, text), item.get("score"))


def broken_mark(pieces: Any, kind: Any) -> Mark:
    """A mark of several parts; raises Unreadable."""
    if not _are_pairs(pieces) or len(pieces) < 2:
        raise Unreadable(f"the pieces of an entity must be two or more pairs of start and end, not {pieces!r}")
    places = sorted((start, end) for start, end in pieces)
    return mark_of(places[0][0], places[-1][1], kind)._replace(pieces=tuple(places))


def _mention(entity: dict[str, Any], text: str) -> Optional[str]:
    """The mention that stands beside an entity's positions, if there is one."""
    for name in MENTION + PERHAPS_MENTION:
        value = entity.get(name)
        if isinstance(value, str) and value and (name in MENTION or value in text):
            return value
    return None


def cluener_text(line: int, value: Any) -> Raw:
    """A text of CLUENER."""
    text = text_of(value)
    label = value.get("label")
    if not isinstance(label, dict):
        raise Unreadable('neither a list "entities" nor a CLUENER "label"; write "label": {} when there is none')
    marks: list[Mark] = []
    for entity_type, mentions in label.items():
        if not isinstance(mentions, dict):
            raise Unreadable(f'"label" of type {entity_type!r} is no object of mentions')
        for mention, places in mentions.items():
            for place in places if isinstance(places, list) else [places]:
                if not isinstance(place, list) or len(place) != 2 or not isinstance(place[1], int):
                    raise Unreadable(f"{place!r} of {mention!r} is no pair of start and end")
                marks.append(mark_of(place[0], place[1], entity_type, mention))
    return Raw(Record(line, text, key=value.get("id"), extra=without(value, "text", "label", "id")), marks)


def without(value: dict[str, Any], *names: str) -> dict[str, Any]:
    """The fields of an object but for these."""
    return {name: content for name, content in value.items() if name not in names}


def write_json_line(record: Record, loss: Counter[str]) -> bytes:
    """A text as a line of nerctl's JSON."""
    own: dict[str, Any] = {} if record.document is None else {"document": record.document, "begin": record.begin}
    entities: list[dict[str, Any]] = []
    for start, end, kind, score in record.spans:
        told = {"start": start, "end": end, "type": kind, "text": record.text[start:end]}
        entities.append(told if score is None else {**told, "score": score})
    entities += [{"pieces": [list(place) for place in one.pieces], "type": one.type} for one in record.broken]
    own.update(text=record.text, entities=entities)
    if record.tokens is not None:
        own["tokens"] = [list(place) for place in record.tokens]
    return json_bytes(fields(record, loss, own)) + b"\n"


def write_cluener(record: Record, loss: Counter[str]) -> bytes:
    """A text as a line of CLUENER's JSON."""
    label: dict[str, dict[str, list[list[int]]]] = {}
    for start, end, kind, _ in record.spans:
        label.setdefault(kind, {}).setdefault(record.text[start:end], []).append([start, end - 1])
    return json_bytes(fields(record, loss, {"text": record.text, "label": label})) + b"\n"
