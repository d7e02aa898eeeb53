"""The beginning of a file, by which its format is told; and what it is where no format is its."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from nerctl.data.first_bytes import HEAD
from nerctl.data.formats.columns_layout import are_tags
from nerctl.data.invisible import looks_blank

SAMPLE = 20
"""Lines that hold something and are looked at."""
JSON_LINES = 'write JSON lines: {"text": "...", "entities": [{"start": 0, "end": 2, "type": "PER"}]}, the end exclusive'
AS_COLUMNS = "which nerctl does not read; write a token, a TAB and its tag a line, and a blank line after each sentence"


@dataclass(frozen=True)
class Sample:
    """The beginning of a file."""

    text: str
    """What was looked at, without a byte order mark."""
    lines: list[str]
    """The first lines that hold something, the one that may be cut off left out where there is another."""
    first: Any
    """The first JSON value that holds a list or an object with something in it, else the first one; of an array one of
    its elements; None without any."""
    in_array: bool
    """Whether that is the element of an array."""

    @classmethod
    def of(cls, head: bytes) -> Sample:
        """The sample in the first bytes of a file."""
        text = head.decode("utf-8", "replace").lstrip("\ufeff")
        *whole, last = text.split("\n" if "\n" in text else "\r")
        cut_off = len(head) >= HEAD and not all(map(looks_blank, whole))
        filled = (line.strip("\r") for line in (whole if cut_off else [*whole, last]) if not looks_blank(line))
        lines = list(islice(filled, SAMPLE))
        in_array = bool(re.match(r"\s*\[\s*[\[{]", text))
        values = list(_elements(text) if in_array else _values(text, lines))
        telling = (value for value in values if isinstance(value, list) or any(map(_is_filled, value.values())))
        return cls(text, lines, next(telling, values[0] if values else None), in_array)

    @property
    def fields(self) -> dict[str, Any]:
        """Those of the first JSON value where it is an object; else none."""
        return self.first if isinstance(self.first, dict) else {}


def _elements(text: str) -> Iterator[Any]:
    """The first elements of an array that are objects or arrays."""
    decode = json.JSONDecoder().raw_decode
    at = text.index("[") + 1
    for _ in range(SAMPLE):
        at += len(text[at:]) - len(text[at:].lstrip(" \t\r\n,"))
        try:
            value, at = decode(text, at)
        except (ValueError, RecursionError):
            return
        if isinstance(value, (dict, list)):
            yield value


def _values(text: str, lines: list[str]) -> Iterator[Any]:
    """The objects and arrays of lines; where the first line is none, the one that goes over several."""
    if not text.lstrip().startswith(("{", "[")):
        return
    values = [_parsed(line) for line in lines]
    if values and values[0] is None:
        try:
            values = [json.JSONDecoder().raw_decode(text.lstrip())[0]]
        except (ValueError, RecursionError):
            return
    yield from (value for value in values if isinstance(value, (dict, list)))


def _is_filled(value: Any) -> bool:
    return isinstance(value, (dict, list)) and bool(value)


def refusal_of(sample: Sample) -> str:
    """What a file that begins so is, and what to do with it, in one sentence; "" when nobody knows."""
    return _json(sample) or _layers(sample) or _markup(sample)


def _json(sample: Sample) -> str:
    """JSON that no format has."""
    if sample.in_array or isinstance(sample.first, dict):
        values = list(filter(None, map(_parsed, sample.lines))) if not sample.in_array else [sample.first]
        unlabelled = [value for value in values if isinstance(value, dict) and isinstance(value.get("text"), str)]
        known = {"entities", "label", "labels", "spans", "annotations"}
        if unlabelled and len(unlabelled) == len(values) and not any(known & set(value) for value in unlabelled):
            return 'JSON of texts without labels; nerctl predict --input tags them, here each needs "entities"'
        fields = ", ".join(list(sample.fields)[:5])
        return f"JSON of no format that nerctl knows (its fields: {fields}); {JSON_LINES}" if fields else ""
    return ""


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _layers(sample: Sample) -> str:
    tags = [line.split()[-1] for line in sample.lines]
    doubled = [tag for tag in tags if "|" in tag and are_tags(tag.split("|"))]
    if doubled and all("|" in tag or are_tags([tag]) for tag in tags):
        return f"two layers of tags in one column ({doubled[0]}); a token has one tag: keep one layer"
    return ""


def _markup(sample: Sample) -> str:
    if re.match(r"<\?xml|<!doctype|<html", sample.text.lstrip()[:20], re.IGNORECASE):
        return f"XML or HTML, {AS_COLUMNS}"
    return ""


def first_of(value: dict[str, Any], *names: str) -> Any:
    """The first element of the first of these fields that is a list with elements; None without one."""
    lists = (value.get(name) for name in names)
    return next((content[0] for content in lists if isinstance(content, list) and content), None)
