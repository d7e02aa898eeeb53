"""A bidirectional LSTM (Hochreiter and Schmidhuber 1997; Graves and Schmidhuber 2005) over tokens.

Two forms of the same cell: `block` runs TensorFlow's fused BlockLSTM kernel, `unrolled` is plain products without any
control flow, for devices that compile a static graph. Letters: W windows, T tokens, I inputs, U units each way.
"""

from __future__ import annotations

from typing import Any, Callable

import tensorflow as tf

from nerctl.model.bert import Initial, dimensions, variable


class BiLstm(tf.Module):
    """LSTM of U units in each direction; padding at the end of a row changes nothing before it.

    The kernel is [I + U, 4U] in the gate order input, cell, forget, output of TensorFlow's BlockLSTM.
    """

    def __init__(self, name: str, inputs: int, units: int, initial: Initial) -> None:
        super().__init__()
        self.units = units
        shape = (inputs + units, 4 * units)
        self.forward = variable(f"{name}/forward/kernel", shape, initial)
        self.forward_bias = variable(f"{name}/forward/bias", (4 * units,), initial)
        self.backward = variable(f"{name}/backward/kernel", shape, initial)
        self.backward_bias = variable(f"{name}/backward/bias", (4 * units,), initial)

    def __call__(self, x: tf.Tensor, mask: tf.Tensor, form: str) -> tf.Tensor:
        """Hidden states of both directions.

        Args:
            x: [W, T, I] float32.
            mask: [W, T] float32, 1 at tokens, then 0.
            form: "block" or "unrolled".

        Returns:
            [W, T, 2U] float32; 0 at padding.
        """
        forward, backward = FORMS[form](self, x, mask)  # 2 of [W, T, U]
        return tf.concat([forward, backward], axis=-1) * mask[:, :, None]  # [W, T, 2U]


def block(lstm: BiLstm, x: tf.Tensor, mask: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Both directions through BlockLSTM, one fused loop each."""
    lengths = tf.cast(tf.reduce_sum(mask, axis=1), tf.int32)  # [W]
    length = dimensions(x)[1]
    forward = _block_pass(x, lstm.forward, lstm.forward_bias, lstm.units, length)
    reversed_x = tf.reverse_sequence(x, lengths, seq_axis=1, batch_axis=0)
    backward = _block_pass(reversed_x, lstm.backward, lstm.backward_bias, lstm.units, length)
    return forward, tf.reverse_sequence(backward, lengths, seq_axis=1, batch_axis=0)


def _block_pass(x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, units: int, length: Any) -> tf.Tensor:
    windows = dimensions(x)[0]
    zeros = tf.zeros([windows, units])
    peephole = tf.zeros([units])
    steps = tf.raw_ops.BlockLSTM(
        seq_len_max=tf.cast(length, tf.int64),
        x=tf.transpose(x, [1, 0, 2]),  # [T, W, I]
        cs_prev=zeros,
        h_prev=zeros,
        w=kernel,
        wci=peephole,
        wcf=peephole,
        wco=peephole,
        b=bias,
        forget_bias=0.0,
        cell_clip=-1.0,
    )
    return tf.transpose(steps.h, [1, 0, 2])  # [W, T, U]


def unrolled(lstm: BiLstm, x: tf.Tensor, mask: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Both directions side by side, step by step in one graph; T must be known when the graph is built.

    The two directions are a batch of two products, and the three sigmoid gates one tensor: half the nodes of two loops,
    which is what a compiler of static graphs spends its time on.
    """
    windows, length, inputs = dimensions(x)
    units = lstm.units
    gates_in, state_kernels = [], []
    for kernel, bias in ((lstm.forward, lstm.forward_bias), (lstm.backward, lstm.backward_bias)):
        kernel, bias = _sigmoids_first(kernel), _sigmoids_first(bias)
        flat = tf.matmul(tf.reshape(x, [-1, inputs]), kernel[:inputs])  # [W * T, 4U]
        gates_in.append(tf.reshape(tf.nn.bias_add(flat, bias), [windows, length, 4 * units]))  # [W, T, 4U]
        state_kernels.append(kernel[inputs:])
    kernels = tf.stack(state_kernels)  # [2, U, 4U]
    entering = tf.unstack(_facing(*gates_in), axis=2)  # T of [2, W, 4U]
    present = tf.unstack(_facing(mask[:, :, None], mask[:, :, None]), axis=2)  # T of [2, W, 1]
    state = tf.zeros([2, windows, units])
    cell = tf.zeros([2, windows, units])
    outputs: list[tf.Tensor] = []
    for gates, here in zip(entering, present):
        gates += tf.matmul(state, kernels)  # [2, W, 4U]
        opened, candidate = tf.split(gates, [3 * units, units], axis=2)  # [2, W, 3U], [2, W, U]
        entry, forget, output = tf.split(tf.sigmoid(opened), 3, axis=2)  # 3 of [2, W, U]
        # From the right, a row's padding comes first: cell, and so state, must stay 0 until its last token.
        cell = (forget * cell + entry * tf.tanh(candidate)) * here
        state = output * tf.tanh(cell)
        outputs.append(state)
    forward, backward = tf.unstack(tf.stack(outputs, axis=2))  # 2 of [W, T, U]
    return forward, tf.reverse(backward, [1])


def _facing(forward: tf.Tensor, backward: tf.Tensor) -> tf.Tensor:
    """[W, T, n] twice, the second from its end, as [2, W, T, n]."""
    return tf.stack([forward, tf.reverse(backward, [1])])


def _sigmoids_first(parameter: tf.Tensor) -> tf.Tensor:
    """Columns in the gate order input, forget, output, cell instead of input, cell, forget, output."""
    entry, candidate, forget, output = tf.split(parameter, 4, axis=-1)
    return tf.concat([entry, forget, output, candidate], axis=-1)


FORMS: dict[str, Callable[[BiLstm, tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]] = {
    "block": block,
    "unrolled": unrolled,
}
"""The forms by name; a backend says which it runs."""
