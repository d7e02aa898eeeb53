"""Reading and replacing a file as a whole."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Optional

from nerctl.errors import DataError, FailedError


def read_file(path: Path) -> bytes:
    """The file's bytes; raises DataError when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}).") from error


def replace_file(path: Path, content: bytes, mode: Optional[int] = None) -> None:
    """Writes under a temporary name, then renames; an existing file keeps its permissions without `mode`.

    Raises FailedError when the disk refuses; the file is then as it was.
    """
    temporary = ""
    try:
        if mode is None:
            mode = (path.stat().st_mode & 0o777) if path.exists() else 0o644
        handle, temporary = tempfile.mkstemp(dir=path.absolute().parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except OSError as error:
        if temporary and os.path.exists(temporary):
            os.unlink(temporary)
        raise FailedError(f"{path}: cannot be written ({error.strerror}); the file is as it was.") from error
