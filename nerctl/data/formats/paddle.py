r"""PaddleNLP's files: MSRA's sentences, whose tokens and tags \x02 joins, and the lines of UIE.

UIE: {"content", "result_list": [{"text", "start", "end"}], "prompt"}, a line for each type of a text; those of one text
are put together, wherever they stand; where a type comes again, another text of the same characters begins.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nerctl.data.formats.json_lines import text_of
from nerctl.data.formats.json_values import each
from nerctl.data.formats.record import Mark, OnBad, Raw, Record, Unreadable, mark_of
from nerctl.data.json_text import json_bytes


def read_uie(path: Path, on_bad: OnBad) -> Iterator[Raw]:
    """The texts of UIE's lines; all of a file are held, for a text's lines need not stand side by side."""
    texts: dict[tuple[str, int], tuple[int, list[Mark]]] = {}
    times: Counter[tuple[str, str]] = Counter()
    for line, text, prompt, marks in each(_answer, path, on_bad):
        texts.setdefault((text, times[text, prompt]), (line, []))[1].extend(marks)
        times[text, prompt] += 1
    for (text, _), (line, marks) in texts.items():
        yield Raw(Record(line, text), marks)


def _answer(line: int, value: Any) -> tuple[int, str, str, list[Mark]]:
    """A line, its text, its prompt, and what was found for it."""
    text = text_of(value, "content")
    return line, text, str(value.get("prompt")), _marks(value)


def _marks(value: dict[str, Any]) -> list[Mark]:
    results = value.get("result_list")
    if not isinstance(results, list):
        raise Unreadable('no list "result_list"; write [] when there is none')
    marks = []
    for one in results:
        if not isinstance(one, dict) or not {"start", "end"} <= set(one):
            raise Unreadable(f"{one!r} is no result with start and end")
        marks.append(mark_of(one["start"], one["end"], value.get("prompt"), one.get("text")))
    return marks


def write_uie(record: Record, loss: Counter[str]) -> bytes:
    """A text as a line for each of its types; of a text without any, one without results."""
    kinds = list(dict.fromkeys(span.type for span in record.spans))
    lines = []
    for kind in kinds or [""]:
        results = [
            {"text": record.text[span.start : span.end], "start": span.start, "end": span.end}
            for span in record.spans
            if span.type == kind
        ]
        lines.append(json_bytes({"content": record.text, "result_list": results, "prompt": kind}) + b"\n")
    return b"".join(lines)
