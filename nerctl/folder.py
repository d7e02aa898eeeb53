"""The model folder on disk: what prediction needs, with a checksum of each file, and a pointer to the weights.

    labels.json vocab.txt bert_config.json config.json     the same for all weights of a run
    checkpoints/00000050/model.ckpt.*                      weights after 50 updates
    checkpoints/00000050/optimizer.ckpt.*                  what resuming needs beside them
    checkpoint.json                                        names the best and the last weights, all checksums, and how
                                                           far training is

`checkpoint.json` is replaced in one rename, after everything it names is on disk: a run killed at any moment leaves
either the old or the new state.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nerctl.errors import ModelError, NerctlError, near_path

FORMAT = 1
"""Version of the layout; a folder of a newer one is refused."""

POINTER = "checkpoint.json"
"""The file that makes a folder a model folder."""

SHARED = ("labels.json", "vocab.txt", "bert_config.json", "config.json")
"""The files that all weights of a folder share."""


@dataclass(frozen=True)
class Weights:
    """One set of weights in a model folder."""

    step: int
    """Updates behind them."""
    folder: str
    """Where they are, relative to the model folder."""
    files: Mapping[str, str]
    """SHA-256 of each file in `folder`, by name."""
    f1: float | None = None
    """Entity F1 on dev, a fraction of 1; None when dev was not scored."""

    def as_dict(self) -> dict[str, Any]:
        """The layout in `checkpoint.json`."""
        return {"step": self.step, "folder": self.folder, "f1": self.f1, "files": dict(self.files)}


@dataclass(frozen=True)
class ModelFolder:
    """A model folder whose pointer was read; `verify` checks the files that it names."""

    path: Path
    """The folder."""
    engine: str
    """What computes the emissions: "tensorflow" for a training folder, "onnx" for an export."""
    shared: Mapping[str, str]
    """SHA-256 of the files that all weights share, by name."""
    best: Weights | None
    """The weights with the best dev F1, if dev was scored."""
    last: Weights
    """The newest weights."""
    progress: Mapping[str, Any] = field(default_factory=dict)
    """How far training is; empty in an export."""

    @classmethod
    def open(cls, path: Path) -> ModelFolder:
        """Reads the pointer of a model folder.

        Raises:
            ModelError: no such folder, no model in it, a damaged pointer, or one of a newer format.
        """
        pointer = path / POINTER
        if not path.is_dir():
            raise ModelError(
                f"{path}: no such folder; {near_path(path)}name the folder that nerctl train or nerctl export wrote"
            )
        try:
            content = json.loads(pointer.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ModelError(
                f"{pointer}: no such file, so this folder holds no model; name the folder that nerctl train or "
                "nerctl export wrote"
            ) from None
        except (OSError, ValueError) as error:
            raise ModelError(f"{pointer}: damaged ({error}); take it from an archive or train again") from None
        return cls.of_content(path, content)

    @classmethod
    def of_content(cls, path: Path, content: Any) -> ModelFolder:
        """The model folder at `path` by what its pointer says.

        Args:
            content: the pointer's JSON.

        Raises:
            ModelError: a damaged pointer, or one of a newer format.
        """
        pointer = path / POINTER
        try:
            if content["format"] > FORMAT:
                raise ModelError(
                    f"{pointer}: format {content['format']} is newer than this nerctl reads ({FORMAT}); update nerctl"
                )
            return cls(
                path=path,
                engine=str(content["engine"]),
                shared=dict(content["shared"]),
                best=Weights(**content["best"]) if content["best"] else None,
                last=Weights(**content["last"]),
                progress=dict(content.get("progress") or {}),
            )
        except (KeyError, TypeError, AttributeError):
            raise ModelError(f"{pointer}: damaged (fields are missing); take it from an archive") from None

    @property
    def weights(self) -> Weights:
        """The weights to predict with: the best, else the last."""
        return self.best or self.last

    def files(self) -> dict[str, str]:
        """SHA-256 of every file that the pointer names, for prediction and for resuming, by path below the folder."""
        named = dict(self.shared)
        for weights in (self.best, self.last):
            if weights is not None:
                named.update({f"{weights.folder}/{name}": digest for name, digest in weights.files.items()})
        return named

    def verify(self, weights: Weights | None = None, names: str | None = None) -> None:
        """Checks the shared files and those of `weights` (default: the ones to predict with) against their checksums.

        Args:
            weights: which weights.
            names: only files of the weights whose name begins so, for instance "model.ckpt"; None: all.

        Raises:
            ModelError: a file is missing or its content was altered; the message names it.
        """
        weights = weights or self.weights
        wanted = {self.path / name: digest for name, digest in self.shared.items()}
        for name, digest in _beginning(names, weights.files).items():
            wanted[self.path / weights.folder / name] = digest
        for file, digest in wanted.items():
            if not file.is_file():
                raise ModelError(f"{file}: missing; take it from an archive or train again")
            if sha256_of(file) != digest:
                raise ModelError(
                    f"{file}: its content is not what was saved (truncated or altered); take it from an archive or "
                    "train again"
                )

    def digest(self, names: str | None = None) -> str:
        """One SHA-256 of all that `verify(names=names)` checks: two folders with the same one hold the same model."""
        content = [self.engine, dict(self.shared), _beginning(names, self.weights.files)]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def read_json(self, name: str) -> Any:
        """The content of one of the folder's JSON files."""
        try:
            return json.loads((self.path / name).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ModelError(f"{self.path / name}: cannot be read ({error})") from None

    def write(self) -> None:
        """Writes the pointer, in one rename."""
        write_json(
            self.path / POINTER,
            {
                "format": FORMAT,
                "engine": self.engine,
                "shared": dict(self.shared),
                "best": self.best.as_dict() if self.best else None,
                "last": self.last.as_dict(),
                "progress": dict(self.progress),
            },
        )


def _beginning(names: str | None, files: Mapping[str, str]) -> dict[str, str]:
    return {name: digest for name, digest in files.items() if names is None or name.startswith(names)}


def check_output_folder(folder: Path, option: str) -> None:
    """Finds out, before anything is computed, whether a folder can be made and written to; leaves no trace.

    Args:
        folder: it and its parents may be missing.
        option: the option that named it, for the message.

    Raises:
        NerctlError: it cannot be made, is no folder, or refuses files.
    """
    made: list[Path] = []
    place = folder
    try:
        for place in reversed([folder, *folder.parents]):
            if not place.is_dir():
                place.mkdir()
                made.append(place)
        place = folder
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = error.strerror or str(error)
        if isinstance(error, FileExistsError):
            reason = "a link to nothing is there" if place.is_symlink() else "a file of that name is there"
        where = "" if place == folder else f"{place}: "
        raise NerctlError(
            f"{folder}: cannot be written to ({where}{reason}); name another folder with {option}"
        ) from None
    finally:
        for one in reversed(made):
            try:
                one.rmdir()
            except OSError:  # somebody has put something into it
                break


def check_output_file(file: Path, option: str) -> None:
    """Finds out, before anything is computed, whether a file can be written where it is wanted; leaves no trace.

    Args:
        file: its folder must be there; the file itself may be, and is not touched.
        option: the option that named it, for the message.

    Raises:
        NerctlError: its folder is missing or refuses files, or the name is a folder's.
    """
    if file.is_dir():
        raise NerctlError(f"{file}: is a folder; name a file with {option}")
    try:
        with tempfile.TemporaryFile(dir=file.parent):
            pass
    except OSError as error:
        reason = "no such folder" if isinstance(error, FileNotFoundError) else error.strerror or str(error)
        raise NerctlError(f"{file}: cannot be written ({file.parent}: {reason}); name another file with {option}") from None


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's content."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def write_parts(path: Path, parts: Iterable[str]) -> None:
    """Writes a file, piece by piece, in one rename: the old content or the new, never a part; line ends stay as they are."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "w", encoding="utf-8", newline="") as stream:
            stream.writelines(parts)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Writes a file as `write_parts` does."""
    write_parts(path, [text])


def write_json(path: Path, value: Any) -> None:
    """Writes a JSON file in one rename, readable by people: indented, Chinese as it is."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def sync_file(path: Path) -> None:
    """Makes a file's content durable."""
    with open(path, "rb") as stream:
        os.fsync(stream.fileno())


def sync_folder(path: Path) -> None:
    """Makes the names in a folder durable, where the system can."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:
        pass
    finally:
        os.close(descriptor)
