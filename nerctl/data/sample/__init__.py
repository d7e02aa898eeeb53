"""The built-in sample corpus: 2,500 made-up Chinese sentences with PER, LOC and ORG, public domain (CC0).

The sentences are written by a generator with a seed. Places are real; people, companies and events are put
together at random, and nobody is meant. Dev and test hold names and sentence patterns that train does not,
names whose type only the sentence tells, and words that look like names and are none: a word list cannot do
it, a small encoder can.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nerctl.data.sample.encoder import vocabulary_of, write_encoder
from nerctl.data.sample.generate import SIZES, SampleSentence, sample_sentences
from nerctl.files import write_text

__all__ = [
    "SIZES",
    "SampleSentence",
    "sample_corpus",
    "sample_sentences",
    "vocabulary_of",
    "write_encoder",
    "write_sample",
]

Sentence = tuple[list[str], list[str]]
"""Tokens (one character each) and as many BIO tags."""


def sample_corpus(seed: int = 0) -> dict[str, list[Sentence]]:
    """Part ("train", "dev", "test") -> its sentences; the same for one seed on every Python."""
    return {
        part: [(list(sentence.tokens), list(sentence.tags)) for sentence in sentences]
        for part, sentences in sample_sentences(seed).items()
    }


def write_sample(folder: Path, seed: int = 0) -> None:
    """Writes train.txt, dev.txt and test.txt into `folder`.

    A token, a space and a tag a line, a blank line between sentences, UTF-8. The folder is made if missing;
    files of these names are replaced, each whole or not at all.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for part, sentences in sample_corpus(seed).items():
        write_text(folder / f"{part}.txt", _columns(sentences))


def _columns(sentences: Sequence[Sentence]) -> str:
    blocks = ("".join(f"{token} {tag}\n" for token, tag in zip(tokens, tags)) for tokens, tags in sentences)
    return "\n".join(blocks)
