"""Which files of a run go where in an archive. Pure but for looking at which files there are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from nerctl.errors import NerctlError
from nerctl.transfer.run_record import RUN_FILE, RunRecord, is_log, read_run

WHAT = ("dataset", "checkpoint", "logs", "all")
"""What can be archived."""
LAYOUTS = ("flat", "turing")
"""How an archive is laid out."""
TURING_FOLDERS = {"cuda": "GPU", "npu": "results", "cpu": "CPU"}
"""Where the original workflow put a run of each device; it had no place for a CPU, CPU is ours."""
PROJECT = "CarPeting_TF_BiLSTM_CRF"
"""The original workflow's name for the project."""


@dataclass(frozen=True)
class Entry:
    """One file to archive."""

    source: Path
    """Where it is."""
    name: str
    """Its path below its place."""


@dataclass(frozen=True)
class Place:
    """One folder of the archive, with one manifest."""

    folder: str
    """Path below the target, with slashes."""
    parts: tuple[str, ...]
    """Which of dataset, checkpoint and logs it holds."""
    entries: tuple[Entry, ...]
    """Its files."""
    of_run: bool
    """Whether it belongs to one run; a data set is shared by runs."""


@dataclass(frozen=True)
class Plan:
    """All that one command archives."""

    places: tuple[Place, ...]
    """Folders and files."""
    run: Optional[RunRecord]
    """The run, where there is one."""


def plan_archive(what: str, layout: str, output: Path, data: Path, name: str = PROJECT, run_name: str = "") -> Plan:
    """Decides what goes where.

    Args:
        what: dataset, checkpoint, logs or all.
        layout: flat (dataset/, checkpoint/, logs/) or turing (the places of the original workflow).
        name: the project's folder in the turing layout.
        run_name: folder below a run's places; empty for none.

    Raises NerctlError when something asked for is not there, or a name is not fit for a folder.
    """
    _check_name("--name", name)
    if run_name:
        _check_name("--run-name", run_name)
    places: list[Place] = []
    run = read_run(output) if what != "dataset" or (output / RUN_FILE).exists() else None
    if what in ("dataset", "all"):
        folder = name if layout == "turing" else "dataset"
        places.append(Place(folder, ("dataset",), _dataset(data), of_run=False))
    if run is not None and what != "dataset":
        groups = _groups(run, output, what)
        if layout == "turing":
            merged = {entry.name: entry for entries in groups.values() for entry in entries}
            folder = f"{TURING_FOLDERS[run.backend]}/{name}"
            places.append(_of_run(folder, run_name, tuple(groups), list(merged.values())))
        else:
            places += [_of_run(part, run_name, (part,), entries) for part, entries in groups.items()]
    return Plan(tuple(places), run)


def _of_run(folder: str, run_name: str, parts: tuple[str, ...], entries: list[Entry]) -> Place:
    folder = f"{folder}/{run_name}" if run_name else folder
    return Place(folder, parts, tuple(sorted(entries, key=lambda entry: entry.name)), of_run=True)


def _groups(run: RunRecord, output: Path, what: str) -> dict[str, list[Entry]]:
    """The run's files for each part asked for; its record goes with both parts."""
    groups = {}
    for part in ("checkpoint", "logs"):
        if what not in (part, "all"):
            continue
        own = [name for name in run.files if name != RUN_FILE and is_log(name) == (part == "logs")]
        if not own:
            raise NerctlError(f"{output}: the run has written no {part}; name another with --what")
        groups[part] = [Entry(output / name, name) for name in [*own, RUN_FILE]]
    return groups


def _dataset(data: Path) -> tuple[Entry, ...]:
    """The files of the splits in a data folder, under their own names."""
    from nerctl.data.splits import find_splits

    return tuple(Entry(path, path.name) for path in find_splits(data).values())


def _check_name(option: str, name: str) -> None:
    if not name.isprintable() or "/" in name or "\\" in name or name.startswith(".") or not name.strip():
        raise NerctlError(f"{option} {name!r}: is no name for a folder; leave out slashes and a leading dot")
