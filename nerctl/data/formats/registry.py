"""The formats that nerctl reads and writes, what each can hold, and which of them a file has."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Callable, Optional, Protocol

from nerctl.data.formats import (
    brat,
    columns_layout,
    conll,
    conllu,
    doccano,
    hugging_face,
    json_lines,
    label_studio,
    medical,
    paddle,
    sentence_lines,
    spacy,
    words,
)
from nerctl.data.formats.first_lines import Sample, first_of
from nerctl.data.formats.json_values import each
from nerctl.data.formats.record import Raw, RawReader, Record, RowReader
from nerctl.errors import DataError

Encode = Callable[[Record, "Counter[str]"], bytes]
"""A record as bytes; what cannot be held is counted, a phrase each."""
Recognise = Callable[[Sample], bool]


class Writer(Protocol):
    """Takes records, one after another, and makes a file or a folder of them."""

    loss: Counter[str]
    """What was left out or changed, a phrase each, and how often."""

    def add(self, record: Record) -> None:
        """Writes a record, now or later."""

    def close(self) -> None:
        """Writes what is left."""


class Stream:
    """Writes records to a file as they come; between them stand `between`, around all of them `begin` and `end`."""

    def __init__(self, encode: Encode, path: Path, around: tuple[bytes, bytes, bytes] = (b"", b"", b"")) -> None:
        self.loss: Counter[str] = Counter()
        self._encode = encode
        begin, self._between, self._end = around
        self._next = b""
        self._stream: BinaryIO = open(path, "wb")
        self._stream.write(begin)

    def add(self, record: Record) -> None:
        """Writes a record."""
        written = self._encode(record, self.loss)
        if written:
            self._stream.write(self._next + written)
            self._next = self._between

    def close(self) -> None:
        """Ends the file."""
        self._stream.write(self._end)
        self._stream.close()


ARRAY = (b"[\n", b",\n", b"\n]\n")


@dataclass(frozen=True)
class Format:
    """A way to write annotated texts."""

    name: str
    """As --input-format, --from and --to take it."""
    what: str
    """What it is called in a sentence."""
    texts: Optional[RawReader] = None
    """Reads texts with entities; None: it has sentences of tagged tokens."""
    rows: Optional[RowReader] = None
    """Reads sentences of tagged tokens; None: it has texts (both None: columns, which are read in another way)."""
    inclusive: bool = False
    """Is an entity's end its last character?"""
    recognised: Optional[Recognise] = None
    """Does a file with these first lines have it? None: not told by them."""
    at: Optional[Callable[[Path], bool]] = None
    """Does what stands at a place have it? None: it is a text file, which its first lines tell."""
    writer: Optional[Callable[[Path], Writer]] = None
    """Writes it; None: it is read only."""
    suffix: str = ".jsonl"
    """Of the files that are written, "" for a folder."""
    nested: bool = True
    """Can entities overlap?"""
    broken: bool = False
    """Can an entity have several parts?"""
    tokens: bool = False
    """Does it keep tokens of several characters?"""
    keys: bool = True
    """Does it keep ids?"""
    extra: bool = True
    """Does it keep other fields?"""
    scores: bool = False
    """Does it keep scores?"""
    documents: bool = False
    """Does it keep from where in which document a text comes?"""


def _lines(encode: Encode) -> Callable[[Path], Writer]:
    return partial(Stream, encode)


def _array(encode: Encode) -> Callable[[Path], Writer]:
    return partial(Stream, encode, around=ARRAY)


def _json(parse: Callable[[int, Any], Raw]) -> RawReader:
    return partial(each, parse)


# --- how each is recognised ---


def _is_own(sample: Sample) -> bool:
    value = sample.fields
    entity = first_of(value, "entities")
    others = isinstance(entity, list) or (isinstance(entity, dict) and bool({"start_idx", "start_offset"} & set(entity)))
    return "text" in value and isinstance(value.get("entities"), list) and not others


def _is_cluener(sample: Sample) -> bool:
    return isinstance(sample.fields.get("text"), str) and isinstance(sample.fields.get("label"), dict)


def _is_doccano(sample: Sample) -> bool:
    value = sample.fields
    listed = [value[name] for name in ("label", "labels", "entities") if isinstance(value.get(name), list)]
    first = first_of(value, "label", "labels", "entities")
    whole = (isinstance(first, list) and len(first) == 3) or (isinstance(first, dict) and "start_offset" in first)
    return isinstance(value.get("text"), str) and bool(listed) and (whole or (first is None and not sample.in_array))


def _is_task(sample: Sample) -> bool:
    value = sample.fields
    data = value.get("data")
    answered = bool({"annotations", "completions", "predictions"} & set(value))
    return isinstance(data, dict) and (answered or (sample.in_array and isinstance(data.get("text"), str)))


def _is_min(sample: Sample) -> bool:
    regions = [first_of({"": one}, "") for one in sample.fields.values()]
    empty = sample.in_array and sample.fields.get(label_studio.CONTROL) == []
    return empty or any(isinstance(one, dict) and "labels" in one and "start" in one for one in regions)


def _is_cmeee(sample: Sample) -> bool:
    entity = first_of(sample.fields, "entities")
    return isinstance(entity, dict) and ("start_idx" in entity or ("start_offset" in entity and "type" in entity))


def _is_ccks(sample: Sample) -> bool:
    return "originalText" in sample.fields and isinstance(sample.fields.get("entities"), list)


def _is_spacy(sample: Sample) -> bool:
    pair = sample.first
    return isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str) and isinstance(pair[1], dict)


def _is_tokens(sample: Sample) -> bool:
    value = sample.fields
    tagged = any(isinstance(value.get(name), list) for name in hugging_face.TAGS)
    return isinstance(value.get("tokens"), list) and tagged and not isinstance(value.get("entities"), list)


def _is_uie(sample: Sample) -> bool:
    return isinstance(sample.fields.get("content"), str) and "result_list" in sample.fields


def _is_conllu(sample: Sample) -> bool:
    commented = bool(sample.lines) and re.match(r"# \S.* = |# (newdoc|newpar)\b", sample.lines[0])
    rows = [line.split("\t") for line in sample.lines if not line.startswith("#")]
    tabs = any("\t" in line for line in sample.lines)
    return bool(commented and tabs) or columns_layout.are_numbered(rows, 10)


def _is_words(sample: Sample) -> bool:
    rows = [line.split() for line in sample.lines]
    return any(len(row) > 1 for row in rows) and all(all(map(words.WORD.fullmatch, row)) for row in rows)


def _is_pairs(mark: str, sample: Sample) -> bool:
    pairs = [line.split("\t") for line in sample.lines if not sentence_lines.is_heading(line)]
    return any(mark in line for line in sample.lines) and all(
        len(pair) == 2 and _match(pair[1].split(mark), pair[0].split(mark)) for pair in pairs
    )


def _is_inline(sample: Sample) -> bool:
    rows = [line.split() for line in sample.lines]
    return any(len(row) > 1 for row in rows) and all(
        _match([word.rpartition("/")[2] for word in row], row) for row in rows
    )


def _is_lists(sample: Sample) -> bool:
    lists = (re.match(r"\s*[\[(]\s*['\"].*['\"]\s*[\])]\s*$", line) for line in sample.lines)
    return bool(sample.lines) and all(lists)


def _match(tags: Sequence[str], tokens: Sequence[str]) -> bool:
    return len(tags) == len(tokens) and columns_layout.are_tags(tags)


FORMATS: dict[str, Format] = {
    one.name: one
    for one in (
        Format("conll", "columns, a token a line", writer=_lines(conll.write_columns), suffix=".txt", nested=False,
               tokens=True, keys=False, extra=False),
        Format("jsonl", "JSON lines", _json(json_lines.plain_text), recognised=_is_own,
               writer=_lines(json_lines.write_json_line), broken=True, tokens=True, scores=True, documents=True),
        Format("cluener", "JSON lines of CLUENER", _json(json_lines.cluener_text), inclusive=True, recognised=_is_cluener,
               writer=_lines(json_lines.write_cluener), suffix=".json"),
        Format("label-studio", "a JSON export of Label Studio", _json(label_studio.task_text), recognised=_is_task,
               writer=_array(label_studio.write_task), suffix=".json", scores=True),
        Format("label-studio-min", "a JSON-MIN export of Label Studio", _json(label_studio.min_text), recognised=_is_min,
               writer=_array(label_studio.write_min), suffix=".json"),
        Format("cmeee", "JSON of CMeEE", _json(medical.cmeee_text), inclusive=True, recognised=_is_cmeee,
               writer=_array(medical.write_cmeee), suffix=".json"),
        Format("ccks", "JSON of CCKS", _json(medical.ccks_text), recognised=_is_ccks, writer=_lines(medical.write_ccks)),
        Format("doccano", "JSON lines of doccano", _json(doccano.doccano_text), recognised=_is_doccano,
               writer=_lines(doccano.write_doccano)),
        Format("spacy", "training data of spaCy", _json(spacy.pair_text), recognised=_is_spacy,
               writer=_lines(spacy.write_pair), keys=False),
        Format("docbin", "a DocBin of spaCy", spacy.read_docbin, at=spacy.is_docbin, writer=spacy.DocBinFile,
               suffix=".spacy", tokens=True, keys=False, extra=False),
        Format("tokens", "JSON lines of tokens and tags (Hugging Face)", rows=hugging_face.read_tokens,
               recognised=_is_tokens, writer=_lines(hugging_face.write_tokens), nested=False, tokens=True),
        Format("parquet", "Parquet of tokens and tags", rows=hugging_face.read_parquet, at=hugging_face.is_parquet,
               writer=hugging_face.ParquetFile, suffix=".parquet", nested=False, tokens=True, extra=False),
        Format("uie", "lines of PaddleNLP's UIE", paddle.read_uie, recognised=_is_uie, writer=_lines(paddle.write_uie),
               keys=False, extra=False),
        Format("brat", "standoff of brat", brat.read_brat, at=brat.is_brat, writer=brat.BratFolder, suffix="",
               broken=True, extra=False, scores=True),
        Format("conllu", "CoNLL-U", rows=conllu.read_conllu, recognised=_is_conllu, writer=_lines(conllu.write_conllu),
               suffix=".conllu", nested=False, tokens=True),
        Format("paddle", r"a sentence a line, tokens and tags joined by \x02 (PaddleNLP)",
               rows=sentence_lines.read_paddle, recognised=partial(_is_pairs, sentence_lines.PADDLE),
               writer=_lines(partial(sentence_lines.write_pair, sentence_lines.PADDLE)), suffix=".tsv", nested=False,
               tokens=True, keys=False, extra=False),
        Format("pairs", "a sentence a line, tokens and tags joined by blanks", rows=sentence_lines.read_blank_pairs,
               recognised=partial(_is_pairs, sentence_lines.BLANK),
               writer=_lines(partial(sentence_lines.write_pair, sentence_lines.BLANK)), suffix=".txt", nested=False,
               tokens=True, keys=False, extra=False),
        Format("inline", "a sentence a line, token/tag", rows=sentence_lines.read_inline, recognised=_is_inline),
        Format("words", "words with parts of speech (People's Daily, MSRA)", words.read_words, recognised=_is_words),
        Format("lists", "a sentence a line as lists of Python", rows=sentence_lines.read_lists, recognised=_is_lists),
    )
}  # fmt: skip
"""By name, in the order in which they are asked."""

OF_LINES = ("paddle", "pairs", "inline", "words", "lists")
"""Those that are asked only where the first lines are no columns."""
UNSAID = ("conll", "jsonl", "cluener")
"""Those that need no word when they are recognised: nerctl's documents name them first."""


def named(name: str) -> Format:
    """The format of that name; raises DataError for any other."""
    if name not in FORMATS:
        close = difflib.get_close_matches(name, FORMATS, n=1)
        guess = f"did you mean {close[0]}? " if close else ""
        raise DataError(f"{name}: no format of that name; {guess}Known are: {', '.join(FORMATS)}.")
    return FORMATS[name]


def asked(name: str) -> Optional[Format]:
    """The format that an option names; None for "auto"; raises DataError for what is none."""
    return None if name == "auto" else named(name)


def by_place(path: Path) -> Optional[Format]:
    """The format of what is no text file, by what stands there: brat's folders, Parquet, DocBin."""
    return next((one for one in FORMATS.values() if one.at is not None and one.at(path)), None)


def recognise(sample: Sample) -> Optional[Format]:
    """The format of a file with these first lines; None where it looks like columns, or like nothing."""
    whole = _first(sample, (one for one in FORMATS.values() if one.name not in OF_LINES))
    if whole is not None or columns_layout.are_columns(sample.lines):
        return whole
    return _first(sample, (FORMATS[name] for name in OF_LINES))


def _first(sample: Sample, formats: Iterable[Format]) -> Optional[Format]:
    return next((one for one in formats if one.recognised is not None and one.recognised(sample)), None)
