"""Which files of an output folder are a run's, by its record and its saved state."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from nerctl.errors import ModelError, NerctlError
from nerctl.folder import POINTER, ModelFolder
from nerctl.run_record import RECORD, RunRecord, Split

LOG_NAMES = ("loss+perf_*.txt", "steps.jsonl", "report.*", "README.md")
"""Files of a run that are logs and reports; all others are what prediction and resuming need."""
BACKENDS = ("cpu", "cuda", "npu")
"""The devices that a run can name."""
SAVES = "checkpoints"
"""The folder of a run's weights: a later save takes the place of an earlier one, which is no loss."""


@dataclass(frozen=True)
class RunFiles:
    """What the archive needs to know of a run."""

    run_id: str
    """Its name for itself."""
    backend: str
    """cpu, cuda or npu."""
    about: dict[str, Any]
    """device, versions, command and creation time as the run wrote them."""
    corpus: Mapping[str, Split]
    """The corpus files it has read, by split; empty where the record does not tell."""
    files: tuple[str, ...]
    """Files of the run that are there, paths below the output folder."""
    missing: tuple[str, ...]
    """Files of the run that are not there."""
    left: int
    """Files in the output folder that the run did not write."""
    saved: Mapping[str, str]
    """SHA-256 of each file of the saved state, by path; empty before the first save, and where `fault` says why."""
    fault: str
    """What is wrong with the file that names the saved state; empty when nothing is."""


def read_run(output: Path) -> RunFiles:
    """Reads the record of the run in an output folder, and which files its saved state consists of.

    A save that was cut off between checkpoint.json and run.json is whole all the same: checkpoint.json decides.

    Raises NerctlError when there is no record, or it cannot be read, or names a file outside the folder.
    """
    record = RunRecord.load(output)
    path = output / RECORD
    run_id, device = record.content.get("run_id"), record.content.get("device")
    backend = device.get("backend") if isinstance(device, dict) else None
    names = [*record.files(), RECORD]
    if not isinstance(run_id, str) or not run_id or backend not in BACKENDS:
        raise NerctlError(f"{path}: the run's id or device is none; the device is one of {', '.join(BACKENDS)}")
    saved, fault = _saved_state(output)
    names = [_below(path, output, name) for name in names]
    if saved:
        names = [name for name in names if name in saved or PurePosixPath(name).parts[0] != SAVES]
        names += [POINTER, *saved]
    names = sorted(set(names))
    _check_links(path, output, (name for name in names if name not in saved))
    there = [name for name in names if (output / name).is_file()]
    return RunFiles(
        run_id,
        backend,
        {key: record.content.get(key) for key in ("device", "versions", "command", "created")},
        record.corpus,
        tuple(there),
        tuple(name for name in names if name not in there),
        _others(output, set(there)),
        saved,
        fault,
    )


def _saved_state(output: Path) -> tuple[dict[str, str], str]:
    """The files that checkpoint.json names with their checksums, and what is wrong with it, if anything is."""
    if not (output / POINTER).exists():
        return {}, ""
    try:
        named = ModelFolder.open(output).files()
    except ModelError as error:
        return {}, str(error)
    return {_below(output / POINTER, output, name): digest for name, digest in named.items()}, ""


def _below(path: Path, output: Path, name: Any) -> str:
    """A file's path below the output folder, in its shortest form."""
    if not isinstance(name, str) or not name or "\\" in name or not name.isprintable():
        raise NerctlError(f"{path}: {name!r} is no name of a file")
    parts = PurePosixPath(name)
    if parts.is_absolute() or ".." in parts.parts or not parts.parts:
        raise NerctlError(f"{path}: names {name!r}, which lies outside {output}")
    return str(parts)


def _check_links(path: Path, output: Path, names: Iterable[str]) -> None:
    """Refuses files that a link leads out of the folder to.

    Only those of the saved state may lie elsewhere, say on a larger disk: their checksums tell that they are the run's.
    """
    inside = output.resolve()
    for name in names:
        if not (output / name).resolve().is_relative_to(inside):
            link = _link_in(output, name)
            raise NerctlError(
                f"{path}: names {name!r}, which lies outside {output}: {link} is a link; put what it leads to "
                "there in its place"
            )


def _link_in(output: Path, name: str) -> Path:
    """The first part of a path below the output folder that is a link."""
    parts = PurePosixPath(name).parts
    places = [output.joinpath(*parts[:count]) for count in range(1, len(parts) + 1)]
    return next(place for place in places if place.is_symlink())


def _others(output: Path, own: set[str]) -> int:
    found = (path.relative_to(output).as_posix() for path in output.rglob("*") if path.is_file())
    return sum(name not in own for name in found)


def is_log(name: str) -> bool:
    """Whether a file of a run is a log or a report."""
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in LOG_NAMES)
