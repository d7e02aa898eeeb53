"""The forms of the BiLSTM are one network, and it is the textbook's."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from nerctl.model.bilstm import FORMS, BiLstm
from nerctl.model.tagger import random_initial


def textbook(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray, units: int) -> np.ndarray:
    """Hochreiter and Schmidhuber's cell with a forget gate, one row, gates input, cell, forget, output."""

    def sigmoid(z: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-z))

    state = cell = np.zeros(units)
    states = []
    for row in x:
        entry, candidate, forget, output = np.split(np.concatenate([row, state]) @ kernel + bias, 4)
        cell = sigmoid(forget) * cell + sigmoid(entry) * np.tanh(candidate)
        state = sigmoid(output) * np.tanh(cell)
        states.append(state)
    return np.array(states)


@settings(max_examples=15, deadline=None)
@given(lengths=st.lists(st.integers(0, 7), min_size=1, max_size=3), seed=st.integers(0, 99))
def test_all_forms_equal_the_textbook_cell_in_each_direction(lengths: list[int], seed: int) -> None:
    units, inputs = 3, 4
    longest = max([1, *lengths])
    lstm = BiLstm("head/bilstm", inputs, units, random_initial(seed))
    x = np.random.default_rng(seed).normal(size=(len(lengths), longest, inputs)).astype(np.float32)
    mask = (np.arange(longest) < np.array(lengths)[:, None]).astype(np.float32)
    wanted = np.zeros((len(lengths), longest, 2 * units))
    for row, length in enumerate(lengths):
        part = x[row, :length]
        if length:
            wanted[row, :length, :units] = textbook(part, lstm.forward.numpy(), lstm.forward_bias.numpy(), units)
            backward = textbook(part[::-1], lstm.backward.numpy(), lstm.backward_bias.numpy(), units)
            wanted[row, :length, units:] = backward[::-1]
    for form in FORMS:
        np.testing.assert_allclose(lstm(x, mask, form).numpy(), wanted, atol=1e-5, err_msg=form)


def test_all_forms_have_the_same_gradients() -> None:
    lstm = BiLstm("head/bilstm", 5, 4, random_initial(3))
    x = tf.constant(np.random.default_rng(0).normal(size=(3, 6, 5)).astype(np.float32))
    mask = (np.arange(6) < np.array([6, 2, 4])[:, None]).astype(np.float32)
    gradients = {}
    for form in FORMS:
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(tf.sin(lstm(x, mask, form)))
        gradients[form] = tape.gradient(loss, [x, *lstm.trainable_variables])
    for form, found in gradients.items():
        for one, other in zip(gradients["block"], found):
            np.testing.assert_allclose(one.numpy(), other.numpy(), atol=1e-5, err_msg=form)
