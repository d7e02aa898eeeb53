"""The CRF against all paths written out, finite differences, and another implementation."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from nerctl.heads.chain.crf import SUMMED_TAGS, Crf


def crf_with(transitions: np.ndarray, start: np.ndarray, end: np.ndarray) -> Crf:
    values = {"crf/transitions": transitions, "crf/start": start, "crf/end": end}
    return Crf(len(start), lambda name, shape: values[name].astype(np.float32))


def random_scores(tags: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.random.Generator]:
    draw = np.random.default_rng(seed)
    return draw.normal(size=(tags, tags)), draw.normal(size=tags), draw.normal(size=tags), draw


def path_score(
    emissions: np.ndarray, path: tuple[int, ...], transitions: np.ndarray, start: np.ndarray, end: np.ndarray
) -> float:
    score = start[path[0]] + end[path[-1]] + sum(emissions[index, tag] for index, tag in enumerate(path))
    return score + sum(transitions[one, two] for one, two in zip(path, path[1:]))


@settings(max_examples=30, deadline=None)
@given(tags=st.integers(1, 4), lengths=st.lists(st.integers(1, 6), min_size=1, max_size=4), seed=st.integers(0, 999))
def test_likelihood_equals_the_sum_over_all_paths(tags: int, lengths: list[int], seed: int) -> None:
    transitions, start, end, draw = random_scores(tags, seed)
    longest = max(lengths)
    emissions = draw.normal(size=(len(lengths), longest, tags)).astype(np.float32)
    gold = draw.integers(0, tags, (len(lengths), longest)).astype(np.int32)
    mask = (np.arange(longest) < np.array(lengths)[:, None]).astype(np.float32)
    flags = draw.integers(0, 2, (2, len(lengths))).astype(np.float32)
    found = crf_with(transitions, start, end).log_likelihood(emissions, gold, mask, flags[0], flags[1]).numpy()
    for row, length in enumerate(lengths):
        begin, finish = start * flags[0, row], end * flags[1, row]
        scores = [
            path_score(emissions[row], path, transitions, begin, finish)
            for path in itertools.product(range(tags), repeat=length)
        ]
        wanted = path_score(emissions[row], tuple(gold[row, :length]), transitions, begin, finish)
        assert found[row] == pytest.approx(wanted - np.logaddexp.reduce(scores), abs=1e-5)


def test_gradient_of_the_partition_is_the_marginals_of_all_paths() -> None:
    tags, length = 3, 5
    transitions, start, end, draw = random_scores(tags, 4)
    emissions = tf.constant(draw.normal(size=(1, length, tags)).astype(np.float32))
    crf = crf_with(transitions, start, end)
    gold = np.zeros((1, length), np.int32)
    ones = np.ones(1, np.float32)
    with tf.GradientTape() as tape:
        tape.watch(emissions)
        loss = -crf.log_likelihood(emissions, gold, np.ones((1, length), np.float32), ones, ones)
    marginals = tape.gradient(loss, emissions).numpy()[0] + np.eye(tags)[gold[0]]
    wanted = np.zeros((length, tags))
    total = 0.0
    for path in itertools.product(range(tags), repeat=length):
        weight = np.exp(path_score(emissions.numpy()[0], path, transitions, start, end))
        total += weight
        for index, tag in enumerate(path):
            wanted[index, tag] += weight
    np.testing.assert_allclose(marginals, wanted / total, atol=1e-5)


def test_gradients_equal_finite_differences() -> None:
    tags, length = 3, 4
    transitions, start, end, draw = random_scores(tags, 7)
    emissions = draw.normal(size=(2, length, tags)).astype(np.float32)
    gold = draw.integers(0, tags, (2, length)).astype(np.int32)
    mask = np.array([[1, 1, 1, 1], [1, 1, 0, 0]], np.float32)
    ones = np.ones(2, np.float32)
    crf = crf_with(transitions, start, end)

    def loss() -> tf.Tensor:
        return tf.reduce_sum(crf.log_likelihood(emissions, gold, mask, ones, ones))

    with tf.GradientTape() as tape:
        value = loss()
    gradients = tape.gradient(value, [crf.transitions, crf.start, crf.end])
    step = 1e-2
    for variable, gradient in zip((crf.transitions, crf.start, crf.end), gradients):
        kept = variable.numpy()
        for place in np.ndindex(*kept.shape):
            moved = kept.copy()
            moved[place] += step
            variable.assign(moved)
            above = float(loss())
            moved[place] -= 2 * step
            variable.assign(moved)
            below = float(loss())
            assert gradient.numpy()[place] == pytest.approx((above - below) / (2 * step), abs=2e-3)
        variable.assign(kept)


@pytest.mark.parametrize("tags", [5, SUMMED_TAGS + 1])
@pytest.mark.parametrize("shape", [[None, None], [4, 37], [4, 1]])
def test_likelihood_and_its_gradient_hold_no_loop_op(shape: list, tags: int) -> None:
    crf = crf_with(*random_scores(tags, 0)[:3])

    @tf.function(
        input_signature=[
            tf.TensorSpec([*shape, tags], tf.float32),
            tf.TensorSpec(shape, tf.int32),
            tf.TensorSpec(shape, tf.float32),
            tf.TensorSpec([None], tf.float32),
        ]
    )
    def backward(emissions: tf.Tensor, gold: tf.Tensor, mask: tf.Tensor, flags: tf.Tensor) -> list:
        with tf.GradientTape() as tape:
            tape.watch(emissions)
            loss = tf.reduce_sum(crf.log_likelihood(emissions, gold, mask, flags, flags))
        return tape.gradient(loss, [emissions, crf.transitions, crf.start, crf.end])

    found = every_op(backward.get_concrete_function().graph.as_graph_def())
    # One Exp is the last sum's, behind the tree.
    of_tree = "BatchMatMulV2" in found if tags > SUMMED_TAGS else found.count("Exp") > 1
    assert of_tree or shape == [4, 1], "a walk past the tree"
    assert not [op for op in found if any(word in op for word in LOOPS)]


def test_the_walk_for_loop_ops_sees_one_in_a_library_function() -> None:
    inner = tf.function(lambda x: tf.while_loop(lambda i: i < 3.0, lambda i: i + 1.0, [x]))
    outer = tf.function(lambda x: inner(x), input_signature=[tf.TensorSpec([], tf.float32)])
    found = every_op(outer.get_concrete_function().graph.as_graph_def())
    assert [op for op in found if any(word in op for word in LOOPS)]


LOOPS = ("While", "If", "Scan", "TensorList", "TensorArray")


def every_op(graph: object) -> list[str]:
    """Op types of the nodes of a graph and of every function in its library."""
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    return [node.op for node in nodes]


def test_padding_changes_nothing() -> None:
    transitions, start, end, draw = random_scores(4, 9)
    crf = crf_with(transitions, start, end)
    emissions = draw.normal(size=(1, 50, 4)).astype(np.float32)
    gold = draw.integers(0, 4, (1, 50)).astype(np.int32)
    ones = np.ones(1, np.float32)
    mask = (np.arange(50) < 13).astype(np.float32)[None]
    padded = crf.log_likelihood(emissions, gold, mask, ones, ones).numpy()
    exact = crf.log_likelihood(emissions[:, :13], gold[:, :13], mask[:, :13], ones, ones).numpy()
    np.testing.assert_allclose(padded, exact, rtol=1e-6)


def test_large_scores_neither_overflow_nor_lose_the_gold_path() -> None:
    crf = crf_with(np.zeros((3, 3)), np.zeros(3), np.zeros(3))
    emissions = np.full((1, 20, 3), -300, np.float32)
    emissions[:, :, 1] = 300
    gold = np.ones((1, 20), np.int32)
    ones = np.ones(1, np.float32)
    value = crf.log_likelihood(emissions, gold, np.ones((1, 20), np.float32), ones, ones).numpy()
    assert value[0] == pytest.approx(0.0, abs=1e-3)


def test_likelihood_equals_pytorch_crf_on_200_steps() -> None:
    torch = pytest.importorskip("torch", reason="needs the oracle extra: pip install '.[oracle]'")
    torchcrf = pytest.importorskip("torchcrf", reason="needs the oracle extra: pip install '.[oracle]'")
    tags, length, batch = 7, 200, 3
    transitions, start, end, draw = random_scores(tags, 11)
    emissions = (3 * draw.normal(size=(batch, length, tags))).astype(np.float32)
    gold = draw.integers(0, tags, (batch, length)).astype(np.int32)
    lengths = np.array([200, 123, 1])
    mask = np.arange(length) < lengths[:, None]
    other = torchcrf.CRF(tags, batch_first=True).double()
    with torch.no_grad():
        other.transitions.copy_(torch.tensor(transitions))
        other.start_transitions.copy_(torch.tensor(start))
        other.end_transitions.copy_(torch.tensor(end))
    wanted = other(
        torch.tensor(emissions).double(), torch.tensor(gold).long(), torch.tensor(mask), reduction="none"
    ).detach()
    ones = np.ones(batch, np.float32)
    found = crf_with(transitions, start, end).log_likelihood(emissions, gold, mask.astype(np.float32), ones, ones)
    np.testing.assert_allclose(found.numpy(), wanted.numpy(), rtol=1e-5)
