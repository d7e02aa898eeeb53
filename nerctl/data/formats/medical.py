"""JSON of medical corpora: CMeEE (CBLUE) and the CCKS tasks on clinical records.

CMeEE: {"text", "entities": [{"start_idx", "end_idx", "type", "entity"}]}, the end inclusive in the original release, an
array or JSON lines. CCKS: {"originalText", "entities": [{"label_type", "overlap", "start_pos", "end_pos"}]}, exclusive.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from nerctl.data.formats.json_lines import text_of, without
from nerctl.data.formats.record import Mark, Raw, Record, Unreadable, fields, mark_of
from nerctl.data.json_text import json_bytes

_START = ("start_idx", "start_offset", "start")
_END = ("end_idx", "end_offset", "end")


def cmeee_text(line: int, value: Any) -> Raw:
    """A text of CMeEE."""
    record = Record(line, text_of(value), key=value.get("id"), extra=without(value, "text", "entities", "id"))
    return Raw(record, [_cmeee(item) for item in _listed(value)])


def ccks_text(line: int, value: Any) -> Raw:
    """A text of CCKS."""
    text = text_of(value, "originalText")
    record = Record(line, text, key=value.get("id"), extra=without(value, "originalText", "entities", "id"))
    return Raw(record, [_ccks(item) for item in _listed(value)])


def _listed(value: dict[str, Any]) -> list[Any]:
    if not isinstance(value.get("entities"), list):
        raise Unreadable('no list "entities"; write [] when there is none')
    listed: list[Any] = value["entities"]
    return listed


def _cmeee(item: Any) -> Mark:
    start, end = (next((name for name in names if isinstance(item, dict) and name in item), "") for names in (_START, _END))
    if not start or not end or "type" not in item:
        raise Unreadable(f"{item!r} is no entity with start_idx, end_idx and type")
    return mark_of(item[start], item[end], item["type"], item.get("entity", item.get("mention")))


def _ccks(item: Any) -> Mark:
    if not isinstance(item, dict) or not {"start_pos", "end_pos", "label_type"} <= set(item):
        raise Unreadable(f"{item!r} is no entity with start_pos, end_pos and label_type")
    return mark_of(item["start_pos"], item["end_pos"], item["label_type"], item.get("entity", item.get("mention")))


def write_cmeee(record: Record, loss: Counter[str]) -> bytes:
    """A text as an element of CMeEE's array, ends inclusive."""
    entities = [
        {"start_idx": start, "end_idx": end - 1, "type": kind, "entity": record.text[start:end]}
        for start, end, kind, _ in record.spans
    ]
    return json_bytes(fields(record, loss, {"text": record.text, "entities": entities}))


def write_ccks(record: Record, loss: Counter[str]) -> bytes:
    """A text as a line of CCKS."""
    entities = [
        {"label_type": kind, "overlap": 0, "start_pos": start, "end_pos": end} for start, end, kind, _ in record.spans
    ]
    return json_bytes(fields(record, loss, {"originalText": record.text, "entities": entities})) + b"\n"
