"""Checksums of files: SHA-256, and the git blob id, which names a file's content without a copy of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nerctl.errors import TransferError

BLOCK = 1 << 20
"""Bytes read at a time when a file is hashed or copied."""


@dataclass(frozen=True)
class Digest:
    """A published checksum of one file."""

    algorithm: str
    """"sha256", or "git-blob" for the id that git gives the content."""
    value: str
    """Lower-case hexadecimal digits."""

    def matches(self, path: Path) -> bool:
        """Whether the file's whole content has this checksum. Raises OSError when it cannot be read."""
        return digest_of(path, self.algorithm) == self.value


def digest_of(path: Path, algorithm: str = "sha256") -> str:
    """Hexadecimal checksum of a file's content; a git blob id is sha1 of b"blob SIZE", a zero byte, the
    content."""
    with path.open("rb") as stream:
        if algorithm == "git-blob":
            content_hash = hashlib.sha1(b"blob %d\0" % path.stat().st_size)
        elif algorithm == "sha256":
            content_hash = hashlib.sha256()
        else:
            raise ValueError(f"no checksum is called {algorithm!r}")
        for block in iter(lambda: stream.read(BLOCK), b""):
            content_hash.update(block)
    return content_hash.hexdigest()


def sha256_of(blocks: Iterable[bytes]) -> tuple[str, int]:
    """SHA-256 in hexadecimal digits, and the number of bytes, of a content that comes in blocks."""
    content_hash, size = hashlib.sha256(), 0
    for block in blocks:
        content_hash.update(block)
        size += len(block)
    return content_hash.hexdigest(), size


def blocks_of(path: Path, offset: int = 0) -> Iterable[bytes]:
    """The content of a file from a byte offset on, in blocks of at most `BLOCK` bytes."""
    with path.open("rb") as stream:
        stream.seek(offset)
        yield from iter(lambda: stream.read(BLOCK), b"")


def checksum(path: Path) -> str:
    """SHA-256 of a file that is to be archived. Raises TransferError when it cannot be read."""
    try:
        return digest_of(path)
    except OSError as error:
        raise cannot_read(path, error) from error


def cannot_read(path: Path, error: OSError) -> TransferError:
    """The sentence for a file that cannot be read."""
    return TransferError(f"{path}: cannot be read ({error.strerror or error})")
