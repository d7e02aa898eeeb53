"""The errors that users meet: each is one sentence that says what is wrong, where, and what to do next."""

from __future__ import annotations

import difflib
from pathlib import Path


class NerctlError(Exception):
    """Something the user can mend: bad usage, bad input, a missing file. The command line exits with 2."""

    exit_code = 2


class DataError(NerctlError):
    """A corpus, a tag or a text that cannot be read; the message begins with file:line where there is one."""


class ModelError(NerctlError):
    """An encoder or a model folder that is missing, damaged, or does not fit."""


class DeviceError(NerctlError):
    """A device that was asked for and cannot be used; the message says what is missing."""


class FailedError(NerctlError):
    """The request was right and the work failed: network, server, disk. The command line exits with 1."""

    exit_code = 1


class TransferError(FailedError):
    """A download or an upload that failed although what was asked was right."""


def near_path(path: Path) -> str:
    """A question with the name beside a missing path that is nearest to it, to stand before what to do; or nothing."""
    try:
        names = [entry.name for entry in path.parent.iterdir() if entry.name != path.name]
    except OSError:
        return ""
    close = difflib.get_close_matches(path.name, names, n=1, cutoff=0.7)
    return f"did you mean {path.parent / close[0]}? Else " if close else ""
