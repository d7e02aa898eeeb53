"""The network as an ONNX graph of emissions, built node by node from the weights.

The same sums as in `nerctl.model`, arranged for speed on a CPU:

- A LayerNorm is an InstanceNormalization with its rows as channels, which ONNX Runtime computes several times as fast
  as its LayerNormalization. Its gamma and beta are multiplied into the next product's kernel and bias; gamma by itself
  is applied for residual and attention only, beta together with the bias of the product that is added.
- Positions stay flat, [N, H], so that a product, its bias and the residual are one Gemm.
- Attention and GELU (both forms) are ONNX Runtime's own operators (domain com.microsoft, version 1.17 and later).

Letters: W windows, P word pieces a window, N = W * P, T tokens a window, E width of the embedding tables, H hidden, F
feed-forward, U LSTM units each way, K tags.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Callable

import numpy as np

from nerctl.data.sentence_windows import WINDOW_FIELDS
from nerctl.model.families import POSITIONS, PROJECTION, ROOT, WORDS, first_row_tables, layer_names
from nerctl.model.head import Head

if TYPE_CHECKING:
    from nerctl.model.encoder_config import BertConfig

MICROSOFT = "com.microsoft"
"""Domain of ONNX Runtime's own operators."""

OPSET = 17
"""Version of the standard operators."""

Tensors = Mapping[str, np.ndarray]
Product = Callable[[str, str, np.ndarray, str], str]


class Graph:
    """Nodes and weights as they are added; a name is made for each output."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self._places: dict[str, int] = {}

    def weight(self, name: str, value: np.ndarray) -> str:
        """Adds a constant and returns its name; a layer that is used again shares what is equal in both uses."""
        from onnx import numpy_helper

        while name in self._places:
            if np.array_equal(numpy_helper.to_array(self.weights[self._places[name]]), value):
                return name
            name += "'"
        self._places[name] = len(self.weights)
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, kind: str, inputs: Sequence[str], outputs: int = 1, domain: str = "", **attributes: Any) -> Any:
        """Adds a node and returns the name of its output, or a list of names when it has several."""
        from onnx import helper

        names = [f"{kind}_{len(self.nodes)}_{index}" for index in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, domain=domain, **attributes))
        return names[0] if outputs == 1 else names

    def microsoft(self, kind: str, inputs: Sequence[str], outputs: int = 1, **attributes: Any) -> Any:
        """Adds a node of ONNX Runtime's own."""
        return self.node(kind, inputs, outputs, MICROSOFT, **attributes)


@dataclass(frozen=True)
class Normal:
    """A tensor [N, H] before LayerNorm's last step: its value is gamma * x + beta."""

    x: str
    """Name of the normalised tensor."""
    gamma: np.ndarray
    """[H]."""
    beta: np.ndarray
    """[H]."""

    def into(self, kernel: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Kernel [H, O] and bias [O] that give from x what the given ones give from the value."""
        return self.gamma[:, None] * kernel, bias + self.beta @ kernel


class Products:
    """Matrix products with weights in float32."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def linear(self, x: str, name: str, kernel: np.ndarray, bias: np.ndarray) -> str:
        """x [N, I] times kernel [I, O] plus bias [O]."""
        return self._gemm(x, name, kernel, self.graph.weight(f"{name}/bias", bias))

    def activated(self, kind: str, x: str, name: str, kernel: np.ndarray, bias: np.ndarray) -> str:
        """The activation `kind`, one of `families.ACTIVATIONS`, of x [N, I] times kernel [I, O] plus bias [O]."""
        graph, inner = self.graph, self.linear(x, name, kernel, bias)
        if kind == "silu":
            return str(graph.node("Mul", [inner, graph.node("Sigmoid", [inner])]))
        operator, domain = {"gelu": ("Gelu", MICROSOFT), "gelu_new": ("FastGelu", MICROSOFT), "relu": ("Relu", "")}[kind]
        return str(graph.node(operator, [inner], domain=domain))

    def onto(self, x: str, name: str, kernel: np.ndarray, residual: str) -> str:
        """x [N, I] times kernel [I, O] plus a tensor [N, O]."""
        return self._gemm(x, name, kernel, residual)

    def onto_activated(self, kind: str, x: str, name: str, kernel: np.ndarray, residual: str) -> str:
        """Like `onto`, for an x that the activation `kind` gave: its rows differ widely in size."""
        return self.onto(x, name, kernel, residual)

    def lstm(self, x: str, name: str, parts: Sequence[np.ndarray], counts: str) -> str:
        """Both directions over x [T, W, I]; parts are input kernels, state kernels and biases as ONNX wants them."""
        graph = self.graph
        names = [graph.weight(f"{name}/{part}", value) for part, value in zip("wrb", parts)]
        units = parts[1].shape[2]
        return str(graph.node("LSTM", [x, *names, counts], hidden_size=units, direction="bidirectional"))

    def _gemm(self, x: str, name: str, kernel: np.ndarray, added: str) -> str:
        return str(self.graph.node("Gemm", [x, self.graph.weight(f"{name}/kernel", kernel), added]))


class Builder:
    """Puts the network together.

    Args:
        tensors: the variables by checkpoint name.
        bert: the encoder's config.
        products: how matrix products are computed.
    """

    def __init__(self, tensors: Tensors, bert: BertConfig, products: Products) -> None:
        self.tensors = tensors
        self.bert = bert
        self.epsilon = bert.layer_norm_eps
        self.products = products
        self.graph = products.graph
        self.scaled: dict[str, str] = {}
        self.hidden = bert.hidden_size
        self._shape_nodes()

    def _shape_nodes(self) -> None:
        from onnx import TensorProto, helper

        graph = self.graph
        self.flat = graph.weight("shape/flat", np.array([-1, self.hidden], np.int64))
        self.thirds = graph.weight("shape/thirds", np.array([self.hidden] * 3, np.int64))
        self.first_axis = graph.weight("shape/first", np.array([0], np.int64))
        shape = graph.node("Shape", ["pieces"])
        hidden = graph.weight("shape/hidden", np.array([self.hidden], np.int64))
        self.rows = graph.node("Concat", [shape, hidden], axis=0)  # W, P, H
        count = graph.node("ReduceProd", [shape], keepdims=1)  # N
        self.ones, self.zeros = (
            graph.node("ConstantOfShape", [count], value=helper.make_tensor("value", TensorProto.FLOAT, [1], [value]))
            for value in (1.0, 0.0)
        )  # [N] each

    def emissions(self, head: Head) -> None:
        """Adds the whole network with its head; the last node's output is named `emissions`."""
        graph, tensors = self.graph, self.tensors
        hidden = self.encoder()
        tokens = graph.node("Gather", [hidden.x, "firsts"], axis=0)  # [W, T, H]
        # The last H rows of the projection are for the encoder's vectors, those before for the LSTM's.
        whole, bias = tensors["head/projection/kernel"], tensors["head/projection/bias"]
        kernel, bias = hidden.into(whole[-self.hidden :], bias)
        if "head/bilstm/forward/kernel" in tensors:
            tokens = graph.node("Concat", [self._lstm(hidden), tokens], axis=2)  # [W, T, 2U + H]
            kernel = np.concatenate([whole[: -self.hidden], kernel])
        scores = graph.node("MatMul", [tokens, graph.weight("head/projection/kernel", kernel)])
        projected = graph.node("Add", [scores, graph.weight("head/projection/bias", bias)])
        head.add_nodes(graph, tensors, projected)
        graph.nodes[-1].output[0] = "emissions"

    def encoder(self) -> Normal:
        """The last layer's hidden vectors [N, H]."""
        tensors, products, act = self.tensors, self.products, self.bert.hidden_act
        x = self._embeddings()
        for name in layer_names(self.bert):
            context = self._attention(x, f"{name}/attention/self")  # [N, H]
            x = self._residual(context, x, f"{name}/attention/output", products.onto)
            inner = f"{name}/intermediate/dense"
            kernel, bias = x.into(tensors[f"{inner}/kernel"], tensors[f"{inner}/bias"])
            wide = products.activated(act, x.x, inner, kernel, bias)  # [N, F]
            x = self._residual(wide, x, f"{name}/output", partial(products.onto_activated, act))
        return x

    def _embeddings(self) -> Normal:
        graph, tensors, width = self.graph, self.tensors, self.bert.width
        # Only the first segment type and the first task occur: their rows are added to every position.
        places = tensors[f"{ROOT}/{POSITIONS}"] + sum(tensors[name][0] for name in first_row_tables(self.bert))
        words = graph.weight("bert/embeddings/words", tensors[f"{ROOT}/{WORDS}"])
        one, zero = np.ones(width, np.float32), np.zeros(width, np.float32)
        plain = [graph.weight("ones", one), graph.weight("zeros", zero)]
        inputs = ["pieces", "", words, graph.weight("bert/embeddings/places", places), "", *plain]
        x = graph.microsoft("EmbedLayerNormalization", inputs, outputs=2, epsilon=self.epsilon)[0]  # [W, P, E]
        gamma, beta = (tensors[f"{ROOT}/embeddings/LayerNorm/{part}"] for part in ("gamma", "beta"))
        if not self.bert.projects:
            return Normal(graph.node("Reshape", [x, self.flat]), gamma, beta)
        x = graph.node("Reshape", [x, graph.weight("shape/narrow", np.array([-1, width], np.int64))])  # [N, E]
        name = f"{ROOT}/{PROJECTION}"
        kernel, bias = Normal(x, gamma, beta).into(tensors[f"{name}/kernel"], tensors[f"{name}/bias"])
        one, zero = np.ones(self.hidden, np.float32), np.zeros(self.hidden, np.float32)
        return Normal(self.products.linear(x, name, kernel, bias), one, zero)  # [N, H]

    def _attention(self, x: Normal, name: str) -> str:
        graph, tensors = self.graph, self.tensors
        parts = [f"{name}/{part}" for part in ("query", "key", "value")]
        kernel = np.concatenate([tensors[f"{part}/kernel"] for part in parts], axis=1)  # [H, 3H]
        bias = np.concatenate([tensors[f"{part}/bias"] for part in parts])  # [3H]
        mixed = self.products.linear(self._scaled(x), name, kernel, bias + x.beta @ kernel)  # [N, 3H]
        thirds = graph.node("Split", [mixed, self.thirds], 3, axis=1)  # 3 of [N, H]
        thirds = [graph.node("Reshape", [third, self.rows]) for third in thirds]  # 3 of [W, P, H]
        heads = self.bert.num_attention_heads
        context = graph.microsoft("MultiHeadAttention", [*thirds, "", "piece_counts"], num_heads=heads)  # [W, P, H]
        return str(graph.node("Reshape", [context, self.flat]))

    def _scaled(self, value: Normal) -> str:
        """gamma * x [N, H], made once: the residual needs it, and in eight bits it suits attention better than x."""
        if value.x not in self.scaled:
            gamma = self.graph.weight(f"{value.x}/gamma", value.gamma)
            self.scaled[value.x] = self.graph.node("Mul", [value.x, gamma])
        return self.scaled[value.x]

    def _residual(self, x: str, skip: Normal, name: str, product: Product) -> Normal:
        """LayerNorm of x times the kernel of `name`, plus its bias, plus skip."""
        graph, tensors = self.graph, self.tensors
        shift = skip.beta + tensors[f"{name}/dense/bias"]
        added = graph.node("Add", [self._scaled(skip), graph.weight(f"{name}/shift", shift)])
        mixed = product(x, f"{name}/dense", tensors[f"{name}/dense/kernel"], added)  # [N, H]
        channels = graph.node("Unsqueeze", [mixed, self.first_axis])  # [1, N, H]: N channels of H values
        channels = graph.node("InstanceNormalization", [channels, self.ones, self.zeros], epsilon=self.epsilon)
        normal = graph.node("Squeeze", [channels, self.first_axis])  # [N, H]
        return Normal(normal, tensors[f"{name}/LayerNorm/gamma"], tensors[f"{name}/LayerNorm/beta"])

    def _lstm(self, hidden: Normal) -> str:
        graph = self.graph
        by_step = graph.node("Transpose", ["firsts"], perm=[1, 0])  # [T, W]
        steps = graph.node("Gather", [hidden.x, by_step], axis=0)  # [T, W, H]
        parts = lstm_parts(self.tensors, hidden)
        both = self.products.lstm(steps, "head/bilstm", parts, "token_counts")  # [T, 2, W, U]
        both = graph.node("Transpose", [both], perm=[2, 0, 1, 3])  # [W, T, 2, U]
        # A 0 keeps the axis as it is.
        shape = graph.weight("shape/head", np.array([0, 0, 2 * parts[1].shape[2]], np.int64))
        return str(graph.node("Reshape", [both, shape]))  # [W, T, 2U]


def lstm_parts(tensors: Tensors, hidden: Normal) -> list[np.ndarray]:
    """Input kernels [2, 4U, I], state kernels [2, 4U, U] and biases [2, 8U] in ONNX's gate order.

    TensorFlow's BlockLSTM has the gates input, cell, forget, output side by side in [I + U, 4U]; ONNX has input,
    output, forget, cell one below the other, and a second bias, for the state product, which is 0 here.
    """
    inputs, states, biases = [], [], []
    for way in ("forward", "backward"):
        whole = tensors[f"head/bilstm/{way}/kernel"]
        units = whole.shape[1] // 4
        from_x, bias = hidden.into(whole[:-units], tensors[f"head/bilstm/{way}/bias"])
        kernel = np.concatenate([from_x, whole[-units:]])  # [I + U, 4U]
        entry, cell, forget, output = np.split(kernel, 4, axis=1)
        kernel = np.concatenate([entry, output, forget, cell], axis=1).T  # [4U, I + U]
        entry, cell, forget, output = np.split(bias, 4)
        inputs.append(kernel[:, :-units])
        states.append(kernel[:, -units:])
        biases.append(np.concatenate([entry, output, forget, cell, np.zeros(4 * units, bias.dtype)]))
    return [np.stack(part).astype(np.float32) for part in (inputs, states, biases)]


def as_model(graph: Graph) -> Any:
    """The finished `onnx.ModelProto`."""
    from onnx import TensorProto, helper

    import nerctl

    inputs = [helper.make_tensor_value_info(one.name, TensorProto.INT32, list(one.dimensions)) for one in WINDOW_FIELDS]
    outputs = [helper.make_tensor_value_info("emissions", TensorProto.FLOAT, ["W", "T", "K"])]
    made = helper.make_graph(graph.nodes, "nerctl_emissions", inputs, outputs, graph.weights)
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(MICROSOFT, 1)]
    return helper.make_model(
        made, opset_imports=opsets, ir_version=8, producer_name="nerctl", producer_version=nerctl.__version__
    )
