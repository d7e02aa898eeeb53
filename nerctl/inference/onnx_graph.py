"""The network as an ONNX graph of emissions, built node by node from the weights.

Encoder and head are the same sums as in `nerctl.model`, in the fused operators of ONNX Runtime (domain
com.microsoft), which exist since its version 1.10. Letters: W windows, P word pieces a window, T tokens a window,
H hidden, U LSTM units each way, K tags.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

MICROSOFT = "com.microsoft"
"""Domain of ONNX Runtime's own operators."""

OPSET = 14
"""Version of the standard operators; the newest that onnx 1.12 and ONNX Runtime 1.10 both know well."""

INPUTS = ("pieces", "piece_counts", "firsts", "token_counts")
"""The graph's inputs, int32, as `nerctl.data.batches.WindowArrays` has them."""

Tensors = Mapping[str, np.ndarray]


class Graph:
    """Nodes and weights as they are added; a name is made for each output."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self._names: set[str] = set()

    def weight(self, name: str, value: np.ndarray) -> str:
        """Adds a constant and returns its name."""
        from onnx import numpy_helper

        if name not in self._names:
            self._names.add(name)
            self.weights.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(
        self, kind: str, inputs: Sequence[str], outputs: int = 1, domain: str = "", **attributes: Any
    ) -> Any:
        """Adds a node and returns the name of its output, or a list of names when it has several."""
        from onnx import helper

        names = [f"{kind}_{len(self.nodes)}_{index}" for index in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, domain=domain, **attributes))
        return names[0] if outputs == 1 else names

    def microsoft(self, kind: str, inputs: Sequence[str], outputs: int = 1, **attributes: Any) -> Any:
        """Adds a node of ONNX Runtime's own."""
        return self.node(kind, inputs, outputs, MICROSOFT, **attributes)


class Products:
    """Matrix products with weights in float32."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def linear(self, x: str, name: str, kernel: np.ndarray) -> str:
        """x [..., I] times kernel [I, O]."""
        return str(self.graph.node("MatMul", [x, self.graph.weight(f"{name}/kernel", kernel)]))

    def attention(
        self, x: str, name: str, kernel: np.ndarray, bias: np.ndarray, counts: str, heads: int
    ) -> str:
        """Self-attention of x [W, P, H] before its output product; kernel [H, 3H], bias [3H]."""
        graph = self.graph
        weights = graph.weight(f"{name}/kernel", kernel)
        return str(
            graph.microsoft(
                "Attention", [x, weights, graph.weight(f"{name}/bias", bias), counts], num_heads=heads
            )
        )

    def lstm(self, x: str, name: str, parts: Sequence[np.ndarray], counts: str, units: int) -> str:
        """Both directions over x [T, W, I]; parts are input kernels, state kernels and biases as ONNX wants them."""
        graph = self.graph
        names = [graph.weight(f"{name}/{part}", value) for part, value in zip("wrb", parts)]
        return str(graph.node("LSTM", [x, *names, counts], hidden_size=units, direction="bidirectional"))


def build_graph(tensors: Tensors, heads: int, epsilon: float, products: Products) -> None:
    """Adds the whole network; the last node's output is named `emissions`."""
    graph = products.graph
    x = _encoder(tensors, heads, epsilon, products)  # [W, P, H]
    hidden = tensors["bert/embeddings/word_embeddings"].shape[1]
    flat = graph.node("Reshape", [x, graph.weight("shape/flat", np.array([-1, hidden], np.int64))])
    tokens = graph.node("Gather", [flat, "firsts"], axis=0)  # [W, T, H]
    if "head/bilstm/forward/kernel" in tensors:
        by_step = graph.node("Transpose", ["firsts"], perm=[1, 0])  # [T, W]
        steps = graph.node("Gather", [flat, by_step], axis=0)  # [T, W, H]
        units = tensors["head/bilstm/forward/bias"].shape[0] // 4
        both = products.lstm(steps, "head/bilstm", _lstm_parts(tensors), "token_counts", units)  # [T, 2, W, U]
        both = graph.node("Transpose", [both], perm=[2, 0, 1, 3])  # [W, T, 2, U]
        # A 0 keeps the axis as it is.
        shape = graph.weight("shape/head", np.array([0, 0, 2 * units], np.int64))
        states = graph.node("Reshape", [both, shape])  # [W, T, 2U]
        tokens = graph.node("Concat", [states, tokens], axis=2)  # [W, T, 2U + H]
    kernel = graph.weight("head/projection/kernel", tensors["head/projection/kernel"])
    bias = graph.weight("head/projection/bias", tensors["head/projection/bias"])
    scores = graph.node("Add", [graph.node("MatMul", [tokens, kernel]), bias])
    graph.nodes[-1].output[0] = "emissions"
    assert scores != "emissions"


def _encoder(tensors: Tensors, heads: int, epsilon: float, products: Products) -> str:
    graph = products.graph

    def constant(name: str) -> str:
        return graph.weight(name, tensors[name])

    # Only the first segment type occurs: its row is added to every position.
    places = (
        tensors["bert/embeddings/position_embeddings"] + tensors["bert/embeddings/token_type_embeddings"][0]
    )
    x = graph.microsoft(
        "EmbedLayerNormalization",
        [
            "pieces",
            "",
            constant("bert/embeddings/word_embeddings"),
            graph.weight("bert/embeddings/places", places),
            "",
            constant("bert/embeddings/LayerNorm/gamma"),
            constant("bert/embeddings/LayerNorm/beta"),
        ],
        outputs=2,
        epsilon=epsilon,
    )[0]  # [W, P, H]
    layer = 0
    while f"bert/encoder/layer_{layer}/output/dense/kernel" in tensors:
        name = f"bert/encoder/layer_{layer}"
        parts = [f"{name}/attention/self/{part}" for part in ("query", "key", "value")]
        kernel = np.concatenate([tensors[f"{part}/kernel"] for part in parts], axis=1)  # [H, 3H]
        bias = np.concatenate([tensors[f"{part}/bias"] for part in parts])  # [3H]
        context = products.attention(x, f"{name}/attention/self", kernel, bias, "piece_counts", heads)
        dense = f"{name}/attention/output"
        mixed = products.linear(context, f"{dense}/dense", tensors[f"{dense}/dense/kernel"])
        x = _add_and_norm(graph, mixed, x, dense, constant, epsilon)
        inner = f"{name}/intermediate/dense"
        wide = products.linear(x, inner, tensors[f"{inner}/kernel"])  # [W, P, F]
        wide = graph.microsoft("BiasGelu", [wide, constant(f"{inner}/bias")])
        narrow = products.linear(wide, f"{name}/output/dense", tensors[f"{name}/output/dense/kernel"])
        x = _add_and_norm(graph, narrow, x, f"{name}/output", constant, epsilon)
        layer += 1
    return str(x)


def _add_and_norm(graph: Graph, x: str, skip: str, name: str, constant: Any, epsilon: float) -> str:
    """LayerNorm of x + its bias + skip."""
    norm = [constant(f"{name}/LayerNorm/gamma"), constant(f"{name}/LayerNorm/beta")]
    return str(
        graph.microsoft(
            "SkipLayerNormalization", [x, skip, *norm, constant(f"{name}/dense/bias")], epsilon=epsilon
        )
    )


def _lstm_parts(tensors: Tensors) -> list[np.ndarray]:
    """Input kernels [2, 4U, I], state kernels [2, 4U, U] and biases [2, 8U] in ONNX's gate order.

    TensorFlow's BlockLSTM has the gates input, cell, forget, output side by side in [I + U, 4U]; ONNX has input,
    output, forget, cell one below the other, and a second bias, for the state product, which is 0 here.
    """
    inputs, states, biases = [], [], []
    for way in ("forward", "backward"):
        kernel = tensors[f"head/bilstm/{way}/kernel"]
        bias = tensors[f"head/bilstm/{way}/bias"]
        units = len(bias) // 4
        entry, cell, forget, output = np.split(kernel, 4, axis=1)
        kernel = np.concatenate([entry, output, forget, cell], axis=1).T  # [4U, I + U]
        entry, cell, forget, output = np.split(bias, 4)
        inputs.append(kernel[:, :-units])
        states.append(kernel[:, -units:])
        biases.append(np.concatenate([entry, output, forget, cell, np.zeros(4 * units, bias.dtype)]))
    return [np.stack(part) for part in (inputs, states, biases)]


def as_model(graph: Graph) -> Any:
    """The finished `onnx.ModelProto`."""
    import nerctl
    from onnx import TensorProto, helper

    shapes = {"pieces": ["W", "P"], "piece_counts": ["W"], "firsts": ["W", "T"], "token_counts": ["W"]}
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT32, shapes[name]) for name in INPUTS]
    outputs = [helper.make_tensor_value_info("emissions", TensorProto.FLOAT, ["W", "T", "K"])]
    made = helper.make_graph(graph.nodes, "nerctl_emissions", inputs, outputs, graph.weights)
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(MICROSOFT, 1)]
    return helper.make_model(
        made, opset_imports=opsets, ir_version=8, producer_name="nerctl", producer_version=nerctl.__version__
    )
