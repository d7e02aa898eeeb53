"""Peak memory of five training steps on the longest sentences of a corpus.

    python benchmarks/memory.py --data NERdata --bert-dir model [--json memory.json]

Trains `--steps 5 --batch-size 32` in a process of its own on the 160 longest sentences of train: once with the encoder in
--bert-dir, once with an encoder of BERT-base shape (12 x 768, random weights, the vocabulary of --bert-dir).
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from side_by_side import STEP, Finished, nerctl, run, sentences, write_json

SENTENCES = 160
BERT_BASE = {
    "vocab_size": 21128, "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072,
    "max_position_embeddings": 512, "type_vocab_size": 2,
}  # fmt: skip


def longest_sentences(train: Path, target: Path) -> list[int]:
    """Writes the longest sentences as a corpus of their own; returns their lengths in tokens."""
    blocks = sorted(sentences(train), key=lambda block: -block.count("\n"))[:SENTENCES]
    target.write_text("\n\n".join(blocks) + "\n\n", encoding="utf-8")
    return [block.count("\n") + 1 for block in blocks]


def training(work: Path, encoder: Path, extra: list[str]) -> Finished:
    """Five steps in a process of their own."""
    return run(
        nerctl("train", "--device", "cpu", "--data-dir", str(work / "data"), "--bert-dir", str(encoder), "--output-dir",
               str(work / f"output-{encoder.name}"), "--steps", "5", "--batch-size", "32", *extra)
    )  # fmt: skip


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
            done = training(work, encoder, extra)
            steps = [line for line in done.lines if STEP.match(line)]
            rows.append({"encoder": name, "peak_gb": done.peak_gb, "steps": steps})
            spread = f"sentences of {min(lengths)} to {max(lengths)} tokens"
            print(f"{name}: {done.peak_gb:.2f} GB; {spread}; last: {steps[-1]}", flush=True)
    write_json(arguments.json, {"encoders": rows})


if __name__ == "__main__":
    main()
