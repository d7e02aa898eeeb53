"""Gathered rows have the gradient of tf.gather, without its warning of a sparse gradient made dense."""

from __future__ import annotations

import warnings

import numpy as np
import tensorflow as tf

from nerctl.model.tagger import rows_of


def test_rows_and_their_gradient_equal_those_of_gather_also_for_repeated_places() -> None:
    draw = np.random.default_rng(0)
    table = tf.constant(draw.normal(size=(6, 3)).astype(np.float32))
    places = tf.constant([0, 5, 5, 2, 0], tf.int32)
    weights = draw.normal(size=(5, 3)).astype(np.float32)

    @tf.function(input_signature=[tf.TensorSpec([None, 3], tf.float32), tf.TensorSpec([None], tf.int32)])
    def both(rows: tf.Tensor, where: tf.Tensor) -> tuple:
        with tf.GradientTape() as tape:
            tape.watch(rows)
            found = rows_of(rows, where)
            loss = tf.reduce_sum(found * weights)
        return found, tape.gradient(loss, rows)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found, gradient = both(table, places)
    wanted = np.zeros((6, 3), np.float32)
    np.add.at(wanted, places.numpy(), weights)
    np.testing.assert_array_equal(found.numpy(), table.numpy()[places.numpy()])
    np.testing.assert_allclose(gradient.numpy(), wanted, rtol=1e-6)
