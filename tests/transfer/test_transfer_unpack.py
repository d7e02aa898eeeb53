"""Unpacking: honest archives come out as they are, hostile ones are refused and leave nothing."""

from __future__ import annotations

import io
import os
import stat
import tarfile
import warnings
import zipfile
from pathlib import Path
from typing import Optional

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nerctl.transfer.unpack import Limits, Refused, is_archive, unpack

FILES = {"inner/one.txt": b"one\n", "inner/deep/two.bin": bytes(range(256)) * 100, "empty": b""}


def make_zip(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", method) as archive:
        warnings.simplefilter("ignore")  # a name given twice is what some tests want
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def make_tar(path: Path, files: dict[str, bytes], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def add_odd(path: Path, kind: bytes, name: str = "odd", target: str = "") -> Path:
    """A tar with a plain file and one member of another kind."""
    with tarfile.open(path, "w") as archive:
        plain = tarfile.TarInfo("plain")
        plain.size = 3
        archive.addfile(plain, io.BytesIO(b"abc"))
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, target
        archive.addfile(info)
    return path


def tree(folder: Path) -> dict[str, Optional[bytes]]:
    """Everything below a folder, links unfollowed."""
    found = {}
    for path in sorted(folder.rglob("*")):
        plain = path.is_file() and not path.is_symlink()
        found[path.relative_to(folder).as_posix()] = path.read_bytes() if plain else None
    return found


class Place:
    """A folder to unpack into, inside a folder in which nothing else may change."""

    def __init__(self, root: Path) -> None:
        self.root = root / "around"
        self.inner = self.root / "target"
        self.inner.mkdir(parents=True)
        (self.root / "bystander").write_bytes(b"mine")

    def refuses(self, archive: Path, match: str, limits: Limits = Limits()) -> str:
        with pytest.raises(Refused, match=match) as caught:
            unpack(archive, self.inner, limits)
        assert tree(self.root) == {"bystander": b"mine", "target": None}
        assert "\n" not in str(caught.value) and str(caught.value).isprintable()
        return str(caught.value)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_comes_out_as_it_is(tmp_path: Path, place: Place, method: int) -> None:
    names = unpack(make_zip(tmp_path / "a.zip", FILES, method), place.inner)
    assert sorted(names) == sorted(FILES)
    assert {name: (place.inner / name).read_bytes() for name in names} == FILES


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_tar_comes_out_as_it_is(tmp_path: Path, place: Place, mode: str) -> None:
    names = unpack(make_tar(tmp_path / "a.tar", FILES, mode), place.inner)
    assert {name: (place.inner / name).read_bytes() for name in names} == FILES


def test_modes_of_the_archive_are_not_taken(tmp_path: Path, place: Place) -> None:
    archive = tmp_path / "a.tar"
    with tarfile.open(archive, "w") as tar:
        info = tarfile.TarInfo("program")
        info.mode = 0o6777
        tar.addfile(info)
    unpack(archive, place.inner)
    assert stat.S_IMODE((place.inner / "program").stat().st_mode) & 0o7111 == 0


HOSTILE_NAMES = [
    "../evil", "inner/../../evil", "/tmp/evil", "//evil", "C:/evil", "C:evil", "..\\evil", "a\\b",
    "line\nbreak", "bell\x07", "escape\x1b[2J", "zero\x00end", "right\u202eleft", "..", ".", "x" * 300,
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=ascii)
def test_a_zip_with_a_hostile_name_is_refused(tmp_path: Path, place: Place, name: str) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("plain", b"abc")
        info = zipfile.ZipInfo("x")
        info.filename = name  # the constructor would cut at a zero byte
        opened.writestr(info, b"evil")
    place.refuses(archive, "not unpacked")


@pytest.mark.parametrize("name", [name for name in HOSTILE_NAMES if "\x00" not in name], ids=ascii)
def test_a_tar_with_a_hostile_name_is_refused(tmp_path: Path, place: Place, name: str) -> None:
    place.refuses(make_tar(tmp_path / "a.tar.gz", {"plain": b"abc", name: b"evil"}), "not unpacked")


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE],
    ids=["symlink", "hardlink", "character device", "block device", "fifo"],
)
def test_a_tar_with_a_link_or_device_is_refused(tmp_path: Path, place: Place, kind: bytes) -> None:
    archive = add_odd(tmp_path / "a.tar", kind, target="../bystander")
    place.refuses(archive, "is a link|neither a plain file nor a folder")


@pytest.mark.parametrize("mode", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO, stat.S_IFSOCK])
def test_a_zip_with_a_link_or_device_is_refused(tmp_path: Path, place: Place, mode: int) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        info = zipfile.ZipInfo("odd")
        info.external_attr = (mode | 0o777) << 16
        opened.writestr(info, "../bystander")
    place.refuses(archive, "is a link|neither a file nor a folder")


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_a_bomb_is_refused_by_its_ratio(tmp_path: Path, place: Place, make: object) -> None:
    archive = make(tmp_path / "bomb", {"zeros": bytes(50_000_000)})  # type: ignore[operator]
    assert archive.stat().st_size < 100_000
    place.refuses(archive, "100 times its size")


def test_a_bomb_of_many_members_is_refused_by_their_sum(tmp_path: Path, place: Place) -> None:
    archive = make_zip(tmp_path / "a.zip", {f"zeros{n}": bytes(500_000) for n in range(40)})
    place.refuses(archive, "100 times its size")


def test_more_than_the_total_is_refused(tmp_path: Path, place: Place) -> None:
    archive = make_zip(tmp_path / "a.zip", {"noise": os.urandom(2_000_000)})
    place.refuses(archive, "more than 1,500,000 bytes", Limits(total=1_500_000))


def test_a_tar_that_declares_five_gigabytes_is_refused_unread(tmp_path: Path, place: Place) -> None:
    info = tarfile.TarInfo("huge")
    info.size = 5 << 30
    (tmp_path / "a.tar").write_bytes(info.tobuf() + bytes(1 << 20))
    place.refuses(tmp_path / "a.tar", "unpacks to more than")


def test_a_zip_that_lies_about_a_size_is_refused(tmp_path: Path, place: Place) -> None:
    archive = make_zip(tmp_path / "a.zip", {"zeros": bytes(3_000_000)})
    content = bytearray(archive.read_bytes())
    true, false = (3_000_000).to_bytes(4, "little"), (1000).to_bytes(4, "little")
    archive.write_bytes(content.replace(true, false))
    with pytest.raises(Refused):
        unpack(archive, place.inner)
    assert tree(place.root).keys() <= {"bystander", "target", "target/zeros"}  # the caller removes the folder


def test_too_many_members_are_refused(tmp_path: Path, place: Place) -> None:
    archive = make_zip(tmp_path / "a.zip", {f"file{n}": b"" for n in range(30)})
    place.refuses(archive, "more than 20 members", Limits(members=20))


@pytest.mark.parametrize("second", ["name", "./name", "NAME"])
def test_the_same_name_twice_is_refused(tmp_path: Path, place: Place, second: str) -> None:
    archive = tmp_path / "a.tar"
    with tarfile.open(archive, "w") as tar:
        for name in ("name", second):
            tar.addfile(tarfile.TarInfo(name))
    place.refuses(archive, "comes twice")


@pytest.mark.parametrize("names", [("a", "a/b"), ("a/b/c", "a"), ("a", "a/")])
def test_a_name_that_is_file_and_folder_is_refused(tmp_path: Path, place: Place, names: tuple[str, str]) -> None:
    archive = make_zip(tmp_path / "a.zip", dict.fromkeys(names, b""))
    place.refuses(archive, "both a file and a folder|comes twice")


def test_an_encrypted_zip_is_refused(tmp_path: Path, place: Place) -> None:
    archive = make_zip(tmp_path / "a.zip", {"secret": b"abc"})
    content = bytearray(archive.read_bytes())
    content[content.find(b"PK\x01\x02") + 8] |= 1  # the flag in the central directory
    archive.write_bytes(content)
    place.refuses(archive, "is encrypted")


@pytest.mark.parametrize("make", [make_zip, make_tar])
@pytest.mark.parametrize("keep", [0.3, 0.7, 0.95])
def test_a_truncated_archive_is_refused(tmp_path: Path, place: Place, make: object, keep: float) -> None:
    archive = make(tmp_path / "a", {"noise": os.urandom(100_000)})  # type: ignore[operator]
    content = archive.read_bytes()
    archive.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(Refused) as caught:
        unpack(archive, place.inner)
    assert "\n" not in str(caught.value)


def test_a_flipped_byte_in_a_zip_is_refused(tmp_path: Path, place: Place) -> None:
    archive = make_zip(tmp_path / "a.zip", {"noise": os.urandom(100_000)}, zipfile.ZIP_STORED)
    content = bytearray(archive.read_bytes())
    content[50_000] ^= 1
    archive.write_bytes(content)
    with pytest.raises(Refused, match="damaged"):
        unpack(archive, place.inner)


def test_what_is_no_archive_is_said_to_be_none(tmp_path: Path, place: Place) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(b"not an archive" * 100)
    assert not is_archive(path)
    place.refuses(path, "no zip or tar file")


NAMES = st.text(st.sampled_from("ab./\\:\x00\n .é"), min_size=1, max_size=12)


@settings(max_examples=150, deadline=None)
@given(st.lists(NAMES, min_size=1, max_size=4))
def test_no_name_whatever_leads_outside(names: list[str]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder))
        archive = Path(folder) / "a.tar"
        with tarfile.open(archive, "w") as tar:
            for name in names:
                info = tarfile.TarInfo(name)
                info.size = 4
                tar.addfile(info, io.BytesIO(b"evil"))
        try:
            unpack(archive, place.inner)
        except Refused:
            assert tree(place.root) == {"bystander": b"mine", "target": None}
        else:
            outside = {path: content for path, content in tree(place.root).items() if not path.startswith("target")}
            assert outside == {"bystander": b"mine"}
            assert len([content for content in tree(place.inner).values() if content]) == len(names)
