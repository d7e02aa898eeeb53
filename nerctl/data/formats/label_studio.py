"""Label Studio's JSON (tasks with annotations or predictions) and JSON-MIN.

Label Studio numbers its tasks anew when it imports them, so a text's own id is written, and looked for first, in its data.

https://labelstud.io/guide/export and .../guide/predictions. A span has one label or several; the export keeps what was
cancelled, and every annotator's answer: the first that was not cancelled counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Optional
from xml.sax.saxutils import quoteattr

from nerctl.data.formats.json_lines import without
from nerctl.data.formats.record import Mark, Raw, Record, Unreadable, fields, mark_of
from nerctl.data.json_text import json_bytes

CONTROL, OBJECT = "label", "text"
"""Names of control and object in the labelling interface of a project that takes what is written here (`interface`)."""


def task_text(line: int, task: Any) -> Raw:
    """A text of an export as JSON."""
    if not isinstance(task, dict) or not isinstance(task.get("data"), dict):
        raise Unreadable('a task with "data" is wanted')
    data: dict[str, Any] = task["data"]
    result, lost = _answer(task)
    marks, others = _marks(result)
    name = _text_field(data, marks)
    extra = without(data, name, "id")
    if isinstance(task.get("meta"), dict) and task["meta"]:
        extra["meta"] = task["meta"]
    return Raw(Record(line, data[name], key=data.get("id", task.get("id")), extra=extra), marks, [*lost, *others])


def _answer(task: dict[str, Any]) -> tuple[list[Any], list[str]]:
    """The result that counts, and what is left out beside it."""
    given = [one for one in _dicts(task.get("annotations") or task.get("completions")) if not one.get("was_cancelled")]
    predicted = _dicts(task.get("predictions"))
    chosen = given or predicted
    result = chosen[0].get("result") if chosen else []
    more = ["answer of another annotator"] * (len(chosen) - 1)
    if not chosen and isinstance(task.get("predictions"), list):  # a plain export has them by number
        more = ["prediction whose result is not in the file"] * len(task["predictions"])
    if not isinstance(result, list):
        raise Unreadable('"result" is no list')
    return result, more


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _marks(result: list[Any]) -> tuple[list[Mark], list[str]]:
    """The entities of a result, and what else is in it."""
    marks: list[Mark] = []
    lost: list[str] = []
    for item in _dicts(result):
        value = item.get("value")
        kind = str(item.get("type", "labels"))
        if kind == "relation" or not isinstance(value, dict) or "start" not in value:
            lost.append("relation" if kind == "relation" else f"answer of kind {kind}")
        elif "startOffset" in value:
            raise Unreadable("labels of HTML (HyperText), whose positions count markup; export a project of Text")
        else:
            found = _of_value(value, item.get("score"))
            marks += found
            lost += [] if found else ["region without a label"]
    return marks, lost


def _of_value(value: dict[str, Any], score: Any = None) -> list[Mark]:
    """The entities of a region: one for each of its labels."""
    names: list[Any] = next((value[name] for name in ("labels", "hypertextlabels") if isinstance(value.get(name), list)), [])
    score = value.get("score", score)
    return [mark_of(value.get("start"), value.get("end"), kind, value.get("text"), score) for kind in names]


def _text_field(data: dict[str, Any], marks: list[Mark]) -> str:
    """The field of a task that holds the text: "text", the only string, or the one that holds the mentions."""
    fields = [name for name, value in data.items() if isinstance(value, str)]
    if "text" in fields:
        return "text"
    holding = [name for name in fields if all(mark.mention is None or mark.mention in data[name] for mark in marks)]
    for found in (fields, holding if marks else []):
        if len(found) == 1:
            return found[0]
    raise Unreadable(f'no field "text" in the task\'s data, and which of {", ".join(fields) or "none"} is it?')


def min_text(line: int, value: Any) -> Raw:
    """A text of an export as JSON-MIN."""
    if not isinstance(value, dict):
        raise Unreadable("an object is wanted")
    control = _control(value)
    marks = [mark for one in _dicts(value.get(control)) for mark in _of_value(one)]
    data = without(value, control, "id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time")
    name = _text_field(data, marks)
    return Raw(Record(line, value[name], key=value.get("id"), extra=without(data, name)), marks)


def _control(value: dict[str, Any]) -> str:
    """The field that holds the regions; a text without any has no such field."""
    found: Optional[str] = next(
        (name for name, one in value.items() if _dicts(one) and ("labels" in one[0] or "start" in one[0])), None
    )
    return found or CONTROL


def write_task(record: Record, loss: Counter[str]) -> bytes:
    """A text as an annotated task, without a comma or line end behind it."""
    extra = dict(record.extra)
    meta = {"meta": extra.pop("meta")} if "meta" in extra else {}
    return json_bytes({"data": _data(record, extra), "annotations": [{"result": _regions(record)}], **meta})


def write_prediction(record: Record, version: str) -> bytes:
    """A text as a task with the prediction of a model of that version, without a comma or line end behind it.

    The prediction's score, by which Label Studio sorts tasks, is that of the entity that the model is least sure of.
    """
    prediction: dict[str, Any] = {"model_version": version, "result": _regions(record)}
    scores = [span.score for span in record.spans if span.score is not None]
    if scores:
        prediction["score"] = round(min(scores), 6)
    return json_bytes({"data": _data(record, record.extra), "predictions": [prediction]})


def _data(record: Record, extra: Mapping[str, Any]) -> dict[str, Any]:
    key = {} if record.key is None else {"id": record.key}
    return {**key, **extra, "text": record.text}


def interface(types: Iterable[str]) -> str:
    """The labelling interface (XML) of a project that takes what is written here, with a label for each type."""
    labels = "".join(f"<Label value={quoteattr(kind)}/>" for kind in types)
    controls = f'<Labels name="{CONTROL}" toName="{OBJECT}">{labels}</Labels>'
    return f'<View>{controls}<Text name="{OBJECT}" value="$text"/></View>'


def _regions(record: Record) -> list[dict[str, Any]]:
    """The entities of a text as Label Studio's results."""
    found = []
    for number, (start, end, kind, score) in enumerate(record.spans, 1):
        value = {"start": start, "end": end, "text": record.text[start:end], "labels": [kind]}
        region = {"id": f"e{number}", "from_name": CONTROL, "to_name": OBJECT, "type": "labels", "value": value}
        found.append(region if score is None else {**region, "score": round(score, 6)})
    return found


def write_min(record: Record, loss: Counter[str]) -> bytes:
    """A text as an element of JSON-MIN."""
    labels = [region["value"] for region in _regions(record)]
    return json_bytes(fields(record, loss, {"text": record.text, CONTROL: labels}))
