"""Which corpus a run has read: the checksums in its record decide, whatever the files' folder is called."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from nerctl.data.splits import find_splits, split_of
from nerctl.errors import NerctlError
from nerctl.transfer.digest import checksum
from nerctl.transfer.run_files import RunFiles

DEFAULT = Path("NERdata")
"""The folder of a corpus that nothing else tells."""


@dataclass(frozen=True)
class Corpus:
    """The corpus files to archive."""

    files: tuple[Path, ...]
    """The files."""
    of_run: bool
    """Whether they are what the run has read."""
    note: str = ""
    """What the user should know about them; empty for nothing."""


def choose_corpus(run: Optional[RunFiles], output: Path, data: Optional[Path], alone: bool) -> Corpus:
    """The corpus that goes into an archive.

    Args:
        run: the run that it is archived with; None for none.
        output: the run's folder, for messages.
        data: the folder that was named; None for where the run has read its corpus, else DEFAULT.
        alone: whether the data set is archived without the rest of a run, so that it may be another one.

    Raises NerctlError when there is no corpus, or it is not the one that the run has read.
    """
    if run is None or not run.corpus:
        untold = f"{output}: its record does not tell which corpus it has read, so the data set is archived as no run's"
        return Corpus(tuple(find_splits(data or DEFAULT).values()), False, untold if run else "")
    faults = []
    for folder in _folders(run) if data is None else [data]:
        files, fault = _of_run(run, output, folder)
        if not fault:
            others = [path.name for path in sorted(folder.iterdir()) if split_of(path) and path not in files]
            note = f"{folder}: the run has not read {', '.join(others)}, which is not archived" if others else ""
            return Corpus(files, True, note)
        faults.append(fault)
    if data is None:
        raise NerctlError(
            f"{faults[0]}; name the folder where it is now with --data-dir, or archive without it by --what checkpoint "
            "and --what logs"
        )
    other = tuple(find_splits(data).values())
    if not alone:
        raise NerctlError(f"{faults[0]}; name the folder of that one, or archive this one by itself with --what dataset")
    return Corpus(other, False, f"{faults[0]}; archived as no run's")


def _folders(run: RunFiles) -> list[Path]:
    """Where the run's corpus may be: where the run found it, then DEFAULT."""
    own = [Path(split.path).parent for split in run.corpus.values()]
    return list(dict.fromkeys([*own, DEFAULT]))


def _of_run(run: RunFiles, output: Path, folder: Path) -> tuple[tuple[Path, ...], str]:
    """The run's corpus files in a folder, and the first thing that is not as it was; that is empty when all is."""
    files = []
    for name, split in run.corpus.items():
        the_file = f"the {name} file that the run in {output} has read ({split.path})"
        path = folder / Path(split.path).name
        if not path.exists():  # it may have another name here
            try:
                path = find_splits(folder)[name]
            except (NerctlError, KeyError):
                return (), f"{folder}: lacks {the_file}"
        if checksum(path) != split.sha256:
            return (), f"{path}: is not {the_file}"
        files.append(path)
    return tuple(files), ""
