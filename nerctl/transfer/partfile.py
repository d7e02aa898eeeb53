"""FILE.part and its journal FILE.part.json: a download that grows, and what it is a part of."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Optional

from nerctl.errors import NerctlError, TransferError
from nerctl.files import disk_error, take_name, write_json

FORMAT = 1
"""Layout of the journal; another number is not continued."""


@dataclass(frozen=True)
class PartState:
    """What the bytes in a part file are the beginning of."""

    identity: str
    """The checksum that the whole file must have; empty when none is published."""
    url: str
    """The address that the bytes came from."""
    validator: str
    """The server's name for this version of the file, fit for If-Range; empty when it gave none."""
    total: Optional[int]
    """Bytes of the whole file as the server said; None when it did not."""
    continued: bool = False
    """Whether the bytes came in more than one request."""


class PartFile:
    """The unfinished copy of one file, beside its final name."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.path = target.with_name(target.name + ".part")
        self.journal = target.with_name(target.name + ".part.json")

    @property
    def size(self) -> int:
        """Bytes that are there."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def state(self) -> Optional[PartState]:
        """What the journal says; None when there is no part, no journal, or one that cannot be read."""
        if not self.size:
            return None
        try:
            record = json.loads(self.journal.read_text("utf-8"))
            if record.pop("format") != FORMAT:
                return None
            state = PartState(**record)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None
        texts = (state.identity, state.url, state.validator)
        whole = all(isinstance(text, str) for text in texts) and isinstance(state.total, (int, type(None)))
        return state if whole else None

    def begin(self, state: PartState) -> None:
        """Empties the part and writes down what it will be the beginning of."""
        try:
            self.path.open("wb").close()
        except OSError as error:
            raise disk_error(self.path, error) from error
        self._write(state)

    def mark_continued(self, state: PartState) -> None:
        """Notes that a second request adds to the part."""
        if not state.continued:
            self._write(replace(state, continued=True))

    def discard(self) -> None:
        """Removes the part and its journal."""
        for path in (self.journal, self.path):
            path.unlink(missing_ok=True)

    def finish(self) -> None:
        """Gives the part, found whole and right, its final name."""
        take_name(self.path, self.target)
        self.journal.unlink(missing_ok=True)

    def _write(self, state: PartState) -> None:
        write_json(self.journal, {"format": FORMAT, **asdict(state)})

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps a second command from writing the same part; the lock ends with the process, however it
        ends."""
        try:
            holder = open(self.target.with_name(f".{self.target.name}.lock"), "w")
        except OSError as error:
            raise disk_error(self.target, error) from error
        with holder:
            _lock(holder, self.target)
            try:
                yield
            finally:
                os.unlink(holder.name)


def _lock(holder: IO[str], target: Path) -> None:
    if sys.platform == "win32":  # no flock there
        return
    import fcntl

    try:
        fcntl.flock(holder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise NerctlError(f"{target} is being written by another command; wait for it to end") from None
    except OSError as error:  # a disk without locks is no reason to stop, any other failure is
        if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
            raise TransferError(f"{target}: cannot be locked ({error.strerror})") from error
    path = Path(holder.name)
    if not path.exists() or not os.path.samestat(path.stat(), os.fstat(holder.fileno())):
        raise NerctlError(f"{target} was being written by another command; run the same command again")
