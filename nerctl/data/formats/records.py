"""A file of any format as records, one after another, and a corpus' sentences as records."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nerctl.data.bio import spans_of_ids
from nerctl.data.corpus import Source, reading_of
from nerctl.data.formats.offsets import resolved, told, way_of
from nerctl.data.formats.record import NOTHING, OnBad, Record, Row, Unreadable, joined
from nerctl.data.spans import Span
from nerctl.errors import DataError


class Records:
    """The records of a file, as often as they are asked for; texts are never all in memory, tagged tokens are.

    Raises DataError, at the first line that cannot be read.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self.lost: dict[str, int] = {}
        """What the reader left out, and how often, after a pass over all of them."""
        self.notes: list[str] = []
        """What was unusual in the file, a sentence each."""
        found = source.format
        if found.texts is not None:
            self._way, notes = way_of(found.texts, source.path, found.inclusive)
            self.notes = [note.sentence(str(source.path)) for note in notes]
            return
        reading = reading_of(source, self._stop)
        self._reading = reading
        self.notes = list(reading.corpus.notes)

    def _stop(self, line: int, reason: str) -> None:
        raise DataError(f"{self._source.path}:{line}: {reason}.")

    def __iter__(self) -> Iterator[Record]:
        return self._texts(self._stop) if self._source.format.texts is not None else self._sentences()

    def _texts(self, on_bad: OnBad) -> Iterator[Record]:
        self.lost = {}
        assert self._source.format.texts is not None
        for raw in self._source.format.texts(self._source.path, on_bad):
            for what in raw.lost:
                self.lost[what] = self.lost.get(what, 0) + 1
            try:
                yield resolved(raw, self._way)
            except Unreadable as error:
                told(error, raw, on_bad)

    def _sentences(self) -> Iterator[Record]:
        corpus = self._reading.corpus
        rows: Iterator[Row] = iter(())
        if self._source.format.rows is not None:
            rows = (row for row in self._source.format.rows(self._source.path, self._stop) if row.tokens)
        documents = None
        if self._source.format.rows is None:
            documents, between = _seen_in_columns(self._source)
            self.lost = {"column between a token and its tag": between} if between else {}
        for index in range(len(corpus)):
            start, end = int(corpus.offsets[index]), int(corpus.offsets[index + 1])
            row = next(rows, None)
            line = int(corpus.lines[index])
            text, places = joined(corpus.tokens(index))
            spans = [
                Span(places[span.start][0], places[span.end - 1][1], span.type)
                for span in spans_of_ids(corpus.tag_ids[start:end], corpus.types)
            ]
            characters = len(places) == len(text)
            document = None
            if documents is not None and len(documents):
                document = str(int(np.searchsorted(documents, line)))
            yield Record(
                line,
                text,
                spans,
                tokens=None if characters else places,
                key=row.key if row else None,
                document=document,
                extra=row.extra if row else NOTHING,
            )


def _seen_in_columns(source: Source) -> tuple[np.ndarray, int]:
    """[D] the lines that begin a document of a file of columns; and how many columns stand between token and tag."""
    begins = []
    between = 0
    with open(source.path, "rb") as stream:
        for number, raw in enumerate(stream, 1):
            if raw.startswith(b"-DOCSTART-"):
                begins.append(number)
            elif not raw.startswith(b"# "):
                between += max(0, (raw.count(b"\t") or len(raw.split()) - 1) - 1)
    return np.array(begins, np.int64), between
