"""doccano's JSON lines: {"id", "text", "label": [[start, end, type]]}, and the form with relations.

That one has "entities" of {"id", "label", "start_offset", "end_offset"} and "relations" (doccano 1.6 and later, projects
that use them). "label" may be called "labels".
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from nerctl.data.formats.json_lines import text_of, without
from nerctl.data.formats.record import Mark, Raw, Record, Unreadable, fields, mark_of
from nerctl.data.json_text import json_bytes

PREDICTED = ("text", "label", "scores", "model_version")
"""The fields of a prediction."""


def doccano_text(line: int, value: Any) -> Raw:
    """A text of an export of doccano."""
    text = text_of(value)
    name = next((one for one in ("label", "labels", "entities") if isinstance(value.get(one), list)), "")
    if not name:
        raise Unreadable('no list "label", "labels" or "entities"; write "label": [] when there is none')
    relations = value.get("relations")
    lost = ["relation"] * len(relations) if isinstance(relations, list) else []
    record = Record(line, text, key=value.get("id"), extra=without(value, "text", name, "id", "relations"))
    return Raw(record, [_mark(item) for item in value[name]], lost)


def _mark(item: Any) -> Mark:
    if isinstance(item, list) and len(item) == 3:
        return mark_of(*item)
    if isinstance(item, dict) and {"start_offset", "end_offset", "label"} <= set(item):
        return mark_of(item["start_offset"], item["end_offset"], item["label"])
    raise Unreadable(f"{item!r} is no [start, end, type]")


def write_doccano(record: Record, loss: Counter[str]) -> bytes:
    """A text as a line that doccano imports (sequence labelling, JSONL)."""
    labels = [[start, end, kind] for start, end, kind, _ in record.spans]
    return json_bytes(fields(record, loss, {"text": record.text, "label": labels})) + b"\n"


def write_prediction(record: Record, version: str) -> bytes:
    """A text as such a line, with a model's version and its scores in fields of their own, which doccano keeps as meta."""
    labels = [[start, end, kind] for start, end, kind, _ in record.spans]
    scores = [None if span.score is None else round(span.score, 6) for span in record.spans]
    own = dict(zip(PREDICTED, (record.text, labels, scores, version)))
    return json_bytes(fields(record, Counter(), own)) + b"\n"
