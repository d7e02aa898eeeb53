"""The pointer head against brute force, and against an implementation of the paper in torch."""

from __future__ import annotations

import math
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from nerctl.data.bounds import Bounds
from nerctl.data.rules import Found
from nerctl.data.spans import Span
from nerctl.data.tags import Labels
from nerctl.heads import make_head
from nerctl.heads.pointer.decoding import SIZE, PointerDecoder, rotated
from nerctl.heads.pointer.network import Pointer, multilabel_loss

LABELS = Labels(("LOC", "ORG", "PER"), nested=True)
FLAT = Labels(LABELS.types)


def pointer(types: int = 3, seed: int = 0) -> Pointer:
    draw = np.random.default_rng(seed)
    return Pointer(SIZE, types, lambda name, shape: draw.normal(size=shape).astype(np.float32) / 8)


def span_score(emissions: np.ndarray, start: int, last: int, kind: int, types: int = 3) -> float:
    """One span's score, written out: pairs of columns as complex numbers, turned by place x frequency."""
    def turned(row: int, low: int) -> np.ndarray:
        part = emissions[row, low : low + SIZE].astype(np.float64)
        angles = row * 10_000.0 ** (-2 * np.arange(SIZE // 2) / SIZE)
        return (part[: SIZE // 2] + 1j * part[SIZE // 2 :]) * np.exp(1j * angles)

    product = float(np.sum(turned(start, 0) * np.conj(turned(last, SIZE))).real) / math.sqrt(SIZE)
    return product + float(emissions[start, 2 * SIZE + kind]) + float(emissions[last, 2 * SIZE + types + kind])


def brute_loss(emissions: np.ndarray, length: int, gold: set[tuple[int, int, int]], types: int = 3) -> float:
    total = 0.0
    for kind in range(types):
        wrong = missed = 1.0
        for start in range(length):
            for last in range(start, length):
                score = span_score(emissions, start, last, kind, types)
                if (start, last, kind) in gold:
                    missed += math.exp(-score)
                else:
                    wrong += math.exp(score)
        total += math.log(wrong) + math.log(missed)
    return total


def some_gold(draw: np.random.Generator, length: int) -> set[tuple[int, int, int]]:
    spans = [(start, last, kind) for start in range(length) for last in range(start, length) for kind in range(3)]
    return {spans[place] for place in draw.permutation(len(spans))[: draw.integers(0, min(4, length) + 1)]}


def gold_arrays(golds: list[set[tuple[int, int, int]]], length: int) -> dict[str, tf.Tensor]:
    arrays = np.full((2, len(golds), 5), -1, np.int32)
    for row, gold in enumerate(golds):
        for column, (start, last, kind) in enumerate(sorted(gold)):
            arrays[:, row, column] = kind * length + start, last
    return {"gold_starts": tf.constant(arrays[0]), "gold_ends": tf.constant(arrays[1])}


@settings(max_examples=25, deadline=None)
@given(lengths=st.lists(st.integers(0, 6), min_size=1, max_size=4), seed=st.integers(0, 999))
def test_the_loss_equals_the_sums_over_all_spans(lengths: list[int], seed: int) -> None:
    draw = np.random.default_rng(seed)
    longest = max(1, *lengths)
    emissions = draw.normal(size=(len(lengths), longest, 2 * SIZE + 6)).astype(np.float32)
    golds = [some_gold(draw, length) for length in lengths]
    mask = (np.arange(longest) < np.array(lengths)[:, None]).astype(np.float32)
    found = pointer().losses(tf.constant(emissions), tf.constant(mask), gold_arrays(golds, longest)).numpy()
    wanted = [brute_loss(emissions[row], length, golds[row]) if length else 0.0 for row, length in enumerate(lengths)]
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("scale", [1.0, 30.0, 1000.0])
def test_the_gradient_of_the_loss_is_the_one_that_tensorflow_derives_and_finite_at_any_scale(scale: float) -> None:
    draw = np.random.default_rng(3)
    scores = tf.constant(scale * draw.normal(size=(2, 3, 40)).astype(np.float32))
    gold = tf.constant((draw.random((2, 3, 40)) < 0.1).astype(np.float32))
    never = tf.constant(-1e9)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(scores)
        ours = multilabel_loss(scores, gold)
        zeros = tf.zeros([2, 3, 1])
        wrong = tf.reduce_logsumexp(tf.concat([tf.where(gold > 0, never, scores), zeros], 2), 2)
        missed = tf.reduce_logsumexp(tf.concat([tf.where(gold > 0, -scores, never), zeros], 2), 2)
        theirs = wrong + missed
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)
    gradient = tape.gradient(ours, scores)
    np.testing.assert_allclose(gradient, tape.gradient(theirs, scores), atol=1e-5)
    assert np.isfinite(gradient).all()


def test_padding_changes_neither_loss_nor_gradient() -> None:
    draw = np.random.default_rng(5)
    emissions = draw.normal(size=(1, 4, 2 * SIZE + 6)).astype(np.float32)
    golds = [{(0, 2, 1), (1, 1, 0)}]
    losses, gradients = [], []
    for length in (4, 9):
        padded = np.full((1, length, emissions.shape[2]), 7.0, np.float32)
        padded[:, :4] = emissions
        x = tf.constant(padded)
        mask = tf.constant((np.arange(length)[None] < 4).astype(np.float32))
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = pointer().losses(x, mask, gold_arrays(golds, length))
        losses.append(loss.numpy())
        gradients.append(tape.gradient(loss, x).numpy())
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-6)
    np.testing.assert_allclose(gradients[0], gradients[1][:, :4], atol=1e-6)
    assert not gradients[1][:, 4:].any()


def test_rotary_products_depend_on_the_distance_only() -> None:
    draw = np.random.default_rng(7)
    one, other = draw.normal(size=(2, SIZE))
    products = [
        (rotated(np.tile(one, (60, 1))) @ rotated(np.tile(other, (60, 1))).T)[place, place + 9] for place in (0, 20, 50)
    ]
    np.testing.assert_allclose(products, products[0])


def brute_spans(emissions: np.ndarray, reach: int) -> dict[Span, float]:
    return {
        Span(start, last + 1, LABELS.types[kind]): score
        for start in range(len(emissions))
        for last in range(start, min(len(emissions), start + reach))
        for kind in range(3)
        if (score := span_score(emissions, start, last, kind)) > 0
    }


@settings(max_examples=40, deadline=None)
@given(length=st.integers(0, 12), reach=st.integers(1, 12), seed=st.integers(0, 999), data=st.data())
def test_decoding_gives_every_span_over_zero_within_reach_bounds_and_rules(length, reach, seed, data) -> None:
    draw = np.random.default_rng(seed)
    emissions = (2 * draw.normal(size=(length, 2 * SIZE + 6)) - 0.3).astype(np.float32)
    wanted = brute_spans(emissions, reach)
    (found,) = PointerDecoder(LABELS, reach).spans([emissions])
    assert {span.unscored for span in found} == set(wanted)
    assert [span.score for span in found] == pytest.approx([1 / (1 + math.exp(-wanted[span.unscored])) for span in found])
    assert found == sorted(found, key=lambda span: (span.start, -span.end, span.type))
    flags = st.lists(st.booleans(), min_size=length, max_size=length).map(np.array)
    bounds = Bounds(data.draw(flags), data.draw(flags))
    blocked = data.draw(st.lists(st.sampled_from(sorted(wanted)), max_size=3)) if wanted else []
    (left,) = PointerDecoder(LABELS, reach).spans([emissions], [bounds], [Found([], blocked)])
    assert {span.unscored for span in left} == {
        span for span in wanted if bounds.begins[span.start] and bounds.ends[span.end - 1] and span not in blocked
    }


@settings(max_examples=40, deadline=None)
@given(length=st.integers(1, 12), seed=st.integers(0, 999))
def test_in_flat_labels_the_highest_score_stays_of_spans_that_overlap(length: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    emissions = (2 * draw.normal(size=(length, 2 * SIZE + 6))).astype(np.float32)
    wanted: list[Span] = []
    for span, _ in sorted(brute_spans(emissions, length).items(), key=lambda item: -item[1]):
        if all(span.end <= other.start or other.end <= span.start for other in wanted):
            wanted.append(span)
    (found,) = PointerDecoder(FLAT, length).spans([emissions])
    assert [span.unscored for span in found] == sorted(wanted)


def test_a_forced_entity_stands_and_what_crosses_it_does_not() -> None:
    emissions = np.zeros((6, 2 * SIZE + 6), np.float32)
    emissions[:, 2 * SIZE :] = -3
    emissions[1, 2 * SIZE] = emissions[4, 2 * SIZE + 3] = 9  # LOC from 1, LOC up to 4
    decoder = PointerDecoder(LABELS, 6)
    (free,) = decoder.spans([emissions])
    assert Span(1, 5, "LOC") in [span.unscored for span in free]
    (forced,) = decoder.spans([emissions], None, [Found([Span(3, 6, "PER")], [])])
    left = [span.unscored for span in forced]
    assert Span(3, 6, "PER") in left and Span(1, 5, "LOC") not in left
    assert 0 < next(span.score for span in forced if span.type == "PER") < 0.5
    (inner,) = decoder.spans([emissions], None, [Found([Span(2, 4, "PER")], [])])
    assert {Span(2, 4, "PER"), Span(1, 5, "LOC")} <= {span.unscored for span in inner}


def test_a_forced_entity_of_any_score_has_one_from_0_to_1_without_a_warning(recwarn: pytest.WarningsRecorder) -> None:
    emissions = np.full((3, 2 * SIZE + 6), -700.0, np.float32)
    emissions[:, : 2 * SIZE] = 0
    (found,) = PointerDecoder(LABELS, 3).spans([emissions], None, [Found([Span(0, 2, "PER")], [])])
    assert found == [Span(0, 2, "PER", 0.0)] and not recwarn.list


def test_ten_thousand_entities_of_a_text_take_seconds() -> None:
    emissions = np.zeros((20_000, 2 * SIZE + 6), np.float32)
    emissions[:, 2 * SIZE :] = -19
    emissions[::2, 2 * SIZE] = emissions[1::2, 2 * SIZE + 3] = 9.5
    rules = [Found([Span(place, place + 1, "PER") for place in range(0, 20_000, 40)], [])]
    for labels, wanted in ((LABELS, 10_000 + 500), (FLAT, 9_500 + 500)):
        begin = time.process_time()
        (found,) = PointerDecoder(labels, 2).spans([emissions], None, rules)
        assert len(found) == wanted and time.process_time() - begin < 20


def test_a_long_text_is_decoded_in_blocks_as_at_once() -> None:
    draw = np.random.default_rng(1)
    emissions = draw.normal(size=(700, 2 * SIZE + 6)).astype(np.float32) - 0.2
    (found,) = PointerDecoder(LABELS, 30).spans([emissions])
    assert {span.unscored for span in found} == set(brute_spans(emissions, 30))


def test_emissions_and_loss_equal_an_implementation_in_torch(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="the oracle needs torch")
    draw = np.random.default_rng(11)
    length, types = 9, 3
    projected = draw.normal(size=(2 * length, 2 * SIZE)).astype(np.float32)
    network = pointer()
    mask = np.ones((2, length), np.float32)
    mask[1, 6:] = 0
    golds = [{(0, 3, 0), (1, 2, 2), (1, 2, 1)}, {(5, 5, 0)}]
    x = tf.constant(projected)
    with tf.GradientTape() as tape:
        tape.watch(x)
        emissions = tf.reshape(network.emissions(x), [2, length, -1])
        loss = network.losses(emissions, tf.constant(mask), gold_arrays(golds, length))
    gradient = tape.gradient(loss, [x, network.biases.kernel])

    # Efficient GlobalPointer as the paper has it: rotary positions by interleaved sine and cosine on paired columns.
    kernel = torch.tensor(network.biases.kernel.numpy(), requires_grad=True)
    y = torch.tensor(projected, requires_grad=True)
    inputs = y.reshape(2, length, 2 * SIZE)
    bias = (inputs @ kernel + torch.tensor(network.biases.bias.numpy())) / 2
    angles = torch.arange(length)[:, None] * 10_000.0 ** (-2 * torch.arange(SIZE // 2) / SIZE)
    cosine, sine = torch.cat([angles.cos()] * 2, -1), torch.cat([angles.sin()] * 2, -1)

    def turn(z):
        return z * cosine + torch.cat([-z[..., SIZE // 2 :], z[..., : SIZE // 2]], -1) * sine

    logits = turn(inputs[..., :SIZE]) @ turn(inputs[..., SIZE:]).transpose(1, 2) / SIZE**0.5
    logits = logits[:, None] + bias[..., :types].permute(0, 2, 1)[..., None] + bias[..., types:].permute(0, 2, 1)[:, :, None]
    total = []
    for row, gold in enumerate(golds):
        count = int(mask[row].sum())
        sums = torch.zeros(())
        for kind in range(types):
            cells = [(i, j) for i in range(count) for j in range(i, count)]
            wrong = [logits[row, kind, i, j] for i, j in cells if (i, j, kind) not in gold]
            missed = [-logits[row, kind, i, j] for i, j in cells if (i, j, kind) in gold]
            for part in (wrong, missed):
                sums = sums + torch.logsumexp(torch.stack([*part, torch.zeros(())]), 0)
        total.append(sums)
    theirs = torch.stack(total)
    theirs.sum().backward()
    np.testing.assert_allclose(loss.numpy(), theirs.detach().numpy(), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(gradient[0].numpy(), y.grad.numpy(), atol=1e-5)
    np.testing.assert_allclose(gradient[1].numpy(), kernel.grad.numpy(), atol=1e-5)


def test_gold_spans_of_a_chain_are_counted_from_its_first_token_and_cut_ones_left_out() -> None:
    from nerctl.data.batches import Chain

    head = make_head("pointer", LABELS)
    encoded = [[Span(0, 2, "LOC"), Span(0, 5, "ORG"), Span(3, 5, "PER"), Span(4, 7, "PER")]]
    chains = [Chain(0, 0, np.arange(3)), Chain(0, 3, np.arange(3))]
    gold = head.gold(encoded, chains, {"B": 3, "L": 4})
    assert gold["gold_starts"].tolist() == [[0], [2 * 4], [-1]] and gold["gold_ends"].tolist() == [[1], [1], [-1]]
    fixed = head.gold(encoded, chains, {"B": 3, "L": 4, "G": 4})
    assert fixed["gold_ends"].shape == (3, 4)
