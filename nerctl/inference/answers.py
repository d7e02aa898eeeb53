"""What `nerctl predict` writes: the answer to each text, in the form of its output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nerctl.data.formats import doccano, label_studio
from nerctl.data.formats.record import Record as Annotated
from nerctl.data.formats.registry import ARRAY
from nerctl.data.json_text import json_bytes
from nerctl.data.spans import Span, outermost
from nerctl.inference.marks import parts
from nerctl.inference.records import Record
from nerctl.inference.tagger import Entity, Result


@dataclass(frozen=True)
class Answers:
    """Makes the answers of a run in one form.

    jsonl: an object a line; a lone surrogate is written as an escape. conll: `token TAB tag` lines and a blank one; of
    nested entities the outermost. inline: the text with [mention](TYPE); a line end in it becomes a blank.
    label-studio: an array of tasks with predictions. doccano: its JSON lines, the scores beside.
    """

    form: str
    """An OutputForm but brat, which is no stream."""
    version: str = ""
    """Of the model, for annotation tools."""

    @property
    def own_fields(self) -> tuple[str, ...]:
        """The fields of a JSON line that the answer takes for itself."""
        return {"jsonl": ("entities",), "doccano": doccano.PREDICTED, "label-studio": ("text",)}.get(self.form, ())

    def of(self, record: Record, result: Result) -> bytes:
        """The answer to one text, a line end behind it unless something stands between answers."""
        if self.form == "label-studio":
            return label_studio.write_prediction(annotated(record, result), self.version)
        if self.form == "doccano":
            return doccano.write_prediction(annotated(record, result), self.version)
        if self.form == "jsonl":
            return json_bytes({**record.extra, record.field: result.text, **_entities(result)}) + b"\n"
        return (_inline(result) if self.form == "inline" else _columns(record, result)).encode("utf-8")

    def joined(self, answers: Sequence[bytes], before: int) -> bytes:
        """Answers one after another, behind as many as were written before."""
        begin, between, _ = self._around
        return (between if before else begin) + between.join(answers) if answers else b""

    def end(self, count: int) -> bytes:
        """What ends an output of so many answers."""
        begin, _, end = self._around
        return end if count else begin + end

    @property
    def _around(self) -> tuple[bytes, bytes, bytes]:
        return ARRAY if self.form == "label-studio" else (b"", b"", b"")


def annotated(record: Record, result: Result) -> Annotated:
    """An answer as a text of a corpus, with its scores; the field "id" is its id."""
    spans = [Span(one.start, one.end, one.type, one.score) for one in result.entities]
    extra = {name: value for name, value in record.extra.items() if name != "id"}
    return Annotated(record.line, result.text, spans, key=record.extra.get("id"), extra=extra)


def _columns(record: Record, result: Result) -> str:
    tags = ["O"] * len(record.document.tokens)
    begins = {start: index for index, (start, _) in enumerate(record.document.tokens)}
    for entity in outermost(result.entities):
        first = begins[entity.start]
        for index in range(first, len(tags)):
            if record.document.tokens[index][0] >= entity.end:
                break
            tags[index] = f"{'B' if index == first else 'I'}-{entity.type}"
    lines = [f"{_visible(result.text[start:end])}\t{tag}\n" for (start, end), tag in zip(record.document.tokens, tags)]
    return "".join(lines) + "\n"


def _entities(result: Result) -> dict[str, Any]:
    return {"entities": [entity.as_dict() for entity in result.entities]}


def _inline(result: Result) -> str:
    def mark(mention: list[str], entity: Entity) -> str:
        return f"[{''.join(mention)}]({entity.type})"

    shown = "".join(parts(result.text, result.entities, str, mark))
    return _encodable(" ".join(shown.splitlines())) + "\n"


def _visible(token: str) -> str:
    """A token that a reader of columns finds again: a line end or TAB becomes a blank."""
    return _encodable("".join(" " if mark in "\t\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029" else mark for mark in token))


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")
