"""Names the layout of a file that the readers of this room cannot read, by its first lines.

Each recogniser looks at a sample and says in one sentence what the file is and what to do, or nothing. They are asked
only after a line could not be read, so that none of them can keep a good file out; but for layouts whose every line
would be read, and wrongly.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from itertools import islice
from typing import Any, Callable

from nerctl.data.dialects import dialect_of
from nerctl.data.first_bytes import HEAD
from nerctl.data.invisible import looks_blank, type_fault

SAMPLE = 20
"""Lines that hold something and are looked at."""
JSON_LINES = 'write JSON lines: {"text": "...", "entities": [{"start": 0, "end": 2, "type": "PER"}]}, the end exclusive'
COLUMNS = "write a token, a TAB and its tag a line, and a blank line after each sentence"
AS_OTHERS = f"which nerctl does not read; {JSON_LINES}"
AS_COLUMNS = f"which nerctl does not read; {COLUMNS}"

WORD_AND_PART = re.compile(r"\[?[^\s/]+/[A-Za-z]{1,4}(\][A-Za-z]{1,4})?")
"""A word and its part of speech, as People's Daily and MSRA have them: 厦门/ns."""

_ONE_MARK = re.compile(r"(?P<token>.+?)\s*(?P<mark>[,;:|/\\#_=])\s*(?P<tag>[^,;:|/\\#=\s]+)")
_MARKS = {",": "commas (CSV)", ";": "semicolons (CSV)", "/": "slashes", "|": "upright lines", "\\": "backslashes"}


@dataclass(frozen=True)
class Sample:
    """The beginning of a file."""

    text: str
    """What was looked at, without a byte order mark."""
    lines: list[str]
    """The first lines that hold something, the one that may be cut off left out where there is another."""
    first: Any
    """The first JSON value, of an array its first element; None without one."""
    in_array: bool
    """Whether that is the element of an array."""

    @classmethod
    def of(cls, head: bytes) -> Sample:
        """The sample in the first bytes of a file."""
        text = head.decode("utf-8", "replace").lstrip("\ufeff")
        *whole, last = text.split("\n")
        cut_off = len(head) >= HEAD and not all(map(looks_blank, whole))
        filled = (line.strip("\r") for line in (whole if cut_off else [*whole, last]) if not looks_blank(line))
        first, in_array = _first_json(text)
        return cls(text, list(islice(filled, SAMPLE)), first, in_array)

    @property
    def fields(self) -> dict[str, Any]:
        """Those of the first JSON value where it is an object; else none."""
        return self.first if isinstance(self.first, dict) else {}


def _first_json(text: str) -> tuple[Any, bool]:
    """The first JSON value of a text; of an array of objects or pairs its first element."""
    begin = text.lstrip()
    if begin[:1] not in ("{", "["):
        return None, False
    in_array = bool(re.match(r"\[\s*[\[{]", begin))
    try:
        return json.JSONDecoder().raw_decode(begin[1:].lstrip() if in_array else begin)[0], in_array
    except (ValueError, RecursionError):
        return None, in_array


def layout_of(sample: Sample) -> str:
    """What the file that begins so is, and what to do with it, in one sentence; "" when nobody knows.

    Not asked of a file that `disguise_of` has named.
    """
    return "" if _is_own(sample) else _first_answer(RECOGNISERS, sample)


def disguise_of(sample: Sample) -> str:
    """Like `layout_of` for the layouts that look like columns, and whose tokens would be read wrongly."""
    return _first_answer(DISGUISED, sample)


def _first_answer(recognisers: tuple[Callable[[Sample], str], ...], sample: Sample) -> str:
    return next(filter(None, (recognise(sample) for recognise in recognisers)), "")


def _is_own(sample: Sample) -> bool:
    """Is the first line in one of nerctl's own layouts of JSON, so that a fault further down is just that?"""
    value = sample.fields
    if sample.in_array or not isinstance(value.get("text"), str) or not _is_json(sample.lines[0]):
        return False
    entity = _first_of(value, "entities")
    is_plain = isinstance(value.get("entities"), list) and (entity is None or (isinstance(entity, dict) and "end" in entity))
    return is_plain or isinstance(value.get("label"), dict)


def _label_studio(sample: Sample) -> str:
    value = sample.fields
    if isinstance(value.get("data"), dict) and {"annotations", "completions", "predictions"} & set(value):
        return f"a JSON export of Label Studio, {AS_OTHERS}"
    labels = _first_of(value, "label")
    if isinstance(labels, dict) and "labels" in labels:
        return f"a JSON-MIN export of Label Studio, {AS_OTHERS}"
    return ""


def _doccano(sample: Sample) -> str:
    value = sample.fields
    listed = _first_of(value, "label", "labels", "entities")
    if isinstance(listed, list) and len(listed) == 3:
        return f"JSON lines of doccano, {AS_OTHERS}"
    if isinstance(listed, dict) and "start_offset" in listed:
        return f"JSON lines of doccano (entities with relations), {AS_OTHERS}"
    return ""


def _medical(sample: Sample) -> str:
    value = sample.fields
    if "originalText" in value:
        return f"JSON of CCKS (originalText, start_pos), {AS_OTHERS}"
    listed = _first_of(value, "entities")
    if isinstance(listed, dict) and "start_idx" in listed:
        return f"JSON of CMeEE (start_idx, end_idx), {AS_OTHERS}"
    return ""


def _libraries(sample: Sample) -> str:
    pair, value = sample.first, sample.fields
    if isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str) and isinstance(pair[1], dict):
        return f"training data of spaCy ([text, {{entities}}]), {AS_OTHERS}"
    if isinstance(value.get("tokens"), list):
        return f"JSON lines of tokens and tags, as Hugging Face datasets have them, {AS_COLUMNS}"
    if "result_list" in value and "content" in value:
        return f"JSON lines of PaddleNLP's UIE (content, result_list), {AS_OTHERS}"
    return ""


def _json(sample: Sample) -> str:
    """JSON of any other kind."""
    if sample.in_array:
        return "a JSON array; write JSON lines instead, one object a line (jq -c '.[]' FILE > NEW)"
    if not isinstance(sample.first, dict):
        return ""
    if not _is_json(sample.lines[0]):
        return "an object over several lines; write JSON lines, one object a line (jq -c . FILE > NEW)"
    values = [json.loads(line) for line in sample.lines if _is_json(line)]
    unlabelled = [value for value in values if isinstance(value, dict) and isinstance(value.get("text"), str)]
    known = {"entities", "label", "labels", "spans", "annotations"}
    if len(unlabelled) == len(sample.lines) and not any(known & set(value) for value in unlabelled):
        return "JSON lines of texts without labels; nerctl predict --input tags them, here each needs \"entities\""
    return ""


def _conllu(sample: Sample) -> str:
    commented = bool(sample.lines) and re.match(r"# \S.* = |# (newdoc|newpar)\b", sample.lines[0])
    rows = [line.split("\t") for line in sample.lines if not line.startswith("#")]
    if (commented and any("\t" in line for line in sample.lines)) or _are_numbered(rows, 10):
        return f"CoNLL-U or CoNLL-U Plus (comments, numbered tokens), {AS_COLUMNS}"
    return ""


def _numbered(sample: Sample) -> str:
    if _are_numbered([line.split() for line in sample.lines], 3):
        return "columns with the number of the token first; the token is wanted there: leave the numbers out"
    return ""


def _are_numbered(rows: list[list[str]], columns: int) -> bool:
    """Do rows of so many columns or more begin with 1, 2, 3, and again with 1 at a new sentence?"""
    if len(rows) < 3 or any(len(row) < columns or not row[0].isdecimal() for row in rows):
        return False
    numbers = [int(row[0]) for row in rows]
    first = numbers[0]
    return first in (0, 1) and all(now in (first, before + 1) for before, now in zip(numbers, numbers[1:])) and (
        max(numbers) > first
    )


def _brat(sample: Sample) -> str:
    if sample.lines and re.match(r"T\d+\t\S+ \d+ \d+[^\t]*\t", sample.lines[0]):
        return f"annotations of brat (.ann), {AS_OTHERS}"
    return ""


def _sentence_a_line(sample: Sample) -> str:
    """Tokens and tags of a whole sentence in one line."""
    lines = sample.lines
    if not lines:
        return ""
    if all(re.match(r"\s*[\[(]\s*['\"].*['\"]\s*[\])]\s*$", line) for line in lines):
        return f"a sentence a line as lists of Python, {AS_COLUMNS}"
    for mark, name in (("\x02", "\\x02, as PaddleNLP has MSRA"), (" ", "blanks")):
        pairs = [line.split("\t") for line in lines]
        if any(mark in line for line in lines) and all(
            len(pair) == 2 and _are_tags(pair[1].split(mark), pair[0].split(mark)) for pair in pairs
        ):
            return f"a sentence a line, tokens TAB tags, each joined by {name}, {AS_COLUMNS}"
    words = [line.split() for line in lines]
    if any(len(line) > 1 for line in words):
        if all(_are_tags([word.rpartition("/")[2] for word in line], line) for line in words):
            return f"a sentence a line, token/tag parted by blanks, {AS_COLUMNS}"
        if all(all(map(WORD_AND_PART.fullmatch, line)) for line in words):
            kind = "words with part-of-speech tags, a sentence a line (word/nr, as in People's Daily and MSRA)"
            return f"{kind}, {AS_COLUMNS}"
    return ""


def _are_tags(tags: list[str], tokens: list[str]) -> bool:
    return len(tags) == len(tokens) and _all_tags(tags)


def _all_tags(tags: list[str]) -> bool:
    """Are all of `tags` tags, in whatever dialect?"""
    return bool(tags) and not any(map(type_fault, tags)) and (bool(dialect_of(tags)) or set(tags) == {"O"})


def _layers(sample: Sample) -> str:
    tags = [line.split()[-1] for line in sample.lines]
    doubled = [tag for tag in tags if "|" in tag and _all_tags(tag.split("|"))]
    if doubled and all("|" in tag or _all_tags([tag]) for tag in tags):
        return f"two layers of tags in one column ({doubled[0]}); a token has one tag: keep one layer"
    return ""


def _tag_first(sample: Sample) -> str:
    rows = [line.split() for line in sample.lines]
    if rows and all(len(row) > 1 for row in rows) and _all_tags([row[0] for row in rows]):
        return f"columns with the tag first; {COLUMNS}"
    return ""


def _other_mark(sample: Sample) -> str:
    """Columns parted by another character, perhaps below a heading."""
    for lines in (sample.lines, sample.lines[1:]):
        found = [_ONE_MARK.fullmatch(line.strip()) for line in lines]
        parts = [part for part in found if part]
        marks = {part["mark"] for part in parts}
        if parts and len(parts) == len(lines) and len(marks) == 1 and _all_tags([part["tag"] for part in parts]):
            mark = marks.pop()
            heading = "" if lines is sample.lines else ", below a heading"
            return f"columns parted by {_MARKS.get(mark, repr(mark))}{heading}; {COLUMNS}"
    return ""


def _markup(sample: Sample) -> str:
    if re.match(r"<\?xml|<!doctype|<html", sample.text.lstrip()[:20], re.IGNORECASE):
        return f"XML or HTML, {AS_COLUMNS}"
    return ""


def _first_of(value: dict[str, Any], *names: str) -> Any:
    """The first element of the first of these fields that is a list with elements; None without one."""
    lists = (value.get(name) for name in names)
    return next((content[0] for content in lists if isinstance(content, list) and content), None)


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


RECOGNISERS: tuple[Callable[[Sample], str], ...] = (
    _label_studio, _doccano, _medical, _libraries, _json, _brat, _sentence_a_line, _layers, _tag_first, _other_mark, _markup,
)  # fmt: skip
"""Asked in this order; the first answer counts."""

DISGUISED: tuple[Callable[[Sample], str], ...] = (_conllu, _numbered)
"""Asked of every file."""
