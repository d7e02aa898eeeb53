"""Where an archive can go: a folder, a host over SFTP, or any address that fsspec knows."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Optional, Protocol
from urllib.parse import unquote, urlsplit

from nerctl.errors import NerctlError, near_path
from nerctl.files import disk_error, sync
from nerctl.transfer.digest import blocks_of, cannot_read


class Target(Protocol):
    """A tree of files. Paths are below the target, with slashes. Every method raises TransferError on
    failure.

    Nothing here deletes.
    """

    continues: bool
    """Whether a file that was begun can be gone on with."""

    def shown(self, path: str) -> str:
        """The path as the user would write it."""

    def size(self, path: str) -> Optional[int]:
        """Bytes of a file; None when there is none."""

    def read(self, path: str) -> Iterator[bytes]:
        """The content of a file."""

    def make_folder(self, path: str) -> None:
        """Makes a folder and those above it. Raises NerctlError when there can be none."""

    def write(self, path: str, blocks: Iterable[bytes], append: bool) -> None:
        """Writes a file, or goes on with it; makes its folder."""

    def rename(self, old: str, new: str) -> None:
        """Gives a file another name, over a file of that name."""

    def files(self) -> Iterator[str]:
        """All files of the tree. Raises NerctlError when there is no tree."""

    def close(self) -> None:
        """Ends the connection."""


class FolderTarget:
    """A folder that this machine sees."""

    continues = True

    def __init__(self, root: Path) -> None:
        self.root = root

    def shown(self, path: str) -> str:
        return str(self.root / path)

    def size(self, path: str) -> Optional[int]:
        full = self.root / path
        try:
            return full.stat().st_size if full.exists() else None
        except OSError as error:
            raise cannot_read(full, error) from error

    def read(self, path: str) -> Iterator[bytes]:
        full = self.root / path
        try:
            _forget(full)
        except OSError as error:
            raise cannot_read(full, error) from error
        yield from blocks_of(full)

    def make_folder(self, path: str) -> None:
        folder = self.root / path
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _no_folder(folder, error) from error

    def write(self, path: str, blocks: Iterable[bytes], append: bool) -> None:
        full = self.root / path
        try:
            full.parent.mkdir(parents=True, exist_ok=True)
            with full.open("ab" if append else "wb") as stream:
                for block in blocks:
                    stream.write(block)
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise disk_error(full, error) from error

    def rename(self, old: str, new: str) -> None:
        full = self.root / new
        try:
            os.replace(self.root / old, full)
            sync(full.parent)
        except OSError as error:
            raise disk_error(full, error) from error

    def files(self) -> Iterator[str]:
        if not self.root.is_dir():
            raise NerctlError(
                f"{self.root}: no such folder; {near_path(Path(self.root))}name a folder that nerctl archive wrote"
            )
        for folder, _, names in os.walk(self.root):
            for name in names:
                yield (Path(folder) / name).relative_to(self.root).as_posix()

    def close(self) -> None:
        pass


def _no_folder(folder: Path, error: OSError) -> NerctlError:
    """Why a folder cannot be made: what is in the way, or what the system says."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return disk_error(folder, error)
    for place in (*reversed(folder.parents), folder):
        if place.is_symlink() and not os.path.exists(place):
            cause = f"{place} is a link to {os.readlink(place)}, which is not there"
            break
        if os.path.exists(place) and not place.is_dir():
            cause = f"{place} is a file"
            break
    else:
        cause = error.strerror or str(error)
    return NerctlError(f"{folder}: no folder can be made there ({cause}); name another place with --to")


def _forget(path: Path) -> None:
    """Asks the system to drop its copy of a file, so that reading it back reads the disk."""
    if hasattr(os, "posix_fadvise"):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)


REMOTE = re.compile(r"(?:(?P<user>[^@/:\s]+)@)?(?P<host>\[[0-9A-Fa-f:.%]+\]|[^/:\[\]@\s]{2,}):(?P<path>.*)", re.S)
"""[user@]host:path, as scp has it; a single letter before the colon is a drive."""


def open_target(address: str) -> Target:
    """The target that an address names.

    Raises NerctlError for an address that is wrong or needs a package that is missing, TransferError when a
    host cannot be reached.
    """
    if "://" in address:
        scheme = address.partition("://")[0].lower()
        if scheme == "file":
            return FolderTarget(Path(unquote(urlsplit(address).path)))
        if scheme == "sftp":
            return _open_sftp_url(address)
        from nerctl.transfer.fsspec_target import open_fsspec

        return open_fsspec(address)
    if not (remote := REMOTE.fullmatch(address)):
        return FolderTarget(local_folder(address))
    path = remote["path"]
    if not path.startswith("/"):
        raise NerctlError(
            f"{address}: the path on the host must be absolute, as in host:/path; a local folder of this name is ./{address}"
        )
    from nerctl.transfer.sftp_target import open_sftp

    return open_sftp(remote["host"].strip("[]"), path, remote["user"], None)


def spelled_out(address: str) -> str:
    """The address with the home folder in place of `~` where it is a folder here; nothing is contacted."""
    return address if "://" in address or REMOTE.fullmatch(address) else str(local_folder(address))


def local_folder(address: str) -> Path:
    """A folder here; a `~` that no shell has replaced, as in --to=~/archive, is the home folder."""
    try:
        return Path(address).expanduser()
    except RuntimeError:
        raise NerctlError(f"{address}: there is no user of that name; a folder that is called so is ./{address}") from None


def _open_sftp_url(address: str) -> Target:
    try:
        url = urlsplit(address)
        port = url.port
    except ValueError:
        raise NerctlError(f"{address}: is no address of the form sftp://[user@]host[:port]/path") from None
    if url.password is not None:
        raise NerctlError("a password does not belong into an address, where others can read it; use a key or the SSH agent")
    if not url.hostname or not url.path:
        raise NerctlError(f"{address}: is no address of the form sftp://[user@]host[:port]/path")
    from nerctl.transfer.sftp_target import open_sftp

    user = unquote(url.username) if url.username else None
    return open_sftp(url.hostname, unquote(url.path), user, port)
