"""Mentions decide: how a file counts the positions of its entities, told by the mentions that it states.

Tools count differently: code points or UTF-16 units, ends inclusive or exclusive, in the text as it is or in one that
had its blanks or line ends changed. The way that most of a file's mentions agree with holds for the whole file.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Callable, NamedTuple, Optional

from nerctl.data.columns import Note
from nerctl.data.first_bytes import shown
from nerctl.data.formats.record import Broken, Mark, OnBad, Raw, RawReader, Record, Unreadable
from nerctl.data.spans import Span
from nerctl.errors import DataError

LOOKED_AT = 100_000
"""Texts whose mentions tell how a file counts."""


class Way(NamedTuple):
    """How the positions of a file are counted."""

    places: Optional[Callable[[str], Optional[list[int]]]]
    """For a text the code point of each position, the one behind the last too; None: positions are code points."""
    inclusive: bool
    """Is an entity's end its last character?"""
    told: str = ""
    """What is said of it, "" for what the format says anyway."""


def _units(text: str) -> Optional[list[int]]:
    """Positions that count UTF-16 units."""
    if not text or max(text) < "\U00010000":
        return None
    found: list[int] = []
    for place, mark in enumerate(text):
        found += [place] * (2 if mark >= "\U00010000" else 1)
    return [*found, len(text)]


def _stripped(text: str) -> Optional[list[int]]:
    """Positions in the text without the blanks at its ends."""
    begin = len(text) - len(text.lstrip())
    return list(range(begin, len(text.rstrip()) + 1)) if begin else None


def _without_blanks(text: str) -> Optional[list[int]]:
    """Positions in the text without any blank."""
    found = [place for place, mark in enumerate(text) if not mark.isspace()]
    return [*found, len(text)] if len(found) < len(text) else None


def _short_line_ends(text: str) -> Optional[list[int]]:
    """Positions in a text with LF where this one has CRLF."""
    if "\r\n" not in text:
        return None
    return [*(at for at, mark in enumerate(text) if mark != "\r" or text[at + 1 : at + 2] != "\n"), len(text)]


def _long_line_ends(text: str) -> Optional[list[int]]:
    """Positions in a text with CRLF where this one has LF."""
    if "\n" not in text or "\r\n" in text:
        return None
    found: list[int] = []
    for place, mark in enumerate(text):
        found += [place] * (2 if mark == "\n" else 1)
    return [*found, len(text)]


_COUNTED = (
    (None, ""),
    (_units, "positions count UTF-16 units"),
    (_stripped, "positions count from the first character that is no blank"),
    (_short_line_ends, "positions count CRLF line ends as one character"),
    (_long_line_ends, "positions count line ends as two characters"),
    (_without_blanks, "positions do not count blanks"),
)


def usual_way(inclusive: bool) -> Way:
    """How a format is meant to count."""
    return Way(None, inclusive)


def ways(inclusive: bool) -> list[Way]:
    """All ways to count, those first that a format which says so of its ends is meant to have."""
    found = []
    for end in (inclusive, not inclusive):
        other = "" if end == inclusive else f"ends are {'inclusive' if end else 'exclusive'}"
        for places, told in _COUNTED:
            found.append(Way(places, end, " and ".join(filter(None, (told, other)))))
    return found


def place_of(mark: Mark, text: str, way: Way) -> tuple[int, int]:
    """Start and end of a mark in code points, the end exclusive; not within the text where the file is wrong."""
    end = mark.end + way.inclusive
    table = way.places(text) if way.places else None
    if table is None:
        return mark.start, end
    if not 0 <= mark.start < end < len(table):
        return -1, -1
    return table[mark.start], table[end - 1] + 1  # what was not counted behind the last character is not in


def _fits(mark: Mark, text: str, way: Way) -> bool:
    start, end = place_of(mark, text, way)
    return 0 <= start < end and _same(text[start:end], mark.mention or "")


def _same(found: str, mention: str) -> bool:
    """Are they equal, whatever the blanks between words are?"""
    return found == mention or (len(found) == len(mention) and found.split() == mention.split())


def way_of(reader: RawReader, path: Path, inclusive: bool) -> tuple[Way, tuple[Note, ...]]:
    """How a file counts, and a note where that is not as its format says.

    Args:
        reader: gives its texts, of which the first `LOOKED_AT` are looked at.
        path: the file.
        inclusive: are ends inclusive where nothing tells?
    """
    usual, *others = ways(inclusive)
    if all(_fits(mark, raw.record.text, usual) for raw, mark in _mentioned(reader, path)):
        return usual, ()
    votes = [0] * len(others)
    first = [0] * len(others)
    agree = 0
    for raw, mark in _mentioned(reader, path):
        is_usual = _fits(mark, raw.record.text, usual)
        agree += is_usual
        for number, way in enumerate(others):
            if _fits(mark, raw.record.text, way):
                votes[number] += 1
                first[number] = first[number] or (0 if is_usual else raw.record.line)
    best = max(range(len(others)), key=votes.__getitem__)
    if votes[best] <= agree:
        return usual, ()
    told = f"{others[best].told} in the whole file, as its mentions say"
    return others[best], (Note(told, first[best], votes[best] - agree, "mention"),)


def _mentioned(reader: RawReader, path: Path) -> Iterator[tuple[Raw, Mark]]:
    """The marks beside which a mention stands, with their texts; what is wrong in the file is said when it is read."""
    for raw in islice(reader(path, lambda line, reason: None), LOOKED_AT):
        for mark in raw.marks:
            if mark.mention is not None and not mark.pieces:
                yield raw, mark


def resolved(raw: Raw, way: Way) -> Record:
    """A text with its entities by code points; raises Unreadable where a mention does not stand where it is said to."""
    spans: set[Span] = set()
    broken = []
    for mark in raw.marks:
        if mark.pieces:
            parts = (mark._replace(start=start, end=end, mention=None) for start, end in mark.pieces)
            broken.append(Broken(tuple(_placed(part, raw, way) for part in parts), mark.type))
            continue
        start, end = _placed(mark, raw, way)
        spans.add(Span(start, end, mark.type, mark.score))
    return raw.record._replace(spans=_in_order(spans), broken=broken)


def _placed(mark: Mark, raw: Raw, way: Way) -> tuple[int, int]:
    text = raw.record.text
    start, end = place_of(mark, text, way)
    outside = not 0 <= start < end <= len(text)
    reason = ""
    if mark.mention is not None and not _same(text[max(0, start) : max(0, end)], mark.mention):
        there = shown(text[max(0, start) : max(0, end)])
        reason = (
            f"the text at {mark.start} to {mark.end} is {there}, not {shown(mark.mention)}; "
            "correct the positions, which count characters from 0"
        )
    elif outside:
        reason = f"{mark.type} at {mark.start} to {mark.end} is empty or outside the text of {len(text)} characters"
    if reason:
        error = Unreadable(reason)
        error.line = mark.line
        raise error
    return start, end


def told(error: Unreadable, raw: Raw, on_bad: OnBad) -> None:
    """Hands over why a text cannot be read; raises DataError where it stands in another file than the one named."""
    line = error.line or raw.record.line
    if raw.file is not None:
        raise DataError(f"{raw.file}:{line}: {error}.")
    on_bad(line, str(error))


def _in_order(spans: set[Span]) -> list[Span]:
    """By start, the longest first; of spans that differ in their score only the surest."""
    kept: dict[Span, Span] = {}
    for span in sorted(spans, key=lambda one: (one.start, -one.end, one.type, -(one.score or 0.0))):
        kept.setdefault(span.unscored, span)
    return list(kept.values())
