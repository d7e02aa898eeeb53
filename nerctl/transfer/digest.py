"""Checksums of files: SHA-256, and the git blob id, which names a file's content without a copy of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nerctl.errors import TransferError
from nerctl.files import BLOCK, sha256_of, sha256_of_corpus


@dataclass(frozen=True)
class Digest:
    """A published checksum of one file."""

    algorithm: Literal["sha256", "git-blob"]
    """"git-blob" is the id that git gives the content."""
    value: str
    """Lower-case hexadecimal digits."""

    def matches(self, path: Path) -> bool:
        """Whether the file's whole content has this checksum. Raises OSError when it cannot be read."""
        return (git_blob_id(path) if self.algorithm == "git-blob" else sha256_of(path)) == self.value


def git_blob_id(path: Path) -> str:
    """SHA-1 of b"blob SIZE", a zero byte and the file's content, in hexadecimal digits."""
    with path.open("rb") as stream:
        content_hash = hashlib.sha1(b"blob %d\0" % path.stat().st_size)
        for block in iter(lambda: stream.read(BLOCK), b""):
            content_hash.update(block)
    return content_hash.hexdigest()


def sha256_and_size(blocks: Iterable[bytes]) -> tuple[str, int]:
    """SHA-256 in hexadecimal digits, and the number of bytes, of a content that comes in blocks."""
    content_hash, size = hashlib.sha256(), 0
    for block in blocks:
        content_hash.update(block)
        size += len(block)
    return content_hash.hexdigest(), size


def blocks_of(path: Path, offset: int = 0) -> Iterator[bytes]:
    """The content of a file from a byte offset on, in blocks of at most `BLOCK` bytes. Raises TransferError."""
    try:
        with path.open("rb") as stream:
            stream.seek(offset)
            yield from iter(lambda: stream.read(BLOCK), b"")
    except OSError as error:
        raise cannot_read(path, error) from error


def checksum(path: Path) -> str:
    """SHA-256 of a file, or of a corpus that is a folder, to be archived. Raises TransferError when it cannot be read."""
    try:
        return sha256_of_corpus(path)
    except OSError as error:
        raise cannot_read(path, error) from error


def cannot_read(path: Path, error: OSError) -> TransferError:
    """The sentence for a file that cannot be read."""
    return TransferError(f"{path}: cannot be read ({error.strerror or error})")
