"""Saving and restoring a run: weights, moments and progress, switched over in one rename."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from nerctl.errors import ModelError
from nerctl.files import sha256_of, sync
from nerctl.folder import POINTER, ModelFolder, Weights
from nerctl.model.checkpoint import load_tensors, save_tensors
from nerctl.model.optimizer import AdamW
from nerctl.model.tagger import TaggerModel
from nerctl.training.record import own_checkpoints

CHECKPOINTS = "checkpoints"
"""The folder of all weights of a run, inside its output folder."""


@dataclass(frozen=True)
class Progress:
    """How far a run is, beside its weights."""

    step: int = 0
    """Updates made."""
    best_f1: float | None = None
    """Best dev F1 so far."""
    since_best: int = 0
    """Evaluations since then."""
    evaluations: list[dict[str, Any]] = field(default_factory=list)
    """Each scoring of dev so far, as the run record keeps it."""


class RunState:
    """The weights and moments of a run, and their checkpoints on disk."""

    def __init__(self, folder: Path, model: TaggerModel, optimizer: AdamW, shared: Mapping[str, str]) -> None:
        self.folder = folder
        self.model = model
        self.optimizer = optimizer
        self.shared = dict(shared)
        self.best: Weights | None = None
        self.last: Weights | None = None

    def save(self, progress: Progress, is_best: bool) -> None:
        """Writes the state after `progress.step` updates and makes it the last, and the best if so said."""
        if self.last is None or self.last.step != progress.step:
            self.last = self._write(progress.step)
        if is_best:
            model_files = {name: digest for name, digest in self.last.files.items() if name.startswith("model.")}
            self.best = Weights(progress.step, self.last.folder, model_files, progress.best_f1)
        pointer = ModelFolder(self.folder, "tensorflow", self.shared, self.best, self.last, asdict(progress))
        pointer.write()
        sync(self.folder)
        self._clean()

    def restore(self) -> Progress:
        """Puts the last saved state back; the beginning when nothing was saved.

        Raises:
            ModelError: a saved file is missing or altered.
        """
        if not (self.folder / POINTER).exists():
            return Progress()
        saved = ModelFolder.open(self.folder)
        saved.verify(saved.last)
        self.best, self.last = saved.best, saved.last
        place = self.folder / saved.last.folder
        assign(self.model.variables_by_name(), load_tensors(place / "model.ckpt"), place)
        assign(self.optimizer.moments, load_tensors(place / "optimizer.ckpt"), place)
        return Progress(**saved.progress)

    def load_best(self) -> int | None:
        """Puts the best weights into the model, if dev was ever scored; returns their step."""
        if self.best is None:
            return None
        place = self.folder / self.best.folder
        assign(self.model.variables_by_name(), load_tensors(place / "model.ckpt"), place)
        return self.best.step

    def files(self) -> list[str]:
        """Every checkpoint file that is in use, relative to the run's folder."""
        names = {
            f"{weights.folder}/{name}" for weights in (self.best, self.last) if weights for name in weights.files
        }
        return sorted(names)

    def _write(self, step: int) -> Weights:
        name = f"{step:08d}"
        final = self.folder / CHECKPOINTS / name
        temporary = self.folder / CHECKPOINTS / f".{name}.tmp"
        for leftover in (temporary, final):
            if leftover.exists():
                shutil.rmtree(leftover)
        temporary.mkdir(parents=True)
        weights = {key: item.numpy() for key, item in self.model.variables_by_name().items()}
        written = save_tensors(temporary / "model.ckpt", weights)
        moments = {key: item.numpy() for key, item in self.optimizer.moments.items()}
        written += save_tensors(temporary / "optimizer.ckpt", moments)
        for path in written:
            sync(path)
        files = {path.name: sha256_of(path) for path in written}
        sync(temporary)
        os.replace(temporary, final)
        sync(final.parent)
        return Weights(step, f"{CHECKPOINTS}/{name}", files)

    def _clean(self) -> None:
        keep = {Path(weights.folder).name for weights in (self.best, self.last) if weights}
        for entry in own_checkpoints(self.folder):
            if entry.name not in keep:
                shutil.rmtree(entry, ignore_errors=True)
        if self.best and self.last and self.best.folder != self.last.folder:
            for entry in (self.folder / self.best.folder).iterdir():
                if entry.name not in self.best.files:
                    entry.unlink()


def assign(variables: Mapping[str, tf.Variable], tensors: Mapping[str, np.ndarray], source: Path) -> None:
    """Puts tensors into variables by name.

    Raises:
        ModelError: one is missing or has another shape.
    """
    for name, item in variables.items():
        if name not in tensors:
            raise ModelError(f"{source}: tensor {name} is missing; the folder belongs to another model")
        if tuple(tensors[name].shape) != tuple(item.shape):
            raise ModelError(
                f"{source}: tensor {name} is {list(tensors[name].shape)}, the model wants {list(item.shape)}"
            )
        item.assign(tensors[name])
