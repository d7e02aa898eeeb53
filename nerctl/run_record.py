"""`run.json`, the record of a run: what was run, on what, with which data and versions, and every file that it wrote."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

from nerctl.errors import DataError
from nerctl.files import write_json

RECORD = "run.json"
"""The record's name in the output folder."""

STEPS = "steps.jsonl"
"""The log with all figures of each step."""

LOG_FILES = {device: f"loss+perf_{device}.txt" for device in ("cpu", "gpu", "npu")}
"""The step log's name by a backend's `log_name`."""

FORMAT = 1
"""Version of the record."""


class Split(NamedTuple):
    """A corpus file that a run has read."""

    path: str
    """Where it was."""
    sha256: str
    """Its checksum in hexadecimal digits."""


@dataclass
class RunRecord:
    """The record of one run; `content` is what `run.json` holds."""

    folder: Path
    """The output folder."""
    content: dict[str, Any] = field(default_factory=dict)
    """The JSON object."""

    @classmethod
    def begin(cls, folder: Path, command: str, facts: dict[str, Any]) -> RunRecord:
        """A new record; written when it is saved."""
        content = {
            "format": FORMAT,
            "run_id": uuid.uuid4().hex[:12],
            "command": command,
            "created": now(),
            "finished": None,
            "state": "running",
            **facts,
            "files": [],
        }
        return cls(folder, content)

    @classmethod
    def load(cls, folder: Path) -> RunRecord:
        """The record in a folder.

        Raises:
            DataError: there is none, or it is damaged.
        """
        path = folder / RECORD
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            reason = "" if isinstance(content, dict) else "no JSON object"
        except FileNotFoundError:
            raise DataError(f"{path}: not there, so {folder} holds no run; name the output folder of nerctl train") from None
        except (OSError, ValueError) as error:
            reason = str(error)
        except RecursionError:
            reason = "nested too deep"
        if reason:
            raise DataError(f"{path}: not the record of a run ({reason}); take its copy from an archive, or move it away")
        return cls(folder, content)

    def save(self, files: Iterable[str]) -> None:
        """Writes the record; `files` are those that the run has written so far, relative to the folder."""
        self.content["files"] = sorted({RECORD, *files})
        write_json(self.folder / RECORD, self.content)

    def files(self) -> list[str]:
        """The files that the run wrote, relative to the folder.

        Raises:
            DataError: the record does not list them.
        """
        files = self.content.get("files")
        if not isinstance(files, list) or not all(isinstance(name, str) for name in files):
            raise DataError(f"{self.folder / RECORD}: lists no files; it is not as nerctl train writes it")
        return files

    @property
    def corpus(self) -> dict[str, Split]:
        """The corpus files that the run has read, by split, as far as path and checksum are told."""
        facts = self.content.get("corpus")
        splits = facts.items() if isinstance(facts, dict) else ()
        return {
            name: Split(split["path"], split["sha256"])
            for name, split in splits
            if isinstance(split, dict) and all(isinstance(split.get(key), str) and split[key] for key in ("path", "sha256"))
        }


def now() -> str:
    """The time as ISO 8601, UTC."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
