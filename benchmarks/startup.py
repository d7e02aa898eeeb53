"""From the start of a process to its first answer.

    python benchmarks/startup.py --data NERdata --bert-dir model [--export DIR] [--rounds 7] [--json FILE]

`nerctl --help`, `nerctl train` to its first step (three times), and, with an ONNX export, `nerctl predict` of one sentence.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from side_by_side import STEP, nerctl, print_table, run, shown, write_json

TRAINING_ROUNDS = 3
TEXT = "海钓比赛地点在厦门与金门之间的海域。"


def script() -> list[str]:
    """The installed command where it stands beside this Python, as a user starts it."""
    beside = Path(sys.executable).with_name("nerctl")
    return [str(beside)] if beside.exists() else nerctl()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("NERdata"))
    parser.add_argument("--bert-dir", type=Path, default=Path("model"))
    parser.add_argument("--export", type=Path, help="ONNX export")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    command = script()
    found = {"--help": [run([*command, "--help"]).seconds for _ in range(given.rounds)]}
    if given.export:
        predict = [*command, "predict", "--model", str(given.export), TEXT]
        found["predict, one sentence"] = [run(predict).seconds for _ in range(given.rounds)]
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "output"

        def first_step() -> float:
            shutil.rmtree(output, ignore_errors=True)
            finished = run([*command, "train", "--device", "cpu", "--data-dir", str(given.data), "--bert-dir",
                            str(given.bert_dir), "--output-dir", str(output), "--steps", "1"])  # fmt: skip
            return finished.first(STEP)

        found["train, to the first step"] = [first_step() for _ in range(TRAINING_ROUNDS)]
    print_table(["nerctl", "s, median (range)"], [[name, shown(seconds)] for name, seconds in found.items()])
    write_json(given.json, found)


if __name__ == "__main__":
    main()
