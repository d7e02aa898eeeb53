"""One annotated text, as every format is read and written: positions count code points, ends are exclusive."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Callable, NamedTuple, Optional

from nerctl.data.first_bytes import shown
from nerctl.data.invisible import type_fault
from nerctl.data.spans import Span

NOTHING: Mapping[str, Any] = {}
Place = tuple[int, int]
"""Start and end (exclusive) of something in a text."""


class Unreadable(Exception):
    """Why a record cannot be read: a sentence without its place."""

    line = 0
    """The line, where it is not that of the record's beginning."""


class Mark(NamedTuple):
    """An entity as a file states it."""

    start: int
    """As the file counts."""
    end: int
    """As the file counts."""
    type: str
    """Its entity type."""
    mention: Optional[str] = None
    """What the file says that stands there; None: it does not say."""
    score: Optional[float] = None
    """How sure somebody was of it; None: not said."""
    pieces: tuple[Place, ...] = ()
    """The parts of an entity that is discontinuous, as the file counts; else none."""
    line: int = 0
    """Its own line in the file; 0: it has none."""


class Broken(NamedTuple):
    """An entity of several parts with something between them."""

    pieces: tuple[Place, ...]
    """Its parts, in order."""
    type: str
    """Its entity type."""


class Record(NamedTuple):
    """A text whose positions are known to be right."""

    line: int
    """Where it began in its file, from 1."""
    text: str
    """The whole text."""
    spans: Sequence[Span] = ()
    """Its entities by characters, by start, no two equal; they may overlap."""
    broken: Sequence[Broken] = ()
    """Those of several parts."""
    tokens: Optional[Sequence[Place]] = None
    """Start and end of each token; None: every character is a token."""
    key: Any = None
    """Its id; None: it has none."""
    document: Optional[str] = None
    """The document that it comes from; None: not said."""
    begin: int = 0
    """Where it begins in that document, in code points."""
    extra: Mapping[str, Any] = NOTHING
    """Other fields, carried along."""

    def places(self) -> Sequence[Place]:
        """Start and end of each token."""
        return self.tokens if self.tokens is not None else [(at, at + 1) for at in range(len(self.text))]

    def words(self) -> list[str]:
        """Its tokens as strings."""
        return list(self.text) if self.tokens is None else [self.text[start:end] for start, end in self.tokens]

    def token_spans(self) -> list[Span]:
        """Its entities by tokens; raises Unreadable where one does not begin and end with a token."""
        if self.tokens is None:
            return list(self.spans)
        starts = {start: number for number, (start, _) in enumerate(self.tokens)}
        ends = {end: number + 1 for number, (_, end) in enumerate(self.tokens)}
        found = []
        for span in self.spans:
            if span.start not in starts or span.end not in ends:
                mention = shown(self.text[span.start : span.end])
                raise Unreadable(f"{span.type} {mention} at {span.start} to {span.end} does not begin and end with a token")
            found.append(span._replace(start=starts[span.start], end=ends[span.end]))
        return found


class Raw(NamedTuple):
    """A text as a file states it, its positions not yet compared with the text."""

    record: Record
    """The text and what comes with it, without its entities."""
    marks: Sequence[Mark] = ()
    """Its entities."""
    lost: Sequence[str] = ()
    """What else stood there and nobody can hold, a phrase each ("relation")."""
    file: Optional[Path] = None
    """The file of a folder that it stands in; None: the one that was named."""


class Row(NamedTuple):
    """A sentence of tokens with a tag each, as the file writes them."""

    line: int
    """Where it stands, from 1."""
    tokens: Sequence[str]
    """Its tokens."""
    tags: Sequence[str]
    """As many tags."""
    key: Any = None
    """Its id; None: it has none."""
    extra: Mapping[str, Any] = NOTHING
    """Other fields, carried along."""


OnBad = Callable[[int, str], None]
"""Told of each line that cannot be read: its number from 1, and the reason. It may raise, to stop."""

RawReader = Callable[[Path, OnBad], Iterator[Raw]]
"""Gives the texts of a file."""
RowReader = Callable[[Path, OnBad], Iterator[Row]]
"""Gives the sentences of a file whose tokens have tags."""


def whole(value: Any) -> Optional[int]:
    """A whole number, also one that is written as 2.0; None for anything else."""
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def probability(value: Any) -> Optional[float]:
    """A number as a score; None for anything else."""
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def mark_of(start: Any, end: Any, kind: Any, mention: Any = None, score: Any = None) -> Mark:
    """A mark of what a file says; raises Unreadable where that can be no entity. A mention that is no string is none."""
    first, last = whole(start), whole(end)
    if first is None or last is None:
        raise Unreadable(f"a span's start and end must be whole numbers, not {start if first is None else end!r}")
    told = mention if isinstance(mention, str) and mention else None
    return Mark(first, last, checked_type(kind), told, probability(score))


def checked_type(kind: Any) -> str:
    """`kind` where it can be an entity type; raises Unreadable."""
    if not isinstance(kind, str) or not kind:
        raise Unreadable(f"a span's type must be a string without blanks, not {kind!r}")
    fault = type_fault(kind)
    if fault:
        raise Unreadable(f"a span's type {shown(kind)} {fault}")
    return kind


def fields(record: Record, loss: Counter[str], own: dict[str, Any]) -> dict[str, Any]:
    """An object with the record's other fields, its id, and `own`; another field of such a name is left out and counted."""
    for name in own.keys() & record.extra.keys():
        loss[f"field {name} left out"] += 1
    key = {} if record.key is None else {"id": record.key}
    return {**record.extra, **key, **own}


def joined(tokens: Sequence[str]) -> tuple[str, list[Place]]:
    """The text of tokens, and where each stands: a blank between two that would run into one word, else nothing."""
    text: list[str] = []
    places = []
    end = 0
    before = ""
    for token in tokens:
        if before and len(before) + len(token) > 2 and _is_western(before[-1]) and _is_western(token[:1]):
            text.append(" ")
            end += 1
        places.append((end, end + len(token)))
        text.append(token)
        end += len(token)
        before = token
    return "".join(text), places


def _is_western(mark: str) -> bool:
    return mark.isascii() and mark.isalnum()
