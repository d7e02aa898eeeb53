"""A made-up run folder, as training writes it, and scored sentences for it."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

from nerctl.data.spans import Span
from nerctl.evaluation.errors import ScoredSentence
from nerctl.evaluation.scores import Tally

EVIL = "</script><script>alert(1)</script><!--"


def made_up_sentences(count: int, seed: int = 1) -> list[ScoredSentence]:
    """Sentences whose predictions err in all four ways, with tokens that would break a careless page."""
    chance = random.Random(seed)
    names = {
        "PER": ["王小明", "欧阳修", "李喆"],
        "LOC": ["北京", "上海市"],
        "ORG": ["北京大学", "人民银行上海分行"],
    }
    sentences = []
    for number in range(count):
        tokens: list[str] = list("昨天，")
        gold, predicted = [], []
        for _ in range(chance.randint(0, 4)):
            kind = chance.choice(list(names))
            name = chance.choice(names[kind])
            start, end = len(tokens), len(tokens) + len(name)
            tokens += [*name, *"到过这个地方。"[: chance.randint(1, 7)]]
            gold.append(Span(start, end, kind))
            luck, score = chance.random(), chance.uniform(0.3, 1)
            if luck < 0.7:
                predicted.append(Span(start, end, kind, max(score, 0.8)))
            elif luck < 0.8:
                predicted.append(Span(start, end - 1, kind, score))
            elif luck < 0.87:
                predicted.append(Span(start, end, chance.choice(list(names)), score))
            elif luck < 0.92:
                predicted.append(Span(end, end + 1, "LOC", score))
        tokens += ["\u3000", EVIL, "machine", "learning"] if number % 7 == 0 else ["。"] * chance.randint(0, 60)
        unknown = tuple(token == "喆" for token in tokens)
        sentences.append(ScoredSentence(tuple(tokens), tuple(gold), tuple(predicted), unknown))
    return sentences


def made_up_record(scores: dict[str, Any]) -> dict[str, Any]:
    sizes = {"sentences": 20864, "tokens": 979180, "entities": {"PER": 8144, "LOC": 16571, "ORG": 9277}}
    return {
        "format": 1,
        "run_id": "20261122-140000-1",
        "command": ["nerctl", "train", "--data-dir", "NERdata", "--seed", "1"],
        "created": "2026-11-22T14:00:00+00:00",
        "finished": "2026-11-22T14:31:00+00:00",
        "seconds": 1860.4,
        "device": {"backend": "cpu", "log": "cpu", "name": "2 cores"},
        "versions": {"nerctl": "0.1.0", "python": "3.11.7", "tensorflow": "2.21.0", "numpy": "2.2.0"},
        "config": {"seed": 1, "head": "bilstm-crf", "epochs": 1, "batch_size": 32, "learning_rate": 4e-4},
        "encoder": {
            "path": "model",
            "sha256": "ab" * 32,
            "hidden_size": 384,
            "layers": 12,
            "from_scratch": False,
        },
        "corpus": {
            "train": {"path": "NERdata/train.txt", "sha256": "cd" * 32, **sizes},
            "dev": {"path": "NERdata/dev.txt", "sha256": "ef" * 32, **sizes},
            "test": {"path": "NERdata/test.txt", "sha256": "01" * 32, **sizes},
        },
        "problems": ["train.txt: 12 sentences occur twice", f"type {EVIL} occurs once"],
        "evaluations": [
            {
                "step": step,
                "epoch": step / 652,
                "split": "dev",
                "scores": {**scores, "f1": 0.9 - 60 / step},
                "seconds": 9,
            }
            for step in (100, 200, 300, 400, 500, 600, 652)
        ],
        "best": {"step": 652, "f1": 0.9 - 60 / 652},
        "test": scores,
        "warmup": {"seconds": 31.5},
    }


def made_up_steps(count: int) -> list[dict[str, Any]]:
    chance = random.Random(2)
    return [
        {
            "step": step,
            "loss": 60 * math.exp(-step / 80) + chance.uniform(1, 4),
            "seconds": 30.0 if step < 3 else chance.uniform(1.5, 3.5),
            "sentences": 32,
            "tokens": 1500,
            "positions": 1600 + 100 * (step % 2),
            "padding": 0.04 if step % 2 else 0.08,
            "learning_rate": {"encoder": 4e-4 * min(step / 65, 1), "head": 8e-3 * min(step / 65, 1)},
            "compiled": step < 3,
        }
        for step in range(1, count + 1)
    ]


def write_run(folder: Path, small: bool = False) -> Path:
    """Writes a run folder: full, or the little that a run of five steps leaves (`small=True`)."""
    folder.mkdir()
    tally = Tally()
    tally.add(["B-PER", "I-PER", "O", "B-LOC"], ["B-PER", "I-PER", "O", "B-ORG"])
    record = made_up_record(tally.scores().as_dict())
    if small:
        corpus = {"train": record["corpus"]["train"]}
        record.update(evaluations=[], best=None, test=None, problems=[], corpus=corpus)
    (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")
    lines = "".join(json.dumps(step) + "\n" for step in made_up_steps(5 if small else 652))
    (folder / "steps.jsonl").write_text(lines + '{"step": 653, "lo', encoding="utf-8")
    return folder
