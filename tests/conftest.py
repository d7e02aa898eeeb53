"""Fixtures that more than one room uses: the reference material, and a tiny encoder with a corpus of its own."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest
from hypothesis import settings

# Whether a property holds does not depend on how busy the machine is.
settings.register_profile("nerctl", deadline=None)
settings.load_profile("nerctl")

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

SHARED = Path(__file__).resolve().parents[2] / "shared"
SURNAMES, GIVEN, PLACES = "张王李赵陈", "伟芳娜敏静强", ["北京", "上海", "广州", "南京"]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The reference material beside the checkout; tests that need it skip without it."""
    if not SHARED.is_dir():
        pytest.skip("needs ../shared, the reference material, which is not here")
    return SHARED


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


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with `NERdata/` of made sentences and `model/` with a tiny encoder, and the process in it."""
    data = tmp_path / "NERdata"
    data.mkdir()
    for name, count, seed in (("train", 60, 1), ("dev", 12, 2), ("test", 12, 3)):
        write_columns(data / f"{name}.txt", made_sentences(count, seed))
    write_encoder(tmp_path / "model")
    monkeypatch.chdir(tmp_path)
    return tmp_path
