"""kill -9 in the middle, then the same command: it completes, and no half-written file had a final name."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any, Callable

import pytest
from misbehaving import Misbehaving, slow
from runs import write_dataset, write_run

from nerctl.transfer.archive import verify
from nerctl.transfer.targets import FolderTarget

START = """
import json, os, signal, sys
from nerctl.transfer import corpus, encoder, partfile, targets, unpack
from nerctl.transfer.digest import Digest
from nerctl.transfer.sources import CorpusFile, EncoderSource

known = json.loads(os.environ["KNOWN"])
corpus.CHINESE_NER = tuple(CorpusFile(f"example.{n}", f"{n}.txt", Digest("sha256", d)) for n, d in known["corpus"])
encoder.ENCODERS = (EncoderSource("tiny", tuple(map(tuple, known["encoder"]))),)

left = int(os.environ.get("CALLS", "1000000"))
def dying(real):
    def call(*arguments, **options):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **options)
    return call

for place, name in ((encoder, "take_name"), (unpack, "_write"), (partfile, "take_name"), (corpus, "take_name"),
                    (targets.FolderTarget, "rename"), (targets.FolderTarget, "write")):
    setattr(place, name, dying(getattr(place, name)))

from nerctl.cli import main
main()
"""
"""The real command line, with corpora and encoders of the test's, that kills itself at the n-th step."""


class Command:
    """nerctl as a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.known: dict[str, list[tuple[str, str]]] = {"corpus": [], "encoder": []}

    def start(self, *arguments: Any, calls: int = 1_000_000) -> subprocess.Popen[str]:
        environment = {
            **os.environ,
            "KNOWN": json.dumps(self.known),
            "CALLS": str(calls),
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }
        return subprocess.Popen(
            [sys.executable, "-c", START, *map(str, arguments)],
            cwd=self.folder,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def completes(self, *arguments: Any) -> None:
        process = self.start(*arguments)
        said = process.communicate(timeout=120)
        assert process.returncode == 0, said

    def killed_when(self, ready: Callable[[], bool], *arguments: Any) -> None:
        """Runs a command and kills it as soon as `ready`; it must not have ended before."""
        process = self.start(*arguments)
        while not ready():
            assert process.poll() is None, process.communicate()
            time.sleep(0.002)
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL

    def killed_at(self, calls: int, *arguments: Any) -> bool:
        """Runs a command that kills itself at a step; False when it ended before that step."""
        process = self.start(*arguments, calls=calls)
        said = process.communicate(timeout=120)
        assert process.returncode in (0, -signal.SIGKILL), said
        return process.returncode != 0


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def size_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


@pytest.mark.parametrize("seed", [1])
def test_a_killed_download_goes_on(command: Command, server_of: Callable[[bytes], Misbehaving], seed: int) -> None:
    content = random.Random(seed).randbytes(2_000_000)
    server = server_of(content)
    server.otherwise = slow(0.002)
    command.known["corpus"] = [("train", sha256(content))]
    arguments = ("fetch-data", "--to", "data", "--mirror", server.base)
    final, part = command.folder / "data" / "train.txt", command.folder / "data" / "train.txt.part"
    kill_at = random.Random(seed).randrange(100_000, 1_500_000)
    command.killed_when(lambda: size_of(part) > kill_at, *arguments)
    assert not final.exists()
    kept = part.stat().st_size
    command.completes(*arguments)
    assert final.read_bytes() == content
    assert server.requests[-1].range == f"bytes={kept}-"  # not one byte twice
    assert {path.name for path in final.parent.iterdir()} == {"train.txt"}


def test_a_download_killed_before_its_rename_only_takes_its_name(
    command: Command, server_of: Callable[[bytes], Misbehaving]
) -> None:
    server = server_of(b"x O\n")
    command.known["corpus"] = [("train", sha256(b"x O\n"))]
    arguments = ("fetch-data", "--to", "data", "--mirror", server.base)
    assert command.killed_at(0, *arguments)
    assert not (command.folder / "data" / "train.txt").exists()
    command.completes(*arguments)
    assert {path.name for path in (command.folder / "data").iterdir()} == {"train.txt"}
    assert len(server.requests) == 1


@pytest.mark.parametrize("calls", [1, 4])  # of three files unpacked, three renamed
def test_a_local_corpus_killed_at_a_step_completes(command: Command, calls: int) -> None:
    local = command.folder / "local.zip"
    contents = {split: f"{split} O\n".encode() for split in ("train", "dev", "test")}
    with zipfile.ZipFile(local, "w") as opened:
        for split, content in contents.items():
            opened.writestr(f"inner/example.{split}", content)
    arguments = ("fetch-data", "--from", local, "--unverified", "--to", "data")
    folder = command.folder / "data"
    assert command.killed_at(calls, *arguments)
    assert len(list(folder.glob("*.txt"))) == max(0, calls - 3)
    for path in folder.glob("*.txt"):
        assert path.read_bytes() == contents[path.stem]
    command.completes(*arguments)
    assert {path.name for path in folder.iterdir()} == {"train.txt", "dev.txt", "test.txt"}


@pytest.fixture
def encoder(command: Command, server_of: Callable[[bytes], Misbehaving]) -> tuple[Misbehaving, dict[str, bytes]]:
    """A server with an encoder's zip, and its files; they are known by checksums, so no tensor is read."""
    files = {
        "bert_config.json": b"{}",
        "vocab.txt": b"[PAD]\n",
        "bert_model.ckpt.index": os.urandom(5_000),
        "bert_model.ckpt.data-00000-of-00001": os.urandom(30_000_000),
    }
    command.known["encoder"] = [(name, sha256(content)) for name, content in files.items()]
    archive = command.folder / "served.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        for name, content in files.items():
            opened.writestr(f"tiny/{name}", content)
    return server_of(archive.read_bytes()), files


def right(model: Path, files: dict[str, bytes]) -> None:
    """Nothing under a final name is half-written, and the config comes last."""
    for name, content in files.items():
        if (model / name).exists():
            assert (model / name).read_bytes() == content
    if (model / "bert_config.json").exists():
        assert all((model / name).exists() for name in files)


def test_a_killed_unpack_completes_without_another_download(
    command: Command, encoder: tuple[Misbehaving, dict[str, bytes]]
) -> None:
    server, files = encoder
    arguments = ("fetch-bert", "--to", "model", "--mirror", server.base)
    model = command.folder / "model"
    growing = model / ".nerctl-fetching" / "tiny" / "bert_model.ckpt.data-00000-of-00001"
    command.killed_when(lambda: size_of(growing) > 3_000_000, *arguments)
    right(model, files)
    assert not (model / growing.name).exists()
    command.completes(*arguments)
    right(model, files)
    assert {path.name for path in model.iterdir()} == set(files)
    assert len(server.requests) == 1


STEPS = [0, 6, 8]
"""Of nine: the download renamed, four files unpacked, four renamed; the config is the last."""


@pytest.mark.parametrize("calls", STEPS)
def test_an_encoder_killed_at_a_step_completes(
    command: Command, encoder: tuple[Misbehaving, dict[str, bytes]], calls: int
) -> None:
    server, files = encoder
    arguments = ("fetch-bert", "--to", "model", "--mirror", server.base)
    model = command.folder / "model"
    assert command.killed_at(calls, *arguments)
    right(model, files)
    assert len([name for name in files if (model / name).exists()]) == max(0, calls - 5)
    command.completes(*arguments)
    right(model, files)
    assert {path.name for path in model.iterdir()} == set(files)
    assert len(server.requests) == 1


@pytest.mark.parametrize("calls", STEPS)
def test_an_encoder_killed_while_it_replaces_another_is_never_a_mixture(
    command: Command, encoder: tuple[Misbehaving, dict[str, bytes]], calls: int
) -> None:
    server, files = encoder
    older = {name: b"older " + name.encode() for name in files}
    model = command.folder / "model"
    model.mkdir()
    for name, content in older.items():
        (model / name).write_bytes(content)
    arguments = ("fetch-bert", "--to", "model", "--mirror", server.base, "--force")
    assert command.killed_at(calls, *arguments)
    if (model / "bert_config.json").exists():
        found = {name: (model / name).read_bytes() for name in files}
        assert found in (older, files)
    command.completes(*arguments)
    right(model, files)


@pytest.mark.parametrize(("what", "calls"), [("dataset", 0), ("dataset", 3), ("dataset", 7), ("all", 19), ("all", 40)])
def test_an_archive_killed_at_a_step_completes(command: Command, what: str, calls: int) -> None:
    """Each file is a step to write and a step to rename, and so is each manifest."""
    write_run(command.folder / "output", size=2_000)
    write_dataset(command.folder / "NERdata")
    assert command.killed_at(calls, "archive", "--to", "to", "--what", what)
    to = command.folder / "to"
    assert len(finals_in(to)) == calls // 2
    whole = {path.name: path.read_bytes() for part in ("output", "NERdata") for path in files_in(command.folder / part)}
    for path in finals_in(to):
        if path.name != "MANIFEST.json":
            assert path.read_bytes() == whole[path.name]
    command.completes("archive", "--to", to, "--what", what)
    found = verify(FolderTarget(to))
    assert not found.faults and not found.unfinished


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def finals_in(folder: Path) -> list[Path]:
    return [path for path in files_in(folder) if not path.name.endswith(".part")]


def test_an_archive_killed_in_the_middle_of_a_file_goes_on(command: Command) -> None:
    write_run(command.folder / "output", size=100_000_000)
    name = "checkpoints/20/model.ckpt.data-00000-of-00001"
    source = command.folder / "output" / name
    arguments = ("archive", "--to", "to", "--what", "checkpoint")
    folder = command.folder / "to" / "checkpoint" / "checkpoints" / "20"

    def half_way() -> bool:
        parts = list(folder.glob(".model.ckpt.data*.part")) if folder.exists() else []
        return any(size_of(part) > 20_000_000 for part in parts)

    command.killed_when(half_way, *arguments)
    assert not (folder / source.name).exists()
    process = command.start(*arguments)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0 and "going on at" in said
    assert (folder / source.name).read_bytes() == source.read_bytes()
    assert not verify(FolderTarget(command.folder / "to")).faults
