"""The graph check names what is wrong, in the graph and in its library, and finds nothing in our own graphs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from nerctl.backends import DeviceOptions
from nerctl.backends.graph_check import check_graph, check_traces
from nerctl.backends.npu import NpuBackend
from nerctl.backends.npu_ops import BELOW_OPP, read_npu_ops, shipped_npu_ops, toolkit_npu_ops
from nerctl.errors import DeviceError
from nerctl.workflows.doctor.graphs import check_head, check_npu_graphs
from nerctl.workflows.doctor.trial import RATES, tiny_batch, tiny_stepper

VENDORS = shipped_npu_ops().names


def traced(function, *shapes, dtype=tf.float32):
    specs = [tf.TensorSpec(shape, dtype) for shape in shapes]
    return tf.function(function, input_signature=specs, autograph=False).get_concrete_function()


def found(concrete, npu_ops=None):
    return {(one.stage, one.rule, one.op) for one in check_graph(concrete, "test", npu_ops).findings}


def halve(x):
    return tf.while_loop(lambda y: tf.reduce_sum(y) > 1.0, lambda y: (y / 2.0,), [x])[0]


def test_a_while_loop_is_named_before_and_after_optimisation() -> None:
    rules = found(traced(halve, [4]))
    assert any(stage == "as traced" and "While" in op for stage, _, op in rules)
    assert any(stage == "optimised" and rule == "loop or branch" for stage, rule, _ in rules)


def test_the_gradient_of_a_loop_shows_its_tensor_lists_in_the_library() -> None:
    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.reduce_sum(halve(x))
        return tape.gradient(y, x)

    report = check_graph(traced(gradient, [4]), "test")
    in_library = [one for one in report.findings if one.rule == "tensor list" and "/" in one.node]
    assert in_library
    assert any(one.rule == "type variant" for one in report.findings)
    assert "TensorList" in str(in_library[0])


def test_an_op_inside_a_called_function_is_found_with_its_function_in_the_name() -> None:
    inner = tf.function(lambda x: tf.cast(x, tf.float64) * 2.0, autograph=False)
    report = check_graph(traced(lambda x: tf.cast(inner(x), tf.float32), [3]), "test")
    assert any(one.rule == "type float64" and "lambda" in one.node and "/" in one.node for one in report.findings)


def test_a_dynamic_shape_is_named_with_the_shape() -> None:
    report = check_graph(traced(lambda x: x + 1.0, [None, 4]), "test")
    finding = next(one for one in report.findings if one.rule == "dynamic shape" and one.stage == "optimised")
    assert "None" in finding.detail or "?" in finding.detail
    assert finding.op in str(finding)


def test_a_shape_that_depends_on_values_is_found() -> None:
    assert any(rule == "dynamic shape" for _, rule, _ in found(traced(lambda x: tf.boolean_mask(x, x > 0.0), [4])))


def test_the_sum_of_a_broadcast_gradient_is_no_dynamic_shape() -> None:
    def gradient(x, y):
        with tf.GradientTape() as tape:
            tape.watch(y)
            z = tf.reduce_sum(x * y)
        return tape.gradient(z, y)

    assert found(traced(gradient, [4, 3], [3])) == set()


@pytest.mark.parametrize(
    ("rule", "function"),
    [
        ("einsum", lambda x: tf.einsum("ij,kj->ik", x, x)),
        ("stateless random op", lambda x: x + tf.random.stateless_uniform([4, 4], [1, 2])),
        ("Python function", lambda x: tf.ensure_shape(tf.numpy_function(lambda y: y, [x], tf.float32), [4, 4])),
        ("tensor list", lambda x: tf.TensorArray(tf.float32, 1, element_shape=[4, 4]).write(0, x).stack()),
        ("type complex64", lambda x: tf.abs(tf.cast(x, tf.complex64))),
        ("loop or branch", lambda x: tf.cond(tf.reduce_sum(x) > 0.0, lambda: x, lambda: -x)),
    ],
)
def test_each_forbidden_kind_is_found(rule: str, function) -> None:
    assert rule in {broken for _, broken, _ in found(traced(function, [4, 4]))}


def test_an_op_missing_from_a_list_is_named_and_arguments_are_not() -> None:
    concrete = traced(lambda x: tf.exp(tf.sin(x)), [4])
    rules = found(concrete, frozenset({"Exp", "Identity", "Const"}))
    assert ("as traced", "not in the list of supported ops", "Sin") in rules
    assert {op for _, _, op in rules} == {"Sin"}


def test_a_second_trace_is_a_finding() -> None:
    assert check_traces("training", 1) == ()
    assert "traced 2 times" in str(check_traces("training", 2)[0])


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_our_training_and_inference_graphs_are_clean(precision: str) -> None:
    reports = check_npu_graphs(DeviceOptions(device="npu", precision=precision), VENDORS)
    assert [report.graph for report in reports] == [
        "bilstm-crf training",
        "bilstm-crf inference",
        "crf training",
        "crf inference",
        "pointer training",
        "pointer inference",
    ]
    for report in reports:
        assert [str(one) for one in report.findings] == []
        assert report.ops["MatMul"] > 5  # it did look at a whole network
    assert reports[0].ops["AssignSubVariableOp"] > 10  # and at the update


@pytest.mark.parametrize(
    "encoder",
    [
        {"hidden_act": "silu"},
        {"model_type": "ernie", "use_task_id": True, "hidden_act": "relu"},
        {"model_type": "electra", "embedding_size": 16, "hidden_act": "gelu_new"},
        {"model_type": "albert", "embedding_size": 16},
    ],
    ids=["bert", "ernie", "electra", "albert"],
)
@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_the_graphs_of_every_encoder_family_are_clean(encoder: dict[str, Any], precision: str) -> None:
    backend = NpuBackend(DeviceOptions(device="npu", precision=precision))
    for report in check_head(backend, "crf", VENDORS, **encoder):
        assert [str(one) for one in report.findings] == []


def test_the_graphs_of_a_split_batch_are_clean_too() -> None:
    stepper = tiny_stepper(NpuBackend(DeviceOptions(device="npu")), "bilstm-crf", dropout=0.1)
    stepper.run(1, [tiny_batch(1), tiny_batch(2)], RATES)
    programs = stepper.programs()
    assert len(programs) == 2  # gradients, and their application
    for program in programs:
        assert check_graph(program.get_concrete_function(), "split").findings == ()


def test_the_cpu_form_is_not_clean_so_the_check_can_fail_on_our_own_code() -> None:
    backend = NpuBackend(DeviceOptions(device="npu"))
    backend.lstm_form = "block"
    stepper = tiny_stepper(backend, "bilstm-crf")
    stepper.run(1, [tiny_batch(1)], RATES)
    (program,) = stepper.programs()
    missing = {one.op for one in check_graph(program.get_concrete_function(), "block", VENDORS).findings}
    assert {"BlockLSTM", "BlockLSTMGrad"} <= missing


@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "no such file"), ("{", "cannot be read as JSON"), ("[]", "not a list of ops"), ('{"Add": 1}', '"Add"')],
)
def test_a_list_that_cannot_be_read_is_one_clear_sentence(tmp_path: Path, content, says: str) -> None:
    path = tmp_path / "npu_supported_ops.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(DeviceError) as caught:
        read_npu_ops(path)
    assert says in str(caught.value) and str(path) in str(caught.value)


def test_the_vendors_layout_is_read(tmp_path: Path) -> None:
    path = tmp_path / "npu_supported_ops.json"
    path.write_text(json.dumps({"Add": {"isGray": False, "isHeavy": False}, "While": {"isGray": True}}))
    ops = read_npu_ops(path)
    assert ops.names == {"Add", "While"} and ops.place == str(path) and not ops.shipped


def test_the_toolkits_list_is_found_below_its_operators(tmp_path: Path) -> None:
    environment = {"ASCEND_OPP_PATH": str(tmp_path)}
    assert toolkit_npu_ops({}) is None and toolkit_npu_ops({"ASCEND_OPP_PATH": ""}) is None
    assert toolkit_npu_ops(environment) is None
    place = tmp_path / BELOW_OPP
    place.parent.mkdir(parents=True)
    place.write_text('{"Add": {}}')
    assert toolkit_npu_ops(environment) == place


def test_the_names_that_ship_are_the_vendors_of_march_2022(shared: Path) -> None:
    ops = shipped_npu_ops()
    assert ops.shipped and "2022-03" in ops.place
    published = json.loads((shared / "reference" / "npu_supported_ops.json").read_text())
    assert ops.names == set(published) and len(ops.names) == 692
    assert not ops.names & {"Einsum", "StatelessRandomUniform", "BlockLSTM", "TensorListReserve", "Roll", "LeftShift"}
