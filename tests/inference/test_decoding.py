"""Decoding against brute force over all paths."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nerctl.data.grouping import by_length
from nerctl.data.tags import Labels
from nerctl.heads.chain.decoding import CrfScores, decode


def random_crf(types: int, seed: int) -> tuple[Labels, CrfScores, np.random.Generator]:
    labels = Labels(tuple(f"T{index}" for index in range(types)))
    generator = np.random.default_rng(seed)
    size = len(labels)
    parts = generator.normal(size=(size, size)), generator.normal(size=size), generator.normal(size=size)
    return labels, CrfScores.of(labels, *parts), generator


def softmax_chain(labels: Labels) -> CrfScores:
    """The chain of the softmax head: every step that BIO allows scores 0."""
    size = len(labels)
    return CrfScores.of(labels, np.zeros((size, size)), np.zeros(size), np.zeros(size))


def path_score(crf: CrfScores, emissions: np.ndarray, tags: tuple[int, ...]) -> float:
    """The log score of one path of [L] tags through [L, K] emissions."""
    steps = sum(crf.transitions[before, tag] for before, tag in zip(tags, tags[1:]))
    emitted = sum(float(emissions[token, tag]) for token, tag in enumerate(tags))
    return float(crf.start[tags[0]] + emitted + steps + crf.end[tags[-1]])


def viterbi(emissions: np.ndarray, crf: CrfScores) -> np.ndarray:
    return decode([emissions], crf)[0]


def legal_paths(labels: Labels, length: int) -> Iterator[tuple[int, ...]]:
    for path in itertools.product(range(len(labels)), repeat=length):
        names = [labels.names[tag] for tag in path]
        if all(
            not name.startswith("I-") or (place and names[place - 1] in (f"B-{name[2:]}", name))
            for place, name in enumerate(names)
        ):
            yield path


@pytest.mark.parametrize("types", [1, 2, 3])
@pytest.mark.parametrize("length", [1, 2, 3, 4, 5])
def test_the_best_path_is_that_of_all_legal_paths(types: int, length: int) -> None:
    for seed in range(3):
        labels, crf, generator = random_crf(types, seed)
        emissions = generator.normal(size=(length, len(labels))).astype(np.float32)
        found = tuple(viterbi(emissions, crf).tolist())
        best = max(legal_paths(labels, length), key=lambda path: path_score(crf, emissions, path))
        assert found in set(legal_paths(labels, length))
        assert path_score(crf, emissions, found) == pytest.approx(path_score(crf, emissions, best), abs=1e-9)


def test_six_tokens_and_three_tags_equal_brute_force() -> None:
    for seed in range(20):
        labels, crf, generator = random_crf(1, seed)
        emissions = 3 * generator.normal(size=(6, 3)).astype(np.float32)
        best = max(legal_paths(labels, 6), key=lambda path: path_score(crf, emissions, path))
        assert tuple(viterbi(emissions, crf).tolist()) == best


@given(lengths=st.lists(st.integers(0, 12), max_size=8), seed=st.integers(0, 1000))
def test_a_sentence_decodes_the_same_alone_and_among_others(lengths: list[int], seed: int) -> None:
    _, crf, generator = random_crf(2, seed)
    emissions = [generator.normal(size=(length, 5)) for length in lengths]
    together = decode(emissions, crf)
    assert [len(tags) for tags in together] == lengths
    for scores, tags in zip(emissions, together):
        np.testing.assert_array_equal(viterbi(scores, crf), tags)


def test_the_softmax_head_takes_each_best_tag_where_bio_allows_it() -> None:
    labels = Labels(("LOC", "PER"))
    emissions = np.zeros((4, 5))
    emissions[[0, 1, 2, 3], [1, 2, 0, 3]] = 5  # B-LOC I-LOC O B-PER
    assert viterbi(emissions, softmax_chain(labels)).tolist() == [1, 2, 0, 3]
    emissions[0] = [0, 0, 5, 0, 0]  # I-LOC cannot begin
    emissions[1] = [0, 0, 0, 0, 5]  # nor can I-PER follow what stands first then
    names = [labels.names[tag] for tag in viterbi(emissions, softmax_chain(labels))]
    assert not names[0].startswith("I-")
    assert names[1] != "I-PER" or names[0] == "B-PER"


def test_a_sentence_of_twenty_thousand_tokens_keeps_its_precision() -> None:
    _labels, crf, generator = random_crf(1, 5)
    # The same hundred tokens again and again, 40 points above zero: float32 sums would lose the differences.
    piece = (generator.normal(size=(100, 3)) + 40).astype(np.float32)
    tags = viterbi(np.tile(piece, (200, 1)), crf)
    assert len(tags) == 20_000
    np.testing.assert_array_equal(tags[300:400], tags[19_300:19_400])


@given(lengths=st.lists(st.integers(0, 50), max_size=40), budget=st.integers(1, 200))
def test_groups_hold_every_index_once_and_stay_under_the_budget(lengths: list[int], budget: int) -> None:
    groups = by_length(lengths, budget)
    assert sorted(index for group in groups for index in group) == list(range(len(lengths)))
    for group in groups:
        assert len(group) == 1 or len(group) * max(lengths[index] for index in group) <= budget
