"""Training speed, memory and time to the first step beside the original project's.

    python benchmarks/train_vs_original.py --data NERdata --bert-dir model --original-python py37/bin/python \
        [--sentences 640] [--rounds 3] [--json FILE]

Both train on the same first sentences of train, batch 32, windows of 202 word pieces, the same encoder. The original pads
each sentence to 202, so its step time does not depend on the sentences, and five steps (three steady) tell it; nerctl runs
the whole epoch. Each round starts each side as a process of its own, in an order that turns. original.py says how to
install the original.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Any

from original import Original, steady_steps
from side_by_side import STEP, first_sentences, interleaved, nerctl, print_table, run, shown, write_json

BATCH = 32
STEPS = 5


def ours(data: Path, encoder: Path, output: Path, head: str) -> dict[str, float]:
    """One epoch of nerctl; the steps in which nothing was compiled are the steady ones."""
    shutil.rmtree(output, ignore_errors=True)
    finished = run(
        nerctl("train", "--device", "cpu", "--data-dir", str(data), "--bert-dir", str(encoder), "--output-dir", str(output),
               "--head", head, "--batch-size", str(BATCH), "--epochs", "1", "--no-test")
    )  # fmt: skip
    steps = [json.loads(line) for line in (output / "steps.jsonl").read_text().splitlines()]
    steady = [step for step in steps if not step["compiled"]]
    return {
        "sentences_per_second": sum(step["sentences"] for step in steady) / sum(step["seconds"] for step in steady),
        "peak_gb": finished.peak_gb,
        "first_step": finished.first(STEP),
    }


def theirs(original: Original, data: Path, output: Path) -> dict[str, float]:
    """Five steps of the original."""
    shutil.rmtree(output, ignore_errors=True)
    finished = original.train(data, output)
    return {
        "sentences_per_second": BATCH / statistics.median(steady_steps(finished)),
        "peak_gb": finished.peak_gb,
        "first_step": finished.first(STEP),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("NERdata"))
    parser.add_argument("--bert-dir", type=Path, default=Path("model"))
    parser.add_argument("--original-python", required=True)
    parser.add_argument("--sentences", type=int, default=640)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    encoder = given.bert_dir.resolve()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        data = work / "data"
        data.mkdir()
        first_sentences(given.data / "train.txt", data / "train.txt", given.sentences)
        for name in ("dev.txt", "test.txt"):  # the original wants them; neither side scores them
            first_sentences(given.data / name, data / name, BATCH)
        original = Original(given.original_python, encoder, work, STEPS)
        found = interleaved(
            {
                "original": lambda: theirs(original, data, work / "output-original"),
                "nerctl bilstm-crf": lambda: ours(data, encoder, work / "output-lstm", "bilstm-crf"),
                "nerctl crf": lambda: ours(data, encoder, work / "output-crf", "crf"),
            },
            given.rounds,
        )
    report(found, given.sentences, given.json)


def report(found: dict[str, list[dict[str, float]]], sentences: int, path: Path | None) -> None:
    """The table, and the JSON."""
    result: dict[str, Any] = {}
    rows = []
    base = found["original"]
    for name, rounds in found.items():
        pairs = list(zip(rounds, base))
        rates = [one["sentences_per_second"] for one in rounds]
        ratios = [one["sentences_per_second"] / other["sentences_per_second"] for one, other in pairs]
        memory = [one["peak_gb"] for one in rounds]
        shares = [one["peak_gb"] / other["peak_gb"] for one, other in pairs]
        first = [one["first_step"] for one in rounds]
        result[name] = {"rounds": rounds, "ratio": statistics.median(ratios), "memory_share": statistics.median(shares)}
        share = f"{statistics.median(shares):.0%}"
        rows.append([name, shown(rates), shown(ratios, 1), shown(memory), share, shown(first, 1)])
    print(f"{sentences} sentences, batch {BATCH}, {len(base)} rounds; median (range)")
    head = ["side", "sentences/s", "times the original", "peak GB", "of the original's", "s to the first step"]
    print_table(head, rows)
    write_json(path, {"sentences": sentences, "sides": result})


if __name__ == "__main__":
    main()
