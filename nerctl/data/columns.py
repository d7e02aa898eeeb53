"""What a reader hands over: a corpus in columns, tags still as the file writes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Callable, NamedTuple

import numpy as np

from nerctl.data.spans import Span
from nerctl.wording import counted


class Note(NamedTuple):
    """Something unusual that was read all the same, said once for the whole file."""

    text: str
    """What it is and how it is read."""
    line: int
    """The first line that has it, from 1."""
    times: int
    """How many have it; 0 where a number says nothing."""
    unit: str = "line"
    """How many of what."""

    def sentence(self, path: str) -> str:
        """The note for the file at `path`."""
        more = f" ({counted(self.times, self.unit)})" if self.times > 1 else ""
        return f"{path}:{self.line}: {self.text}{more}"


@dataclass(frozen=True, eq=False)
class Columns:
    """A file's tokens and written tags, without the sentences that hold a line that cannot be read."""

    vocabulary: list[str]
    """The distinct tokens."""
    token_ids: np.ndarray
    """[N] int32, index into `vocabulary`."""
    tags: list[str]
    """The distinct tags as written; "O" is the first, whether the file has it or not."""
    tag_ids: np.ndarray
    """[N] int16, index into `tags`."""
    offsets: np.ndarray
    """[S+1] int64: sentence s is tokens offsets[s]:offsets[s+1]."""
    lines: np.ndarray
    """[S] int64: the line, from 1, of each sentence's first token."""
    empty_texts: int = 0
    """JSON lines whose text has no character: no tokens, so no sentence."""
    notes: tuple[Note, ...] = ()
    """What the reader mended."""
    overlapping: Mapping[int, tuple[Span, ...]] = field(default_factory=dict)
    """All entities of each sentence in which some overlap; its tags hold the outermost."""
    token_lines: bool = True
    """Has each token a line of its own?"""

    def tagged(self, wanted: Callable[[str], bool]) -> np.ndarray:
        """[M] int64: the tokens whose written tag is a wanted one."""
        ids = [tag_id for tag_id, tag in enumerate(self.tags) if wanted(tag)]
        return np.flatnonzero(np.isin(self.tag_ids, np.array(ids, dtype=np.int16)))

    def line_of(self, token: int) -> int:
        """The line, from 1, of the token at position `token` of the N."""
        return line_of(token, self.offsets, self.lines, self.token_lines)


def line_of(token: int, offsets: np.ndarray, lines: np.ndarray, token_lines: bool) -> int:
    """The line, from 1, of the token at position `token` of the N; the others are fields of `Columns`."""
    sentence = int(np.searchsorted(offsets, token, side="right")) - 1
    line = int(lines[sentence])
    return line + token - int(offsets[sentence]) if token_lines else line


def without_sentences(columns: Columns, bad_tokens: np.ndarray) -> Columns:
    """`columns` less each sentence that holds one of `bad_tokens` ([M] int64, ascending token positions)."""
    if not len(bad_tokens):
        return columns
    keep = np.ones(len(columns.lines), dtype=bool)
    keep[np.searchsorted(columns.offsets, bad_tokens, side="right") - 1] = False
    lengths = np.diff(columns.offsets)
    kept_tokens = np.repeat(keep, lengths)
    offsets = np.concatenate([[0], np.cumsum(lengths[keep])]).astype(np.int64)
    return replace(
        columns,
        token_ids=columns.token_ids[kept_tokens],
        tag_ids=columns.tag_ids[kept_tokens],
        offsets=offsets,
        lines=columns.lines[keep],
    )
