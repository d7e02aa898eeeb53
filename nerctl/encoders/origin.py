"""Where the encoder in a folder was fetched from, and the checksums by which a change of it is found.

`nerctl fetch-bert REPOSITORY` writes origin.json; folders without one are taken as they are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from nerctl.errors import ModelError
from nerctl.files import sha256_of, write_json

ORIGIN = "origin.json"
"""The file's name."""


def write_origin(folder: Path, repository: str, commit: str, names: Iterable[str]) -> None:
    """Says of the files `names` in a folder that they came from a commit of a repository."""
    files = {name: sha256_of(folder / name) for name in sorted(names)}
    write_json(folder / ORIGIN, {"repository": repository, "commit": commit, "files": files})


def read_origin(folder: Path) -> dict[str, Any]:
    """What the file says: repository, commit and the SHA-256 of each file by name; empty where there is none.

    Raises:
        ModelError: it is damaged.
    """
    path = folder / ORIGIN
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        files = content["files"]
        whole = all(isinstance(text, str) for text in (content["repository"], content["commit"], *files, *files.values()))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        whole = False
    if not whole:
        raise ModelError(f"{path}: damaged; fetch the encoder again with nerctl fetch-bert --force")
    return dict(content)


def check_origin(folder: Path, which: Callable[[str], bool] = lambda name: True) -> None:
    """Compares files with the checksums that they had when they were fetched.

    Args:
        folder: an encoder's; without origin.json nothing is compared.
        which: which of the listed files, by name.

    Raises:
        ModelError: one is missing or was altered; the message names it.
    """
    origin = read_origin(folder)
    for name, digest in origin.get("files", {}).items():
        path = folder / name
        if which(name) and not (path.is_file() and sha256_of(path) == digest):
            raise ModelError(
                f"{path}: missing, or not what nerctl fetch-bert put there (its SHA-256 is another); fetch "
                f"{origin['repository']} again with --force, or remove {ORIGIN} to take the folder as it is"
            )
