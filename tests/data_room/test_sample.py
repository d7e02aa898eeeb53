"""The built-in sample: no part knows another's sentences, and a word list cannot solve it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence

import pytest

from nerctl.data.sample import SIZES, SampleSentence, sample_corpus, sample_sentences, write_sample
from nerctl.data.sample.ambiguous import ADVERBS, NOTIONS, THINGS, TYPES_OF
from nerctl.errors import FailedError

SEEDS = (0, 1, 2, 3)
Span = tuple[int, int, str]
Corpus = dict[str, list[SampleSentence]]


@pytest.fixture(scope="module", params=SEEDS)
def corpus(request: pytest.FixtureRequest) -> Corpus:
    return sample_sentences(request.param)


def spans(tags: Sequence[str]) -> set[Span]:
    """Start, end and type of each entity of well-formed BIO tags."""
    found: set[Span] = set()
    for start, tag in enumerate(tags):
        if tag.startswith("B-"):
            end = start + 1
            while end < len(tags) and tags[end] == f"I-{tag[2:]}":
                end += 1
            found.add((start, end, tag[2:]))
    return found


def mentions(sentences: Sequence[SampleSentence]) -> list[tuple[str, str]]:
    """Text and type of every entity."""
    return [
        ("".join(sentence.tokens[start:end]), label)
        for sentence in sentences
        for start, end, label in sorted(spans(sentence.tags))
    ]


def dictionary_tagger(train: Sequence[SampleSentence], tokens: Sequence[str]) -> set[Span]:
    """Longest match from the left of train's entity strings, each with its most frequent type there."""
    types: dict[str, Counter] = defaultdict(Counter)
    for name, label in mentions(train):
        types[name][label] += 1
    lengths = sorted({len(name) for name in types}, reverse=True)
    text, found, start = "".join(tokens), set(), 0
    while start < len(text):
        length = next((n for n in lengths if text[start : start + n] in types and start + n <= len(text)), 0)
        if length:
            found.add((start, start + length, types[text[start : start + length]].most_common(1)[0][0]))
        start += length or 1
    return found


def test_sizes_tags_and_tokens_are_what_the_docstring_says(corpus: Corpus) -> None:
    assert {part: len(sentences) for part, sentences in corpus.items()} == SIZES
    for sentence in (s for sentences in corpus.values() for s in sentences):
        assert len(sentence.tokens) == len(sentence.tags) > 0
        assert all(len(token) == 1 and not token.isspace() for token in sentence.tokens)
        previous = "O"
        for tag in sentence.tags:
            assert tag == "O" or tag[2:] in ("PER", "LOC", "ORG")
            assert not tag.startswith("I-") or previous[2:] == tag[2:]
            previous = tag
        assert not any(mark in "".join(sentence.tokens) for mark in ("{", "}", "，，", "，。", "。。"))


@pytest.mark.parametrize("seed", range(10, 20))
def test_any_seed_gives_a_corpus(seed: int) -> None:
    assert {part: len(sentences) for part, sentences in sample_corpus(seed).items()} == SIZES


def test_no_sentence_is_in_two_parts_or_twice_in_one(corpus: Corpus) -> None:
    texts = ["".join(sentence.tokens) for sentences in corpus.values() for sentence in sentences]
    assert len(set(texts)) == len(texts)


def test_half_of_the_test_names_do_not_occur_in_train(corpus: Corpus) -> None:
    known = {name for name, _ in mentions(corpus["train"])}
    names = [name for name, _ in mentions(corpus["test"])]
    assert sum(name not in known for name in names) >= len(names) / 2
    assert len(set(names) - known) >= len(set(names)) / 2


@pytest.mark.parametrize("label", ["PER", "LOC", "ORG"])
def test_every_type_has_new_names_in_test(corpus: Corpus, label: str) -> None:
    known = {name for name, _ in mentions(corpus["train"])}
    names = {name for name, own in mentions(corpus["test"]) if own == label}
    assert len(names) >= 50
    assert len(names - known) >= len(names) / 4


def test_a_third_of_the_test_patterns_do_not_occur_in_train(corpus: Corpus) -> None:
    known = {sentence.pattern for sentence in corpus["train"]}
    patterns = [sentence.pattern for sentence in corpus["test"]]
    assert sum(pattern not in known for pattern in patterns) >= len(patterns) / 3
    assert len(set(patterns) - known) >= len(set(patterns)) / 3


def test_a_third_of_the_test_sentences_have_a_clause_that_train_never_has(corpus: Corpus) -> None:
    # A new order of known clauses is a new pattern already; this asks for new wording.
    known = {part for sentence in corpus["train"] for part in sentence.pattern}
    new = [s for s in corpus["test"] if any(part not in known for part in s.pattern)]
    assert len(new) >= len(corpus["test"]) / 3


@pytest.mark.one_stack
def test_a_dictionary_made_from_train_scores_below_three_quarters(corpus: Corpus) -> None:
    right = found = gold = 0
    for sentence in corpus["test"]:
        guessed, true = dictionary_tagger(corpus["train"], sentence.tokens), spans(sentence.tags)
        right, found, gold = right + len(guessed & true), found + len(guessed), gold + len(true)
    f1 = 2 * right / (found + gold)
    assert 0.2 < f1 < 0.75  # a tagger that finds nothing would prove nothing


def test_the_type_of_some_names_is_told_by_the_sentence_alone(corpus: Corpus) -> None:
    types: dict[str, set[str]] = defaultdict(set)
    for name, label in mentions(corpus["train"]):
        types[name].add(label)
    assert sum(len(labels) > 1 for labels in types.values()) >= 10
    # Mentions in test that train has with another type, too.
    misleading = [name for name, label in mentions(corpus["test"]) if types[name] - {label}]
    assert len(misleading) >= 10
    everything = {name for sentences in corpus.values() for name, _ in mentions(sentences)}
    assert len(everything & set(TYPES_OF)) >= 30


def test_words_that_look_like_names_stand_untagged_in_every_part(corpus: Corpus) -> None:
    words = set(ADVERBS) | set(NOTIONS) | set(THINGS)
    for sentences in corpus.values():
        texts = ["".join(token if tag == "O" else "|" for token, tag in zip(s.tokens, s.tags)) for s in sentences]
        assert sum(any(word in text for word in words) for text in texts) >= len(texts) / 5
        assert any(set(sentence.tags) == {"O"} for sentence in sentences)


def test_places_are_part_of_organisations(corpus: Corpus) -> None:
    names = mentions(corpus["test"])
    places = {name for name, label in names if label == "LOC"}
    inside = [name for name, label in names if label == "ORG" and any(name.startswith(place) for place in places)]
    assert len(inside) >= 20


def test_the_same_seed_gives_the_same_corpus_in_another_process_whatever_its_hash_seed() -> None:
    code = (
        "import hashlib; from nerctl.data.sample import sample_corpus;"
        "print(hashlib.sha256(repr(sample_corpus(3)).encode()).hexdigest())"
    )
    printed = set()
    for hash_seed in ("0", "1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        printed.add(subprocess.run([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, check=True).stdout)
    assert len(printed) == 1
    assert sample_corpus(3) != sample_corpus(4)


def test_files_hold_the_corpus_in_two_columns(tmp_path) -> None:
    folder = tmp_path / "new" / "sample"
    write_sample(folder)
    corpus = sample_corpus()
    assert sorted(path.name for path in folder.iterdir()) == ["dev.txt", "test.txt", "train.txt"]
    for part, sentences in corpus.items():
        blocks = (folder / f"{part}.txt").read_text(encoding="utf-8").rstrip("\n").split("\n\n")
        read = [[tuple(line.split(" ")) for line in block.split("\n")] for block in blocks]
        assert read == [list(zip(tokens, tags)) for tokens, tags in sentences]


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path, monkeypatch) -> None:
    (tmp_path / "train.txt").write_text("old", encoding="utf-8")

    def full_disk(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(FailedError, match="the disk is full"):
        write_sample(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["train.txt"]
    assert (tmp_path / "train.txt").read_text(encoding="utf-8") == "old"
