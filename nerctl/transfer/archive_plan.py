"""Which files of a run go where in an archive. Nothing is written; files are looked at, the corpus is read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from nerctl.errors import NerctlError
from nerctl.files import files_in
from nerctl.folder import POINTER
from nerctl.run_record import RECORD
from nerctl.transfer import PROJECT, Layout, What
from nerctl.transfer.run_corpus import choose_corpus
from nerctl.transfer.run_files import RunFiles, is_log, read_run
from nerctl.wording import counted

TURING_FOLDERS = {"cuda": "GPU", "npu": "results", "cpu": "CPU"}
"""Where the original workflow put a run of each device; it had no place for a CPU, CPU is ours."""
WITHOUT_CHECKPOINT = "archive the rest with --what logs and --what dataset"
"""What is left to do where no checkpoint can be archived."""


@dataclass(frozen=True)
class Entry:
    """One file to archive."""

    source: Path
    """Where it is."""
    name: str
    """Its path below its place."""
    sha256: str = ""
    """The checksum that it must have; empty where none is known."""


@dataclass(frozen=True)
class Place:
    """One folder of the archive, with one manifest."""

    folder: str
    """Path below the target, with slashes."""
    parts: tuple[str, ...]
    """Which of dataset, checkpoint and logs it holds."""
    entries: tuple[Entry, ...]
    """Its files."""
    run: Optional[RunFiles]
    """The run that its manifest names; None for a data set that is no run's."""
    missing: tuple[str, ...] = ()
    """Files of the run that belong here and are gone."""

    @property
    def of_run(self) -> bool:
        """Whether it belongs to one run; a data set is shared by runs."""
        return self.parts != ("dataset",)


@dataclass(frozen=True)
class Plan:
    """All that one command archives."""

    places: tuple[Place, ...]
    """Folders and files."""
    run: Optional[RunFiles]
    """The run, where there is one."""
    notes: tuple[str, ...] = ()
    """What the user should know about what is archived."""

    @property
    def missing(self) -> list[str]:
        """Files of the run that are gone, so that the archive lacks them."""
        return sorted({name for place in self.places for name in place.missing})


def plan_archive(
    what: What, layout: Layout, output: Path, data: Optional[Path] = None, name: str = PROJECT, run_name: str = ""
) -> Plan:
    """Decides what goes where.

    Args:
        what: dataset, checkpoint, logs or all.
        layout: flat (dataset/, checkpoint/, logs/) or turing (the places of the original workflow).
        data: the folder of the corpus; None for the one that the run has read, wherever it says that it was.
        name: the project's folder in the turing layout.
        run_name: folder below a run's places; empty for none.

    Raises NerctlError when something asked for is not there or not whole, the corpus is not the run's, or a name is not
    fit for a folder.
    """
    _check_name("--name", name)
    if run_name:
        _check_name("--run-name", run_name)
    places: list[Place] = []
    notes: list[str] = []
    run = read_run(output) if what != "dataset" or (output / RECORD).exists() else None
    if run is not None and what != "dataset":
        groups = _groups(run, output, what)
        if layout == "turing":
            merged = {entry.name: entry for entries in groups.values() for entry in entries}
            folder = f"{TURING_FOLDERS[run.backend]}/{name}"
            places.append(_of_run(run, folder, run_name, tuple(groups), list(merged.values())))
        else:
            places += [_of_run(run, part, run_name, (part,), entries) for part, entries in groups.items()]
    if what in ("dataset", "all"):
        corpus = choose_corpus(run, output, data, alone=what == "dataset")
        folder = name if layout == "turing" else "dataset"
        entries = tuple(entry for path in corpus.files for entry in _of_corpus(path))
        places.insert(0, Place(folder, ("dataset",), entries, run if corpus.of_run else None))
        notes += [corpus.note] if corpus.note else []
    return Plan(tuple(places), run, tuple(notes))


def _of_corpus(path: Path) -> list[Entry]:
    """A split's file, or the files of its folder."""
    files = files_in(path) if path.is_dir() else [path]
    return [Entry(file, file.relative_to(path.parent).as_posix()) for file in files]


def _of_run(run: RunFiles, folder: str, run_name: str, parts: tuple[str, ...], entries: list[Entry]) -> Place:
    folder = f"{folder}/{run_name}" if run_name else folder
    missing = tuple(name for name in run.missing if _part_of(name) in parts)
    return Place(folder, parts, tuple(sorted(entries, key=lambda entry: entry.name)), run, missing)


def _part_of(name: str) -> str:
    return "logs" if is_log(name) else "checkpoint"


def _groups(run: RunFiles, output: Path, what: What) -> dict[str, list[Entry]]:
    """The run's files for each part asked for; its record goes with both parts."""
    groups = {}
    for part in ("checkpoint", "logs"):
        if what not in (part, "all"):
            continue
        if part == "checkpoint":
            _check_whole(run, output)
        own = [name for name in run.files if name != RECORD and _part_of(name) == part]
        if not own:
            raise NerctlError(f"{output}: the run has written no {part}; name another with --what")
        groups[part] = [Entry(output / name, name, run.saved.get(name, "")) for name in [*own, RECORD]]
    return groups


def _check_whole(run: RunFiles, output: Path) -> None:
    """Raises NerctlError unless the run has saved weights, and every file of the saved state is there."""
    if run.fault:
        raise NerctlError(f"{run.fault}; {WITHOUT_CHECKPOINT}")
    if not run.saved and POINTER not in run.missing:
        raise NerctlError(f"{output}: the run has saved no weights yet; archive it when it has, or {WITHOUT_CHECKPOINT}")
    gone = [name for name in run.missing if name in run.saved or name == POINTER]
    if gone:
        count = f" and {counted(len(gone) - 1, 'more file')}" if len(gone) > 1 else ""
        raise NerctlError(
            f"{output / gone[0]}{count}: gone, so that the checkpoint is not whole; put back what is gone, or "
            f"{WITHOUT_CHECKPOINT}"
        )


def _check_name(option: str, name: str) -> None:
    if not name.isprintable() or "/" in name or "\\" in name or name.startswith(".") or not name.strip():
        raise NerctlError(f"{option} {name!r}: is no name for a folder; leave out slashes and a leading dot")
