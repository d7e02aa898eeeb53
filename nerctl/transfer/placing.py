"""Copies under a temporary name, and folders made for files and removed again."""

from __future__ import annotations

import shutil
from pathlib import Path

from nerctl.files import BLOCK, disk_error


def copy_as(source: Path, ready: Path) -> None:
    """Copies a file's content under a temporary name. Raises FailedError when the disk refuses."""
    try:
        with source.open("rb") as reading, ready.open("wb") as writing:
            shutil.copyfileobj(reading, writing, BLOCK)
    except OSError as error:
        raise disk_error(ready, error) from error


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
