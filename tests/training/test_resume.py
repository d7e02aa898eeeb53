"""A run that is killed anywhere and resumed ends with the same bits as one that was left alone.

Two of the tests compile what they compute; to the others it does not matter how an update is computed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from tiny_run import DieAfter, Killed, assert_same_run, killed_before_rename, run

from nerctl.training import state as state_room

ONE_STACK = pytest.mark.one_stack
"""Other moments of the same: one of them is enough where a second stack is tested."""


@pytest.mark.parametrize("step", [pytest.param(1, marks=ONE_STACK), pytest.param(5, marks=ONE_STACK), 9])
def test_a_kill_after_a_log_line_and_before_its_save_changes_nothing(tiny: Path, step: int) -> None:
    run("whole", steps=12, save_every=4)
    with pytest.raises(Killed):
        run("killed", listener=DieAfter(step), steps=12, save_every=4)
    run("killed", resume=True)
    assert_same_run("whole", "killed")


@pytest.mark.parametrize(("name", "nth"), [("00000006", 1), ("checkpoint.json", 3)])
def test_a_kill_between_the_renames_of_a_save_changes_nothing(tiny: Path, name: str, nth: int) -> None:
    run("whole", steps=10, save_every=2)
    with killed_before_rename(name, nth):
        run("killed", steps=10, save_every=2)
    run("killed", resume=True)
    assert_same_run("whole", "killed")


def test_five_steps_then_five_more_equal_ten(workplace: Path) -> None:
    run("whole", steps=10)
    run("parts", steps=5)
    run("parts", resume=True, steps=10)
    assert_same_run("whole", "parts")


def test_a_process_killed_with_signal_9_at_any_time_resumes_to_the_same_bits(workplace: Path) -> None:
    run("whole", steps=16, save_every=1)
    command = [sys.executable, "-m", "nerctl", "train", "--device", "cpu", "--from-scratch", "--batch-size", "8",
               "--max-tokens", "96", "--lstm-size", "8", "--learning-rate", "1e-3", "--head-learning-rate", "1e-2",
               "--steps", "16", "--save-every", "1", "--output-dir", "killed"]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    draw = np.random.default_rng()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    for _ in range(int(draw.integers(1, 6))):
        process.stdout.readline()
    time.sleep(float(draw.random()) * 0.2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    run("killed", resume=True)
    assert_same_run("whole", "killed")


def forget_moments(monkeypatch: pytest.MonkeyPatch) -> None:
    real = state_room.assign

    def only_weights(variables: dict, tensors: dict, source: Path) -> None:
        if not any(name.startswith("adam_") for name in variables):
            real(variables, tensors, source)

    monkeypatch.setattr(state_room, "assign", only_weights)


def forget_position(monkeypatch: pytest.MonkeyPatch) -> None:
    from nerctl.data.batches import TrainingData

    real, first = TrainingData.step, []

    def from_the_beginning(self: TrainingData, step: int) -> list:
        first.append(step)
        return real(self, step - first[0] + 1)

    monkeypatch.setattr(TrainingData, "step", from_the_beginning)


def forget_random_state(monkeypatch: pytest.MonkeyPatch) -> None:
    from nerctl.training.step import Stepper

    real, first = Stepper._key, []

    def from_the_beginning(self: Stepper, step: int, part: int) -> np.ndarray:
        first.append(step)
        return real(self, step - first[0] + 1, part)

    monkeypatch.setattr(Stepper, "_key", from_the_beginning)


@pytest.mark.one_stack
@pytest.mark.parametrize("forget", [forget_moments, forget_position, forget_random_state])
def test_the_comparison_notices_when_resume_forgets(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, forget: object
) -> None:
    run("whole", steps=8)
    run("parts", steps=4)
    forget(monkeypatch)  # type: ignore[operator]
    run("parts", resume=True, steps=8)
    with pytest.raises(AssertionError):
        assert_same_run("whole", "parts")
