"""Where an archive can go: addresses that are taken, and those that are refused in one sentence."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Optional

import pytest

from nerctl.errors import NerctlError
from nerctl.transfer.targets import REMOTE, FolderTarget, Target, open_target


def test_a_file_address_is_a_folder(tmp_path: Path) -> None:
    target = open_target(f"file://{tmp_path}/a%20b")
    assert isinstance(target, FolderTarget) and target.root == tmp_path / "a b"


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("host:folder", "must be absolute"),
        ("me@host:", "must be absolute"),
        ("sftp://me:secret@host/path", "a password does not belong"),
        ("sftp://host", "of the form sftp://"),
        ("sftp://host:port/path", "of the form sftp://"),
        ("nonsense://host/path", "no kind of address that is known"),
    ],
)
def test_a_wrong_address_is_one_sentence(address: str, sentence: str) -> None:
    if address.startswith("nonsense"):
        pytest.importorskip("fsspec")
    with pytest.raises(NerctlError, match=sentence) as caught:
        open_target(address)
    assert caught.value.exit_code == 2 and "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("10.136.165.4:/turingDataset", (None, "10.136.165.4", "/turingDataset")),
        ("me@host:/a b", ("me", "host", "/a b")),
        ("[::1]:/a", (None, "[::1]", "/a")),
        ("C:/archive", None),
        ("/turingDataset/a:b", None),
        ("./host:/a", None),
    ],
)
def test_host_and_path_are_told_from_a_folder(address: str, parts: Optional[tuple[Optional[str], str, str]]) -> None:
    match = REMOTE.fullmatch(address)
    assert (match and match.group("user", "host", "path")) == parts


def test_a_target_says_where_it_is(tmp_path: Path) -> None:
    target: Target = FolderTarget(tmp_path)
    assert target.shown("a/b") == f"{tmp_path}/a/b"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_not_taken_for_a_wrong_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(number, "the disk is full")

    monkeypatch.setattr(Path, "mkdir", full)
    with pytest.raises(NerctlError, match="the disk is full") as caught:
        FolderTarget(tmp_path).make_folder("a")
    assert caught.value.exit_code == 1
