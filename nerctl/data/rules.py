"""Mentions that are forced (`--lexicon`) or forbidden (`--block`), and where they stand in a text.

Both files hold `mention TAB type` a line; blank lines and lines that begin with # are left out. A block file may
leave out the type: then no entity may be exactly that mention.

Forced: the text is read from the left; of the mentions that begin at a character the longest is taken, and reading
goes on behind it (leftmost-longest). The lattice keeps only paths with exactly these entities. Forbidden: every
occurrence counts, overlapping ones too. Paths in which exactly that entity stands are taken out of the lattice;
a longer or shorter entity, or one of another type, may still stand there. What is both forced and forbidden is
forbidden. A mention whose ends are not ends of tokens, or where no entity may begin or end, is not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

from nerctl.data.bounds import Bounds
from nerctl.data.first_bytes import HEAD, not_utf8, refuse_no_text
from nerctl.data.spans import Span
from nerctl.data.tags import Labels
from nerctl.errors import DataError

CharSpan = tuple[int, int]
"""Start and end (exclusive) in code points."""


@dataclass(frozen=True)
class Mentions:
    """Mentions with the numbers of their types, found in a text by first character and length."""

    types: dict[str, tuple[str, ...]]
    """Types of each mention."""
    lengths: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """Lengths of the mentions that begin with a character, longest first."""

    @classmethod
    def of(cls, types: dict[str, set[str]]) -> Mentions:
        """Mentions by text, with their types."""
        lengths: dict[str, set[int]] = {}
        for mention in types:
            lengths.setdefault(mention[0], set()).add(len(mention))
        return cls(
            {mention: tuple(sorted(names)) for mention, names in types.items()},
            {first: tuple(sorted(sizes, reverse=True)) for first, sizes in lengths.items()},
        )

    def at(self, text: str, place: int) -> Iterator[tuple[int, tuple[str, ...]]]:
        """End and types of each mention that begins at `place`, longest first."""
        for size in self.lengths.get(text[place], ()):
            types = self.types.get(text[place : place + size])
            if types is not None and place + size <= len(text):
                yield place + size, types


@dataclass(frozen=True)
class Rules:
    """What a user forces and forbids."""

    forced: Mentions
    """Each with one type."""
    blocked: Mentions
    """Each with one type or several."""

    @classmethod
    def read(cls, labels: Labels, lexicon: Optional[Path], block: Optional[Path]) -> Optional[Rules]:
        """The rules in two files; None without any.

        Raises:
            DataError: a file cannot be read, a line has no type or one the model does not know, or a mention is
                forced to two types.
        """
        if lexicon is None and block is None:
            return None
        forced = _read(lexicon, labels, typed=True) if lexicon else {}
        blocked = _read(block, labels, typed=False) if block else {}
        return cls(Mentions.of(forced), Mentions.of(blocked))

    def find(self, text: str, tokens: Sequence[CharSpan], bounds: Optional[Bounds] = None) -> Found:
        """The forced and blocked entities of a text whose tokens stand at these places and have these bounds, if any."""
        begins = {start: number for number, (start, _) in enumerate(tokens) if bounds is None or bounds.begins[number]}
        ends = {end: number + 1 for number, (_, end) in enumerate(tokens) if bounds is None or bounds.ends[number]}
        blocked: set[Span] = set()
        for start, number in begins.items():
            for end, types in self.blocked.at(text, start):
                if end in ends:
                    blocked.update(Span(number, ends[end], name) for name in types)
        forced: list[Span] = []
        reached = 0
        for start, number in begins.items():
            if start < reached:
                continue
            for end, types in self.forced.at(text, start):
                if end in ends and Span(number, ends[end], types[0]) not in blocked:
                    forced.append(Span(number, ends[end], types[0]))
                    reached = end
                    break
        return Found(forced, sorted(blocked))


@dataclass(frozen=True)
class Found:
    """The rules that one text meets, as token spans."""

    forced: list[Span]
    """Entities that every path holds, in order, not overlapping."""
    blocked: list[Span]
    """Entities that no path holds."""


def _read(path: Path, labels: Labels, typed: bool) -> dict[str, set[str]]:
    """Mentions and their types; without `typed` a line may leave out the type and means all."""
    types: dict[str, set[str]] = {}
    for number, line in _lines(path):
        mention, _, name = line.partition("\t")
        mention, name = mention.strip(), name.strip()
        if not mention or (typed and not name):
            raise DataError(f"{path}:{number}: a mention, a TAB and a type are wanted, such as 厦门<TAB>LOC")
        if name and name not in labels.types:
            raise DataError(
                f"{path}:{number}: the model has no type {name}; it has {', '.join(labels.types)}; correct the line"
            )
        wanted = {name} if name else set(labels.types)
        if typed and types.get(mention, wanted) != wanted:
            raise DataError(f"{path}:{number}: {mention} has another type further up; keep one of the two lines")
        types.setdefault(mention, set()).update(wanted)
    return types


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror or error}); name a file of mention TAB type lines"
        ) from None
    refuse_no_text(path, content[:HEAD])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = content[: error.start].count(b"\n")
        reason = not_utf8(content.split(b"\n")[place], str(path))
        raise DataError(f"{path}:{place + 1}: {reason}") from None
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip() and not line.startswith("#"):
            yield number, line.rstrip("\r")
