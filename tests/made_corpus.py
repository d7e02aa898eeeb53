"""A corpus and an encoder that tests make for themselves: small enough for any network to learn in seconds."""

from __future__ import annotations

import json
import random
from pathlib import Path

SURNAMES, GIVEN, PLACES = "张王李赵陈", "伟芳娜敏静强", ["北京", "上海", "广州", "南京"]


def made_sentences(count: int, seed: int) -> list[list[tuple[str, str]]]:
    """Sentences of "PER 在 LOC 开会 。" with fillers, so that a tiny network can learn them."""
    draw = random.Random(seed)
    sentences = []
    for _ in range(count):
        name = draw.choice(SURNAMES) + "".join(draw.sample(GIVEN, draw.choice([1, 2])))
        place = draw.choice(PLACES)
        rows = [(char, "I-PER" if index else "B-PER") for index, char in enumerate(name)]
        rows += [("在", "O")] + [(char, "I-LOC" if index else "B-LOC") for index, char in enumerate(place)]
        rows += [(char, "O") for char in draw.choice(["开会", "工作", "看了很多的书", "生活了三十年"])] + [("。", "O")]
        sentences.append(rows)
    return sentences


def write_columns(path: Path, sentences: list[list[tuple[str, str]]]) -> None:
    """Writes a CoNLL file."""
    path.write_text(
        "\n".join("".join(f"{token} {tag}\n" for token, tag in rows) for rows in sentences), encoding="utf-8"
    )


def write_encoder(folder: Path, hidden: int = 32, layers: int = 2, positions: int = 64) -> Path:
    """A folder with bert_config.json and vocab.txt, for --from-scratch."""
    folder.mkdir(parents=True, exist_ok=True)
    characters = sorted(set(SURNAMES + GIVEN + "".join(PLACES) + "在开会工作看了很多的书生活三十年。"))
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *characters]
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    config = {
        "vocab_size": len(vocabulary),
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": 2,
        "intermediate_size": 2 * hidden,
        "max_position_embeddings": positions,
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
    }
    (folder / "bert_config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder
