"""The graphs that the NPU would be given, checked on any machine: they are traced, not run."""

from __future__ import annotations

from typing import Any, Optional

from nerctl.backends import DeviceOptions
from nerctl.backends.graph_check import Finding, GraphReport, check_graph, check_traces
from nerctl.backends.npu import NpuBackend
from nerctl.data.sentence_windows import WINDOW_FIELDS
from nerctl.data.windows import SPECIAL
from nerctl.workflows.doctor.trial import HEADS, LENGTH, ROWS, tiny_batch, tiny_stepper


def check_npu_graphs(options: DeviceOptions, npu_ops: Optional[frozenset[str]] = None) -> list[GraphReport]:
    """Checks the training and inference graph of each head as the NPU's backend builds them.

    Args:
        options: device options for the NPU; loss scaling belongs to the graph where they ask for it.
        npu_ops: the only ops allowed, see `nerctl.backends.npu_ops`; None: any but the forbidden.

    Raises:
        DeviceError: an option is wrong.
    """
    backend = NpuBackend(options)  # not opened: tracing needs no card
    return [report for head in (*HEADS, "pointer") for report in check_head(backend, head, npu_ops)]


def check_head(backend: NpuBackend, head: str, supported: Optional[frozenset[str]], **encoder: Any) -> list[GraphReport]:
    """Checks the training and inference graph of one head.

    Args:
        backend: builds them; not opened.
        head: the head's name.
        supported: the ops that there are; None: any.
        encoder: fields of the encoder's config that are not those of a small BERT.
    """
    reports = []
    stepper = tiny_stepper(backend, head, 0.1, **encoder)
    for name, function, traces in (
        (f"{head} training", *_training(stepper, head)),
        (f"{head} inference", _inference(stepper.model, backend), 1),
    ):
        report = check_graph(function, name, supported)
        findings: tuple[Finding, ...] = (*report.findings, *check_traces(name, traces))
        reports.append(GraphReport(name, report.nodes, report.ops, findings))
    return reports


def _training(stepper: Any, head: str) -> tuple[Any, int]:
    """The update as a concrete function, and how often two steps trace it."""
    for step in (1, 2):
        stepper.run(step, [tiny_batch(step, head)], (0.0, 0.0, 0.0))
    (function,) = stepper.programs()
    return function.get_concrete_function(), stepper.traces


def _inference(model: Any, backend: NpuBackend) -> Any:
    import tensorflow as tf

    sizes = {"W": ROWS, "P": LENGTH, "T": LENGTH - SPECIAL}
    signature = [tf.TensorSpec(field.shape(sizes), field.dtype) for field in WINDOW_FIELDS]
    forward: Any = backend.compile(lambda *arrays: model.emissions(*arrays), signature)
    return forward.get_concrete_function()
