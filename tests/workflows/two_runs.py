"""Two runs to set side by side: logs, and folders as training leaves them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

GPU = [(7.391, 132.724), (6.387, 139.579), (0.534, 137.538), (0.490, 123.286), (0.487, 124.577)]
NPU = [(164.408, 121.096), (157.066, 111.109), (79.547, 99.554), (79.599, 93.504), (79.854, 102.702)]
"""Seconds and loss of the published logs."""


def log(path: Path, steps: list[tuple[float, float]], first: int = 1) -> Path:
    path.write_text(
        "".join(
            f"step: {number}, cost time: {seconds:.3f}s, losses: {loss:.3f}\n"
            for number, (seconds, loss) in enumerate(steps, first)
        )
    )
    return path


def run(folder: Path, losses: list[float], seconds: float = 0.5, **config: Any) -> Path:
    """A run's folder as nerctl train writes it, one shape, nothing compiled in a step."""
    folder.mkdir()
    defaults = {"batch_size": 32, "batch_shape": "fixed", "precision": "float32", "seed": 1, "dropout": 0.0,
                "max_seq_length": 202, "head": "crf", "learning_rate": 2e-5, "epochs": 1}  # fmt: skip
    sha256 = config.pop("sha256", "ab" * 32)
    backend = config.pop("backend", "cpu")
    (folder / "run.json").write_text(
        json.dumps(
            {
                "config": {**defaults, **config},
                "device": {"backend": backend, "log": backend, "name": backend.upper()},
                "encoder": {"path": "model", "sha256": sha256},
            }
        )
    )
    (folder / "steps.jsonl").write_text(
        "".join(
            json.dumps({"step": number, "loss": loss, "seconds": seconds, "sentences": 32, "tokens": 900,
                        "positions": 1000, "compiled": False}) + "\n"
            for number, loss in enumerate(losses, 1)
        )
    )  # fmt: skip
    return folder
