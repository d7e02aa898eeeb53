"""How time and memory grow: with the tokens of a batch, the window, the number of tags, the size of the corpus.

    python benchmarks/scaling.py --data NERdata --bert-dir model [--only batch window tags crf corpus] [--rounds 3] \
        [--json FILE]

- batch: one update on 1k to 16k tokens in windows of 64 pieces; in one part, and in parts of --max-tokens as training splits
  it; the exponent is the slope of log time on log tokens; memory is the process's peak so far, sizes rising.
- window: one update on about 2,048 pieces in windows of 32 to 510.
- tags: one update with 7 to 81 tags.
- crf: the CRF alone, forward and backward, on 8,192 tokens in sentences of 32 to 512.
- corpus: the input side of training in a process of its own: reading, checking, word pieces, labels, the first batch ready;
  1,000 sentences, all of train, a million (train repeated, two tokens of each copy changed). "cold": the file's pages
  were given back to the system first.

All but the last on the e5-small shape (or --bert-dir's) with random weights and dropout.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from side_by_side import interleaved, print_table, run, sentences, shown, timed, write_json

SEED = 1
BATCH_TOKENS = (1024, 2048, 4096, 8192, 16384)
WINDOWS = (32, 64, 128, 256, 510)
TAGS = (7, 21, 41, 81)
CRF_TOKENS = 8192
CRF_LENGTHS = (32, 64, 128, 256, 512)
CORPUS_SIZES = (1_000, 20_864, 1_000_000)


def stepper(encoder: Path, tags: int, window: int) -> Any:
    """What runs updates of a random network."""
    from nerctl.backends import DeviceOptions, backend_for
    from nerctl.data.batches import batch_fields
    from nerctl.data.tags import Labels
    from nerctl.heads import make_head
    from nerctl.model.bert import BertConfig
    from nerctl.model.optimizer import AdamW, AdamWConfig
    from nerctl.model.tagger import TaggerModel, random_initial
    from nerctl.training.session import share_cores
    from nerctl.training.step import DropoutRates, Stepper

    backend = backend_for(DeviceOptions(device="cpu"))
    share_cores(None, backend.together)
    backend.open()
    config = BertConfig.load(encoder / "bert_config.json")
    head = make_head("bilstm-crf", Labels(tuple(f"T{kind}" for kind in range(tags // 2))))
    model = TaggerModel(config, head, random_initial(SEED), lstm_form=backend.lstm_form)
    optimizer = AdamW(model.trainable_variables, AdamWConfig(), backend.fused_adam)
    return Stepper(model, batch_fields(head), optimizer, backend, DropoutRates.of(config, None), SEED, window)


def batches(windows: int, length: int, tags: int, part: int) -> list[Any]:
    """Full windows of `length` pieces in parts of `part` windows, as one batch."""
    from nerctl.data.batches import Batch
    from nerctl.data.sentence_windows import WindowArrays

    generator = np.random.default_rng(SEED)
    found = []
    for low in range(0, windows, part):
        rows = min(part, windows - low)
        tokens = length - 2
        pieces = generator.integers(700, 8000, (rows, length)).astype(np.int32)
        counts = np.full(rows, tokens, np.int32)
        firsts = (np.arange(rows)[:, None] * length + 1 + np.arange(tokens)).astype(np.int32)
        arrays = WindowArrays(pieces, np.full(rows, length, np.int32), firsts, counts)
        chain = np.arange(rows * tokens, dtype=np.int32).reshape(rows, tokens)
        gold = generator.integers(0, tags, (rows, tokens)).astype(np.int32)
        ones = np.ones(rows, np.float32)
        ends = {"begins": ones, "ends": ones, "weights": ones / windows}
        found.append(Batch(arrays.as_dict(), chain=chain, chain_counts=counts, tags=gold, **ends))
    return found


def exponent(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """Slope of log seconds on log size, by least squares."""
    slope, _ = np.polyfit(np.log(sizes), np.log(seconds), 1)
    return float(slope)


def batch_growth(encoder: Path, rounds: int, max_tokens: int) -> dict[str, Any]:
    """Update time against the batch's tokens at windows of 64, in parts as in training, and in two parts of any size."""
    from nerctl.training.loop import peak_memory

    length, tags = 64, 7
    runner = stepper(encoder, tags, length)
    result: dict[str, Any] = {}
    memory = {}
    share = max_tokens // runner.backend.together // length
    for name, bound in (("in parts", share), ("in two parts", max(BATCH_TOKENS))):
        work = {
            size: batches(size // length, length, tags, min(bound, size // length // 2)) for size in BATCH_TOKENS
        }
        for size, parts in work.items():
            runner.run(1, parts, [1e-9] * 3)
            memory[name, size] = (peak_memory() or 0) / 1e9
        sides = {str(size): timed(lambda parts=parts: runner.run(2, parts, [1e-9] * 3)) for size, parts in work.items()}
        found = interleaved(sides, rounds)
        result[name] = {
            "seconds": found,
            "peak_gb": {str(size): memory[name, size] for size in work},
            "exponent": exponent(BATCH_TOKENS, [statistics.median(found[str(size)]) for size in BATCH_TOKENS]),
        }
        rows = [[f"{size:,}", shown(found[str(size)]), f"{memory[name, size]:.2f}"] for size in BATCH_TOKENS]
        print(f"\nUpdate {name}, windows of {length}: exponent {result[name]['exponent']:.3f}")
        print_table(["tokens", "s", "peak GB so far"], rows)
    return result


def window_growth(encoder: Path, rounds: int) -> dict[str, Any]:
    """Update time against the window at about 2,048 pieces."""
    runner = stepper(encoder, 7, max(WINDOWS))
    work = {length: batches(2048 // length, length, 7, 2048 // length // 2) for length in WINDOWS}
    for parts in work.values():
        runner.run(1, parts, [1e-9] * 3)
    sides = {str(length): timed(lambda parts=parts: runner.run(2, parts, [1e-9] * 3)) for length, parts in work.items()}
    found = interleaved(sides, rounds)
    rows = [[str(length), str(2048 // length * length), shown(found[str(length)])] for length in WINDOWS]
    print("\nUpdate against the window")
    print_table(["window", "pieces", "s"], rows)
    return found


def tag_growth(encoder: Path, rounds: int) -> dict[str, Any]:
    """Update time against the number of tags on 32 windows of 64."""
    sides = {}
    for tags in TAGS:
        runner, parts = stepper(encoder, tags, 64), batches(32, 64, tags, 16)
        runner.run(1, parts, [1e-9] * 3)
        sides[str(tags)] = timed(lambda runner=runner, parts=parts: runner.run(2, parts, [1e-9] * 3))
    found = interleaved(sides, rounds)
    print("\nUpdate against the number of tags, 32 windows of 64")
    print_table(["tags", "s"], [[name, shown(seconds)] for name, seconds in found.items()])
    return found


def crf_growth(rounds: int) -> dict[str, Any]:
    """The CRF alone at a fixed number of tokens."""
    import tensorflow as tf

    from nerctl.heads.chain.crf import Crf
    from nerctl.model.tagger import random_initial

    crf = Crf(7, random_initial(SEED))

    @tf.function(reduce_retracing=True)
    def both(emissions: Any, tags: Any) -> Any:
        ones = tf.ones(tf.shape(tags)[:1])
        with tf.GradientTape() as tape:
            tape.watch(emissions)
            loss = crf.log_likelihood(emissions, tags, tf.ones(tf.shape(tags)), ones, ones)
        return tape.gradient(loss, emissions)

    sides = {}
    for length in CRF_LENGTHS:
        shape = [CRF_TOKENS // length, length]
        emissions, tags = tf.random.normal([*shape, 7]), tf.zeros(shape, tf.int32)
        both.get_concrete_function(tf.TensorSpec([None, None, 7]), tf.TensorSpec([None, None], tf.int32))
        sides[str(length)] = timed(lambda emissions=emissions, tags=tags: both(emissions, tags)[0, 0, 0].numpy())
    for _ in range(2):
        for call in sides.values():
            call()
    found = interleaved(sides, max(rounds, 9))
    ratio = statistics.median(found[str(CRF_LENGTHS[-1])]) / statistics.median(found[str(CRF_LENGTHS[0])])
    rows = [[name, shown([1000 * one for one in seconds], 1)] for name, seconds in found.items()]
    print(f"\nCRF forward and backward, {CRF_TOKENS:,} tokens, 7 tags: {ratio:.2f} times from 32 to 512")
    print_table(["length", "ms"], rows)
    return {"seconds": found, "ratio": ratio}


def grown_corpus(train: Path, target: Path, size: int) -> None:
    """The corpus repeated to `size` sentences, two tokens of each copy changed, so that no two are alike."""
    blocks = [[line.split() for line in block.split("\n")] for block in sentences(train)]
    generator = random.Random(SEED)
    tokens = [lines[0][0] for lines in blocks]
    with open(target, "w", encoding="utf-8") as stream:
        for number in range(size):
            lines = blocks[number % len(blocks)]
            if number >= len(blocks):
                lines = list(lines)
                for _ in range(2):
                    place = generator.randrange(len(lines))
                    lines[place] = [generator.choice(tokens), lines[place][-1]]
            stream.write("\n".join(f"{token} {tag}" for token, *_, tag in lines) + "\n\n")


def input_side(data: Path, encoder: Path) -> None:
    """What training does before its first step, the network apart; prints one JSON object."""
    begin = time.perf_counter()
    from nerctl.config import TrainConfig
    from nerctl.data.batches import Shapes, TrainingData
    from nerctl.data.sentence_windows import SentenceWindows
    from nerctl.data.text_splitter import TextSplitter
    from nerctl.data.tokenizer import Vocabulary
    from nerctl.heads import make_head
    from nerctl.training.session import read_data

    found = read_data(TrainConfig(data_dir=str(data)), Vocabulary.read(encoder / "vocab.txt"))
    TextSplitter.of(found.train)
    shapes = Shapes(batch_size=32, max_seq_length=202, max_tokens=1536, together=2)
    windows = SentenceWindows(found.train, found.tokenizer, 202)
    made = TrainingData(found.train, windows, make_head("bilstm-crf", found.labels), shapes, SEED)
    made.step(1)
    print(json.dumps({"seconds": time.perf_counter() - begin, "sentences": made.sentences}))


def corpus_growth(train: Path, encoder: Path, rounds: int) -> dict[str, Any]:
    """Time and memory of the input side against the corpus's size."""
    result: dict[str, Any] = {}
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for size in CORPUS_SIZES:
            data = Path(folder) / str(size)
            data.mkdir()
            grown_corpus(train, data / "train.txt", size)
            os.sync()

            def child(cold: bool, data: Path = data) -> dict[str, float]:
                if cold:
                    with open(data / "train.txt", "rb") as stream:
                        os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
                given = ["--data", str(data), "--bert-dir", str(encoder), "--input-side"]
                finished = run([sys.executable, __file__, *given])
                return {**json.loads(finished.lines[-1]), "peak_gb": finished.peak_gb}

            found = interleaved({"cold": lambda: child(True), "warm": lambda: child(False)}, rounds)
            result[str(size)] = found
            for name, runs in found.items():
                seconds, memory = [one["seconds"] for one in runs], [one["peak_gb"] for one in runs]
                rows.append([f"{size:,}", name, shown(seconds), shown(memory)])
            (data / "train.txt").unlink()
    print("\nInput side: a process from its first line to its first batch")
    print_table(["sentences", "file", "s", "peak GB"], rows)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("NERdata"))
    parser.add_argument("--bert-dir", type=Path, default=Path("model"))
    names = ("batch", "window", "tags", "crf", "corpus")
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--max-tokens", type=int, default=1536)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--input-side", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    encoder = given.bert_dir.resolve()
    if given.input_side:
        input_side(given.data, encoder)
        return
    measurements = {
        "batch": lambda: batch_growth(encoder, given.rounds, given.max_tokens),
        "window": lambda: window_growth(encoder, given.rounds),
        "tags": lambda: tag_growth(encoder, given.rounds),
        "crf": lambda: crf_growth(given.rounds),
        "corpus": lambda: corpus_growth(given.data / "train.txt", encoder, given.rounds),
    }
    write_json(given.json, {name: measurements[name]() for name in given.only})


if __name__ == "__main__":
    main()
