"""Reading what a training run left behind: a log with step lines, a `steps.jsonl`, a run's folder.

Logs are what the original prints after `nerctl patch-hooks` and what `nerctl train` writes to its loss+perf log; what
a file says is read by `step_lines`, what a run's record adds to it here.
"""

from __future__ import annotations

import codecs
import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Optional

from nerctl.errors import DataError
from nerctl.files import read_bytes
from nerctl.run_record import RECORD, STEPS, RunRecord
from nerctl.workflows.compare.run_facts import RunFacts, facts_of_arguments, facts_of_run
from nerctl.workflows.compare.step_lines import (
    NOT_A_RECORD,
    STEP_LINE,
    Step,
    step_of_record,
    steps_of_lines,
    steps_of_records,
)

LOG_ROUNDING = 0.0005
"""Half of the last digit of a loss in a log: what rounding can have changed."""


@dataclass(frozen=True)
class Run:
    """The steps of one run and what is known about it."""

    path: Path
    """What was named on the command line."""
    steps: tuple[Step, ...]
    """The steps in order, each number once."""
    facts: RunFacts
    """Batch shape, precision and so on, as far as the run says."""
    rounding: float
    """How far recorded losses may be off: LOG_ROUNDING for a log, 0 for full precision."""
    is_log: bool
    """Whether the steps were read from step lines and nothing else tells the batch shape."""
    notes: tuple[str, ...] = ()
    """What was odd about the files, a sentence each."""
    unread: tuple[int, ...] = ()
    """Numbers of the steps whose figures could not be read."""

    @property
    def loss_scale(self) -> Optional[float]:
        """The loss scale of the last step that tells one; None where the loss was not scaled, or no step tells."""
        return next((step.loss_scale for step in reversed(self.steps) if step.loss_scale is not None), None)


def read_run(path: Path) -> Run:
    """Reads a log, a steps.jsonl, or the folder of a run with either in it, and the run.json beside it.

    Raises DataError when there is nothing to read or no step in it.
    """
    if path.is_dir():
        return _read_folder(path)
    if not path.exists():
        raise DataError(f"{path}: no such file or folder; name a step log, a steps.jsonl or a run's folder.")
    text = _text(path)
    if _holds_records(path, text):
        found = steps_of_records(text, path)
        return Run(path, found.steps, _facts_beside(path) or RunFacts(), 0.0, False, found.notes)
    return _read_log(path, text)


def _holds_records(path: Path, text: str) -> bool:
    """Whether a file is a steps.jsonl: JSON alone is no sign of it, as a log may hold some around its step lines."""
    if path.suffix != ".jsonl" and text.lstrip()[:1] != "{":
        return False
    return not STEP_LINE.search(text) or any(map(_is_step_record, text.split("\n")))


def _is_step_record(line: str) -> bool:
    if not all(f'"{name}"' in line for name in ("step", "loss", "seconds")):
        return False
    try:
        step_of_record(json.loads(line))
    except NOT_A_RECORD:
        return False
    return True


def _read_folder(folder: Path) -> Run:
    records = folder / STEPS
    if records.is_file():
        run = read_run(records)
        return replace(run, path=folder)
    logs = sorted(folder.glob("loss+perf_*.txt"))
    if len(logs) != 1:
        found = f"{len(logs)} logs" if logs else "no loss+perf_*.txt"
        raise DataError(f"{folder}: no steps.jsonl and {found} in it; name the run's folder or one log.")
    return _read_log(logs[0], _text(logs[0]))


def _read_log(path: Path, text: str) -> Run:
    """A log, and what the run.json and steps.jsonl beside it know more when they are of the same run."""
    steps, unread, notes, begin = steps_of_lines(text, path)
    told = facts_of_arguments(text[begin:])  # those of an earlier run in the file are not this one's
    facts = _facts_beside(path)
    if facts is None:
        return Run(path, steps, told, LOG_ROUNDING, True, notes, unread)
    records = path.parent / STEPS
    if not records.is_file():
        return Run(path, steps, facts, LOG_ROUNDING, facts.batch_shape is None, notes, unread)
    full = {step.number: step for step in steps_of_records(_text(records), records).steps}
    if all(step.number in full and _same_loss(step.loss, full[step.number].loss) for step in steps):
        numbers = sorted([*(step.number for step in steps), *(number for number in unread if number in full)])
        unread = tuple(number for number in unread if number not in full)
        return Run(path, tuple(full[number] for number in numbers), facts, 0.0, False, notes, unread)
    other = f"The steps.jsonl beside {path.name} is of another run; it and its run.json were left aside."
    return Run(path, steps, told, LOG_ROUNDING, True, (*notes, other), unread)


def _same_loss(rounded: float, full: float) -> bool:
    return abs(rounded - full) <= LOG_ROUNDING * 1.01 or f"{rounded:.3f}" == f"{full:.3f}"


def _facts_beside(path: Path) -> Optional[RunFacts]:
    """The facts of the run.json beside a file; None without one, or when it is of another device's log."""
    if not (path.parent / RECORD).is_file():
        return None
    values = RunRecord.load(path.parent).content
    if not isinstance(values.get("config"), dict):
        return None  # somebody else's run.json
    facts = facts_of_run(values)
    named = re.fullmatch(r"loss\+perf_(\w+)\.txt", path.name)
    return None if named and facts.log_name not in (None, named.group(1)) else facts


def _text(path: Path) -> str:
    """The text of a file: UTF-8, or UTF-16 with its mark (PowerShell's `>`); odd bytes do not matter."""
    raw = read_bytes(path)
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return raw.decode("utf-16", errors="replace")
    return raw.decode("utf-8-sig", errors="replace")
