"""spaCy's training data: [text, {"entities": [[start, end, label]]}] as JSON, and DocBin (.spacy) where spaCy is there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nerctl.data.formats.json_values import json_values
from nerctl.data.formats.record import OnBad, Raw, Record, Unreadable, mark_of
from nerctl.data.json_text import json_bytes
from nerctl.errors import DataError


def read_pairs(path: Path, on_bad: OnBad) -> Iterator[Raw]:
    """The texts of JSON, a pair a line or an array of pairs."""
    for line, value in json_values(path, on_bad):
        try:
            if not isinstance(value, list) or [type(one) for one in value] != [str, dict]:
                raise Unreadable('a pair [text, {"entities": [[start, end, label]]}] is wanted')
            entities = value[1].get("entities")
            if not isinstance(entities, list) or any(not isinstance(one, list) or len(one) != 3 for one in entities):
                raise Unreadable('"entities" must be a list of [start, end, label]')
            extra = {name: content for name, content in value[1].items() if name != "entities"}
            yield Raw(line, value[0], [mark_of(*one) for one in entities], extra=extra)
        except Unreadable as error:
            on_bad(line, str(error))


def write_pair(record: Record, loss: Counter[str]) -> bytes:
    """A text as a line of JSON."""
    loss["id"] += record.key is not None
    entities = [[start, end, kind] for start, end, kind, _ in record.spans]
    return json_bytes([record.text, {**record.extra, "entities": entities}]) + b"\n"


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
        docs = spacy.tokens.DocBin().from_disk(path).get_docs(spacy.blank("zh").vocab)
    except (ValueError, OSError, KeyError) as error:
        raise DataError(f"{path}: no DocBin that can be read ({str(error).splitlines()[0]})") from None
    for number, doc in enumerate(docs, 1):
        spans = [*doc.ents, *(span for group in doc.spans.values() for span in group)]
        marks = [mark_of(span.start_char, span.end_char, span.label_, span.text) for span in spans]
        tokens = [(token.idx, token.idx + len(token)) for token in doc]
        characters = all(end - start == 1 for start, end in tokens) and len(tokens) == len(doc.text)
        yield Raw(number, doc.text, marks, tokens=None if characters else tokens)


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
        self.loss["id"] += record.key is not None
        self.loss["other field"] += len(record.extra)
        self._docs.add(doc)

    def close(self) -> None:
        """Writes the file."""
        self._docs.to_disk(self.path)
