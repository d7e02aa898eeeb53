"""A long output that can be taken up again: FILE.part grows beside a journal, FILE.part.json, and at last gets its name.

The journal says how many bytes of input are answered and how many of output the answers are. It is written after that
output is on disk, so at every moment the part holds at least what the journal says; what is behind that is cut off.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Optional

from nerctl.errors import NerctlError
from nerctl.files import write_json


@dataclass(frozen=True)
class Done:
    """How far a run has come; its figures belong together, so it is replaced as a whole."""

    form: str = ""
    """The form that the input was found to have."""
    input_bytes: int = 0
    """Bytes of input read and answered."""
    lines: int = 0
    """Line number of the last one among them."""
    output_bytes: int = 0
    """Bytes of output they gave."""
    texts: int = 0
    """Texts tagged."""
    entities: int = 0
    """Entities found."""
    skipped: int = 0
    """Lines left out."""
    ended: bool = False
    """Whether what ends the output, in a form that has an end, is written."""


class PartFile:
    """The output of one run; a context manager within which it grows.

    Args:
        target: the file to be.
        identity: what must be the same when the run is resumed, as JSON.
    """

    def __init__(self, target: Path, identity: dict[str, Any]) -> None:
        self.target = target
        self.part = target.with_name(target.name + ".part")
        self.journal = target.with_name(target.name + ".part.json")
        self.done = Done()
        """What `part` answers for certain; only `append` moves it."""
        self.complete = False
        """Whether an earlier run ended but for its journal, so that nothing is left to do."""
        self._identity = identity
        self._stream: Optional[BinaryIO] = None

    def begin(self) -> None:
        """Checks that there is room for a new run; writes nothing.

        Raises:
            NerctlError: the target, or what an earlier run left, is in the way.
        """
        if self.target.exists():
            raise NerctlError(f"{self.target}: is in the way; move it or name another --output")
        if self.part.exists():
            hint = "go on with --resume, or remove it" if self.journal.exists() else "remove it, its journal is gone"
            raise NerctlError(f"{self.part}: an earlier run was not finished; {hint}")
        if not self.target.parent.is_dir():
            raise NerctlError(f"{self.target.parent}: no such folder; make it or name another --output")

    def take_up(self) -> None:
        """Reads how far an earlier run came; writes nothing.

        Raises:
            NerctlError: there is nothing to resume, or it belongs to a run on other terms.
        """
        if self.target.exists() and (self.part.exists() or not self.journal.exists()):
            raise NerctlError(f"{self.target}: is in the way; move it or name another --output")
        try:
            content = json.loads(self.journal.read_text(encoding="utf-8"))
            done = Done(**content.pop("done"))
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            raise NerctlError(f"{self.journal}: nothing to resume there; leave out --resume") from None
        if content != self._identity:
            other = sorted(name for name in self._identity if content.get(name) != self._identity[name])
            raise NerctlError(f"{self.journal}: belongs to a run with another {', '.join(other)}; resume with the same")
        self.complete = self.target.exists()
        if _size(self.target if self.complete else self.part) < done.output_bytes:
            raise NerctlError(f"{self.part}: shorter than its journal says; remove both and begin again")
        self.done = done

    def __enter__(self) -> PartFile:
        # The journal first: a part without one could be neither resumed nor begun again.
        self._write_journal()
        self._stream = open(self.part, "r+b" if self.part.exists() else "xb")
        self._stream.truncate(self.done.output_bytes)
        self._stream.seek(self.done.output_bytes)
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        assert self._stream is not None
        try:
            self.sync()
        finally:
            self._stream.close()
        if error is not None and not self.done.lines:
            self.part.unlink()
            self.journal.unlink()

    def append(self, output: bytes, done: Done) -> None:
        """Writes the output of some input, and only then counts both: `done` is how far the run is with it."""
        assert self._stream is not None
        self._stream.write(output)
        self.done = done

    def sync(self) -> None:
        """Makes what was appended durable, then the journal that says so."""
        assert self._stream is not None
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._write_journal()

    def finish(self) -> None:
        """Gives the complete output its name."""
        if not self.complete:
            os.replace(self.part, self.target)
        self.journal.unlink()

    def kept(self) -> Optional[Done]:
        """What `--resume` would go on from, as it is on disk; None: there is nothing to resume."""
        try:
            return Done(**json.loads(self.journal.read_text(encoding="utf-8"))["done"])
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def _write_journal(self) -> None:
        write_json(self.journal, {**self._identity, "done": asdict(self.done)})


def _size(path: Path) -> int:
    """Bytes of a file; 0 where there is none."""
    return path.stat().st_size if path.exists() else 0
