"""Tokens and tags as Hugging Face's datasets have them: JSON lines or Parquet of {"tokens": [...], "ner_tags": [...]}.

Tags are strings, or numbers whose names stand in Parquet's own metadata, or in a file beside: `dataset_info.json`,
`dataset_infos.json`, `features.json` (features.ner_tags.feature.names), or `labels.txt`, a name a line. Without names
numbers that go as O, B-X, I-X, B-Y, I-Y are read so, their types called T1, T2.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from nerctl.data.bio import tags_of
from nerctl.data.formats.json_lines import without
from nerctl.data.formats.json_values import each
from nerctl.data.formats.record import OnBad, Record, Row, Unreadable, fields
from nerctl.data.json_text import json_bytes
from nerctl.errors import DataError

TAGS = ("ner_tags", "tags", "labels", "ner", "label")
NAMED = ("dataset_info.json", "dataset_infos.json", "features.json", "labels.txt", "label_list.txt")
ROWS = 4096
"""Rows of Parquet at a time."""


def read_tokens(path: Path, on_bad: OnBad) -> Iterator[Row]:
    """The sentences of JSON lines."""
    return each(partial(_row, _names_beside(path)), path, on_bad)


def read_parquet(path: Path, on_bad: OnBad) -> Iterator[Row]:
    """The sentences of a Parquet file."""
    arrow, parquet = _pyarrow()
    try:
        with parquet.ParquetFile(path) as file:
            names = _names_inside(file.schema_arrow.metadata or {}) or _names_beside(path)
            values = (row for batch in file.iter_batches(ROWS) for row in batch.to_pylist())
            for number, value in enumerate(values, 1):
                try:
                    yield _row(names, number, value)
                except Unreadable as error:
                    on_bad(number, str(error))
    except (arrow.ArrowException, OSError) as error:
        raise DataError(f"{path}: no Parquet file that can be read ({str(error).splitlines()[0]})") from None


def is_parquet(path: Path) -> bool:
    """Is it a file that begins as Parquet does?"""
    try:
        with open(path, "rb") as stream:
            return stream.read(4) == b"PAR1"
    except OSError:  # whoever reads it says so
        return False


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet as parquet
    except ImportError:
        raise DataError("Parquet needs pyarrow: pip install 'nerctl[parquet]'") from None
    return pyarrow, parquet


def _row(names: Sequence[str], line: int, value: Any) -> Row:
    if not isinstance(value, dict) or not _are_strings(value.get("tokens")):
        raise Unreadable('an object with a list of strings "tokens" is wanted')
    field = next((name for name in TAGS if isinstance(value.get(name), list)), "")
    if not field:
        raise Unreadable(f"no list of tags beside the tokens ({', '.join(TAGS[:3])})")
    tags = [_tag(tag, names) for tag in value[field]]
    return Row(line, value["tokens"], tags, value.get("id"), without(value, "tokens", field, "id"))


def _are_strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _tag(tag: Any, names: Sequence[str]) -> str:
    if isinstance(tag, str):
        return tag
    if not isinstance(tag, int) or isinstance(tag, bool) or tag < 0:
        raise Unreadable(f"the tag {tag!r} is neither a string nor a number from 0")
    if names:
        if tag >= len(names):
            raise Unreadable(f"the tag {tag} has no name; {len(names)} are named")
        return names[tag]
    return "O" if not tag else f"{'I' if tag % 2 == 0 else 'B'}-T{(tag + 1) // 2}"


def has_unnamed_numbers(path: Path, value: Any) -> bool:
    """Are the tags of the first record numbers that no file beside names?"""
    tags: list[Any] = next((value[name] for name in TAGS if isinstance(value.get(name), list)), [])
    return any(isinstance(tag, int) for tag in tags) and not _names_beside(path)


def _names_beside(path: Path) -> list[str]:
    """The names of tags in a file beside, or none."""
    for name in NAMED:
        file = path.with_name(name)
        if not file.is_file():
            continue
        if file.suffix == ".txt":
            return [line.strip() for line in file.read_text("utf-8-sig").splitlines() if line.strip()]
        try:
            found = _names_in(json.loads(file.read_bytes()))
        except (ValueError, RecursionError):
            raise DataError(f"{file}: no JSON; the names of the tags were looked for in it") from None
        if found:
            return found
    return []


def _names_inside(metadata: dict[bytes, bytes]) -> list[str]:
    try:
        return _names_in(json.loads(metadata.get(b"huggingface", b"{}")))
    except (ValueError, RecursionError):
        return []


def _names_in(value: Any) -> list[str]:
    """The names of a feature of tags, wherever it stands in the description of a data set."""
    if not isinstance(value, dict):
        return []
    for field in TAGS:
        feature = value.get(field)
        for _ in range(4):  # Sequence(ClassLabel(names)), in each of its spellings
            if not isinstance(feature, dict):
                break
            names = feature.get("names")
            if isinstance(names, dict):  # {"0": "O", "1": "B-PER"}, as a card has them
                names = [names[key] for key in sorted(names, key=lambda one: int(one) if str(one).isdecimal() else 0)]
            if _are_strings(names):
                return list(names or [])
            feature = feature.get("feature", feature.get("sequence", feature.get("class_label")))
    return next(filter(None, map(_names_in, value.values())), [])


def write_tokens(record: Record, loss: Counter[str]) -> bytes:
    """A sentence as a line of JSON, its tags as strings."""
    words = record.words()
    own = {"tokens": words, "ner_tags": tags_of(record.token_spans(), len(words))}
    return json_bytes(fields(record, loss, own)) + b"\n"


class ParquetFile:
    """Writes Parquet of tokens and tags as strings, some rows at a time."""

    def __init__(self, path: Path) -> None:
        self._arrow, parquet = _pyarrow()
        self.loss: Counter[str] = Counter()
        text, texts = self._arrow.string(), self._arrow.list_(self._arrow.string())
        self._schema = self._arrow.schema([("id", text), ("tokens", texts), ("ner_tags", texts)])
        self._writer = parquet.ParquetWriter(path, self._schema)
        self._rows: list[dict[str, Any]] = []

    def add(self, record: Record) -> None:
        """Writes a sentence, sooner or later."""
        words = record.words()
        key = None if record.key is None else str(record.key)
        self._rows.append({"id": key, "tokens": words, "ner_tags": tags_of(record.token_spans(), len(words))})
        if len(self._rows) >= ROWS:
            self._flush()

    def _flush(self) -> None:
        self._writer.write_table(self._arrow.Table.from_pylist(self._rows, schema=self._schema))
        self._rows = []

    def close(self) -> None:
        """Writes what is left."""
        self._flush()
        self._writer.close()
