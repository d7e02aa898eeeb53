"""What docs/devices.md states of runs on a CPU: the same run gives the same bits, other options the same losses to rounding.

What is compared is compiled, and drops out values as any run does. Runs are made once for all tests.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from made_corpus import made_sentences, write_columns, write_encoder
from tiny_run import losses, run, weights

from nerctl.errors import DeviceError
from nerctl.workflows.doctor.checks import AGREE

OLD = tf.__version__.startswith("2.6.")
"""This TensorFlow has bfloat16 on the CPU under XLA only."""

OPTIONS = {"head": "crf", "steps": 3, "max_seq_length": 32, "max_tokens": 1024, "batch_shape": "fixed"}
"""XLA on the CPU takes a head without LSTM, and one shape; parts computed at the same time are tested with resuming."""

RUNS: dict[str, dict[str, Any]] = {
    "xla": {"xla": True},
    **({} if OLD else {"mixed_bfloat16": {"precision": "mixed_bfloat16"}}),
}
"""Runs that are made twice; `plain`, float32, is made once, to compare them with."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the runs; each is NAME and NAME-again."""
    from nerctl.evaluation import report as report_room

    place = tmp_path_factory.mktemp("repeats")
    (place / "NERdata").mkdir()
    for name, seed in (("train", 1), ("dev", 2), ("test", 3)):
        write_columns(place / "NERdata" / f"{name}.txt", made_sentences(24, seed))
    write_encoder(place / "model", hidden=16, layers=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setattr(report_room, "curves_png", lambda *_: None)
        run("plain", **OPTIONS)
        for name, more in RUNS.items():
            for output in (name, f"{name}-again"):
                run(output, **OPTIONS, **more)
        yield place


def values(output: str) -> list[float]:
    return [loss for _, loss in losses(output)]


@pytest.mark.parametrize("name", RUNS)
def test_the_same_run_twice_is_the_same_to_the_bit(made: Path, name: str) -> None:
    assert losses(name) == losses(f"{name}-again") and len(losses(name)) == OPTIONS["steps"]
    one, other = weights(name), weights(f"{name}-again")
    assert one.keys() == other.keys()
    assert all(np.array_equal(value, other[tensor]) for tensor, value in one.items())


@pytest.mark.parametrize("name", RUNS)
def test_xla_and_bfloat16_give_the_losses_of_plain_float32_to_their_rounding(made: Path, name: str) -> None:
    assert values(name) == pytest.approx(values("plain"), rel=AGREE[str(RUNS[name].get("precision", "float32"))])
    first, other = weights("plain"), weights(name)
    assert any(not np.array_equal(value, other[tensor]) for tensor, value in first.items()), "the option did something"


def test_other_threads_give_the_same_losses_to_rounding(made: Path) -> None:
    command = [sys.executable, "-m", "nerctl", "train", "--device", "cpu", "--from-scratch", "--batch-size", "8",
               "--max-tokens", "1024", "--lstm-size", "8", "--learning-rate", "1e-3", "--head-learning-rate", "1e-2",
               "--max-seq-length", "32", "--batch-shape", "fixed", "--head", "crf", "--steps", "3", "--threads", "1",
               "--output-dir", "one-thread"]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    subprocess.run(command, env=environment, check=True, capture_output=True)
    assert values("one-thread") == pytest.approx(values("plain"), rel=AGREE["float32"])


@pytest.mark.skipif(not OLD, reason="current TensorFlow has bfloat16 on the CPU")
def test_bfloat16_where_tensorflow_has_none_is_one_sentence_and_writes_nothing(made: Path) -> None:
    with pytest.raises(DeviceError, match="under XLA only; take float32, or add --xla"):
        run("refused", **OPTIONS, precision="mixed_bfloat16")
    assert not Path("refused").exists()
