"""The waiting texts, and which of them go through the model together. No clock, no input, no output.

Texts of a batch are padded to the longest, so texts of like length belong together. The oldest text is
always in the next batch, so that none waits for ever for company.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Callable, Optional

PADDED_CHARS = 32 * 512
"""Most characters of a batch after padding: 32 windows of BERT's 512 positions. A longer text goes alone."""
LIKE_RATIO = 2.0
LIKE_CHARS = 32
"""Lengths are alike when they differ by no more than this ratio, or by no more than these characters."""


class Job:
    """A request: room for the JSON of each text's result."""

    def __init__(self, texts: Sequence[str], on_done: Callable[[], None]) -> None:
        """`on_done` is called once, when every text has its result or one of them failed."""
        self._on_done = on_done
        self.results: list[bytes] = [b""] * len(texts)
        """JSON of each text's result, in order; complete when `left` is 0."""
        self.left = len(texts)
        """Texts without a result."""
        self.failed: Optional[tuple[int, str]] = None
        """Index of the first text that failed, and why."""
        self.unserved: Optional[str] = None
        """Why no worker will come to this job."""
        self.cancelled = False
        """The client went away, or has its answer: further results are of no use."""

    def resolve(self, index: int, result: bytes) -> None:
        """The JSON of a text's result."""
        if self.cancelled:
            return
        self.results[index] = result
        self.left -= 1
        if self.left == 0:
            self._on_done()

    def fail(self, index: int, reason: str) -> None:
        """A text that can have no result: the whole job is done."""
        if self.cancelled:
            return
        self.failed = (index, reason)
        self.cancelled = True
        self._on_done()

    def give_up(self, reason: str) -> None:
        """No worker will come: the whole job is done, through no fault of its texts."""
        if self.cancelled:
            return
        self.unserved = reason
        self.cancelled = True
        self._on_done()


class Item:
    """One waiting text of a job."""

    __slots__ = ("arrived", "attempts", "index", "job", "text")

    def __init__(self, job: Job, index: int, text: str, arrived: float) -> None:
        self.job = job
        self.index = index
        self.text = text
        self.arrived = arrived
        self.attempts = 0
        """Batches of this text in which a worker died; from 1 on the text is tried alone."""


def like_length(lengths: Sequence[int], anchor: int, max_batch: int, budget: int) -> tuple[int, int]:
    """The part [low, high) of ascending `lengths` that forms a batch around position `anchor`.

    Grows towards the nearer length, while there are no more than `max_batch`, no more than `budget`
    characters after padding to the longest, and shortest and longest are alike.
    """
    low, high = anchor, anchor + 1
    while high - low < max_batch:
        below = lengths[anchor] - lengths[low - 1] if low > 0 else None
        above = lengths[high] - lengths[anchor] if high < len(lengths) else None
        grow_down = below is not None and (above is None or below <= above)
        if grow_down and _fits(lengths[low - 1], lengths[high - 1], high - low + 1, budget):
            low -= 1
        elif above is not None and _fits(lengths[low], lengths[high], high - low + 1, budget):
            high += 1
        else:
            break
    return low, high


def _fits(shortest: int, longest: int, count: int, budget: int) -> bool:
    alike = longest <= shortest * LIKE_RATIO or longest - shortest <= LIKE_CHARS
    return alike and longest * count <= budget


class Batcher:
    """The waiting texts of all requests, in order of arrival."""

    def __init__(self, capacity: int, max_batch: int, max_wait: float) -> None:
        """`capacity` in texts, `max_wait` in seconds."""
        self.capacity = capacity
        self.max_batch = max_batch
        self.max_wait = max_wait
        self._waiting: dict[int, Item] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def has_room(self, count: int) -> bool:
        """Whether `count` more texts may wait."""
        return len(self._waiting) + count <= self.capacity

    def add(self, items: Sequence[Item]) -> None:
        """Queues texts; those that were tried before are queued again even where there is no room."""
        for item in items:
            self._waiting[id(item)] = item

    def give_up(self, reason: str) -> None:
        """Ends every job that waits."""
        waiting, self._waiting = self._waiting, {}
        for item in waiting.values():
            item.job.give_up(reason)

    def drop(self, job: Job) -> None:
        """Frees the places of a job."""
        job.cancelled = True
        for key in [key for key, item in self._waiting.items() if item.job is job]:
            del self._waiting[key]

    def delay(self, now: float) -> Optional[float]:
        """Seconds until a batch is due: 0 when it is now, None when nothing waits."""
        if not self._waiting:
            return None
        oldest = self._oldest()
        if oldest.attempts or len(self._waiting) >= self.max_batch:
            return 0.0
        return max(0.0, oldest.arrived + self.max_wait - now)

    def take(self) -> list[Item]:
        """The next batch: the oldest text and those of like length. Call it when something waits."""
        oldest = self._oldest()
        if oldest.attempts:
            batch = [oldest]
        else:
            fresh = [item for item in self._waiting.values() if not item.attempts]
            fresh.sort(key=lambda item: len(item.text))
            lengths = [len(item.text) for item in fresh]
            low, high = like_length(lengths, fresh.index(oldest), self.max_batch, PADDED_CHARS)
            batch = fresh[low:high]
        for item in batch:
            del self._waiting[id(item)]
        return batch

    def _oldest(self) -> Item:
        return min(self._waiting.values(), key=lambda item: item.arrived)
