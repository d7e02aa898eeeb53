"""From a file's text to the steps of its last run: step lines whatever stands around them, or the records of a steps.jsonl.

A step line is `step: %d, cost time: %.3fs, losses: %.3f`, behind it `, loss scale: %d` where the loss was scaled. It is
found anywhere in a line: behind a time stamp, a logger's prefix or a progress bar, in the JSON that docker wraps it in,
beside lines in any encoding. A step line whose figures cannot be read is a step that is missing.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Optional

from nerctl.errors import DataError
from nerctl.wording import ranges, spans

# Not more than three decimals: what another program prints into the same line may begin with a digit.
_NUMBER = r"\d+(?:\.\d+)?[eE][-+]\d+|\d+\.\d{3}"
STEP_LINE = re.compile(
    rf"step: (?P<step>\d{{1,18}}), cost time: (?P<seconds>{_NUMBER})s, "
    rf"losses: (?P<loss>[-+]?(?:{_NUMBER}|(?i:inf(?:inity)?|nan)))(?:, loss scale: (?P<scale>\d{{1,18}}(?:\.\d+)?))?",
    re.ASCII,
)
"""The step line anywhere in a line: standard output and standard error often share one file."""

_BEGUN = re.compile(r"step: (?P<step>\d{1,18}), cost(?=(?P<rest>[^\r\n]{0,50}))", re.ASCII)
"""What begins as a step line, whether its figures can be read or not."""

_LINE_END = re.compile(r"[\r\n]")
"""Progress bars end their lines with a carriage return alone."""

_CUT_OFF = "The last line of {} is cut off and was left out."

NOT_A_RECORD = (ValueError, TypeError, KeyError, RecursionError, OverflowError)
"""What `step_of_record` and JSON itself raise."""


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
    loss_scale: Optional[float] = None
    """What the loss was multiplied by for its gradients; None when not recorded."""


class Steps(NamedTuple):
    """The steps of the last run of a file."""

    steps: tuple[Step, ...]
    """In order, each number once."""
    unread: tuple[int, ...]
    """Numbers of the steps whose figures could not be read."""
    notes: tuple[str, ...]
    """What was odd about the file, a sentence each."""
    begin: int = 0
    """Where in the text the last run begins: behind the last step of the one before it."""


class _Seen(NamedTuple):
    """One step line or record, in the order of the file."""

    number: int
    """Step number."""
    step: Optional[Step]
    """The step; None when its figures cannot be read."""
    text: str
    """How it is written."""
    end: int
    """Where in the file's text it ends."""


def steps_of_lines(text: str, path: Path) -> Steps:
    """The steps of a log. Raises DataError where no step line can be read."""
    seen: list[_Seen] = []
    notes = []
    for begun in _BEGUN.finditer(text):
        found = STEP_LINE.match(text, begun.start())
        if found and math.isfinite(float(found["seconds"])):
            scale, whole = _scale(found, seen)
            if not whole:
                notes.append(f"The last line of {path.name} is cut off within its loss scale, which was left out.")
            step = Step(int(found["step"]), float(found["loss"]), float(found["seconds"]), loss_scale=scale)
            seen.append(_Seen(step.number, step, found[0], found.end()))
        elif _LINE_END.search(text, begun.end()):
            seen.append(_Seen(int(begun["step"]), None, begun[0] + begun["rest"], begun.end()))
        else:
            notes.append(_CUT_OFF.format(path.name))

    def where(one: _Seen) -> str:
        return f"{path.name}:{_line_number(text, one.end)}"

    run = _last_run(seen, path.name, where)
    if run.steps:
        return run._replace(notes=(*notes, *run.notes))
    if seen:
        raise DataError(
            f"{path}:{_line_number(text, seen[0].end)}: no figures can be read from `{seen[0].text}`, nor from another "
            "step line; give the log as it was written, `step: 1, cost time: 0.490s, losses: 123.286`."
        )
    raise DataError(
        f"{path}: no line `step: 1, cost time: 0.490s, losses: 123.286` in it; nerctl train writes "
        "them, and the original after nerctl patch-hooks."
    )


def _scale(found: re.Match[str], seen: Sequence[_Seen]) -> tuple[Optional[float], bool]:
    """The loss scale of a step line, and whether it is all there.

    A line that ends with the file may be cut off within its digits. A scale moves by a factor of 2 or 1/2 (Micikevicius et
    al. 2018, arXiv:1710.03740, section 3.2; the vendor's loss scale manager too); what lacks a digit is a tenth at most.
    """
    if found["scale"] is None:
        return None, True
    scale = float(found["scale"])
    before = seen[-1].step.loss_scale if seen and seen[-1].step else None
    cut_off = found.end() == len(found.string) and before is not None and scale < before / 2
    return (None, False) if cut_off else (scale, True)


def _line_number(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1


def steps_of_records(text: str, path: Path) -> Steps:
    """The steps of a steps.jsonl; a last line that was cut off is left out.

    Raises DataError that names the line that is damaged.
    """
    seen: list[_Seen] = []
    notes: list[str] = []
    lines = text.split("\n")
    end = -1
    for number, line in enumerate(lines, 1):
        end += len(line) + 1
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            if isinstance(record, dict) and "step" not in record:
                continue
            step = step_of_record(record)
            seen.append(_Seen(step.number, step, line, end))
        except NOT_A_RECORD as error:
            if number == len(lines):  # no newline behind it: the run was stopped while it wrote
                notes.append(_CUT_OFF.format(path.name))
                continue
            raise DataError(
                f"{path}:{number}: not a step record with step, loss and seconds ({error!r})."
            ) from error
    if not seen:
        raise DataError(f"{path}: no step records in it.")
    run = _last_run(seen, path.name, lambda one: path.name)
    return run._replace(notes=(*notes, *run.notes))


def step_of_record(record: Any) -> Step:
    """The step of one object of a steps.jsonl. Raises one of NOT_A_RECORD."""

    def known(name: str, kind: Callable[[Any], Any]) -> Any:
        return None if record.get(name) is None else kind(record[name])

    seconds = float(record["seconds"])
    if not 0 <= seconds < math.inf:
        raise ValueError(f"{seconds} seconds")
    return Step(
        int(record["step"]),
        float("nan") if record["loss"] is None else float(record["loss"]),
        seconds,
        known("sentences", int),
        known("tokens", int),
        known("positions", int),
        known("compiled", bool),
        known("loss_scale", float),
    )


def _last_run(seen: Sequence[_Seen], name: str, where: Callable[[_Seen], str]) -> Steps:
    """The last run of a file: one that begins with the first step or an earlier one again is another run.

    A run that goes on from a later step is resumed: it replaces what it repeats. The same line twice in a row is one step
    that was logged twice.
    """
    kept: list[_Seen] = []
    runs, begin, repeated = 1, 0, False
    before: Optional[_Seen] = None
    for one in seen:
        if kept and before and one.text == kept[-1].text:
            before = one
            continue
        if kept and before and one.number <= kept[-1].number:
            if one.number <= kept[0].number:
                runs, begin, repeated = runs + 1, before.end, False
                kept = []
            else:
                repeated = True
                kept = [earlier for earlier in kept if earlier.number < one.number]
        kept.append(one)
        before = one
    notes = []
    if runs > 1:
        notes.append(f"{name} holds several runs ({runs}: its step numbers begin again); the last one counts.")
    if repeated:
        notes.append(f"{name} repeats steps after a resume; the later ones count.")
    notes += _odd_steps(kept, name, where)
    steps = tuple(one.step for one in kept if one.step)
    return Steps(steps, tuple(one.number for one in kept if one.step is None), tuple(notes), begin)


def _odd_steps(kept: Sequence[_Seen], name: str, where: Callable[[_Seen], str]) -> list[str]:
    """What is odd about the steps of one run: figures that cannot be read, gaps, losses that are not finite."""
    notes = []
    unread = [one for one in kept if one.step is None]
    if unread:
        more = f" and {len(unread) - 1} more" if len(unread) > 1 else ""
        notes.append(
            f"{where(unread[0])}: no figures can be read from `{unread[0].text}`{more}; such a step counts as missing."
        )
    if kept and kept[0].number > 1:
        notes.append(f"{name} begins with step {kept[0].number}.")
    gaps = [
        (one.number + 1, other.number - 1) for one, other in zip(kept, kept[1:]) if other.number - one.number > 1
    ]
    if gaps:
        alone = len(gaps) == 1 and gaps[0][0] == gaps[0][1]
        notes.append(f"{name} has nothing of {'step' if alone else 'steps'} {spans(gaps)}.")
    broken = [one.number for one in kept if one.step and not math.isfinite(one.step.loss)]
    if broken:
        told = f"step {broken[0]} is" if len(broken) == 1 else f"steps {ranges(broken)} are"
        notes.append(f"{name}: {'the loss' if len(broken) == 1 else 'the losses'} of {told} not finite.")
    return notes
