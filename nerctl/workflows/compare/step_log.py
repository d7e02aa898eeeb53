"""Reading what a training run left behind: step lines in a log, `steps.jsonl`, a run's folder.

A step line is `step: %d, cost time: %.3fs, losses: %.3f`, what the original prints after `nerctl patch-hooks`
and what `nerctl train` writes to its loss+perf log; whatever else was printed around it is passed over, such as the
JSON that docker wraps it in. A step line whose figures cannot be read is kept as a step that is missing.
"""

from __future__ import annotations

import codecs
import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, Optional

from nerctl.errors import DataError
from nerctl.files import read_bytes
from nerctl.run_record import RECORD, STEPS, RunRecord
from nerctl.workflows.compare.run_facts import RunFacts, facts_of_arguments, facts_of_run

# Not more than three decimals: what another program prints into the same line may begin with a digit.
_NUMBER = r"\d+(?:\.\d+)?[eE][-+]\d+|\d+\.\d{3}"
STEP_LINE = re.compile(
    rf"step: (?P<step>\d+), cost time: (?P<seconds>{_NUMBER})s, losses: (?P<loss>[-+]?(?:{_NUMBER}|(?i:inf(?:inity)?|nan)))"
)
"""The step line anywhere in a line: standard output and standard error often share one file."""

_STEP_LINE_BEGUN = re.compile(r"step: (?P<step>\d+), cost(?=(?P<rest>[^\n]{0,50}))")
"""What begins as a step line, whether its figures can be read or not."""

_CUT_OFF = "The last line of {} is cut off and was left out."

LOG_ROUNDING = 0.0005
"""Half of the last digit of a loss in a log: what rounding can have changed."""


@dataclass(frozen=True)
class Step:
    """One training step as it was recorded."""

    number: int
    """Step number, from 1."""
    loss: float
    """Mean loss of the batch; not a number or infinite when training broke."""
    seconds: float
    """Wall-clock seconds of the step."""
    sentences: Optional[int] = None
    """Sentences in the batch, padded ones not counted; None when not recorded."""
    tokens: Optional[int] = None
    """Real tokens of the corpus in the batch; None when not recorded."""
    positions: Optional[int] = None
    """Positions that were computed, padding included; None when not recorded."""
    compiled: Optional[bool] = None
    """Whether the step traced or compiled something; None when not recorded."""


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


class _Seen(NamedTuple):
    """One step line or record, in the order of the file."""

    number: int
    """Step number."""
    step: Optional[Step]
    """The step; None when its figures cannot be read."""
    text: str
    """How it is written."""


class _Steps(NamedTuple):
    """The steps of the last run of a file, in order, with the fields of `Run`."""

    steps: tuple[Step, ...]
    unread: tuple[int, ...]
    notes: tuple[str, ...]


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
        found = _steps_of_records(text, path)
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
        _step_of_record(json.loads(line))
    except (ValueError, TypeError, KeyError, RecursionError):
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
    steps, unread, notes = _steps_of_lines(text, path)
    facts = _facts_beside(path)
    if facts is None:
        return Run(path, steps, facts_of_arguments(text), LOG_ROUNDING, True, notes, unread)
    records = path.parent / STEPS
    if not records.is_file():
        return Run(path, steps, facts, LOG_ROUNDING, facts.batch_shape is None, notes, unread)
    full = {step.number: step for step in _steps_of_records(_text(records), records).steps}
    if all(step.number in full and _same_loss(step.loss, full[step.number].loss) for step in steps):
        numbers = sorted([*(step.number for step in steps), *(number for number in unread if number in full)])
        unread = tuple(number for number in unread if number not in full)
        return Run(path, tuple(full[number] for number in numbers), facts, 0.0, False, notes, unread)
    other = f"The steps.jsonl beside {path.name} is of another run; it and its run.json were left aside."
    return Run(path, steps, facts_of_arguments(text), LOG_ROUNDING, True, (*notes, other), unread)


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


def _steps_of_lines(text: str, path: Path) -> _Steps:
    seen = []
    notes = []
    for begun in _STEP_LINE_BEGUN.finditer(text):
        found = STEP_LINE.match(text, begun.start())
        if found:
            step = Step(int(found["step"]), float(found["loss"]), float(found["seconds"]))
            seen.append(_Seen(step.number, step, found[0]))
        elif text.find("\n", begun.end()) >= 0:
            seen.append(_Seen(int(begun["step"]), None, begun[0] + begun["rest"]))
        else:
            notes.append(_CUT_OFF.format(path.name))
    run = _one_run(seen, path)
    if not run.steps:
        raise DataError(
            f"{path}: no line `step: 1, cost time: 0.490s, losses: 123.286` in it; nerctl train writes "
            "them, and the original after nerctl patch-hooks."
        )
    return run._replace(notes=(*notes, *run.notes))


def _steps_of_records(text: str, path: Path) -> _Steps:
    """The steps of a steps.jsonl; a last line that was cut off is left out."""
    seen: list[_Seen] = []
    notes: list[str] = []
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            if isinstance(record, dict) and "step" not in record:
                continue
            step = _step_of_record(record)
            seen.append(_Seen(step.number, step, line))
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            if number == len(lines):  # no newline behind it: the run was stopped while it wrote
                notes.append(_CUT_OFF.format(path.name))
                continue
            raise DataError(
                f"{path}:{number}: not a step record with step, loss and seconds ({error!r})."
            ) from error
    if not seen:
        raise DataError(f"{path}: no step records in it.")
    run = _one_run(seen, path)
    return run._replace(notes=(*notes, *run.notes))


def _step_of_record(record: Any) -> Step:
    def count(name: str) -> Optional[int]:
        return None if record.get(name) is None else int(record[name])

    loss = float("nan") if record["loss"] is None else float(record["loss"])
    compiled = None if record.get("compiled") is None else bool(record["compiled"])
    return Step(
        int(record["step"]),
        loss,
        float(record["seconds"]),
        count("sentences"),
        count("tokens"),
        count("positions"),
        compiled,
    )


def _one_run(seen: list[_Seen], path: Path) -> _Steps:
    """The last run of a file: one that begins at an earlier step anew replaces what it repeats.

    The same line twice in a row is one step that was logged twice.
    """
    kept: list[_Seen] = []
    restarted = repeated = False
    for one in seen:
        if kept and one.text == kept[-1].text:
            continue
        if kept and one.number <= kept[-1].number:
            restarted |= one.number <= kept[0].number
            repeated |= one.number > kept[0].number
            kept = [earlier for earlier in kept if earlier.number < one.number]
        kept.append(one)
    notes = []
    if restarted:
        notes.append(f"{path.name} holds several runs; the last one is compared.")
    if repeated:
        notes.append(f"{path.name} repeats steps after a resume; the later ones are compared.")
    unread = [one for one in kept if one.step is None]
    if unread:
        more = f" and {len(unread) - 1} more" if len(unread) > 1 else ""
        notes.append(f"{path.name}: no figures can be read from `{unread[0].text}`{more}; such a step counts as missing.")
    return _Steps(tuple(one.step for one in kept if one.step), tuple(one.number for one in unread), tuple(notes))


def _text(path: Path) -> str:
    """The text of a file: UTF-8, or UTF-16 with its mark (PowerShell's `>`); odd bytes do not matter."""
    raw = read_bytes(path)
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return raw.decode("utf-16", errors="replace")
    return raw.decode("utf-8-sig", errors="replace")
