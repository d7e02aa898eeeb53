"""MANIFEST.json: the files of one place of an archive with their sizes and checksums, and the run they are
of."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Optional

from nerctl.errors import NerctlError

MANIFEST = "MANIFEST.json"
"""Its name; it is written after all the files it lists."""
FORMAT = 1
"""Layout of the manifest."""


@dataclass(frozen=True)
class Listed:
    """One file of a manifest."""

    name: str
    """Path below the manifest's folder."""
    size: int
    """Bytes."""
    sha256: str
    """Checksum in hexadecimal digits."""


@dataclass(frozen=True)
class Manifest:
    """What a place holds."""

    files: tuple[Listed, ...]
    """Its files, by name."""
    parts: tuple[str, ...]
    """Which of dataset, checkpoint and logs."""
    run_id: Optional[str]
    """The run that was archived; None when a data set was archived by itself."""
    about: dict[str, Any]
    """The run's device, versions, command and creation time."""
    missing: tuple[str, ...] = ()
    """Files of the run that belong here and were gone when it was archived."""

    def encoded(self) -> bytes:
        """The manifest as JSON, with a checksum over itself so that a change of any byte is found."""
        record: dict[str, Any] = {
            "format": FORMAT,
            "parts": list(self.parts),
            "run_id": self.run_id,
            **self.about,
            **({"missing": list(self.missing)} if self.missing else {}),
            "files": [{"file": f.name, "bytes": f.size, "sha256": f.sha256} for f in self.files],
        }
        record["manifest_sha256"] = _own_checksum(record)
        return (json.dumps(record, ensure_ascii=False, indent=2) + "\n").encode()


def decode_manifest(content: bytes, where: str) -> Manifest:
    """Reads a manifest. Raises NerctlError, which begins with `where`, when it is damaged or of another
    format."""
    damaged = NerctlError(f"{where}: the manifest is damaged, or not one of nerctl's")
    try:
        record: Any = json.loads(content.decode("utf-8"))
        claimed = record.pop("manifest_sha256")
        if record["format"] != FORMAT:
            raise NerctlError(f"{where}: the manifest has format {record['format']!r}; a newer nerctl reads it")
        files = tuple(Listed(str(item["file"]), int(item["bytes"]), str(item["sha256"])) for item in record["files"])
        parts, run_id = tuple(record["parts"]), record["run_id"]
        missing = tuple(map(str, record.get("missing", ())))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise damaged from error
    about = {k: v for k, v in record.items() if k not in ("format", "parts", "run_id", "missing", "files")}
    manifest = Manifest(files, parts, run_id, about, missing)
    if claimed != _own_checksum(record) or content != manifest.encoded():
        raise damaged
    for listed in files:
        path = PurePosixPath(listed.name)
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise NerctlError(f"{where}: the manifest names {listed.name!r}, outside its folder")
    return manifest


def _own_checksum(record: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
