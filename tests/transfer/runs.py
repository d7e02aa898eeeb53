"""Output folders as a training run leaves them, small."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from nerctl.transfer.archive import store
from nerctl.transfer.archive_plan import PROJECT, plan_archive
from nerctl.transfer.targets import FolderTarget

LOG_OF = {"cpu": "cpu", "cuda": "gpu", "npu": "npu"}
SPLITS = ("train", "dev", "test")
LOGS = ("steps.jsonl", "report.html", "report.json", "README.md")
SHARED = ("labels.json", "vocab.txt", "bert_config.json", "config.json")
MODEL = (*SHARED, "model.json", "checkpoint.json")


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
    _point_to(output, checkpoint)
    record: dict[str, Any] = {
        "format": 1,
        "run_id": run_id,
        "command": "nerctl train --steps 20",
        "created": "2024-05-06T07:08:09+00:00",
        "device": {"backend": backend, "log": LOG_OF[backend], "name": "a device"},
        "versions": {"nerctl": "0", "python": "3.9", "tensorflow": "2.6.5", "numpy": "1.19.5"},
        "config": {"batch": 32},
        "corpus": {
            split: {"path": f"NERdata/{split}.txt", "sha256": hashlib.sha256(_split(split)).hexdigest()} for split in SPLITS
        },
        "files": names,
    }
    (output / "run.json").write_text(json.dumps(record))
    (output / "my-notes.txt").write_text("not the run's")
    (output / "checkpoints" / "other.bin").write_text("not the run's")
    return output


def _point_to(output: Path, checkpoint: tuple[str, ...]) -> None:
    """Writes checkpoint.json, which names the weights and what prediction reads beside them."""

    def digest(name: str) -> str:
        return hashlib.sha256((output / name).read_bytes()).hexdigest()

    weights = {name.rpartition("/")[2]: digest(name) for name in checkpoint}
    last = {"step": 20, "folder": "checkpoints/20", "f1": None, "files": weights}
    shared = {name: digest(name) for name in SHARED}
    pointer = {"format": 1, "engine": "tensorflow", "shared": shared, "best": None, "last": last, "progress": {}}
    (output / "checkpoint.json").write_text(json.dumps(pointer))


def write_dataset(data: Path) -> Path:
    """The three small corpus files that the run has read, and a file that is none."""
    data.mkdir(parents=True, exist_ok=True)
    for split in SPLITS:
        (data / f"{split}.txt").write_bytes(_split(split))
    (data / "notes.md").write_text("mine")
    return data


def _split(name: str) -> bytes:
    return f"北 B-LOC\n{name} O\n\n".encode()


def tree(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


class Setting:
    """A run, a data set, and a folder to archive to."""

    def __init__(self, root: Path) -> None:
        self.output, self.data, self.to = root / "output", root / "NERdata", root / "archive"
        write_run(self.output)
        write_dataset(self.data)

    def store(self, what: str = "all", layout: str = "flat", run_name: str = "", **more: Any) -> list[Any]:
        plan = plan_archive(what, layout, self.output, self.data, PROJECT, run_name)
        return store(plan, FolderTarget(self.to), **more)
