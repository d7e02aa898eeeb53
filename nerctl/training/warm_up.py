"""Compiles the programs of a run before its first step, so that no step's time is a compiler's.

Each program runs on rows of padding; then weights, moments, loss scale and trace count of the run are put back, bit for
bit. Dropout on CPU and CUDA depends on (seed, step) only, so there is no random state to put back; the Ascend
adapter's own dropout has one that cannot be read (docs/ascend.md).
"""

from __future__ import annotations

import time
from typing import Any, Callable

from nerctl.data.batches import Batch, TrainingData, batch_fields
from nerctl.data.windows import SPECIAL
from nerctl.training.step import Stepper
from nerctl.wording import counted

RUNS = 3
"""Runs of each program: XLA may compile a cluster only when it is asked for the second time, and the published NPU log
of the original project compiles in its first two steps."""


def warm_up(stepper: Stepper, data: TrainingData, note: Callable[[str], None]) -> dict[str, Any] | None:
    """Compiles what the steps of a run will need, where the device asks for it.

    Args:
        stepper: runs the updates.
        data: the batches to come.
        note: hears one line about it.

    Returns:
        What the run record says of it: seconds, programs, shapes (rows, word pieces). None where none is wanted.
    """
    if not (stepper.backend.warms_up and data.shapes.fixed):
        return None
    variables = [*stepper.model.variables, *stepper.optimizer.moments.values()]
    before = [item.numpy() for item in variables]
    traces = stepper.traces
    begin = time.perf_counter()
    blanks = [blank_batch(data, length) for length in data.shapes.lengths]
    try:
        for blank in blanks:
            for _ in range(RUNS):
                stepper.run(1, [blank], [0.0, 0.0, 0.0])
                if splits(data):
                    stepper.run(1, [blank, blank], [0.0, 0.0, 0.0])
    finally:
        for item, value in zip(variables, before):
            item.assign(value)
    seconds = time.perf_counter() - begin
    programs = stepper.traces - traces
    shapes = [list(blank["pieces"].shape) for blank in blanks]
    listed = ", ".join(f"{rows} x {length}" for rows, length in shapes)
    note(f"Warm-up: {counted(programs, 'program')} for batches of {listed} compiled in {seconds:.1f} s")
    return {"seconds": round(seconds, 3), "programs": programs, "shapes": shapes}


def splits(data: TrainingData) -> bool:
    """Whether some batch may need more than one part: too many rows for memory, or a sentence of several windows."""
    shapes = data.shapes
    longest = int(data.windows.lengths.max()) + SPECIAL
    return shapes.rows(shapes.max_seq_length) < shapes.batch_size or longest > shapes.max_seq_length


def blank_batch(data: TrainingData, length: int) -> Batch:
    """A batch of the device's shape without a sentence: rows of padding that weigh nothing."""
    rows, tokens = data.shapes.rows(length), length - SPECIAL
    return Batch.blank(batch_fields(data.head), {"W": rows, "P": length, "T": tokens, "B": rows, "L": tokens, "G": tokens})
