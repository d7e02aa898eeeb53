"""Going on with a run: what its record says, which options may change, and whether anything is left to do.

The options of a run are kept in its record, `run.json`, which each part of the run writes before its first update. So
what one part was given holds for the next, whenever a part ends and however. `config.json` has only what never changes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nerctl.config import TrainConfig
from nerctl.errors import ModelError, NerctlError
from nerctl.folder import POINTER, ModelFolder
from nerctl.run_record import RECORD, RunRecord
from nerctl.wording import counted

FREE = (
    "output_dir", "data_dir", "bert_dir", "steps", "eval_every", "save_every", "patience", "test", "threads",
    "device", "device_id",
)  # fmt: skip
"""Options that may change between the parts of one run: none of them changes what an update computes on one device."""

OF_A_DEVICE = ("batch_shape", "xla", "npu_options", "max_tokens")
"""Options that say how a device is to be used; they may change together with the device, and only then."""


def resumed_config(folder: Path, explicit: dict[str, Any]) -> TrainConfig:
    """The config of the run in `folder`, with the options given now where they may change.

    Raises:
        NerctlError: there is no run, or an option would change what the run computes.
    """
    path = folder / RECORD
    if not path.exists():
        raise NerctlError(f"{path}: no such file, so there is no run to resume; leave --resume out")
    content = RunRecord.load(folder).content
    saved, device = content.get("config"), content.get("device")
    if not isinstance(saved, dict) or not isinstance(device, dict):
        raise NerctlError(f"{path}: lacks the options of the run, so it cannot be resumed; name another --output-dir")
    kept = dict(saved)
    moved = "device" in explicit and explicit["device"] not in (saved.get("device"), device.get("backend"))
    if moved:
        kept.update(device_id=None, npu_options=(), xla=None)  # card, adapter and compiler of another device
    for name, value in explicit.items():
        if name in FREE or (moved and name in OF_A_DEVICE):
            kept[name] = value
        elif not _same(saved.get(name), value) and not _same(device.get(name), value):
            option = "--" + name.replace("_", "-")
            raise NerctlError(
                f"{option} {value}: the run in {folder} has {saved.get(name)}; leave the option out to resume it, or "
                "start another run with another --output-dir"
            )
    return TrainConfig.from_dict({**kept, "output_dir": str(folder)})


def nothing_left(record: RunRecord, config: TrainConfig) -> str | None:
    """Why a run that is to go on has nothing left to do, in words; None where something is left.

    Raises:
        ModelError: the record knows of saved updates, and the pointer to them is gone or damaged.
    """
    content = record.content
    pointer = record.folder / POINTER
    if not pointer.exists():
        if content.get("step"):
            raise ModelError(
                f"{pointer}: missing, though {counted(content['step'], 'update was', 'updates were')} saved; "
                "take it from an archive, or begin again with --overwrite"
            )
        return None
    progress = ModelFolder.open(record.folder).progress
    try:
        step, planned = int(progress["step"]), int(content["schedule"]["total_steps"])
    except (KeyError, TypeError, ValueError):
        raise ModelError(
            f"{record.folder}: lacks how far the run is, so it cannot be resumed; take it from an archive"
        ) from None
    last = min(config.steps or planned, planned)
    finished = content.get("state") == "finished" and not (config.test and content.get("test") is None)
    if step >= last and (finished or step > last):
        if last == planned:
            return f"all {planned:,} planned updates are made"
        return (
            f"{counted(step, 'update is', 'updates are')} made and --steps is {config.steps}; a greater "
            f"--steps goes on, up to the {planned:,} planned"
        )
    if finished and config.patience is not None and progress["since_best"] >= config.patience:
        return (
            f"dev F1 was no better in {counted(progress['since_best'], 'evaluation')} and --patience is {config.patience}; "
            "a greater --patience goes on"
        )
    return None


def _same(saved: Any, given: Any) -> bool:
    if isinstance(given, tuple):
        given = list(given)
    return bool(saved == given)
