"""The step log: the original project's line a step, and a JSON line a step with all the figures.

Both only grow, a whole line at a time. After a kill they may hold steps that no checkpoint knows; `cut` takes those off,
so that a resumed run has each step once.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Callable

from nerctl.files import write_text
from nerctl.run_record import LOG_FILES, STEPS

if TYPE_CHECKING:
    from nerctl.data.batches import Batch
    from nerctl.training.step import StepResult

STEP_LINE = re.compile(r"^step: (\d+), cost time: (\S+)s, losses: ([^\s,]+)(?:, loss scale: (\d+))?$")
"""The original project's line, whatever its figures are: nan, inf and 1e+10 are no reason to drop a step. The loss scale
behind the losses is what the vendor's port of the original prints (Ascend ModelZoo-TensorFlow, BiLSTM_CRF_ID0125)."""


@dataclass(frozen=True)
class StepRecord:
    """One update, as `steps.jsonl` keeps it."""

    step: int
    """Number of the update, from 1."""
    loss: float
    """Mean negative log likelihood of the batch's sentences before the update."""
    seconds: float
    """Wall time, the making of the batch included."""
    sentences: int
    """Sentences in the batch."""
    tokens: int
    """Corpus tokens that the loss counts."""
    positions: int
    """Positions that the encoder computed, padding included."""
    padding: float
    """Share of the positions that is padding."""
    learning_rate: float
    """The encoder's learning rate."""
    norm: float
    """Global norm of the gradients before clipping."""
    parts: int
    """Micro-batches that the batch was split into."""
    compiled: bool
    """Whether something was traced or compiled in this step."""
    loss_scale: float | None = None
    """What the loss was multiplied by before the backward pass; None, and in no file, without loss scaling."""

    @classmethod
    def of(cls, step: int, parts: list[Batch], result: StepResult, seconds: float, rate: float) -> StepRecord:
        """The record of one update: the parts of its batch, what came of it, its wall time, the encoder's rate."""
        positions = sum(part.positions for part in parts)
        return cls(
            step=step,
            loss=result.loss,
            seconds=round(seconds, 6),
            sentences=round(sum(float(part["begins"].sum()) for part in parts)),
            tokens=sum(part.tokens for part in parts),
            positions=positions,
            padding=round(1 - sum(part.word_pieces for part in parts) / positions, 4),
            learning_rate=rate,
            norm=result.norm,
            parts=len(parts),
            compiled=result.compiled,
            loss_scale=result.loss_scale,
        )

    def line(self) -> str:
        """The line that the original project prints, to the character; with loss scaling that of the vendor's port."""
        line = "step: %d, cost time: %.3fs, losses: %.3f" % (self.step, self.seconds, self.loss)
        return line if self.loss_scale is None else "%s, loss scale: %d" % (line, self.loss_scale)

    def fields(self) -> dict[str, Any]:
        """What `steps.jsonl` keeps of it."""
        fields = asdict(self)
        if self.loss_scale is None:
            del fields["loss_scale"]
        return fields


class StepLog:
    """The two growing files of a run, open for appending."""

    def __init__(self, folder: Path, device: str) -> None:
        self.lines_path = folder / LOG_FILES[device]
        self.records_path = folder / STEPS
        self._lines: IO[bytes] | None = None
        self._records: IO[bytes] | None = None

    def open(self, step: int) -> None:
        """Cuts both files back to the lines up to `step`, and opens them."""
        cut(self.lines_path, step, _step_of_line)
        cut(self.records_path, step, _step_of_record)
        self._lines = open(self.lines_path, "ab", buffering=0)
        self._records = open(self.records_path, "ab", buffering=0)

    def add(self, record: StepRecord) -> None:
        """Appends one step to both files."""
        assert self._lines is not None and self._records is not None
        self._lines.write((record.line() + "\n").encode())
        self._records.write((json.dumps(record.fields()) + "\n").encode())

    def sync(self) -> None:
        """Makes what was added durable."""
        for stream in (self._lines, self._records):
            if stream is not None:
                os.fsync(stream.fileno())

    def close(self) -> None:
        """Closes both files."""
        for stream in (self._lines, self._records):
            if stream is not None:
                stream.close()


def cut(path: Path, step: int, step_of: Callable[[str], int | None]) -> None:
    """Keeps the lines of steps up to `step`; a half-written last line goes too. In one rename, durable."""
    if not path.exists():
        return
    content = path.read_text(encoding="utf-8", errors="replace")
    kept = []
    for line in content.split("\n")[:-1]:
        number = step_of(line)
        if number is not None and number <= step:
            kept.append(line + "\n")
    if "".join(kept) != content:
        write_text(path, "".join(kept))


def _step_of_line(line: str) -> int | None:
    match = STEP_LINE.match(line)
    return int(match.group(1)) if match else None


def _step_of_record(line: str) -> int | None:
    try:
        return int(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return None
