"""An archive at any address that fsspec and the packages installed with it know, such as s3://bucket/folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Optional

from nerctl.errors import NerctlError, TransferError
from nerctl.files import BLOCK


def open_fsspec(address: str) -> FsspecTarget:
    """The target of an fsspec address. Raises NerctlError when fsspec, or its part for the scheme, is
    missing."""
    scheme = address.partition("://")[0]
    try:
        import fsspec
    except ImportError:
        raise NerctlError(f"{scheme}:// needs fsspec; install it with: pip install 'nerctl[ssh]'") from None
    try:
        system, root = fsspec.core.url_to_fs(address)
    except ImportError as error:
        raise NerctlError(f"{scheme}:// needs a package that is missing: {_first_line(error)}") from error
    except ValueError as error:
        raise NerctlError(
            f"{address}: {scheme}:// is no kind of address that is known here; a target is a folder, "
            f"host:/path, "
            "sftp:// or an fsspec address"
        ) from error
    return FsspecTarget(system, str(root).rstrip("/"), address.rstrip("/"))


class FsspecTarget:
    """A tree of files on a file system of fsspec's. A file is written anew, never gone on with."""

    continues = False

    def __init__(self, system: Any, root: str, address: str) -> None:
        self.system = system
        self.root = root
        self.address = address

    def shown(self, path: str) -> str:
        return f"{self.address}/{path}"

    def size(self, path: str) -> Optional[int]:
        with self._spoken(path):
            self.system.invalidate_cache()
            full = self._full(path)
            return int(self.system.info(full)["size"]) if self.system.exists(full) else None

    def read(self, path: str) -> Iterator[bytes]:
        with self._spoken(path), self.system.open(self._full(path), "rb") as stream:
            yield from iter(lambda: stream.read(BLOCK), b"")

    def make_folder(self, path: str) -> None:
        with self._spoken(path):
            self.system.makedirs(self._full(path), exist_ok=True)

    def write(self, path: str, blocks: Iterable[bytes], append: bool) -> None:
        with self._spoken(path):
            full = self._full(path)
            self.system.makedirs(full.rpartition("/")[0], exist_ok=True)
            with self.system.open(full, "wb") as stream:
                for block in blocks:
                    stream.write(block)

    def rename(self, old: str, new: str) -> None:
        with self._spoken(new):
            self.system.mv(self._full(old), self._full(new))

    def files(self) -> Iterator[str]:
        with self._spoken(""):
            self.system.invalidate_cache()
            if not self.system.exists(self.root):
                raise NerctlError(f"{self.address}: no such folder; name a place that nerctl archive wrote")
            names = list(self.system.find(self.root))
        for name in names:
            yield str(name)[len(self.root) :].lstrip("/")

    def close(self) -> None:
        pass

    def _full(self, path: str) -> str:
        return f"{self.root}/{path}"

    @contextmanager
    def _spoken(self, path: str) -> Iterator[None]:
        """Every package behind fsspec has errors of its own: all of them end in one sentence."""
        try:
            yield
        except NerctlError:
            raise
        except Exception as error:
            raise TransferError(f"{self.shown(path)}: {_first_line(error)}") from error


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
