"""Cuts what is longer than the encoder's window into overlapping windows; nothing is ever truncated.

Each token is owned by exactly one window, the one that shows the encoder most of its surroundings. Emissions are taken
from owners only, so that a sentence has one row of emissions whatever the number of its windows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nerctl.errors import DataError

SPECIAL = 2
"""Word pieces that each window spends on [CLS] and [SEP]."""


@dataclass(frozen=True)
class Window:
    """A run of a sentence's tokens that the encoder reads at once; all indices count tokens, ends exclusive."""

    start: int
    """The first token that the encoder sees."""
    end: int
    """Behind the last token that the encoder sees."""
    own_start: int
    """The first token whose emission is taken from this window."""
    own_end: int
    """Behind the last token whose emission is taken from this window."""


def plan_windows(counts: np.ndarray, limit: int, open_at: np.ndarray | None = None) -> list[Window]:
    """Windows over one sentence, neighbours overlapping by about half.

    A token of more pieces than a window holds counts as a full window; its later pieces do not fit and are not seen.

    Args:
        counts: [n] integer word pieces of each token, each at least 1.
        limit: word pieces a window, [CLS] and [SEP] included; at least 3.
        open_at: [n] bool, True where an entity that began before this token goes on; ownership never changes there, as
            long as an entity is shorter than a window. None: anywhere.

    Returns:
        Windows in order; their owned parts cover 0..n without gap or overlap. None for an empty sentence.

    Raises:
        DataError: limit is under 3.
    """
    if limit < SPECIAL + 1:
        raise DataError(f"a window of {limit} word pieces has no room for a token; --max-seq-length must be at least 3")
    room = limit - SPECIAL
    total = len(counts)
    ends = np.concatenate([[0], np.cumsum(np.minimum(counts, room), dtype=np.int64)])  # [n + 1]
    windows: list[Window] = []
    start = own = 0
    while own < total:
        start = _start_to_reach_a_cut(start, own, ends, room, open_at)
        end = int(np.searchsorted(ends, ends[start] + room, side="right")) - 1
        if end >= total:
            windows.append(Window(start, total, own, total))
            break
        half = min(room // 2, int(ends[end] - ends[start]) - 1)
        follower = int(np.searchsorted(ends, ends[end] - half, side="left"))
        if ends[total] - ends[follower] <= room:
            # The last window reaches back as far as it can: more context for the same shape.
            follower = int(np.searchsorted(ends, ends[total] - room, side="left"))
        cut = _cut(own, end, (follower + end) // 2, open_at)
        windows.append(Window(start, end, own, cut))
        if cut < follower:
            follower = int(np.searchsorted(ends, ends[cut] - half // 2, side="left"))
        if cut < total:
            # The next window has to reach the first token that it owns.
            follower = max(follower, int(np.searchsorted(ends, ends[cut + 1] - room, side="left")))
        start, own = min(follower, cut), cut
    return windows


def _start_to_reach_a_cut(start: int, own: int, ends: np.ndarray, room: int, open_at: np.ndarray | None) -> int:
    """`start`, or as much later (`own` at most) as the window needs to reach a place where no entity is open."""
    if open_at is None:
        return start
    closed = np.flatnonzero(~open_at[own + 1 :])
    place = own + 1 + int(closed[0]) if len(closed) else len(open_at)
    needed = int(np.searchsorted(ends, ends[place] - room, side="left"))
    return max(start, needed) if needed <= own else start


def _cut(own: int, end: int, wanted: int, open_at: np.ndarray | None) -> int:
    """The place in own+1..end nearest to `wanted` where no entity is open; `wanted` where there is none."""
    wanted = min(max(wanted, own + 1), end)
    if open_at is None:
        return wanted
    places = np.arange(own + 1, end + 1)
    places = places[~open_at[own + 1 : end + 1]]
    if not len(places):
        return wanted
    return int(places[np.argmin(np.abs(places - wanted))])
