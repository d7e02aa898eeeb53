"""Tiny runs in this process: begun, killed, resumed, and compared bit for bit."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest
import tensorflow as tf

from nerctl.config import TrainConfig
from nerctl.model.checkpoint import load_tensors
from nerctl.training.listener import Listener
from nerctl.training.loop import Outcome, train
from nerctl.training.resume import resumed_config

OPTIONS = {
    "device": "cpu", "from_scratch": True, "batch_size": 8, "max_tokens": 96, "epochs": 3, "head": "bilstm-crf",
    "lstm_size": 8, "threads": None, "learning_rate": 1e-3, "head_learning_rate": 1e-2,
}  # fmt: skip
"""60 sentences, batches of 8: 8 steps an epoch, some of them split in two parts."""


class Killed(BaseException):
    """Stands for kill -9: nothing of the run gets a chance to tidy up."""


def run(output: str, resume: bool = False, listener: Listener | None = None, **options: object) -> Outcome:
    if resume:
        config = resumed_config(Path(output), dict(options))
    else:
        config = TrainConfig.from_dict({**OPTIONS, **options, "output_dir": output})
    return train(config, "nerctl train", listener or Listener(), resume=resume)


def weights(output: str) -> dict[str, np.ndarray]:
    pointer = json.loads((Path(output) / "checkpoint.json").read_text())
    return load_tensors(Path(output) / pointer["last"]["folder"] / "model.ckpt")


def losses(output: str) -> list[tuple[int, float]]:
    rows = [json.loads(line) for line in (Path(output) / "steps.jsonl").read_text().splitlines()]
    return [(row["step"], row["loss"]) for row in rows]


def assert_same_run(one: str, other: str) -> None:
    first, second = weights(one), weights(other)
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert np.array_equal(value, second[name]), name
    assert losses(one) == losses(other)
    log = (Path(other) / "loss+perf_cpu.txt").read_text().splitlines()
    assert [int(line.split(",")[0].split()[1]) for line in log] == [step for step, _ in losses(one)]


@contextmanager
def killed_before_rename(name: str, nth: int = 1) -> Iterator[None]:
    """What runs in it is killed where a file or folder is to take this name, for the nth time."""
    real, seen = os.replace, []

    def dying(source: Any, target: Any) -> None:
        if Path(target).name == name:
            seen.append(target)
            if len(seen) >= nth:
                raise Killed
        real(source, target)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        patch.setattr(os, "replace", dying)
        yield


def eagerly(function: Callable[..., Any], signature: list) -> Callable[..., Any]:
    """What a backend's `compile` gives, without compiling anything."""
    return lambda *given: function(*[tf.convert_to_tensor(one, spec.dtype) for one, spec in zip(given, signature)])


class DieAtStart(Listener):
    """Dies when everything is ready, before the first update."""

    def started(self, *_: object) -> None:
        raise Killed


class DieAfter(Listener):
    """Dies after the log line of a step, before anything is saved."""

    def __init__(self, step: int) -> None:
        self.step = step

    def stepped(self, record: object) -> None:
        if record.step == self.step:  # type: ignore[attr-defined]
            raise Killed
