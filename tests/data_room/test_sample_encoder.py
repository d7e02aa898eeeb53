"""The vocabulary and the shape of the encoder that is trained from scratch on the sample."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from nerctl.data.sample import sample_corpus, vocabulary_of, write_encoder
from nerctl.data.sample.encoder import SPECIAL
from nerctl.data.tokenizer import Vocabulary


@given(st.lists(st.lists(st.text("张长江aAbB1，", min_size=1, max_size=3), max_size=5), max_size=5))
def test_a_vocabulary_holds_exactly_the_characters_that_occur_twice(sentences: list[list[str]]) -> None:
    vocabulary = vocabulary_of(sentences)
    text = "".join("".join(tokens) for tokens in sentences).lower()
    assert vocabulary[: len(SPECIAL)] == SPECIAL
    assert vocabulary[len(SPECIAL) :] == sorted({c for c in text if text.count(c) >= 2})


def test_unknown_is_trained_and_rare() -> None:
    corpus = sample_corpus()
    known = set(vocabulary_of(tokens for tokens, _ in corpus["train"]))
    for part in ("train", "test"):
        tokens = Counter(token.lower() for sentence, _ in corpus[part] for token in sentence)
        unknown = sum(count for token, count in tokens.items() if token not in known)
        assert 10 <= unknown < 0.03 * sum(tokens.values())


def test_the_written_encoder_is_what_the_model_reads(tmp_path: Path) -> None:
    from nerctl.model.bert import BertConfig

    write_encoder(tmp_path / "encoder", (tokens for tokens, _ in sample_corpus()["train"]))
    vocabulary = Vocabulary.read(tmp_path / "encoder" / "vocab.txt")
    config = BertConfig.load(tmp_path / "encoder" / "bert_config.json")
    assert config.vocab_size == len(vocabulary)
    assert (vocabulary.pad, vocabulary.unk, vocabulary.cls, vocabulary.sep) == (0, 1, 2, 3)
    assert config.max_position_embeddings >= 128
