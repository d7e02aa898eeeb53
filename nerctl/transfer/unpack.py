"""Unpacks a zip or tar file that may be hostile: everything is checked before a byte is written.

Refused: absolute paths, `..`, backslashes, control characters, links, devices, the same name twice, encrypted
members, more than 4 GB, more than 100 times the archive's own size, more than 10,000 members.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import shutil
import stat
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Union, cast

from nerctl.errors import NerctlError
from nerctl.files import BLOCK, disk_error

DAMAGE = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, UnicodeDecodeError)
"""What the standard library raises on a damaged archive, besides OSError."""


@dataclass(frozen=True)
class Limits:
    """How much an archive may unpack to."""

    total: int = 4 << 30
    """Bytes of all members together."""
    ratio: int = 100
    """Bytes of all members for each byte of the archive."""
    floor: int = 1 << 20
    """Bytes that an archive may always unpack to, so that a tiny file of blanks is no bomb."""
    members: int = 10_000
    """Number of members."""

    def allowed(self, archive_size: int) -> int:
        """Bytes that an archive of this size may unpack to."""
        return min(self.total, max(self.floor, self.ratio * archive_size))


class Refused(NerctlError):
    """An archive that is not unpacked, because of what it holds or because it is damaged."""


def is_archive(path: Path) -> bool:
    """Whether a file is a zip or a tar, plain or compressed."""
    try:
        return zipfile.is_zipfile(path) or tarfile.is_tarfile(path)
    except (OSError, EOFError, lzma.LZMAError, zlib.error):
        return False


def unpack(archive: Path, folder: Path, limits: Limits = Limits()) -> list[str]:
    """Unpacks all files below `folder`, an existing folder of the caller's; returns their paths below it.

    Raises:
        Refused: before anything is written where the listing shows it. The caller removes the folder.
        TransferError: the disk refused a write.
    """
    with _open(archive) as members:
        names = _checked(archive, members, limits)
    room = limits.allowed(archive.stat().st_size)
    written = []
    with _open(archive) as members:
        for member in members:
            if member.name not in names or member.is_folder:
                continue
            path = folder.joinpath(*_parts(member.name))
            room -= _write(archive, member, path, room)
            written.append("/".join(_parts(member.name)))
    return written


@dataclass(frozen=True)
class _Member:
    """One entry of an archive of either kind."""

    name: str
    size: int
    is_folder: bool
    odd: str
    """What it is when it is neither a file nor a folder, or cannot be read; empty otherwise."""
    stream: Any
    """Function that opens its content."""


def _checked(archive: Path, members: Iterator[_Member], limits: Limits) -> frozenset[str]:
    """Looks at every member before any is written; returns their names."""
    allowed = limits.allowed(archive.stat().st_size)
    total, names = 0, set()
    kinds: dict[str, bool] = {}
    for number, member in enumerate(members, start=1):
        shown = ascii(member.name)
        if number > limits.members:
            raise Refused(f"{archive}: holds more than {limits.members:,} members; not unpacked")
        if reason := member.odd or _unsafe(member.name):
            raise Refused(f"{archive}: member {shown} {reason}; not unpacked")
        total += member.size
        if total > allowed:
            raise Refused(
                f"{archive}: unpacks to more than {allowed:,} bytes ({limits.ratio} times its size, at most "
                f"{limits.total >> 30} GB); not unpacked"
            )
        key = _key(_parts(member.name))
        if key in kinds and not (member.is_folder and kinds[key]):
            raise Refused(f"{archive}: member {shown} comes twice; not unpacked")
        kinds[key] = member.is_folder
        names.add(member.name)
    for key in kinds:
        above = key.rpartition("/")[0]
        while above:
            if kinds.get(above) is False:
                raise Refused(f"{archive}: {above!a} is both a file and a folder; not unpacked")
            above = above.rpartition("/")[0]
    return frozenset(names)


def _unsafe(name: str) -> str:
    """Why a member of this name is not unpacked; empty when nothing speaks against it."""
    if any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") for character in name):
        return "has a control character in its name"
    if "\\" in name or name.startswith("/") or (len(name) > 1 and name[1] == ":"):
        return "has an absolute path or a backslash"
    parts = _parts(name)
    if ".." in parts:
        return "leads out of the folder with '..'"
    if not parts or len(name.encode()) > 1000 or any(len(part.encode()) > 255 for part in parts):
        return "has no usable name"
    return ""


def _parts(name: str) -> list[str]:
    return [part for part in name.split("/") if part not in ("", ".")]


def _key(parts: list[str]) -> str:
    """Equal for names that some file system takes for the same file."""
    return unicodedata.normalize("NFC", "/".join(parts)).casefold()


def _write(archive: Path, member: _Member, path: Path, room: int) -> int:
    """Writes one member; returns its bytes. What the listing said of its size is not believed."""
    size = 0
    with _damage(archive):
        reading = member.stream()
    with reading:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            writing = path.open("xb")
        except OSError as error:
            raise disk_error(path, error) from error
        with writing:
            while True:
                with _damage(archive):
                    block = reading.read(BLOCK)
                if not block:
                    break
                size += len(block)
                if size > room:
                    raise Refused(f"{archive}: unpacks to more than it says; not unpacked")
                try:
                    writing.write(block)
                except OSError as error:
                    raise disk_error(path, error) from error
    if size != member.size:
        raise Refused(f"{archive}: member {member.name!a} is incomplete; fetch or pack the archive again")
    return size


@contextmanager
def _damage(archive: Path) -> Iterator[None]:
    """Turns what the standard library raises on a damaged archive into one sentence."""
    try:
        yield
    except NerctlError:
        raise
    except (*DAMAGE, OSError, RuntimeError, NotImplementedError, ValueError, OverflowError) as error:
        if isinstance(error, FileNotFoundError):
            raise Refused(f"{archive}: no such file") from error
        raise Refused(f"{archive}: is damaged, or no zip or tar file ({_cause(error)})") from error


def _cause(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


@contextmanager
def _open(archive: Path) -> Iterator[Iterator[_Member]]:
    """The members of an archive in order; each can be opened until the next is asked for."""
    with _damage(archive):
        is_zip = zipfile.is_zipfile(archive)
    if is_zip:
        with _damage(archive):
            opened = zipfile.ZipFile(archive)
        with opened:
            yield _zip_members(opened)
        return
    with _damage(archive):
        plain = _decompressed(archive)
    with plain:
        with _damage(archive):
            tar = tarfile.open(fileobj=cast(Any, _Bounded(plain)), mode="r|")
        with tar:
            yield _tar_members(archive, tar)


def _zip_members(opened: zipfile.ZipFile) -> Iterator[_Member]:
    for info in opened.infolist():
        kind = stat.S_IFMT(info.external_attr >> 16)
        odd = ""
        if info.flag_bits & 0x1:
            odd = "is encrypted"
        elif kind == stat.S_IFLNK:
            odd = "is a link"
        elif kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            odd = "is neither a file nor a folder"
        # the name as stored: zipfile itself cuts it at a zero byte
        yield _Member(info.orig_filename, info.file_size, info.is_dir(), odd, lambda info=info: opened.open(info))


def _tar_members(archive: Path, tar: tarfile.TarFile) -> Iterator[_Member]:
    while True:
        with _damage(archive):
            info = tar.next()
        if info is None:
            return
        odd = ""
        if info.issym() or info.islnk():
            odd = "is a link"
        elif not (info.isreg() or info.isdir()) or info.issparse():
            odd = "is neither a plain file nor a folder"
        yield _Member(info.name, info.size, info.isdir(), odd, lambda info=info: tar.extractfile(info))


def _decompressed(archive: Path) -> IO[bytes]:
    """A tar's plain bytes, whatever it is compressed with."""
    with archive.open("rb") as stream:
        magic = stream.read(6)
    if magic.startswith(b"\x1f\x8b"):
        return cast("IO[bytes]", gzip.open(archive))
    if magic.startswith(b"BZh"):
        return cast("IO[bytes]", bz2.open(archive))
    if magic.startswith(b"\xfd7zXZ\x00"):
        return cast("IO[bytes]", lzma.open(archive))
    return archive.open("rb")


class _Bounded:
    """A stream that gives no more than 16 MB at once: only a forged header asks tarfile to read so much."""

    def __init__(self, stream: Union[IO[bytes], Any]) -> None:
        self.stream = stream

    def read(self, size: int = -1) -> bytes:
        """Bytes of the stream. Raises tarfile.ReadError on a request that no honest archive makes."""
        if size < 0 or size > 1 << 24:
            raise tarfile.ReadError("a header of it is too long")
        block: bytes = self.stream.read(size)
        return block


def remove_tree(folder: Path) -> None:
    """Removes a folder of our own with all that is in it."""
    shutil.rmtree(folder, ignore_errors=True)
