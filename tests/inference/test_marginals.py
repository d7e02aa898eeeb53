"""Span scores, forced and blocked mentions against brute force over all paths."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_decoding import legal_paths, path_score, random_crf, softmax_chain, viterbi

from nerctl.data.bio import spans_of, spans_of_ids
from nerctl.data.spans import Span
from nerctl.heads.chain.decoding import with_forced
from nerctl.heads.chain.lattice import Lattice
from nerctl.heads.chain.marginals import passes, span_score


def all_spans(length: int, types: int) -> list[Span]:
    places = [(s, e) for s in range(length) for e in range(s + 1, length + 1)]
    return [Span(s, e, f"T{kind}") for s, e in places for kind in range(types)]


class BruteForce:
    """Every path that the rules leave, with its score."""

    def __init__(self, labels, emissions, crf, forced=(), blocked=()) -> None:
        self.paths = []
        for path in legal_paths(labels, len(emissions)):
            tags = [labels.names[tag] for tag in path]
            spans = set(spans_of(tags))
            if spans >= set(forced) and not spans & set(blocked):
                self.paths.append((path_score(crf, emissions, path), path, spans))
        self.total = np.logaddexp.reduce([score for score, _, _ in self.paths])

    def share(self, span: Span) -> float:
        return float(sum(np.exp(score - self.total) for score, _, spans in self.paths if span in spans))

    def best(self) -> tuple:
        return max(self.paths)[1]


@pytest.mark.parametrize(("types", "length"), [(1, 6), (2, 5), (3, 1), (3, 2), (3, 4), (3, 6)])
def test_span_scores_are_the_share_of_paths_with_exactly_that_entity(types: int, length: int) -> None:
    labels, crf, generator = random_crf(types, length)
    emissions = 2 * generator.normal(size=(length, len(labels)))
    brute = BruteForce(labels, emissions, crf)
    sums = passes([emissions], crf)[0]
    assert sums.total == pytest.approx(brute.total, abs=1e-9)
    for span in all_spans(length, types):
        assert span_score(sums, crf, span) == pytest.approx(brute.share(span), abs=1e-5)


def test_sentences_scored_together_score_as_alone() -> None:
    _labels, crf, generator = random_crf(2, 1)
    emissions = [generator.normal(size=(length, 5)) for length in (3, 7, 1, 7, 5)]
    for alone, together in zip([passes([one], crf)[0] for one in emissions], passes(emissions, crf)):
        np.testing.assert_allclose(alone.forward, together.forward, atol=1e-9)
        np.testing.assert_allclose(alone.backward, together.backward, atol=1e-9)
        assert alone.total == pytest.approx(together.total)


def test_a_sure_model_scores_one_without_overflow() -> None:
    labels, _, _ = random_crf(1, 0)
    emissions = np.full((4000, 3), -200.0)
    emissions[np.arange(4000), np.tile([1, 2, 2, 0], 1000)] = 200
    sums = passes([emissions], softmax_chain(labels))[0]
    assert span_score(sums, softmax_chain(labels), Span(400, 403, "T0")) == pytest.approx(1)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), length=st.integers(1, 5), seed=st.integers(0, 10_000))
def test_blocked_and_forced_entities_equal_brute_force(data, length: int, seed: int) -> None:
    types = 2
    labels, crf, generator = random_crf(types, seed)
    emissions = 2 * generator.normal(size=(length, len(labels)))
    spans = all_spans(length, types)
    blocked = data.draw(st.lists(st.sampled_from(spans), max_size=5, unique=True))
    forced, reached = [], 0
    for span in data.draw(st.lists(st.sampled_from(spans), max_size=3, unique=True).map(sorted)):
        if span[0] >= reached and span not in blocked:
            forced.append(span)
            reached = span[1]
    allowed = with_forced(emissions, forced, crf)
    brute = BruteForce(labels, emissions, crf, forced, blocked)
    lattice = Lattice(allowed, crf, blocked)
    tags = lattice.decode()
    assert tuple(tags.tolist()) == brute.best()
    assert lattice.span_scores(spans) == pytest.approx([brute.share(span) for span in spans], abs=1e-5)
    if not blocked:
        assert tuple(viterbi(allowed, crf).tolist()) == brute.best()
        sums = passes([allowed], crf)[0]
        for span in spans:
            assert span_score(sums, crf, span) == pytest.approx(brute.share(span), abs=1e-5)


def test_a_single_character_blocked_everywhere_takes_one_slot_a_type() -> None:
    labels, crf, generator = random_crf(3, 2)
    emissions = generator.normal(size=(50, 7))
    blocked = [Span(token, token + 1, kind) for token in range(50) for kind in labels.types]
    lattice = Lattice(emissions, crf, blocked)
    assert lattice.states == 7 + 3
    assert all(span.end - span.start > 1 for span in spans_of_ids(lattice.decode(), labels.types))


def test_spans_of_tag_ids_are_those_of_the_tags_names() -> None:
    labels, _, _ = random_crf(2, 0)
    for path in itertools.islice(legal_paths(labels, 5), 0, None, 7):
        names = [labels.names[tag] for tag in path]
        assert spans_of_ids(np.array(path), labels.types) == spans_of(names)
