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
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nerctl.errors import ModelError, near_path
from nerctl.files import sha256_of, write_json

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

    @property
    def version(self) -> str:
        """A name for what it predicts with: nerctl- and 12 hexadecimal digits of the checksums of those files."""
        told = json.dumps([self.shared, self.weights.files], sort_keys=True)
        return "nerctl-" + hashlib.sha256(told.encode()).hexdigest()[:12]

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
