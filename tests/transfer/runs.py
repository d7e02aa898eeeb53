"""Output folders as a training run leaves them, small."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

LOG_OF = {"cpu": "cpu", "cuda": "gpu", "npu": "npu"}
LOGS = ("steps.jsonl", "report.html", "report.json", "README.md")
MODEL = ("labels.json", "vocab.txt", "bert_config.json", "config.json", "model.json", "checkpoint.json")


def write_run(output: Path, backend: str = "cpu", run_id: str = "run-1", size: int = 20_000) -> Path:
    """A run's folder: logs, model files, one checkpoint of `size` bytes, and two files that are not the run's."""
    checkpoint = ("checkpoints/20/model.ckpt.data-00000-of-00001", "checkpoints/20/model.ckpt.index")
    log = f"loss+perf_{LOG_OF[backend]}.txt"
    names = [log, *LOGS, *MODEL, *checkpoint]
    for number, name in enumerate(names):
        path = output / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"{run_id} {backend} {name}\n".encode() * (1 + number))
    (output / checkpoint[0]).write_bytes(f"{run_id:>16}".encode() * (size // 16))
    record: dict[str, Any] = {
        "format": 1,
        "run_id": run_id,
        "command": "nerctl train --steps 20",
        "created": "2024-05-06T07:08:09+00:00",
        "device": {"backend": backend, "log": LOG_OF[backend], "name": "a device"},
        "versions": {"nerctl": "0", "python": "3.9", "tensorflow": "2.6.5", "numpy": "1.19.5"},
        "config": {"batch": 32},
        "files": names,
    }
    (output / "run.json").write_text(json.dumps(record))
    (output / "my-notes.txt").write_text("not the run's")
    (output / "checkpoints" / "other.bin").write_text("not the run's")
    return output


def write_dataset(data: Path) -> Path:
    """Three small corpus files and a file that is none."""
    data.mkdir(parents=True, exist_ok=True)
    for split in ("train", "dev", "test"):
        (data / f"{split}.txt").write_text(f"北 B-LOC\n{split} O\n\n", "utf-8")
    (data / "notes.md").write_text("mine")
    return data
