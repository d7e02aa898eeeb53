"""Reads output/run.json, in which a training run says what it is and which files it wrote."""

from __future__ import annotations

import fnmatch
import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from nerctl.errors import NerctlError

RUN_FILE = "run.json"
"""The record's name in the output folder."""
LOG_NAMES = ("loss+perf_*.txt", "steps.jsonl", "report.*", "README.md")
"""Files of a run that are logs and reports; all others are what prediction and resuming need."""
BACKENDS = ("cpu", "cuda", "npu")
"""The devices that a run can name."""


@dataclass(frozen=True)
class RunRecord:
    """What the archive needs to know of a run."""

    run_id: str
    """Its name for itself."""
    backend: str
    """cpu, cuda or npu."""
    about: dict[str, Any]
    """device, versions, command and creation time as the run wrote them."""
    files: tuple[str, ...]
    """Files of the run that are there, paths below the output folder."""
    missing: tuple[str, ...]
    """Files that the record names and that are not there."""
    left: int
    """Files in the output folder that the run did not write."""


def read_run(output: Path) -> RunRecord:
    """Reads the record of the run in an output folder.

    Raises NerctlError when there is none, or it cannot be read, or names a file outside the folder.
    """
    path = output / RUN_FILE
    try:
        record: Any = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise NerctlError(f"{path}: not there, so {output} holds no run; name the folder of one with --output-dir") from None
    except (OSError, ValueError) as error:
        raise NerctlError(f"{path}: cannot be read as JSON; it is written by nerctl train") from error
    try:
        run_id, backend = record["run_id"], record["device"]["backend"]
        names = [*record["files"], RUN_FILE]
    except (KeyError, TypeError) as error:
        raise NerctlError(f"{path}: lacks run_id, device or files; it is written by nerctl train") from error
    if not isinstance(run_id, str) or not run_id or backend not in BACKENDS:
        raise NerctlError(f"{path}: the run's id or device is none; the device is one of {', '.join(BACKENDS)}")
    names = sorted({_below(path, output, name) for name in names})
    there = [name for name in names if (output / name).is_file()]
    about = {key: record.get(key) for key in ("device", "versions", "command", "created")}
    missing = tuple(name for name in names if name not in there)
    return RunRecord(run_id, backend, about, tuple(there), missing, _others(output, set(there)))


def _below(path: Path, output: Path, name: Any) -> str:
    """A file's path below the output folder, in its shortest form."""
    if not isinstance(name, str) or not name or "\\" in name or not name.isprintable():
        raise NerctlError(f"{path}: {name!r} is no name of a file")
    parts = PurePosixPath(name)
    inside = not parts.is_absolute() and ".." not in parts.parts
    if not inside or not (output / parts).resolve().is_relative_to(output.resolve()):
        raise NerctlError(f"{path}: names {name!r}, which lies outside {output}")
    return str(parts)


def _others(output: Path, own: set[str]) -> int:
    found = (path.relative_to(output).as_posix() for path in output.rglob("*") if path.is_file())
    return sum(name not in own for name in found)


def is_log(name: str) -> bool:
    """Whether a file of a run is a log or a report."""
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in LOG_NAMES)
