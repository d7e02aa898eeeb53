"""The original project (PyPI bert-base 0.0.9, TensorFlow 1.15, Python 3.7) as a process that the benchmarks time.

    python3.7 -m venv py37
    py37/bin/pip install "tensorflow==1.15.5" "protobuf<3.21" "numpy<1.19" bert-base==0.0.9
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from side_by_side import STEP, Finished, nerctl, run

STEADY = 2
"""Steps at the beginning that are no steady ones: the first compiles, the second still allocates."""

BATCH = re.compile(r"^predicted \d+ at ([\d.]+)$")

TRAIN = "from bert_base.runs import train_ner; train_ner()"

PREDICT = """\
import time
import tensorflow as tf
whole = tf.estimator.Estimator.predict
def predict(self, *given, **named):
    for number, result in enumerate(whole(self, *given, **named), 1):
        if number % 32 == 0:
            print("predicted %d at %.4f" % (number, time.time()))
        yield result
tf.estimator.Estimator.predict = predict
from bert_base.runs import train_ner
train_ner()
"""
"""The original's own prediction of test.txt, with the time of each batch of 32 printed."""


class Original:
    """A copy of the original beside the encoder, patched with the step timer for `steps` steps."""

    def __init__(self, python: str, encoder: Path, work: Path, steps: int) -> None:
        found = subprocess.run(
            [python, "-c", "import importlib.util as u; print(u.find_spec('bert_base').origin)"],
            capture_output=True,
            text=True,
        )
        if found.returncode:
            raise SystemExit(f"{python}: no bert_base there; the first lines of {Path(__file__).name} say how to install it")
        self.python, self.encoder, self.work = python, encoder, work
        for name in ("patched", "plain"):
            shutil.copytree(Path(found.stdout.strip()).parent, work / name / "bert_base")
        run(nerctl("patch-hooks", str(work / "patched"), "--steps", str(steps)))

    def train(self, data: Path, output: Path) -> Finished:
        """Trains `steps` steps of batch 32 x 202 and ends."""
        return self._run("patched", TRAIN, data, output, ["-do_predict", ""])

    def predict(self, data: Path, output: Path) -> Finished:
        """Predicts test.txt with what `train` left in `output`."""
        return self._run("plain", PREDICT, data, output, ["-do_train", "", "-do_eval", ""])

    def _run(self, copy: str, program: str, data: Path, output: Path, switches: list[str]) -> Finished:
        files = {"-vocab_file": "vocab.txt", "-bert_config_file": "bert_config.json", "-init_checkpoint": "bert_model.ckpt"}
        paths = [part for option, name in files.items() for part in (option, str(self.encoder / name))]
        output.mkdir(exist_ok=True)
        return run(
            [self.python, "-u", "-c", program, "-data_dir", str(data), "-output_dir", str(output), *paths, "-clean", "",
             "-max_seq_length", "202", "-batch_size", "32", "-learning_rate", "2e-5", "-num_train_epochs", "1", *switches],
            # TensorFlow 2 sets TF2_BEHAVIOR for its children, and TensorFlow 1.15 obeys it.
            env={"PYTHONPATH": str(self.work / copy), "PYTHONIOENCODING": "utf-8", "TF2_BEHAVIOR": "0"},
        )  # fmt: skip


def steady_steps(finished: Finished) -> list[float]:
    """Seconds of the original's steady steps."""
    steps = [float(found[2]) for found in map(STEP.match, finished.lines) if found]
    return steps[STEADY:]


def steady_batches(finished: Finished) -> list[float]:
    """Seconds of its predicted batches after the first."""
    times = [float(found[1]) for found in map(BATCH.match, finished.lines) if found]
    return [after - before for before, after in zip(times, times[1:])]
