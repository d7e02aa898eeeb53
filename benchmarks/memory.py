"""Peak memory of five training steps on the longest sentences of a corpus.

    python benchmarks/memory.py --data NERdata --bert-dir model [--json memory.json]

Trains `--steps 5 --batch-size 32` in a process of its own on the 160 longest sentences of train: once with the encoder in
--bert-dir, once with an encoder of BERT-base shape (12 x 768, random weights, the vocabulary of --bert-dir).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

SENTENCES = 160
BERT_BASE = {
    "vocab_size": 21128, "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072,
    "max_position_embeddings": 512, "type_vocab_size": 2,
}  # fmt: skip


def longest_sentences(train: Path, target: Path) -> list[int]:
    """Writes the longest sentences as a corpus of their own; returns their lengths in tokens."""
    blocks = [block for block in train.read_text(encoding="utf-8-sig").replace("\r\n", "\n").split("\n\n") if block.strip()]
    blocks.sort(key=lambda block: -block.count("\n"))
    target.write_text("\n\n".join(block.strip("\n") for block in blocks[:SENTENCES]) + "\n", encoding="utf-8")
    return [block.strip("\n").count("\n") + 1 for block in blocks[:SENTENCES]]


def peak_gigabytes(work: Path, encoder: Path, extra: list[str]) -> tuple[float, list[str]]:
    """Peak resident memory of the training process in GB (1e9 bytes), and its step lines."""
    command = [sys.executable, "-m", "nerctl", "train", "--device", "cpu", "--data-dir", str(work / "data"), "--bert-dir",
               str(encoder), "--output-dir", str(work / f"output-{encoder.name}"), "--steps", "5", *extra]  # fmt: skip
    with open(work / "log.txt", "w+", encoding="utf-8") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        log.seek(0)
        lines = log.read().splitlines()
    if status:
        raise SystemExit(f"training failed: {' '.join(command)}")
    return usage.ru_maxrss * 1024 / 1e9, lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("NERdata"))
    parser.add_argument("--bert-dir", type=Path, default=Path("model"))
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        (work / "data").mkdir()
        lengths = longest_sentences(arguments.data / "train.txt", work / "data" / "train.txt")
        base = work / "bert-base"
        base.mkdir()
        (base / "bert_config.json").write_text(json.dumps(BERT_BASE))
        (base / "vocab.txt").write_bytes((arguments.bert_dir / "vocab.txt").read_bytes())
        rows = []
        for name, encoder, extra in (
            (arguments.bert_dir.resolve().name, arguments.bert_dir.resolve(), []),
            ("BERT-base shape, random weights", base, ["--from-scratch"]),
        ):
            peak, lines = peak_gigabytes(work, encoder, extra)
            rows.append({"encoder": name, "peak_gb": round(peak, 2), "steps": lines})
            spread = f"sentences of {min(lengths)} to {max(lengths)} tokens"
            print(f"{name}: {peak:.2f} GB; {spread}; last: {lines[-1]}", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
