"""What a conversion is asked for, checked when it is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Optional

from nerctl.data.spans import Nested
from nerctl.errors import NerctlError

By = Literal["text", "document"]
"""What goes into one split as a whole."""
SPLITS = ("train", "dev", "test")


@dataclass(frozen=True)
class Conversion:
    """What is wanted; NerctlError where two options contradict each other or shares make no whole."""

    source: Path
    """The corpus."""
    target: Path
    """The file, or the folder of a format that has one and of splits."""
    from_format: str = "auto"
    """Its format; auto: by its content."""
    to_format: str = ""
    """The format that is written; "": by the suffix of `target`."""
    shares: tuple[float, ...] = ()
    """Shares of train, dev and test, or of the first two; none: everything in one file."""
    seed: int = 1
    """Of the split."""
    by: By = "text"
    """What goes into one split as a whole."""
    renamed: Mapping[str, str] = field(default_factory=dict)
    """New names of types."""
    dropped: frozenset[str] = frozenset()
    """Types that are left out, by their old names."""
    sentences: bool = False
    """Cut documents at sentence ends?"""
    join: bool = False
    """Put the sentences of a document together again?"""
    nested: Optional[Nested] = None
    """None: keep where the format can hold them, else outermost."""

    def __post_init__(self) -> None:
        if self.sentences and self.join:
            raise NerctlError("--sentences and --join undo each other; give one of them")
        both = sorted(self.dropped & self.renamed.keys())
        if both:
            raise NerctlError(f"--drop {both[0]} and --map {both[0]}={self.renamed[both[0]]}: give one of them")
        if self.by == "document" and not self.shares:
            raise NerctlError("--by document goes with --split, which says what is split")
        whole = abs(sum(self.shares) - 1) < 1e-6
        if self.shares and not (2 <= len(self.shares) <= len(SPLITS) and min(self.shares) > 0 and whole):
            shares = ",".join(f"{share:g}" for share in self.shares)
            raise NerctlError(f"--split {shares}: two or three shares above 0 that make 1, such as 0.8,0.1,0.1")
