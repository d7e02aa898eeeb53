"""What `check-data` finds in a data set: figures of each split, and problems."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Optional

ERRORS = ("unreadable file", "unreadable lines", "no train file", "empty split", "nothing to learn", "unknown type")
WARNINGS = (
    "mended",
    "like types",
    "illegal tags",
    "overlapping entities",
    "long blocks",
    "shared sentences",
    "duplicates",
    "no entities",
    "missing split",
    "empty texts",
    "split tokens",
)
NOTES = ("several types", "unmarked mentions")
"""Kinds of problems, worst first. ERRORS: training refuses the data, or its scores would mean little. NOTES: may be
meant, and worth a look."""


@dataclass(frozen=True)
class Example:
    """One place where a problem shows."""

    file: str
    """Path of the file."""
    line: int
    """Line, from 1."""
    detail: str
    """What is there."""


@dataclass(frozen=True)
class Problem:
    """One kind of problem in one split."""

    kind: str
    """One of ERRORS, WARNINGS or NOTES."""
    split: str
    """Where it is: train, dev, test, or file for a single one."""
    count: int
    """How often."""
    message: str
    """The whole in one sentence."""
    examples: list[Example] = field(default_factory=list)
    """The first few."""

    @property
    def level(self) -> str:
        """ "error", "warning" or "note", by the kind."""
        if self.kind in ERRORS:
            return "error"
        return "warning" if self.kind in WARNINGS else "note"


@dataclass(frozen=True)
class SplitFigures:
    """What one split holds; sentences with an unreadable line are not counted."""

    file: str
    """Path of the file."""
    scheme: str
    """How it writes its tags, as in `Corpus.scheme`."""
    sentences: int
    """Sentences that were read."""
    tokens: int
    """Their tokens."""
    entities: dict[str, int]
    """Entities of each type."""
    lengths: dict[str, int]
    """Quantiles "50", "90", "99" and "max" of the sentences' lengths in `Report.length_unit`."""
    over_window: float
    """Share of the sentences, of 1, that do not fit one window."""
    unknown_tokens: Optional[float]
    """Share of the tokens, of 1, with a piece that the vocabulary lacks; None without a vocabulary."""


@dataclass(frozen=True)
class Report:
    """Figures and problems of a data set."""

    max_seq_length: int
    """The window: word pieces with [CLS] and [SEP]."""
    length_unit: str
    """What lengths count: "word pieces" when a vocabulary was at hand, else "tokens"."""
    splits: dict[str, SplitFigures]
    """Figures of each split that could be read."""
    problems: list[Problem]
    """Worst first."""

    @property
    def ok(self) -> bool:
        """Is there no error?"""
        return all(problem.level != "error" for problem in self.problems)

    def to_dict(self) -> dict[str, Any]:
        """The report for JSON."""
        problems = [{"level": problem.level, **asdict(problem)} for problem in self.problems]
        return {"ok": self.ok, **asdict(self), "problems": problems}
