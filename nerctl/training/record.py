"""An output folder and its runs: whether one may begin there, making the folder its own, removing what a run wrote."""

from __future__ import annotations

import platform
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

import nerctl
from nerctl.errors import NerctlError
from nerctl.folder import POINTER, SHARED
from nerctl.run_record import LOG_FILES, RECORD, STEPS, RunRecord

OWN_CHECKPOINT = re.compile(r"^(\d{8}|\.\d{8}\.tmp)$")
"""Names of checkpoint folders: whole ones by their step, and one that a save is writing."""

OWN_FILES = (*SHARED, POINTER, STEPS, *LOG_FILES.values())
"""Names in the output folder that only a run gives; it never begins where somebody else has given one."""


def check_free(folder: Path, overwrite: bool) -> None:
    """Finds out, before anything is computed, whether a new run may be written to a folder.

    Args:
        folder: may be missing.
        overwrite: whether a run that is there may be replaced.

    Raises:
        NerctlError: the folder holds a run, or files of other origin under our names.
    """
    if (folder / RECORD).exists():
        if not overwrite:
            raise NerctlError(
                f"{folder}: holds another run; continue it with --resume, keep both with another --output-dir, put it "
                f"away with nerctl archive --output-dir {folder} --to ..., or replace it with --overwrite"
            )
        RunRecord.load(folder).files()  # a record that lists none is of another program
        return
    taken = sorted(name for name in OWN_FILES if (folder / name).exists())
    taken += [f"checkpoints/{entry.name}" for entry in own_checkpoints(folder)]
    if taken:
        raise NerctlError(
            f"{folder / taken[0]}: is in the way and no recorded run wrote it; move it or name another --output-dir"
        )


def claim(record: RunRecord, files: Iterable[str], overwrite: bool) -> None:
    """Makes the output folder that of a new run, whose record is the first file in it.

    Args:
        record: of the new run.
        files: names that it is going to write; a run that is stopped at any moment can be replaced by them.
        overwrite: remove the files of the run that is there; files of others stay in any case.

    Raises:
        NerctlError: as `check_free`.
    """
    check_free(record.folder, overwrite)
    if (record.folder / RECORD).exists():
        remove_run(RunRecord.load(record.folder))
    record.folder.mkdir(parents=True, exist_ok=True)
    record.save(files)


def remove_run(record: RunRecord) -> None:
    """Removes the files that a record lists, those that only a run writes, and folders that are empty then; no other.

    The record goes last: what a kill leaves is still a run that can be replaced. The pointer to the weights goes first,
    so that nothing goes on with half of them.
    """
    parents: set[Path] = set()
    root = record.folder.resolve()
    for name in [POINTER, *OWN_FILES, *record.files()]:
        path = record.folder / name
        if name == RECORD or root not in path.resolve().parents:
            continue
        path.unlink(missing_ok=True)
        parents.add(path.parent)
    for entry in own_checkpoints(record.folder):
        # A save that was killed midway is in no record; its name is the run's own.
        shutil.rmtree(entry, ignore_errors=True)
        parents.add(entry.parent)
    for parent in sorted(parents, key=lambda one: -len(one.parts)):
        if parent != record.folder and parent.is_dir() and not any(parent.iterdir()):
            parent.rmdir()
    (record.folder / RECORD).unlink(missing_ok=True)


def own_checkpoints(folder: Path) -> list[Path]:
    """The folders under `checkpoints/` whose names only a run gives."""
    checkpoints = folder / "checkpoints"
    if not checkpoints.is_dir():
        return []
    return sorted(entry for entry in checkpoints.iterdir() if OWN_CHECKPOINT.match(entry.name) and entry.is_dir())


def versions() -> dict[str, str]:
    """Versions of what computes."""
    import numpy
    import tensorflow

    return {
        "nerctl": nerctl.__version__,
        "python": platform.python_version(),
        "tensorflow": tensorflow.__version__,
        "numpy": numpy.__version__,
        "platform": platform.platform(),
        "machine": platform.machine(),
    }


def listed(folder: Path, names: Iterable[str]) -> list[str]:
    """The names that exist in the folder."""
    return [name for name in names if (folder / name).exists()]
