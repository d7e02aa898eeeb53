"""JSON of medical corpora: CMeEE (CBLUE) and the CCKS tasks on clinical records.

CMeEE: {"text", "entities": [{"start_idx", "end_idx", "type", "entity"}]}, the end inclusive in the original release, an
array or JSON lines. CCKS: {"originalText", "entities": [{"label_type", "overlap", "start_pos", "end_pos"}]}, exclusive.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nerctl.data.formats.json_lines import text_of, without
from nerctl.data.formats.json_values import json_values
from nerctl.data.formats.record import Mark, OnBad, Raw, Record, Unreadable, mark_of
from nerctl.data.json_text import json_bytes

_START = ("start_idx", "start_offset", "start")
_END = ("end_idx", "end_offset", "end")


def read_cmeee(path: Path, on_bad: OnBad) -> Iterator[Raw]:
    """The texts of CMeEE."""
    for line, value in json_values(path, on_bad):
        try:
            text = text_of(value)
            marks = [_cmeee(item) for item in _listed(value)]
            yield Raw(line, text, marks, key=value.get("id"), extra=without(value, "text", "entities", "id"))
        except Unreadable as error:
            on_bad(line, str(error))


def read_ccks(path: Path, on_bad: OnBad) -> Iterator[Raw]:
    """The texts of CCKS."""
    for line, value in json_values(path, on_bad):
        try:
            text = text_of(value, "originalText")
            marks = [_ccks(item) for item in _listed(value)]
            yield Raw(line, text, marks, key=value.get("id"), extra=without(value, "originalText", "entities", "id"))
        except Unreadable as error:
            on_bad(line, str(error))


def _listed(value: dict[str, Any]) -> list[Any]:
    if not isinstance(value.get("entities"), list):
        raise Unreadable('no list "entities"; write [] when there is none')
    listed: list[Any] = value["entities"]
    return listed


def _cmeee(item: Any) -> Mark:
    start, end = (next((name for name in names if isinstance(item, dict) and name in item), "") for names in (_START, _END))
    if not start or not end or "type" not in item:
        raise Unreadable(f"{item!r} is no entity with start_idx, end_idx and type")
    mention = item.get("entity", item.get("mention"))
    return mark_of(item[start], item[end], item["type"], mention if isinstance(mention, str) and mention else None)


def _ccks(item: Any) -> Mark:
    if not isinstance(item, dict) or not {"start_pos", "end_pos", "label_type"} <= set(item):
        raise Unreadable(f"{item!r} is no entity with start_pos, end_pos and label_type")
    mention = item.get("entity", item.get("mention"))
    return mark_of(
        item["start_pos"], item["end_pos"], item["label_type"], mention if isinstance(mention, str) and mention else None
    )


def write_cmeee(record: Record, loss: Counter[str]) -> bytes:
    """A text as an element of CMeEE's array, ends inclusive."""
    entities = [
        {"start_idx": start, "end_idx": end - 1, "type": kind, "entity": record.text[start:end]}
        for start, end, kind, _ in record.spans
    ]
    key = {} if record.key is None else {"id": record.key}
    return json_bytes({**record.extra, **key, "text": record.text, "entities": entities})


def write_ccks(record: Record, loss: Counter[str]) -> bytes:
    """A text as a line of CCKS."""
    entities = [
        {"label_type": kind, "overlap": 0, "start_pos": start, "end_pos": end} for start, end, kind, _ in record.spans
    ]
    key = {} if record.key is None else {"id": record.key}
    return json_bytes({**record.extra, **key, "originalText": record.text, "entities": entities}) + b"\n"
