"""Files: written whole or not at all, hashed, and places for them tried before anything is computed."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Optional

from nerctl.errors import DataError, FailedError, NerctlError

BLOCK = 1 << 20
"""Bytes read at a time."""


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's content. Raises OSError when it cannot be read."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        for block in iter(lambda: stream.read(BLOCK), b""):
            digest.update(block)
    return digest.hexdigest()


def sha256_of_corpus(path: Path) -> str:
    """`sha256_of` a file; of a folder that of the names and checksums of all files in it, in order."""
    if not path.is_dir():
        return sha256_of(path)
    digest = hashlib.sha256()
    for file in files_in(path):
        digest.update(f"{file.relative_to(path).as_posix()}\0{sha256_of(file)}\n".encode())
    return digest.hexdigest()


def files_in(folder: Path) -> list[Path]:
    """The files of a folder and of those in it, by name, hidden ones left out."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts))


def read_bytes(path: Path) -> bytes:
    """A small file's content. Raises DataError when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}).") from error


def write_parts(path: Path, parts: Iterable[bytes], mode: Optional[int] = None) -> None:
    """Writes a file, piece by piece, in one rename: the old content or the new, never a part of it.

    Args:
        path: the file; its folder is there.
        parts: the content; when making it fails, nothing is written.
        mode: permissions; None: those of the file that is there, else what the system gives.

    Raises:
        FailedError: the disk refuses; the file is then as it was.
    """
    temporary = temporary_name(path)
    try:
        with open(temporary, "wb") as stream:
            stream.writelines(parts)
            stream.flush()
        if mode is None and path.exists():
            mode = path.stat().st_mode & 0o777
        if mode is not None:
            os.chmod(temporary, mode)
        take_name(temporary, path)
    except OSError as error:
        raise disk_error(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes, mode: Optional[int] = None) -> None:
    """Writes a file as `write_parts` does."""
    write_parts(path, [content], mode)


def write_text(path: Path, text: str) -> None:
    """Writes a file as `write_parts` does, in UTF-8; line ends stay as they are."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """Writes a JSON file as `write_parts` does, readable by people: indented, Chinese as it is."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def temporary_name(path: Path) -> Path:
    """The name under which this process makes a file or a folder that `path` will be."""
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


def remove_leftovers(path: Path) -> None:
    """Removes what processes that were killed left under their temporary names of `path`: nobody else would."""
    for left in path.parent.iterdir():
        named = re.fullmatch(rf"\.{re.escape(path.name)}\.(\d+)\.tmp", left.name)
        if named and not _is_running(int(named[1])):
            remove(left)


def remove(path: Path) -> None:
    """Removes a file, or a folder with all that is in it, as far as the disk lets it."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    if os.name != "posix":  # there is no question without a signal there
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def make_folders(folder: Path, made: list[Path]) -> None:
    """Makes a folder and its parents; those that were not there are added to `made`, outermost first. Raises OSError."""
    for place in reversed([folder, *folder.parents]):
        if not place.is_dir():
            place.mkdir()
            made.append(place)


def remove_empty(made: Sequence[Path]) -> None:
    """Removes folders that `make_folders` made, but for those into which somebody has put something."""
    for folder in reversed(made):
        try:
            folder.rmdir()
        except OSError:
            break


def take_name(ready: Path, final: Path) -> None:
    """Gives a finished file its final name, over an older file of that name. Raises FailedError."""
    try:
        sync(ready)
        os.replace(ready, final)
        sync(final.parent)
    except OSError as error:
        raise disk_error(final, error) from error


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


def disk_error(path: Path, error: OSError) -> FailedError:
    """The sentence for a write that the disk refused."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return FailedError(f"{path}: the disk is full; free some space and run the same command again")
    cause = error.strerror or str(error)
    return FailedError(f"{path}: cannot be written ({cause}); check the folder's permissions and its disk")


def check_output_folder(folder: Path, option: str) -> None:
    """Finds out, before anything is computed, whether a folder can be made and written to; leaves no trace.

    Args:
        folder: it and its parents may be missing.
        option: the option that named it, for the message.

    Raises:
        NerctlError: it cannot be made, is no folder, or refuses files.
    """
    made: list[Path] = []
    try:
        make_folders(folder, made)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = error.strerror or str(error)
        place = Path(error.filename) if error.filename else folder
        if isinstance(error, FileExistsError):
            reason = "a link to nothing is there" if place.is_symlink() else "a file of that name is there"
        where = f"{place}: " if place in folder.parents else ""
        raise NerctlError(
            f"{folder}: cannot be written to ({where}{reason}); name another folder with {option}"
        ) from None
    finally:
        remove_empty(made)


def check_output_file(file: Path, option: str) -> None:
    """Finds out, before anything is computed, whether a file can be written where it is wanted; leaves no trace.

    Args:
        file: its folder must be there; the file itself may be, and is not touched.
        option: the option that named it, for the message.

    Raises:
        NerctlError: its folder is missing or refuses files, or the name is a folder's.
    """
    if file.is_dir():
        raise NerctlError(f"{file}: is a folder; name a file with {option}")
    try:
        with tempfile.TemporaryFile(dir=file.parent):
            pass
    except OSError as error:
        reason = "no such folder" if isinstance(error, FileNotFoundError) else error.strerror or str(error)
        raise NerctlError(f"{file}: cannot be written ({file.parent}: {reason}); name another file with {option}") from None
