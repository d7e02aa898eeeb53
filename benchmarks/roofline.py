"""How much of the machine's float32 matrix-product rate the encoder reaches, and where a training step's time goes.

    python benchmarks/roofline.py [--rounds 5] [--windows 32] [--length 64] [--device cpu] [--json FILE]

In one process, rounds that turn: a product of two square matrices (the machine's rate, by a size that gives its best), the
encoder forward, forward and backward, without dropout, at e5-small shape (12 x 384) and BERT-base shape (12 x 768), random
weights. Model operations are those of the shapes (nerctl.workflows.bench.figures.encoder_flops), a backward pass twice a
forward one.

By part: each part of the e5-small step runs alone, forward and backward, on arrays of the step's shapes, times how often the
step has it; the whole step, measured in the same rounds, stands beside their sum.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path
from typing import Any, Callable

import numpy as np
import tensorflow as tf
from side_by_side import interleaved, print_table, shown, timed, write_json

from nerctl.backends import DeviceOptions, backend_for
from nerctl.data.batches import Batch, batch_fields
from nerctl.data.sentence_windows import WindowArrays
from nerctl.data.tags import Labels
from nerctl.heads import make_head
from nerctl.model.activations import gelu
from nerctl.model.bert import BertConfig, layer_norm
from nerctl.model.optimizer import AdamW, AdamWConfig
from nerctl.model.tagger import TaggerModel, identity, random_initial
from nerctl.training.step import DropoutRates, Stepper
from nerctl.workflows.bench.figures import encoder_flops

SHAPES = {
    "e5-small": BertConfig(21128, 384, 12, 12, 1536),
    "BERT-base": BertConfig(21128, 768, 12, 12, 3072),
}
TAGS = 7
LABELS = Labels(("LOC", "ORG", "PER"))
MATRIX = 2048
SEED = 1


def both_ways(function: Callable[..., Any], *inputs: Any) -> Callable[[], Any]:
    """A compiled call of a function and its gradients with respect to its inputs and the variables that it reads."""

    @tf.function
    def compiled(*given: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch([item for item in given if item.dtype.is_floating])
            result = function(*given)
        sources = [item for item in given if item.dtype.is_floating] + list(tape.watched_variables())
        found = tape.gradient(result, sources, output_gradients=tf.ones_like(result))
        return [tf.reduce_sum(tf.convert_to_tensor(item)[:1]) for item in found if item is not None]

    def call() -> Any:
        return [item.numpy() for item in compiled(*inputs)]

    call()
    return call


def whole_encoder(config: BertConfig, pieces: Any) -> dict[str, Callable[[], Any]]:
    """The encoder forward, and forward and backward with the gradients of all its variables."""
    model = TaggerModel(config, make_head("crf", LABELS), random_initial(SEED))
    mask = tf.ones(pieces.shape)

    @tf.function
    def forward() -> Any:
        return model.bert(pieces, mask, identity, identity)[:1, :1]

    @tf.function
    def backward() -> Any:
        variables = model.bert.trainable_variables
        with tf.GradientTape() as tape:
            result = model.bert(pieces, mask, identity, identity)
        found = tape.gradient(result, variables, output_gradients=tf.ones_like(result))
        return [tf.convert_to_tensor(item) for item in found]

    def call_backward() -> None:
        for item in backward():
            tf.reshape(item, [-1])[0].numpy()

    forward(), call_backward()
    return {"forward": lambda: forward().numpy(), "forward and backward": call_backward}


def batch_of(pieces: np.ndarray) -> Batch:
    """A batch of full windows, a token a piece, all tags O but for a few."""
    windows, length = pieces.shape
    tokens = length - 2
    counts = np.full(windows, tokens, np.int32)
    firsts = (np.arange(windows)[:, None] * length + 1 + np.arange(tokens)).astype(np.int32)
    chain = np.arange(windows * tokens, dtype=np.int32).reshape(windows, tokens)
    ones = np.ones(windows, np.float32)
    tags = np.random.default_rng(SEED).integers(0, TAGS, (windows, tokens)).astype(np.int32)
    arrays = WindowArrays(pieces, np.full(windows, length, np.int32), firsts, counts)
    ends = {"begins": ones, "ends": ones, "weights": ones / windows}
    return Batch(arrays.as_dict(), chain=chain, chain_counts=counts, tags=tags, **ends)


def parts_of_a_step(config: BertConfig, pieces: np.ndarray, device: str) -> dict[str, tuple[int, Callable[[], Any]]]:
    """The parts of a training step, and how often a step has each."""
    backend = backend_for(DeviceOptions(device=device))
    windows, length = pieces.shape
    hidden, inner, layers = config.hidden_size, config.intermediate_size, config.num_hidden_layers
    head = make_head("bilstm-crf", LABELS)
    model = TaggerModel(config, head, random_initial(SEED), lstm_form=backend.lstm_form)
    optimizer = AdamW(model.trainable_variables, AdamWConfig(), backend.fused_adam)
    rates_of = DropoutRates.of(config, None)
    stepper = Stepper(model, batch_fields(head), optimizer, backend, rates_of, SEED, max(length, 3))
    batch = batch_of(pieces)
    layer = model.bert.layers[0]
    assert model.lstm is not None
    lstm = model.lstm
    x = tf.random.normal([windows * length, hidden])
    wide = tf.random.normal([windows * length, inner])
    scores = tf.random.normal([windows, config.num_attention_heads, length, length])
    tokens = tf.random.normal([windows, length - 2, hidden])
    emissions = tf.random.normal([windows, length - 2, TAGS])
    mask = tf.ones([windows, length - 2])
    ones = tf.ones([windows])
    bias = tf.zeros([windows, 1, 1, length])
    key = tf.constant([SEED, 1])
    gradients = [tf.random.normal(item.shape) for item in model.trainable_variables]
    rates = tf.constant([1e-9, 1e-9, 1e-9])
    update = tf.function(optimizer.apply)

    def embedding(_: Any) -> Any:
        table = tf.reshape(tf.gather(model.bert.words, tf.reshape(pieces, [-1])), [windows, length, hidden])
        return table + (model.bert.positions[:length] + model.bert.types[0])

    def attention(rows: Any) -> Any:
        return layer.attention(rows, bias, (windows, length), identity)

    def feed_forward(rows: Any) -> Any:
        return layer.output(gelu(layer.intermediate(rows)))

    def norm(rows: Any) -> Any:
        return layer_norm(rows, layer.output_norm.gamma, layer.output_norm.beta, config.layer_norm_eps)

    def apply() -> None:
        update(gradients, rates, tf.constant(1000.0)).numpy()

    apply()
    stepper.run(1, [batch], [1e-9] * 3)
    hidden_dropout = both_ways(lambda rows: backend.dropout(rows, config.hidden_dropout_prob, key, 1), x)
    return {
        "whole step": (1, lambda: stepper.run(2, [batch], [1e-9] * 3)),
        "embedding": (1, both_ways(embedding, x)),
        "attention": (layers, both_ways(attention, x)),
        "feed-forward": (layers, both_ways(feed_forward, x)),
        "of which GELU": (layers, both_ways(gelu, wide)),
        "LayerNorm": (2 * layers + 1, both_ways(norm, x)),
        "dropout, hidden": (2 * layers + 1, hidden_dropout),
        "dropout, attention": (
            layers, both_ways(lambda rows: backend.dropout(rows, config.attention_probs_dropout_prob, key, 2), scores)
        ),
        "BiLSTM": (1, both_ways(lambda rows: lstm(rows, mask, backend.lstm_form), tokens)),
        "CRF": (1, both_ways(lambda rows: model.head.log_likelihood(rows, batch["tags"], mask, ones, ones), emissions)),
        "optimizer": (1, apply),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--windows", type=int, default=32)
    parser.add_argument("--length", type=int, default=64)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    backend_for(DeviceOptions(device=given.device)).open()
    pieces = np.random.default_rng(SEED).integers(700, 21000, (given.windows, given.length)).astype(np.int32)
    left, right = tf.random.normal([MATRIX, MATRIX]), tf.random.normal([MATRIX, MATRIX])
    product = tf.function(tf.matmul)
    product(left, right)
    content: dict[str, Any] = {"windows": given.windows, "length": given.length, "rounds": given.rounds}

    rows = []
    for name, config in SHAPES.items():
        calls = whole_encoder(config, tf.constant(pieces))
        sides = {"matrix product": timed(lambda: product(left, right)[0, 0].numpy())}
        sides.update({direction: timed(call) for direction, call in calls.items()})
        found = interleaved(sides, given.rounds)
        rate = [2.0 * MATRIX**3 / seconds / 1e9 for seconds in found.pop("matrix product")]
        once = encoder_flops(config.hidden_size, config.intermediate_size, config.num_hidden_layers, *pieces.shape)
        for direction, seconds in found.items():
            operations = once if direction == "forward" else 3 * once
            reached = [operations / one / 1e9 for one in seconds]
            shares = [one / machine for one, machine in zip(reached, rate)]
            rows.append([name, direction, shown(rate, 0), shown(reached, 0), f"{statistics.median(shares):.0%}"])
            figures = {"seconds": seconds, "gflops": reached, "machine_gflops": rate, "shares": shares}
            content[f"{name} {direction}"] = figures
    print(f"{given.windows} windows of {given.length} pieces, {given.rounds} rounds; median (range)")
    print_table(["encoder", "pass", "matrix product GFLOP/s", "encoder GFLOP/s", "share"], rows)

    parts = parts_of_a_step(SHAPES["e5-small"], pieces, given.device)
    found = interleaved({name: timed(call) for name, (_, call) in parts.items()}, given.rounds)
    step = statistics.median(found["whole step"])
    rows = []
    for name, seconds in found.items():
        count = parts[name][0]
        total = [count * one for one in seconds]
        rows.append([name, str(count), shown([1000 * one for one in total], 1), f"{statistics.median(total) / step:.1%}"])
    head = ["part of an e5-small step, forward and backward", "times", "ms", "of the step"]
    print()
    print_table(head, rows)
    lstm_and_crf = statistics.median(found["BiLSTM"]) + statistics.median(found["CRF"])
    print(f"BiLSTM and CRF together: {lstm_and_crf / step:.1%} of the step")
    content["parts"] = {name: {"times": parts[name][0], "seconds": seconds} for name, seconds in found.items()}
    content["lstm_and_crf_share"] = lstm_and_crf / step
    write_json(given.json, content)


if __name__ == "__main__":
    main()
