"""Puts the files of a plan at a target and checks what is there.

Each file grows under a temporary name that holds a piece of its checksum, is read back, and takes its name
when what was read back is right; the manifest of a place comes last. A command that is repeated goes on where
it stopped.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Optional

from nerctl.errors import ModelError, NerctlError, TransferError
from nerctl.folder import POINTER, ModelFolder
from nerctl.progress import SILENT, Report
from nerctl.transfer.archive_plan import WITHOUT_CHECKPOINT, Entry, Place, Plan
from nerctl.transfer.digest import blocks_of, checksum, sha256_and_size
from nerctl.transfer.manifest import MANIFEST, Listed, Manifest, decode_manifest
from nerctl.transfer.targets import Target

LARGE = 10_000_000
"""Bytes from which reading a file at the target takes a while, and is announced."""


@dataclass(frozen=True)
class StoredPlace:
    """What came of one place."""

    place: str
    """Its folder, as the user would write it."""
    sent: tuple[str, ...]
    """Files that were written."""
    there: tuple[str, ...]
    """Files that were there already with the same content."""
    size: int
    """Bytes of all of them."""


@dataclass(frozen=True)
class _Survey:
    """A place, looked at before anything is written."""

    place: Place
    files: tuple[tuple[Entry, Listed], ...]
    there: frozenset[str]
    old: Optional[Manifest]


def store(plan: Plan, target: Target, force: bool = False, report: Report = SILENT) -> list[StoredPlace]:
    """Archives a plan. All places are looked at before anything is written; nothing at the target is deleted.

    Args:
        force: replace files that are there with other content, and take a place that another run has used.

    Raises:
        NerctlError: a place is used by another run, or holds a file with other content, and `force` is not
        given; a file of the checkpoint is not what was saved; the target's folders cannot be made.
        TransferError: the network, the host or its disk failed; the same command goes on where it stopped.
    """
    surveys = [_look(place, target, force, report) for place in plan.places]
    for place in plan.places:
        target.make_folder(place.folder)
    return [_store_place(survey, target, report) for survey in surveys]


def _look(place: Place, target: Target, force: bool, report: Report) -> _Survey:
    """Compares a place with what is to go there. Raises NerctlError on what must not be overwritten."""
    old = _old_manifest(target, place.folder, force)
    if place.of_run and old is not None and old.run_id != _run_id(place) and not force:
        raise NerctlError(
            f"{target.shown(place.folder)}: holds the run {old.run_id}; put this one beside it with --run-name, or over it "
            "with --force"
        )
    files, there = [], set()
    for entry in place.entries:
        listed = _listed(entry)
        path = posixpath.join(place.folder, entry.name)
        size = target.size(path)
        if size is not None:
            if size >= LARGE:
                report.note(f"{target.shown(path)}: is there; comparing")
            if size == listed.size and sha256_and_size(target.read(path))[0] == listed.sha256:
                there.add(entry.name)
            elif not force:
                way_out = "put this run beside it with --run-name" if place.of_run else "name another --to"
                raise NerctlError(
                    f"{target.shown(path)}: is there with other content; {way_out}, or replace it with --force"
                )
        files.append((entry, listed))
    return _Survey(place, tuple(files), frozenset(there), old)


def _listed(entry: Entry) -> Listed:
    """A file as a manifest lists it. Raises NerctlError where it is not what was saved."""
    digest = checksum(entry.source)
    if entry.sha256 and digest != entry.sha256:
        raise NerctlError(
            f"{entry.source}: its content is not what was saved (truncated or altered), so that the checkpoint is not "
            f"whole; put it back, or {WITHOUT_CHECKPOINT}"
        )
    return Listed(entry.name, entry.source.stat().st_size, digest)


def _run_id(place: Place) -> Optional[str]:
    return place.run.run_id if place.run else None


def _old_manifest(target: Target, folder: str, force: bool) -> Optional[Manifest]:
    path = posixpath.join(folder, MANIFEST)
    if target.size(path) is None:
        return None
    try:
        return decode_manifest(b"".join(target.read(path)), target.shown(path))
    except NerctlError as error:
        if force and error.exit_code == 2:
            return None
        raise


def _store_place(survey: _Survey, target: Target, report: Report) -> StoredPlace:
    folder = survey.place.folder
    sent = []
    for entry, listed in survey.files:
        if entry.name not in survey.there:
            _send(entry, listed, folder, target, report)
            sent.append(entry.name)
    manifest = _manifest(survey)
    if manifest != survey.old:
        _send_bytes(manifest.encoded(), posixpath.join(folder, MANIFEST), target)
    size = sum(listed.size for _, listed in survey.files)
    return StoredPlace(target.shown(folder), tuple(sent), tuple(sorted(survey.there)), size)


def _manifest(survey: _Survey) -> Manifest:
    """The manifest of a place: its new files, and those that it already lists of the same run or data set."""
    place, old = survey.place, survey.old
    files = {listed.name: listed for _, listed in survey.files}
    parts, missing = set(place.parts), set(place.missing)
    run_id, about = _run_id(place), dict(place.run.about) if place.run else {}
    if old is not None and (old.run_id == run_id or not place.of_run):
        unchanged = all(listed in old.files for listed in files.values())
        files = {**{listed.name: listed for listed in old.files}, **files}
        parts |= set(old.parts)
        missing |= set(old.missing)
        if unchanged and not place.of_run and old.run_id is not None:  # a data set keeps the run that brought it
            run_id, about = old.run_id, old.about
    in_order = tuple(files[name] for name in sorted(files))
    return Manifest(in_order, tuple(sorted(parts)), run_id, about, tuple(sorted(missing - set(files))))


def _send(entry: Entry, listed: Listed, folder: str, target: Target, report: Report) -> None:
    """Sends one file, going on with what an earlier command left of it."""
    final = posixpath.join(folder, entry.name)
    ready = _temporary(final, listed.sha256)
    begun = (target.size(ready) or 0) if target.continues else 0
    if 0 < begun < listed.size:
        report.note(f"{target.shown(final)}: going on at {begun:,} of {listed.size:,} bytes")
    for start in dict.fromkeys((begun, 0)):  # a wrong beginning shows when it is read back: once more from 0
        if not start or start < listed.size:
            target.write(ready, _told(entry, listed, start, report), append=start > 0)
        if sha256_and_size(target.read(ready)) == (listed.sha256, listed.size):
            target.rename(ready, final)
            return
        if checksum(entry.source) != listed.sha256:
            raise TransferError(
                f"{entry.source}: changed while it was archived; run the same command again when training has ended"
            )
    raise TransferError(f"{target.shown(final)}: what was read back is not what was written, twice; check the target's disk")


def _told(entry: Entry, listed: Listed, start: int, report: Report) -> Iterator[bytes]:
    """The content of a file from a byte on; the report hears of each block."""
    done = start
    for block in blocks_of(entry.source, start):
        yield block
        done += len(block)
        report.advance(entry.name, done, listed.size)


def _send_bytes(content: bytes, final: str, target: Target) -> None:
    digest, _ = sha256_and_size([content])
    ready = _temporary(final, digest)
    target.write(ready, [content], append=False)
    if b"".join(target.read(ready)) != content:
        raise TransferError(f"{target.shown(final)}: what was read back is not what was written")
    target.rename(ready, final)


def _temporary(final: str, sha256: str) -> str:
    """Where a file grows: beside its name, and different for another content."""
    folder, name = posixpath.split(final)
    return posixpath.join(folder, f".{name}.{sha256[:12]}.part")


@dataclass(frozen=True)
class Verified:
    """What a check of an archive found."""

    manifests: tuple[str, ...]
    """Manifests that were read."""
    files: int
    """Files that are right."""
    size: int
    """Their bytes."""
    faults: tuple[str, ...]
    """One sentence for each thing that is not right."""
    unfinished: tuple[str, ...]
    """Temporary files that an interrupted command left."""


def verify(target: Target, report: Report = SILENT) -> Verified:
    """Checks every file of every manifest below a target by size and SHA-256, and that each checkpoint is whole.

    Raises NerctlError when there is no such target, TransferError when it cannot be read.
    """
    paths = sorted(target.files())
    manifests = [path for path in paths if posixpath.basename(path) == MANIFEST]
    unfinished = tuple(target.shown(path) for path in paths if _is_temporary(path))
    faults, right, size = [], 0, 0
    for path in manifests:
        try:
            manifest = decode_manifest(b"".join(target.read(path)), target.shown(path))
        except NerctlError as error:
            if error.exit_code != 2:
                raise
            faults.append(str(error))
            continue
        found = {}
        for listed in manifest.files:
            fault = _fault(posixpath.join(posixpath.dirname(path), listed.name), listed, target)
            report.advance(listed.name, listed.size, listed.size)
            if fault:
                faults.append(fault)
            else:
                found[listed.name] = listed
        right, size = right + len(found), size + sum(listed.size for listed in found.values())
        faults += _lacking(manifest, found, posixpath.dirname(path), target)
    if not manifests:
        faults.append(f"{target.shown('').rstrip('/')}: no {MANIFEST} below it, so no finished archive")
    return Verified(tuple(map(target.shown, manifests)), right, size, tuple(faults), unfinished)


def _is_temporary(path: str) -> bool:
    name = posixpath.basename(path)
    return name.startswith(".") and name.endswith(".part")


def _fault(path: str, listed: Listed, target: Target) -> str:
    """What is wrong with a listed file; empty when nothing is."""
    found = target.size(path)
    if found is None:
        return f"{target.shown(path)}: missing"
    if found != listed.size:
        return f"{target.shown(path)}: has {found:,} bytes instead of {listed.size:,}"
    if sha256_and_size(target.read(path))[0] != listed.sha256:
        return f"{target.shown(path)}: other content than its checksum says"
    return ""


def _lacking(manifest: Manifest, right: Mapping[str, Listed], folder: str, target: Target) -> list[str]:
    """What no manifest lists though it belongs there: what was gone when it was archived, what a checkpoint needs.

    Args:
        right: the listed files that are there, by name.
    """

    def shown(name: str) -> str:
        return target.shown(posixpath.join(folder, name))

    lacking = [f"{shown(name)}: was gone when the run was archived" for name in manifest.missing]
    if "checkpoint" not in manifest.parts:
        return lacking
    listed = {one.name: one.sha256 for one in manifest.files}
    if POINTER not in listed:
        return [*lacking, f"{shown(POINTER)}: was not archived, so the checkpoint has no weights"]
    if POINTER not in right:
        return lacking
    try:
        pointer = json.loads(b"".join(target.read(posixpath.join(folder, POINTER))))
        needed = ModelFolder.of_content(Path(target.shown(folder)), pointer).files()
    except (ValueError, ModelError):
        return [*lacking, f"{shown(POINTER)}: names no weights"]
    return lacking + [f"{shown(name)}: was not archived" for name in needed if listed.get(name) != needed[name]]


def first(faults: tuple[str, ...], number: int = 3) -> str:
    """The first faults in one sentence, and how many more there are."""
    more = len(faults) - number
    return "; ".join(islice(faults, number)) + (f"; and {more} more" if more > 0 else "")
