"""Training speed and memory beside Transformers + torch on the same batches of sentences.

    python benchmarks/train_vs_transformers.py --data NERdata --bert-dir model [--sentences 640] [--rounds 3] [--json FILE]

The torch side is what one would write: Transformers' BertModel (scaled-dot-product attention), dropout, a linear layer,
the CRF of pytorch-crf, fused AdamW, clipping, one update a batch, each batch padded to its longest sentence. It begins
from the same weights (nerctl's `crf` head) and takes the same sentences in the same batches of 32 as nerctl; the loss of the
first batch, without dropout, is compared first. Each round starts each side as a process of its own, in an order that
turns. Needs the extra `oracle`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from side_by_side import first_sentences, interleaved, nerctl, print_table, run, shown, write_json

from nerctl.data.batches import Shapes, TrainingData
from nerctl.data.corpus import read_corpus
from nerctl.data.sentence_windows import SentenceWindows, lay_windows
from nerctl.data.tags import Labels
from nerctl.data.tokenizer import Vocabulary, WordPieceTokenizer
from nerctl.heads import make_head

BATCH = 32
WINDOW = 202
SEED = 1
TOLERANCE = 1e-4
"""Relative difference of the first loss that rounding may make."""


class TorchSide:
    """BertModel, dropout, a linear layer and a CRF."""

    def __init__(self, data: TrainingData, encoder: Path, tensors: dict[str, np.ndarray]) -> None:
        import torch
        from torch_weights import bert_model
        from torchcrf import CRF

        from nerctl.model.bert import BertConfig

        torch.manual_seed(SEED)
        self.torch, self.data = torch, data
        config = BertConfig.load(encoder / "bert_config.json")
        self.bert = bert_model(config, tensors)
        kernel = tensors["head/projection/kernel"]
        self.projection = torch.nn.Linear(*kernel.shape)
        self.crf = CRF(kernel.shape[1], batch_first=True)
        self.dropout = torch.nn.Dropout(config.hidden_dropout_prob)
        with torch.no_grad():
            self.projection.weight.copy_(torch.tensor(kernel.T))
            self.projection.bias.copy_(torch.tensor(tensors["head/projection/bias"]))
            self.crf.start_transitions.copy_(torch.tensor(tensors["crf/start"]))
            self.crf.end_transitions.copy_(torch.tensor(tensors["crf/end"]))
            self.crf.transitions.copy_(torch.tensor(tensors["crf/transitions"]))
        self.whole = torch.nn.ModuleList([self.bert, self.projection, self.crf])
        decayed = [item for name, item in self.bert.named_parameters() if "Norm" not in name and "bias" not in name]
        others = [item for name, item in self.bert.named_parameters() if "Norm" in name or "bias" in name]
        self.optimizer = torch.optim.AdamW(
            [
                {"params": decayed, "weight_decay": 0.01},
                {"params": others, "weight_decay": 0.0},
                {"params": [*self.projection.parameters(), *self.crf.parameters()], "lr": 8e-3, "weight_decay": 0.0},
            ],
            lr=1e-5,
            eps=1e-6,
            fused=True,
        )

    def loss(self, step: int) -> tuple[Any, int]:
        """The mean negative log likelihood of a batch's windows, and its tokens."""
        torch, encoder = self.torch, self.data.windows
        rows, tags = [], []
        for sentence in self.data.order(0)[step - 1].tolist():
            start, end = encoder.sentences.offsets[sentence], encoder.sentences.offsets[sentence + 1]
            for row in encoder.rows(sentence):
                rows.append(row)
                tags.append(self.data.encoded[0][start:end][row.window.start : row.window.end])
        windows = lay_windows(rows, encoder.pad)
        pieces = torch.from_numpy(windows.pieces).long()
        mask = torch.arange(pieces.shape[1]) < torch.from_numpy(windows.piece_counts)[:, None]
        hidden = self.bert(input_ids=pieces, attention_mask=mask.long()).last_hidden_state
        tokens = hidden.flatten(0, 1)[torch.from_numpy(windows.firsts).long()]  # [W, T, H]
        gold = torch.zeros(tokens.shape[:2], dtype=torch.long)
        for place, one in enumerate(tags):
            gold[place, : len(one)] = torch.from_numpy(one.astype(np.int64))
        scored = torch.arange(tokens.shape[1]) < torch.from_numpy(windows.token_counts)[:, None]
        emissions = self.projection(self.dropout(tokens))
        return -self.crf(emissions, gold, scored, reduction="mean"), int(scored.sum())

    def first_loss(self) -> float:
        """The loss of the first batch without dropout."""
        self.whole.eval()
        self.dropout.eval()
        with self.torch.inference_mode():
            value = float(self.loss(1)[0])
        self.whole.train()
        self.dropout.train()
        return value

    def train(self) -> list[dict[str, float]]:
        """One epoch; seconds, sentences and tokens of each step."""
        steps = []
        parameters = [item for group in self.optimizer.param_groups for item in group["params"]]
        for step in range(1, self.data.steps_per_epoch + 1):
            begin = time.perf_counter()
            self.optimizer.zero_grad()
            loss, tokens = self.loss(step)
            loss.backward()
            self.torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            self.optimizer.step()
            loss.item()
            sentences = len(self.data.order(0)[step - 1])
            steps.append({"seconds": time.perf_counter() - begin, "sentences": sentences, "tokens": tokens})
        return steps


def batches(data: Path, encoder: Path) -> TrainingData:
    """The batches that nerctl trains on, by the seed."""
    corpus = read_corpus(data / "train.txt")
    tokenizer = WordPieceTokenizer(Vocabulary.read(encoder / "vocab.txt"))
    shapes = Shapes(batch_size=BATCH, max_seq_length=WINDOW, max_tokens=BATCH * WINDOW)
    windows = SentenceWindows(corpus, tokenizer, WINDOW)
    return TrainingData(corpus, windows, make_head("crf", Labels.of(corpus)), shapes, SEED)


def torch_child(data: Path, encoder: Path, weights: Path) -> None:
    """The torch side in its own process: prints one JSON object."""
    import torch

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    with np.load(weights) as tensors:
        side = TorchSide(batches(data, encoder), encoder, dict(tensors))
    print(json.dumps({"first_loss": side.first_loss(), "steps": side.train()}))


def our_first_loss(data: Path, encoder: Path, weights: Path) -> float:
    """nerctl's loss of the same batch without dropout; writes the weights that the torch side begins from."""
    from nerctl.config import TrainConfig
    from nerctl.training.session import Session

    config = TrainConfig(
        str(data), str(encoder), device="cpu", head="crf", batch_size=BATCH, dropout=0.0, seed=SEED, epochs=1
    )
    session = Session(config, encoder, "checkpoint")
    np.savez(weights, **{name: item.numpy() for name, item in session.model.variables_by_name().items()})
    loss, _ = session.stepper.gradients(1, session.batches.step(1))
    return float(loss)


def rates(steps: list[dict[str, Any]], peak_gb: float) -> dict[str, float]:
    """Rates over the steady steps: all but the first, or those in which nothing was compiled."""
    steady = [step for step in steps[1:] if not step.get("compiled")]
    seconds = sum(step["seconds"] for step in steady)
    return {
        "sentences_per_second": sum(step["sentences"] for step in steady) / seconds,
        "tokens_per_second": sum(step["tokens"] for step in steady) / seconds,
        "peak_gb": peak_gb,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("NERdata"))
    parser.add_argument("--bert-dir", type=Path, default=Path("model"))
    parser.add_argument("--sentences", type=int, default=640)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--torch-weights", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    encoder = given.bert_dir.resolve()
    if given.torch_weights:
        torch_child(given.data, encoder, given.torch_weights)
        return
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        data, weights = work / "data", work / "weights.npz"
        data.mkdir()
        first_sentences(given.data / "train.txt", data / "train.txt", given.sentences)
        expected = our_first_loss(data, encoder, weights)

        def theirs() -> dict[str, float]:
            finished = run([sys.executable, __file__, "--data", str(data), "--bert-dir", str(encoder),
                            "--torch-weights", str(weights)])  # fmt: skip
            found = json.loads(finished.lines[-1])
            if abs(found["first_loss"] - expected) > TOLERANCE * expected:
                raise SystemExit(f"the first loss is {found['first_loss']} in torch and {expected} here: not the same work")
            return rates(found["steps"], finished.peak_gb)

        def ours(head: str) -> dict[str, float]:
            output = work / f"output-{head}"
            shutil.rmtree(output, ignore_errors=True)
            finished = run(
                nerctl("train", "--device", "cpu", "--data-dir", str(data), "--bert-dir", str(encoder), "--output-dir",
                       str(output), "--head", head, "--batch-size", str(BATCH), "--epochs", "1", "--seed", str(SEED),
                       "--no-test")
            )  # fmt: skip
            lines = (output / "steps.jsonl").read_text().splitlines()
            return rates([json.loads(line) for line in lines], finished.peak_gb)

        found = interleaved(
            {
                "Transformers + torch, crf": theirs,
                "nerctl bilstm-crf": lambda: ours("bilstm-crf"),
                "nerctl crf": lambda: ours("crf"),
            },
            given.rounds,
        )
    base = found["Transformers + torch, crf"]
    result, rows = {}, []
    for name, rounds in found.items():
        ratios = [one["sentences_per_second"] / other["sentences_per_second"] for one, other in zip(rounds, base)]
        result[name] = {"rounds": rounds, "ratio": statistics.median(ratios)}
        columns = [[one[key] for one in rounds] for key in ("sentences_per_second", "tokens_per_second", "peak_gb")]
        rows.append([name, shown(columns[0], 1), shown(columns[1], 0), shown(ratios), shown(columns[2])])
    print(f"first loss {expected:.4f} on both sides")
    print(f"{given.sentences} sentences, batch {BATCH}, {given.rounds} rounds; median (range)")
    print_table(["side", "sentences/s", "tokens/s", "times torch", "peak GB"], rows)
    write_json(given.json, {"sentences": given.sentences, "first_loss": expected, "sides": result})


if __name__ == "__main__":
    main()
