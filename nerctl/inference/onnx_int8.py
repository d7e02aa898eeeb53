"""Matrix products in eight bits: weights per output column, activations per row and as they come.

Scheme: Jacob et al. 2018 (arXiv:1712.05877), symmetric. Sums are kept in 32 bits; everything between the products
stays float32. Two choices make the result a text's own:

- A scale a row, and none a tensor: other rows of a batch, and so other texts, change nothing. It is also finer, for a
  few tokens have values a hundred times those of the others.
- Weights use seven of their eight bits. Processors without VNNI add two products in 16 bits and cut off what is more;
  with seven bits no sum is more, and every processor gives the same.
"""

from __future__ import annotations

import numpy as np

from nerctl.inference.onnx_file import INT8_PRODUCT
from nerctl.inference.onnx_graph import Products

LARGEST_INPUT = 127
"""Largest quantised activation; kept as uint8 with `ZERO` for 0, which is what the fastest kernels take."""

ZERO = 128
"""The uint8 that stands for 0."""

LARGEST_WEIGHT = 63
"""Largest quantised weight."""


class Int8Products(Products):
    """Matrix products with weights in int8 and activations quantised as they come; the LSTM stays float32."""

    def linear(self, x: str, name: str, kernel: np.ndarray, bias: np.ndarray) -> str:
        product = self._product(x, name, kernel, self._largest(x))
        return str(self.graph.node("Add", [product, self.graph.weight(f"{name}/bias", bias)]))

    def activated(self, kind: str, x: str, name: str, kernel: np.ndarray, bias: np.ndarray) -> str:
        if kind != "gelu":
            return super().activated(kind, x, name, kernel, bias)
        product = self._product(x, name, kernel, self._largest(x))
        return str(self.graph.microsoft("BiasGelu", [product, self.graph.weight(f"{name}/bias", bias)]))

    def onto(self, x: str, name: str, kernel: np.ndarray, residual: str) -> str:
        return str(self.graph.node("Add", [self._product(x, name, kernel, self._largest(x)), residual]))

    def onto_activated(self, kind: str, x: str, name: str, kernel: np.ndarray, residual: str) -> str:
        if kind == "silu":  # it gives down to -0.28
            return self.onto(x, name, kernel, residual)
        # GELU gives no less than -0.17 in both forms and ReLU than 0, so that the greatest value is enough to know.
        largest = self.graph.node("ReduceMax", [x], axes=[-1], keepdims=1)  # [N, 1]
        size = self.graph.node("Max", [largest, self.graph.weight("rows/gelu", np.array([0.2], np.float32))])
        return str(self.graph.node("Add", [self._product(x, name, kernel, size), residual]))

    def _largest(self, x: str) -> str:
        """The largest absolute value [N, 1] of each row, above 0."""
        graph = self.graph
        above = graph.node("ReduceMax", [x], axes=[-1], keepdims=1)
        below = graph.node("Neg", [graph.node("ReduceMin", [x], axes=[-1], keepdims=1)])
        return str(graph.node("Max", [above, below, graph.weight("rows/least", np.array([1e-9], np.float32))]))

    def _product(self, x: str, name: str, kernel: np.ndarray, size: str) -> str:
        """x [N, I] times kernel [I, O], each row of x brought to values from -1 to 1 by its size [N, 1]."""
        graph = self.graph
        step = graph.weight("rows/step", np.array(1 / LARGEST_INPUT, np.float32))
        zero = graph.weight("rows/zero", np.array(ZERO, np.uint8))
        rows = graph.node("QuantizeLinear", [graph.node("Div", [x, size]), step, zero])
        whole, scale = quantised(kernel)
        zeros = graph.weight(f"zeros/{len(scale)}", np.zeros(len(scale), np.int8))
        names = graph.weight(f"{name}/kernel", whole), graph.weight(f"{name}/scale", scale)
        product = graph.microsoft(INT8_PRODUCT, [rows, names[0], step, names[1], zero, zeros])
        return str(graph.node("Mul", [product, size]))


def quantised(kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """int8 values [I, O] and float32 scales [O] of a kernel; values * scales is off by half a scale at most."""
    scale = np.maximum(np.abs(kernel).max(axis=0), 1e-12) / LARGEST_WEIGHT
    return np.rint(kernel / scale).astype(np.int8), scale.astype(np.float32)
