"""What was asked of the stand-in, in order."""

from __future__ import annotations

import atexit
import json
import os
from pathlib import Path

calls: list[list] = []
"""Each call as [name, detail, ...]; details are JSON values."""


def record(name: str, *details: object) -> None:
    """Adds a call."""
    calls.append([name, *details])


def _write() -> None:
    path = os.environ.get("STANDIN_RECORD")
    if path:
        Path(path).write_text(json.dumps(calls), encoding="utf-8")


atexit.register(_write)
