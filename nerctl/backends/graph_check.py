"""Checks that a traced function is one that the Ascend compiler can take whole: static, without loops, without odd types.

Every function of the graph's library is walked, and the graph once more after TensorFlow's graph optimiser. What it
finds is named: rule, op, node, function.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Optional

from nerctl.backends.npu_session import set_rewriter

FORBIDDEN: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("loop or branch", re.compile(r"(Stateless)?(While|If|Case)|For|Ref(Enter|Exit|Merge|Switch|NextIteration)")),
    ("loop or branch", re.compile(r"Enter|Exit|Merge|Switch|NextIteration|LoopCond")),
    ("scan", re.compile(r".*Scan(Dataset)?")),
    ("tensor list", re.compile(r"(Empty)?TensorList.*|TensorArray.*|Stack(V2|Push.*|Pop.*|Close.*)")),
    ("einsum", re.compile(r"(Xla)?Einsum")),
    ("Python function", re.compile(r"(Eager)?PyFunc(Stateless)?")),
    ("stateless random op", re.compile(r"Stateless(Random|Truncated|Multinomial|Parameterized|Sample).*")),
)
"""Rules, and the whole op names that break them."""

FORBIDDEN_TYPES = ("float64", "complex64", "complex128", "variant")
"""Types that no tensor of the graph may have."""

NOT_KERNELS = frozenset({"Placeholder", "NoOp", "_Arg", "_Retval"})
"""Nodes that stand for arguments, results and order: they run nothing, so no list of supported ops is asked for them."""


@dataclass(frozen=True)
class Finding:
    """One thing in a graph that the NPU cannot take or would compile again and again."""

    graph: str
    """Which graph: training or inference, say."""
    stage: str
    """"as traced" or "optimised"."""
    rule: str
    """What it breaks."""
    op: str
    """Op type; empty when the finding is of the graph as a whole."""
    node: str
    """Node name, with its function's name before it when it is in the library."""
    detail: str = ""
    """Shape or type, where that is the matter."""

    def __str__(self) -> str:
        where = f"{self.graph} graph, {self.stage}"
        what = " ".join(part for part in (self.op, self.node and f"({self.node})", self.detail) if part)
        return f"{where}: {self.rule}: {what}" if what else f"{where}: {self.rule}"


@dataclass(frozen=True)
class GraphReport:
    """What a graph is made of, and what was found wrong with it."""

    graph: str
    """Which graph."""
    nodes: int
    """Nodes as traced, library included."""
    ops: Mapping[str, int]
    """How often each op type occurs, over both stages the greater number."""
    findings: tuple[Finding, ...]
    """Empty when the graph is clean."""

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


def check_graph(function: Any, graph: str, npu_ops: Optional[frozenset[str]] = None) -> GraphReport:
    """Checks a concrete function, as traced and after graph optimisation.

    Args:
        function: a `tf.types.experimental.ConcreteFunction`.
        graph: what to call it in findings.
        npu_ops: the only ops allowed, see `nerctl.backends.npu_ops`; None: any but the forbidden.
    """
    findings: list[Finding] = []
    counts: list[dict[str, int]] = []
    for stage, graphs in (("as traced", _traced(function)), ("optimised", _optimised(function))):
        found: dict[str, int] = Counter()
        for prefix, one in graphs:
            folded = _folds_away(one) if stage == "as traced" else frozenset()
            for op in one.get_operations():
                found[op.type] += 1
                for rule, detail in _broken_rules(op, folded, npu_ops):
                    findings.append(Finding(graph, stage, rule, op.type, prefix + op.name, detail))
        counts.append(found)
    ops = {name: max(count.get(name, 0) for count in counts) for name in sorted(set().union(*counts))}
    return GraphReport(graph, sum(counts[0].values()), ops, tuple(findings))


def check_traces(graph: str, traces: int) -> tuple[Finding, ...]:
    """A finding when a function was traced more than once: each trace is a whole compilation on the NPU."""
    if traces == 1:
        return ()
    return (Finding(graph, "as traced", f"traced {traces} times, must be once", "", ""),)


def _broken_rules(op: Any, folded: frozenset[str], npu_ops: Optional[frozenset[str]]) -> Iterator[tuple[str, str]]:
    for rule, pattern in FORBIDDEN:
        if pattern.fullmatch(op.type):
            yield rule, ""
            break
    for tensor in op.outputs:
        kind = tensor.dtype.base_dtype.name
        if kind in FORBIDDEN_TYPES:
            yield f"type {kind}", ""
        if kind != "resource" and not tensor.shape.is_fully_defined() and op.name not in folded:
            yield "dynamic shape", str(tensor.shape)
    if npu_ops is not None and op.type not in npu_ops and op.type not in NOT_KERNELS and not _is_call(op):
        yield "not in the list of supported ops", ""


def _is_call(op: Any) -> bool:
    """Whether the op only calls a function of the library, whose body is walked on its own."""
    return op.type in ("PartitionedCall", "StatefulPartitionedCall")


def _folds_away(graph: Any) -> frozenset[str]:
    """Nodes whose shapes are unknown only until constants are folded: shape arithmetic, and sums over its axes.

    The gradient of a broadcast sums over axes that an op (BroadcastGradientArgs) computes from two constant shapes.
    Graph optimisation folds them; the optimised graph, where nothing is excused, shows whether it did.
    """
    constant = set()
    folded = set()
    for op in graph.get_operations():  # in the order of creation, so inputs come before
        if op.type == "Const" or (op.type == "BroadcastGradientArgs" and all(one.op.name in constant for one in op.inputs)):
            constant.add(op.name)
            folded.add(op.name)
        elif op.type == "Sum" and op.inputs[1].op.name in constant and op.inputs[0].shape.is_fully_defined():
            folded.add(op.name)
    return frozenset(folded)


def _traced(function: Any) -> Iterator[tuple[str, Any]]:
    """The function's own graph, then those of its library, each with the prefix for its nodes' names."""
    yield "", function.graph
    yield from _library(function.graph.as_graph_def().library)


def _optimised(function: Any) -> Iterator[tuple[str, Any]]:
    graph_def = optimised_graph_def(function)
    yield "", _import_with_handles(function, graph_def)
    yield from _library(graph_def.library)


def _library(library: Any) -> Iterator[tuple[str, Any]]:
    from tensorflow.python.framework.function_def_to_graph import function_def_to_graph

    for definition in library.function:
        yield f"{definition.signature.name}/", function_def_to_graph(definition)


def optimised_graph_def(function: Any) -> Any:
    """The concrete function's GraphDef after TensorFlow's graph optimiser, as it would run on the CPU.

    It is told what a session for the NPU tells it (`nerctl.backends.npu_session`).
    """
    import tensorflow as tf
    from tensorflow.python.grappler import tf_optimizer

    graph = function.graph
    meta_graph = tf.compat.v1.train.export_meta_graph(graph_def=graph.as_graph_def(add_shapes=True), graph=graph)
    # What must survive: results, and side effects (assignments), which nothing else holds on to.
    kept = [tensor.op.name for tensor in graph.outputs] + [op.name for op in graph.control_outputs]
    for name in sorted(set(kept)):
        meta_graph.collection_def["train_op"].node_list.value.append(name)
    config = tf.compat.v1.ConfigProto()
    rewriter = config.graph_options.rewrite_options
    rewriter.min_graph_nodes = -1  # also small graphs
    set_rewriter(rewriter, "nerctl")
    return tf_optimizer.OptimizeGraph(config, meta_graph)


def _import_with_handles(function: Any, graph_def: Any) -> Any:
    """The optimised GraphDef as a graph with shapes; variables' shapes come from the traced function's arguments."""
    import tensorflow as tf
    from tensorflow.python.ops import handle_data_util

    names = {node.name for node in graph_def.node}
    graph = tf.Graph()
    with graph.as_default():
        arguments = {}
        for tensor in function.graph.inputs:
            if tensor.op.name in names:
                argument = tf.compat.v1.placeholder(tensor.dtype, tensor.shape)
                handle_data_util.copy_handle_data(tensor, argument)
                arguments[tensor.name] = argument
        tf.import_graph_def(graph_def, input_map=arguments, name="")
    return graph
