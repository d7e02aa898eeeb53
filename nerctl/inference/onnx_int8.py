"""Matrix products in eight bits: weights per output column, activations per tensor and as they come.

Scheme: Jacob et al. 2018 (arXiv:1712.05877), symmetric for weights. Sums are kept in 32 bits; everything between
the products stays float32.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nerctl.inference.onnx_graph import Products


class Int8Products(Products):
    """Matrix products with weights in int8 and activations quantised as they come; the LSTM stays float32."""

    def linear(self, x: str, name: str, kernel: np.ndarray, bias: np.ndarray) -> str:
        return self._product(x, name, kernel, [self.graph.weight(f"{name}/bias", bias)])

    def onto(self, x: str, name: str, kernel: np.ndarray, residual: str) -> str:
        return str(self.graph.node("Add", [self._product(x, name, kernel, []), residual]))

    def _product(self, x: str, name: str, kernel: np.ndarray, bias: Sequence[str]) -> str:
        graph = self.graph
        whole, scale = quantised(kernel)
        zeros = graph.weight(f"zeros/{len(scale)}", np.zeros(len(scale), np.int8))
        inputs = [x, graph.weight(f"{name}/kernel", whole), graph.weight(f"{name}/scale", scale), zeros]
        return str(graph.microsoft("DynamicQuantizeMatMul", [*inputs, *bias]))


def quantised(kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """int8 values [I, O] and float32 scales [O] of a kernel; values * scales is off by half a scale at most."""
    scale = np.maximum(np.abs(kernel).max(axis=0), 1e-12) / 127.0
    return np.rint(kernel / scale).astype(np.int8), scale.astype(np.float32)
