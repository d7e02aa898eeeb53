"""The CRF where scores lie far apart, and on chains longer than any sentence, against all paths in float64."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import tensorflow as tf
from test_crf import crf_with

from nerctl.heads.chain.crf import SUMMED_TAGS


class AllPaths:
    """Every path of a chain, in float64: log sum, and the expected count of each score, which is its gradient."""

    def __init__(self, emissions: np.ndarray, transitions: np.ndarray, start: np.ndarray, end: np.ndarray) -> None:
        length, tags = emissions.shape
        paths = np.array(list(itertools.product(range(tags), repeat=length)))
        scores = start[paths[:, 0]] + end[paths[:, -1]] + emissions[np.arange(length), paths].sum(axis=1)
        scores = scores + transitions[paths[:, :-1], paths[:, 1:]].sum(axis=1)
        self.total = np.logaddexp.reduce(scores)
        shares = np.exp(scores - self.total)
        self.emitted, self.moved = np.zeros((length, tags)), np.zeros((tags, tags))
        for path, share in zip(paths, shares):
            self.emitted[np.arange(length), path] += share
            np.add.at(self.moved, (path[:-1], path[1:]), share)


def partition(emissions: np.ndarray, padding: int, *chain: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """The log sum, and its gradient by emissions and transitions, with the gold path's score taken out again."""
    crf = crf_with(*chain)
    length = len(emissions)
    padded = tf.constant(np.pad(emissions, ((0, padding), (0, 0)))[None].astype(np.float32))
    mask = (np.arange(length + padding) < length).astype(np.float32)[None]
    ones, gold = np.ones(1, np.float32), np.zeros((1, length + padding), np.int32)
    with tf.GradientTape() as tape:
        tape.watch(padded)
        loss = -crf.log_likelihood(padded, gold, mask, ones, ones)
    by_emissions, by_transitions = tape.gradient(loss, [padded, crf.transitions])
    total = float(loss[0]) + chain[1][0] + chain[2][0] + emissions[:, 0].sum() + (length - 1) * chain[0][0, 0]
    by_emissions = by_emissions.numpy()[0]
    by_emissions[:length, 0] += 1
    by_transitions = by_transitions.numpy()
    by_transitions[0, 0] += length - 1
    return total, by_emissions, by_transitions


def check(emissions: np.ndarray, transitions: np.ndarray, start: np.ndarray, end: np.ndarray, gap: float) -> None:
    # float32 knows sums of this size to about a ten-millionth of it.
    given = [np.float64(np.float32(part)) for part in (emissions, transitions, start, end)]
    wanted = AllPaths(*given)
    for padding in (0, 3):
        total, emitted, moved = partition(given[0], padding, *given[1:])
        assert total == pytest.approx(wanted.total, abs=1e-6 * len(emissions) * gap + 1e-4)
        np.testing.assert_allclose(emitted[: len(emissions)], wanted.emitted, atol=1e-5 * gap)
        np.testing.assert_allclose(moved, wanted.moved, atol=1e-5 * gap)
        assert not emitted[len(emissions) :].any()


@pytest.mark.parametrize("gap", [50, 100, 1000])
@pytest.mark.parametrize("tags", [2, 3, 5])
def test_likelihood_and_gradients_are_exact_where_any_scores_lie_far_apart(gap: float, tags: int) -> None:
    for seed in range(4):
        draw = np.random.default_rng(seed)
        emissions, transitions, start, end = (
            gap * draw.integers(-1, 2, shape) + draw.normal(size=shape) for shape in ((4, tags), (tags, tags), tags, tags)
        )
        check(emissions, transitions, start, end, gap)


@pytest.mark.parametrize("gap", [50, 100, 1000])
def test_with_many_tags_they_are_exact_where_emissions_start_and_end_lie_far_apart(gap: float) -> None:
    tags = SUMMED_TAGS + 2
    for seed in range(4):
        draw = np.random.default_rng(seed)
        shapes = ((4, tags), tags, tags)
        emissions, start, end = (gap * draw.integers(-1, 2, shape) + draw.normal(size=shape) for shape in shapes)
        check(emissions, 5 * draw.normal(size=(tags, tags)), start, end, gap)


@pytest.mark.parametrize("gap", [50, 100, 1000])
def test_a_tag_far_below_the_others_that_the_end_demands_costs_what_it_costs(gap: float) -> None:
    emissions = np.zeros((5, 2))
    emissions[-1, 1] = -gap
    check(emissions, np.zeros((2, 2)), np.zeros(2), np.array([-2 * gap, gap]), gap)
    check(np.zeros((5, 2)), np.array([[0, -gap], [0, 0]]), np.array([0, -4 * gap]), np.array([-4 * gap, gap]), gap)


def test_a_chain_of_seventy_thousand_tokens_is_summed_whole() -> None:
    length, tags = 70_000, 2
    draw = np.random.default_rng(0)
    emissions = draw.normal(size=(1, length, tags)).astype(np.float32)
    transitions, start, end = draw.normal(size=(tags, tags)), draw.normal(size=tags), draw.normal(size=tags)
    crf = crf_with(transitions, start, end)

    @tf.function(input_signature=[tf.TensorSpec([None, None, tags]), tf.TensorSpec([None, None], tf.int32)])
    def likelihood(emissions: tf.Tensor, gold: tf.Tensor) -> tf.Tensor:
        mask, ones = tf.ones(tf.shape(gold)), tf.ones(tf.shape(gold)[:1])
        return crf.log_likelihood(emissions, gold, mask, ones, ones)

    forward = start + emissions[0, 0].astype(np.float64)
    for row in emissions[0, 1:]:
        forward = np.logaddexp.reduce(forward[:, None] + transitions, axis=0) + row
    gold = start[0] + end[0] + emissions[0, :, 0].sum(dtype=np.float64) + (length - 1) * transitions[0, 0]
    found = likelihood(emissions, np.zeros((1, length), np.int32)).numpy()[0]
    assert found == pytest.approx(gold - np.logaddexp.reduce(forward + end), rel=1e-5)
