"""spaCy's training data: [text, {"entities": [[start, end, label]]}] as JSON, and DocBin (.spacy) where spaCy is there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nerctl.data.formats.json_lines import without
from nerctl.data.formats.record import OnBad, Raw, Record, Unreadable, mark_of
from nerctl.data.json_text import json_bytes
from nerctl.errors import DataError


def pair_text(line: int, value: Any) -> Raw:
    """A text of JSON, a pair a line or an array of pairs."""
    if not isinstance(value, list) or [type(one) for one in value] != [str, dict]:
        raise Unreadable('a pair [text, {"entities": [[start, end, label]]}] is wanted')
    text, told = value
    entities = told.get("entities")
    if not isinstance(entities, list) or any(not isinstance(one, list) or len(one) != 3 for one in entities):
        raise Unreadable('"entities" must be a list of [start, end, label]')
    return Raw(Record(line, text, extra=without(told, "entities")), [mark_of(*one) for one in entities])


def write_pair(record: Record, loss: Counter[str]) -> bytes:
    """A text as a line of JSON."""
    entities = [[start, end, kind] for start, end, kind, _ in record.spans]
    return json_bytes([record.text, {**record.extra, "entities": entities}]) + b"\n"


def is_docbin(path: Path) -> bool:
    """Is it a file that is called so?"""
    return path.suffix == ".spacy" and path.is_file()


def _spacy() -> Any:
    try:
        import spacy
    except ImportError:
        raise DataError("DocBin needs spaCy, which is not installed: pip install spacy") from None
    return spacy


def read_docbin(path: Path, on_bad: OnBad) -> Iterator[Raw]:
    """The texts of a DocBin; spaCy's tokens stay tokens."""
    spacy = _spacy()
    try:
        docs = list(spacy.tokens.DocBin().from_disk(path).get_docs(spacy.blank("zh").vocab))
    except Exception as error:  # zlib's, msgpack's, and whatever a damaged file makes of spaCy
        raise DataError(f"{path}: no DocBin that can be read ({type(error).__name__}: {error})") from None
    for number, doc in enumerate(docs, 1):
        try:
            yield _docbin_text(number, doc)
        except Unreadable as error:
            on_bad(number, str(error))


def _docbin_text(number: int, doc: Any) -> Raw:
    spans = [*doc.ents, *(span for group in doc.spans.values() for span in group)]
    marks = [mark_of(span.start_char, span.end_char, span.label_, span.text) for span in spans]
    tokens = [(token.idx, token.idx + len(token)) for token in doc]
    characters = all(end - start == 1 for start, end in tokens) and len(tokens) == len(doc.text)
    return Raw(Record(number, doc.text, tokens=None if characters else tokens), marks)


class DocBinFile:
    """Writes a DocBin: flat entities as `ents`, nested ones as the span group "sc"."""

    def __init__(self, path: Path) -> None:
        spacy = _spacy()
        self.path = path
        self.loss: Counter[str] = Counter()
        self._spacy, self._vocab = spacy, spacy.blank("zh").vocab
        self._docs = spacy.tokens.DocBin(store_user_data=False)

    def add(self, record: Record) -> None:
        """Takes a text; all are written at the end, as the format has it."""
        places = record.places()
        ends = [start for start, _ in places[1:]] + [len(record.text)]
        gaps = [record.text[place[1] : end] for place, end in zip(places, ends)]
        if any(gap not in ("", " ") for gap in gaps) or (places and places[0][0]):
            places = [(at, at + 1) for at in range(len(record.text))]
            gaps = [""] * len(places)
            record = record._replace(tokens=None)
            self.loss["tokens of a text whose gaps spaCy cannot hold"] += 1
        words = [record.text[start:end] for start, end in places]
        doc = self._spacy.tokens.Doc(self._vocab, words=words, spaces=[gap == " " for gap in gaps])
        spans = [self._spacy.tokens.Span(doc, span.start, span.end, span.type) for span in record.token_spans()]
        try:
            doc.set_ents(spans)
        except ValueError:  # they overlap
            doc.spans["sc"] = spans
        self._docs.add(doc)

    def close(self) -> None:
        """Writes the file."""
        self._docs.to_disk(self.path)
