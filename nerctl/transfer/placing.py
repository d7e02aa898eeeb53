"""How a file gets its final name: written whole under another name, flushed to the disk, then renamed."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path
from typing import Any

from nerctl.errors import TransferError
from nerctl.transfer.digest import BLOCK


def disk_error(path: Path, error: OSError) -> TransferError:
    """The sentence for a write that the disk refused."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return TransferError(f"{path}: the disk is full; free some space and run the same command again")
    cause = error.strerror or str(error)
    return TransferError(f"{path}: cannot be written ({cause}); check the folder's permissions and its disk")


def sync(path: Path) -> None:
    """Flushes a file, or the names in a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EBADF, errno.ENOTSUP):  # some network disks cannot
            raise
    finally:
        os.close(descriptor)


def take_name(ready: Path, final: Path) -> None:
    """Gives a finished file its final name, over an older file of that name. Raises TransferError."""
    try:
        sync(ready)
        os.replace(ready, final)
        sync(final.parent)
    except OSError as error:
        raise disk_error(final, error) from error


def copy_as(source: Path, ready: Path) -> None:
    """Copies a file's content under a temporary name. Raises TransferError when the disk refuses."""
    try:
        with source.open("rb") as reading, ready.open("wb") as writing:
            shutil.copyfileobj(reading, writing, BLOCK)
    except OSError as error:
        raise disk_error(ready, error) from error


def write_json(path: Path, value: Any) -> None:
    """Writes a small JSON file whole. Raises TransferError when the disk refuses."""
    write_bytes(path, (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a small file whole. Raises TransferError when the disk refuses."""
    ready = path.with_name(f".{path.name}.tmp")
    try:
        ready.write_bytes(content)
    except OSError as error:
        raise disk_error(path, error) from error
    take_name(ready, path)


def make_folder(folder: Path) -> list[Path]:
    """Makes a folder and those above it; returns the ones that were made, innermost first."""
    missing = []
    above = folder
    while not above.exists():
        missing.append(above)
        above = above.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_error(folder, error) from error
    return missing


def remove_empty(folders: list[Path]) -> None:
    """Removes folders that `make_folder` made and that are still empty, innermost first."""
    for folder in folders:
        try:
            folder.rmdir()
        except FileNotFoundError:
            continue
        except OSError:  # something is in it
            return
