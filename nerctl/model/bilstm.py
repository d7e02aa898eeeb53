"""A bidirectional LSTM (Hochreiter and Schmidhuber 1997; Graves and Schmidhuber 2005) over tokens.

Three forms of the same cell. `block` runs TensorFlow's fused BlockLSTM kernel and its gradient kernel. `stepped` runs the
same forward kernel, and backward one cell at a time with the products over all tokens taken out of the loop: the gradient
kernel adds up a whole kernel gradient at each token, which a CPU is slow at. `unrolled` is plain products without any
control flow, for devices that compile a static graph. Letters: W windows, T tokens, I inputs, U units each way.
"""

from __future__ import annotations

from functools import partial
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
            form: "block", "stepped" or "unrolled".

        Returns:
            [W, T, 2U] float32; 0 at padding.
        """
        forward, backward = FORMS[form](self, x, mask)  # 2 of [W, T, U]
        return tf.concat([forward, backward], axis=-1) * mask[:, :, None]  # [W, T, 2U]


Pass = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]
"""One direction: x [T, W, I], kernel and bias to hidden states [T, W, U]."""


def kernels(one_way: Pass, lstm: BiLstm, x: tf.Tensor, mask: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Both directions through a pass of its own each, the second over the reversed tokens."""
    lengths = tf.cast(tf.reduce_sum(mask, axis=1), tf.int32)  # [W]

    def reverse(rows: tf.Tensor) -> tf.Tensor:
        return tf.reverse_sequence(rows, lengths, seq_axis=0, batch_axis=1)

    x = tf.transpose(x, [1, 0, 2])  # [T, W, I]
    forward = one_way(x, lstm.forward, lstm.forward_bias)
    backward = reverse(one_way(reverse(x), lstm.backward, lstm.backward_bias))
    return tf.transpose(forward, [1, 0, 2]), tf.transpose(backward, [1, 0, 2])


def block_pass(x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """One direction in one kernel, and one for its gradient."""
    return _block(x, kernel, bias).h


@tf.custom_gradient  # type: ignore[untyped-decorator]
def stepped_pass(x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tuple[tf.Tensor, Callable[..., Any]]:
    """One direction in one kernel; its gradient cell by cell, then one product each for the kernel's and x's."""
    steps = _block(x, kernel, bias)

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        inputs = x.shape[-1]
        gates = _gate_gradients(steps, upstream, kernel[inputs:], bias)  # [T * W, 4U]
        entered = tf.concat([x, _before(steps.h)], axis=-1)  # [T, W, I + U]
        return (
            tf.reshape(tf.matmul(gates, kernel[:inputs], transpose_b=True), tf.shape(x)),
            tf.matmul(tf.reshape(entered, [-1, entered.shape[-1]]), gates, transpose_a=True),
            tf.reduce_sum(gates, axis=0),
        )

    return steps.h, gradient


def _block(x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> Any:
    """BlockLSTM's outputs, each [T, W, U]: gates i, f, o, candidate ci, cell cs, its tanh co, state h."""
    length, windows, _ = dimensions(x)
    units = kernel.shape[-1] // 4
    zeros = tf.zeros([windows, units])
    return tf.raw_ops.BlockLSTM(
        seq_len_max=tf.cast(length, tf.int64),
        x=x,
        cs_prev=zeros,
        h_prev=zeros,
        w=kernel,
        b=bias,
        forget_bias=0.0,
        cell_clip=-1.0,
        **_no_peepholes(units),
    )


def _gate_gradients(steps: Any, upstream: tf.Tensor, state_kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """The gradients of all gates before their activations, [T * W, 4U], from the last token to the first."""
    length, windows, units = dimensions(upstream)
    saved = (_before(steps.cs), steps.i, steps.cs, steps.f, steps.o, steps.ci, steps.co, upstream)
    stacked = tf.stack(saved, axis=1)  # [T, 8, W, U]
    zeros = tf.zeros([windows, units])
    # The kernel reads of x, h_prev and w their shapes only.
    unread = {"x": zeros, "h_prev": zeros, "w": tf.zeros([2 * units, 4 * units]), "b": bias, **_no_peepholes(units)}

    def cell(left: Any, cell_gradient: Any, state_gradient: Any, found: Any) -> tuple[Any, ...]:
        token = left - 1
        cs_prev, i, cs, f, o, ci, co, direct = tf.unstack(stacked[token])  # 8 of [W, U]
        back = tf.raw_ops.LSTMBlockCellGrad(
            cs_prev=cs_prev, i=i, cs=cs, f=f, o=o, ci=ci, co=co,
            cs_grad=cell_gradient, h_grad=direct + state_gradient, use_peephole=False, **unread,
        )  # fmt: skip
        earlier = tf.matmul(back.dicfo, state_kernel, transpose_b=True)  # [W, U]
        return token, back.cs_prev_grad, earlier, found.write(token, back.dicfo)

    # element_shape names no W: it may be unknown when the graph is built.
    found = tf.TensorArray(tf.float32, length, element_shape=[None, 4 * units])
    found = tf.while_loop(lambda left, *_: left > 0, cell, [tf.convert_to_tensor(length), zeros, zeros, found])[-1]
    return tf.reshape(found.stack(), [-1, 4 * units])


def _before(states: tf.Tensor) -> tf.Tensor:
    """What each cell of [T, W, U] had from the one before it; 0 at the first."""
    return tf.concat([tf.zeros_like(states[:1]), states[:-1]], axis=0)


def _no_peepholes(units: int) -> dict[str, tf.Tensor]:
    return {name: tf.zeros([units]) for name in ("wci", "wcf", "wco")}


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
    "block": partial(kernels, block_pass),
    "stepped": partial(kernels, stepped_pass),
    "unrolled": unrolled,
}
"""The forms by name; a backend says which it runs."""
