"""Where the original's source is, and putting the patch on it and taking it off byte for byte.

Beside the patched file lie `<file>.nerctl-original`, its bytes from before, and `<file>.nerctl-patch.json`,
which says by SHA-256 what was patched into what: enough to restore it with any version, or with `cp`.
"""

from __future__ import annotations

import difflib
import hashlib
import importlib.util
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import get_args

import nerctl
from nerctl.errors import NerctlError
from nerctl.files import read_bytes, write_bytes
from nerctl.upstream import launch_script
from nerctl.upstream.hooks_patch import patch_source
from nerctl.upstream.source_text import SourceText

_FILE = "bert_lstm_ner.py"
_PLACES = (f"bert_base/train/{_FILE}", f"train/{_FILE}", _FILE)


@dataclass(frozen=True)
class Record:
    """What the JSON file beside a patched source says."""

    original_sha256: str
    """SHA-256 of the source before the patch, which is also that of the kept original."""
    patched_sha256: str
    """SHA-256 of the source as the patch left it."""
    device: str
    """`cuda` or `npu`."""
    steps: int
    """Steps after which the patched program stops."""
    script_sha256: str | None
    """SHA-256 of the run_1p.sh beside it; None when the file of that name was the user's own."""
    nerctl: str
    """Version that wrote the patch."""


@dataclass(frozen=True)
class Outcome:
    """What patch-hooks did, or with a dry run would do."""

    path: Path
    """The source."""
    status: str
    """patched, would patch, unchanged (so already), patched by hand, reverted, would revert, or original."""
    diff: str
    """Unified diff from the source before to the source after; empty when nothing changes."""
    original_sha256: str
    """SHA-256 of the source without the patch; of the source as it is when it was patched by hand."""
    sha256: str
    """SHA-256 of the source as it is now (with a dry run: as it would be)."""
    script: Path | None
    """The run_1p.sh that was or would be written; None without one, or where the user's own stands."""
    notes: list[str]
    """What else the user should know, a sentence each."""


def find_source(checkout: Path | None) -> Path:
    """The original's bert_lstm_ner.py in a checkout or an installed `bert_base`, or that file itself.

    Without `checkout`: the current folder when it holds one, else the `bert_base` of this Python. Raises
    NerctlError when there is none.
    """
    if checkout is not None:
        if checkout.is_file():
            return checkout.resolve()
        for place in _PLACES:
            if (checkout / place).is_file():
                return (checkout / place).resolve()
        raise NerctlError(
            f"{checkout}: no {_PLACES[0]} there: name the original's checkout or its bert_base folder."
        )
    if Path(_PLACES[0]).is_file():
        return Path(_PLACES[0]).resolve()
    spec = importlib.util.find_spec("bert_base")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (Path(folder) / "train" / _FILE).is_file():
            return (Path(folder) / "train" / _FILE).resolve()
    raise NerctlError(
        f"There is no {_PLACES[0]} here and no bert_base in this Python: name the checkout, or the "
        "site-packages folder of the Python 3.7 that has it."
    )


def apply_patch(path: Path, *, device: str, steps: int, dry_run: bool = False) -> Outcome:
    """Patches the source and writes run_1p.sh beside it; does nothing when it is patched so already.

    A source patched by an earlier call with other options is patched anew from its original. Raises NerctlError for a
    `device` that is no `PatchedDevice`, DataError for a source that is not recognised, which is left untouched.
    """
    if device not in get_args(launch_script.PatchedDevice):
        raise NerctlError(f"--device {device}: the original is patched for cuda or npu")
    before = read_bytes(path)
    record = _record(path)
    original = before
    if record is not None and _sha256(before) == record.patched_sha256:
        original = _kept_original(path, record)
    patch = patch_source(original, str(path), steps=steps, npu=device == "npu")
    if patch.was_patched:
        notes = ["It has the step timer already, by hand or edited since; it is left as it is."]
        return Outcome(path, "patched by hand", "", _sha256(before), _sha256(before), None, notes)
    script, notes = _script_for(path, device, steps, record)
    after = patch.content
    diff = _diff(path, before, after)
    outcome = Outcome(
        path,
        "unchanged" if after == before else ("would patch" if dry_run else "patched"),
        diff,
        _sha256(original),
        _sha256(after),
        script.path if script is not None else None,
        notes,
    )
    if dry_run:
        return outcome
    if after != before:
        _set_aside_other_original(path, original)
        write_bytes(_original_path(path), original)
    script_sha256 = _sha256(script.content) if script is not None else None
    new_record = Record(_sha256(original), _sha256(after), device, steps, script_sha256, nerctl.__version__)
    write_bytes(_record_path(path), (json.dumps(asdict(new_record), indent=2) + "\n").encode())
    if script is not None:
        write_bytes(script.path, script.content, mode=0o755)
    if after != before:
        write_bytes(path, after)
    return outcome


def revert_patch(path: Path, *, dry_run: bool = False, force: bool = False) -> Outcome:
    """Restores the source's bytes from before the patch and removes what the patch laid beside it.

    Raises NerctlError when the source was edited since it was patched, unless `force`.
    """
    before = read_bytes(path)
    record = _record(path)
    if record is None:
        if _original_path(path).exists() and not force:
            raise NerctlError(
                f"{_record_path(path)} is missing or damaged, so it is not known that "
                f"{_original_path(path).name} is what was patched: --revert --force restores it anyway."
            )
        if not _original_path(path).exists():
            raise NerctlError(f"{path}: nothing to revert: nerctl kept no original beside it.")
    kept = read_bytes(_original_path(path)) if record is None else _kept_original(path, record)
    current = _sha256(before)
    expected = {_sha256(kept)} | ({record.patched_sha256} if record is not None else set())
    if current not in expected and not force:
        raise NerctlError(
            f"{path}: it was edited or replaced since nerctl patched it, so --revert would lose that: save "
            "your changes, then --revert --force."
        )
    notes: list[str] = []
    status = "original" if before == kept else ("would revert" if dry_run else "reverted")
    if not dry_run:
        if before != kept:
            write_bytes(path, kept)
        notes += _remove_script(path, record)
        for beside in (_record_path(path), _original_path(path)):
            if beside.exists():
                beside.unlink()
    return Outcome(path, status, _diff(path, before, kept), _sha256(kept), _sha256(kept), None, notes)


@dataclass(frozen=True)
class _Script:
    path: Path
    content: bytes


def _script_for(
    path: Path, device: str, steps: int, record: Record | None
) -> tuple[_Script | None, list[str]]:
    """The run_1p.sh to write beside the source, or None and why when the one there is not ours."""
    script = path.parent / launch_script.SCRIPT_NAME
    ours = record.script_sha256 if record is not None else None
    if script.exists() and _sha256(read_bytes(script)) != ours:
        return None, [f"{script} is yours or was edited, and is kept; move it away to get nerctl's."]
    up = "/".join([".."] * 2) if path.parent.parent.name == "bert_base" else ".."
    text = launch_script.launch_script(device, steps, up, path.parent / "train_helper.py")
    return _Script(script, text.encode()), []


def _remove_script(path: Path, record: Record | None) -> list[str]:
    script = path.parent / launch_script.SCRIPT_NAME
    if not script.exists() or record is None or record.script_sha256 is None:
        return []
    if _sha256(read_bytes(script)) != record.script_sha256:
        return [f"{script} was edited since and is kept."]
    script.unlink()
    return []


def _original_path(path: Path) -> Path:
    return path.with_name(path.name + ".nerctl-original")


def _record_path(path: Path) -> Path:
    return path.with_name(path.name + ".nerctl-patch.json")


def _record(path: Path) -> Record | None:
    """The record beside a source; None when there is none, or none that can be read."""
    try:
        values = json.loads(_record_path(path).read_text(encoding="utf-8"))
        return Record(**{field: values.get(field) for field in Record.__dataclass_fields__})
    except (OSError, ValueError, AttributeError):
        return None


def _kept_original(path: Path, record: Record) -> bytes:
    """The original's bytes; raises NerctlError when they are not those that were recorded."""
    kept = _original_path(path)
    if not kept.is_file():
        raise NerctlError(
            f"{kept} is missing, so the original cannot be restored: install or check out {_FILE} anew."
        )
    content = read_bytes(kept)
    if _sha256(content) != record.original_sha256:
        raise NerctlError(
            f"{kept} is not what was kept (its SHA-256 differs): install or check out {_FILE} anew."
        )
    return content


def _set_aside_other_original(path: Path, original: bytes) -> None:
    """Keeps an older original of other content under its own name before a new one takes the place."""
    kept = _original_path(path)
    if kept.is_file() and read_bytes(kept) != original:
        os.replace(kept, kept.with_name(f"{kept.name}-{_sha256(read_bytes(kept))[:8]}"))


def _diff(path: Path, before: bytes, after: bytes) -> str:
    """Unified diff; its lines end in plain newlines whatever the file has."""
    if before == after:
        return ""
    old, new = (SourceText(content, str(path)).text.splitlines() for content in (before, after))
    lines = difflib.unified_diff(old, new, f"a/{path.name}", f"b/{path.name}", lineterm="")
    return "".join(f"{line}\n" for line in lines)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
