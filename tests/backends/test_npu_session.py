"""The session options of graph-mode programs: one table, and every place that sets them takes them from it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, get_args

import pytest
import tensorflow as tf
from tensorflow.core.protobuf.rewriter_config_pb2 import RewriterConfig

import nerctl
from nerctl.backends.graph_check import optimised_graph_def
from nerctl.backends.npu_session import SESSION_OPTIONS, Place, Program, session_config, session_options
from nerctl.upstream.inserted_code import npu_session_config


def test_each_program_has_one_value_of_an_option_and_every_value_its_source() -> None:
    for program in get_args(Program):
        for place in get_args(Place):
            rows = [row for row in SESSION_OPTIONS if program in row.programs and row.place == place]
            assert len({row.name for row in rows}) == len(rows), (program, place)
    assert all(row.programs and len(row.source) > 10 for row in SESSION_OPTIONS)


def test_memory_optimization_is_off_by_its_own_enum_for_us_as_the_note_writes_it_and_untouched_in_the_vendors_port() -> None:
    places = {program: session_options(program, "rewrite_options") for program in get_args(Program)}
    assert {program: fields.get("memory_optimization") for program, fields in places.items()} == {
        "nerctl": "NO_MEM_OPT", "note": "OFF", "port": None,
    }  # fmt: skip
    assert {fields["remapping"] for fields in places.values()} == {"OFF"}
    # What the table says of the enums: the note's OFF arrives in this field as MANUAL.
    assert RewriterConfig.OFF == RewriterConfig.MANUAL == 2 and RewriterConfig.NO_MEM_OPT == 1


def test_the_vendors_port_sets_two_parameters() -> None:
    assert session_options("port", "NpuOptimizer") == {"use_off_line": True, "precision_mode": "allow_mix_precision"}


def test_the_session_the_graph_check_and_the_patch_set_what_the_table_says(monkeypatch: pytest.MonkeyPatch) -> None:
    from tensorflow.python.grappler import tf_optimizer

    seen: dict[str, Any] = {}
    real = tf_optimizer.OptimizeGraph

    def optimize(config: Any, graph: Any) -> Any:
        seen["config"] = config
        return real(config, graph)

    monkeypatch.setattr(tf_optimizer, "OptimizeGraph", optimize)
    optimised_graph_def(tf.function(lambda x: x + 1.0).get_concrete_function(tf.TensorSpec([2])))
    patched = tf.compat.v1.ConfigProto()
    exec(npu_session_config("patched"), {"patched": patched, "tf": tf, "os": os, "RewriterConfig": RewriterConfig})
    for config, program in ((session_config(0, "origin"), "nerctl"), (seen["config"], "nerctl"), (patched, "note")):
        rewriter = config.graph_options.rewrite_options
        for field, value in session_options(program, "rewrite_options").items():
            assert getattr(rewriter, field) == getattr(RewriterConfig, value), (program, field)


@pytest.mark.one_stack
def test_no_other_module_names_a_field_of_the_table() -> None:
    root = Path(nerctl.__file__).parent
    for path in root.rglob("*.py"):
        written = path.read_text(encoding="utf-8")
        assert ".memory_optimization" not in written and ".remapping" not in written, path
