"""A two-step training of a tiny model, in a process of its own: a device is opened once a process, and may crash it.

`python -m nerctl.workflows.doctor.trial` reads device options as JSON on standard input and writes a `Trial` as JSON on
standard output.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, replace
from typing import Any, Optional

import numpy as np

from nerctl.backends import Backend, DeviceOptions, backend_for, lstm_form
from nerctl.data import bio
from nerctl.data.batches import Batch, Shapes, TrainingData, batch_fields
from nerctl.data.corpus import Corpus
from nerctl.data.sentence_windows import SentenceWindows
from nerctl.data.tags import Labels
from nerctl.data.token_table import TokenTable
from nerctl.data.tokenizer import Vocabulary, WordPieceTokenizer
from nerctl.data.windows import SPECIAL
from nerctl.errors import NerctlError
from nerctl.heads import make_head
from nerctl.model.head import Head

STEPS = 2
"""Updates of a trial: the second one's loss shows whether the first one's update was right."""

HEADS = ("bilstm-crf", "crf")
"""The heads that are tried."""

ROWS, LENGTH = 4, 16
"""Windows of a batch, word pieces of a window."""

PIECES = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", *(chr(0x4E00 + place) for place in range(36)))
"""The vocabulary."""
FIRST = 4
"""Its first piece that is a character."""

RATES = (1e-3, 1e-2, 1e-2)
"""Learning rates of encoder, head and CRF: large, so that a wrong update moves the second loss."""

TIMEOUT = 900
"""Seconds after which a trial is given up; the original project's first NPU step took 160."""


@dataclass(frozen=True)
class Trial:
    """What a device computed."""

    device: dict[str, Any]
    """The backend's description of itself; empty when it did not open."""
    losses: dict[str, list[float]]
    """Losses of the steps by head."""
    seconds: dict[str, list[float]]
    """Wall times of the steps by head; the first holds the compilation."""
    error: Optional[str] = None
    """Why there are no losses."""


def try_device(options: DeviceOptions) -> Trial:
    """Runs a trial in a process of its own; a crash or a hang of that process is an error of the trial."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "nerctl.workflows.doctor.trial"],
            input=json.dumps(asdict(options)),
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Trial({}, {}, {}, f"no result after {TIMEOUT} s")
    answer = done.stdout.strip().split("\n")[-1]
    try:
        return Trial(**json.loads(answer))
    except (ValueError, TypeError):
        last = (done.stderr.strip() or "no message").split("\n")[-1]
        return Trial({}, {}, {}, f"the process ended with {done.returncode}: {last}")


def train_tiny(options: DeviceOptions) -> Trial:
    """The trial itself, in this process.

    Raises:
        DeviceError: the device cannot be used.
    """
    backend = backend_for(replace(options, batch_shape="fixed"))
    backend.open()
    losses: dict[str, list[float]] = {}
    seconds: dict[str, list[float]] = {}
    for head in HEADS:
        stepper = tiny_stepper(backend, head)
        losses[head], seconds[head] = [], []
        for step in range(1, STEPS + 1):
            begin = time.perf_counter()
            losses[head].append(stepper.run(step, [tiny_batch(step, head)], RATES).loss)
            seconds[head].append(round(time.perf_counter() - begin, 4))
    return Trial(backend.describe(), losses, seconds)


def tiny_stepper(backend: Backend, head: str, dropout: float = 0.0, **encoder: Any) -> Any:
    """A tiny network on a device, ready to train; first weights depend on nothing but head and encoder.

    `encoder`: fields of its config that are not those of a small BERT.
    """
    from nerctl.model.bert import BertConfig
    from nerctl.model.optimizer import AdamW, AdamWConfig
    from nerctl.model.tagger import TaggerModel, random_initial
    from nerctl.training.step import DropoutRates, Stepper

    bert = BertConfig(
        vocab_size=len(PIECES),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=LENGTH,
        **encoder,
    )
    made = tiny_head(head)
    form = lstm_form(backend, head, made.lstm_size > 0)
    model = TaggerModel(bert, made, random_initial(1), backend.compute_dtype, form)
    optimizer = AdamW(model.trainable_variables, AdamWConfig(), backend.fused_adam)
    rates = DropoutRates(dropout, dropout, dropout)
    return Stepper(model, batch_fields(made), optimizer, backend, rates, 1, LENGTH)


def tiny_head(head: str) -> Head:
    """The head of that name for two types, small."""
    return make_head(head, Labels(("LOC", "PER")), 8)


def tiny_batch(number: int, head: str = "crf") -> Batch:
    """A batch of made-up sentences, the last row padding."""
    draw = np.random.RandomState(number)
    tokens = [str(piece) for piece in PIECES[FIRST:]]
    sentences = [[tokens[place] for place in draw.randint(0, len(tokens), size)] for size in (LENGTH - SPECIAL, 9, 1)]
    table = TokenTable.of(sentences)
    names = bio.tag_names(("LOC", "PER"))
    kinds = draw.randint(-1, 2, len(table.token_ids))  # an entity is one token; -1: none
    tags = np.where(kinds < 0, 0, bio.begin(kinds)).astype(np.int16)
    lines = np.arange(1, len(table) + 1, dtype=np.int64)
    corpus = Corpus(**vars(table), path="", tag_names=names, tag_ids=tags, lines=lines, scheme="BIO")
    windows = SentenceWindows(corpus, WordPieceTokenizer(Vocabulary(list(PIECES))), LENGTH)
    shapes = Shapes(ROWS, LENGTH, ROWS * LENGTH, (LENGTH,))
    (batch,) = TrainingData(corpus, windows, tiny_head(head), shapes, number).batches(range(len(corpus)))
    return batch


def main() -> None:
    """Standard input to standard output."""
    values = json.loads(sys.stdin.read())
    options = DeviceOptions(**{**values, "npu_options": tuple(values["npu_options"])})
    try:
        trial = train_tiny(options)
    except NerctlError as error:
        trial = Trial({}, {}, {}, str(error))
    except Exception as error:  # whatever a device's libraries raise is the trial's result
        trial = Trial({}, {}, {}, f"{type(error).__name__}: {str(error).strip()}".split("\n")[0])
    sys.stdout.write(json.dumps(asdict(trial)) + "\n")


if __name__ == "__main__":
    main()
