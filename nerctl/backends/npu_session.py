"""The session options of graph-mode programs on the NPU (TensorFlow 1.15, or `tf.compat.v1`): one table, and who takes what.

Three programs have such a session: nerctl's own (`nerctl`), the original with its migration note's patch (`note`), and
the vendor's finished port of it (`port`). Where one option has several values, each is right for its program, and its
row says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Optional, Union, get_args

Parameter = Union[bool, int, str]

Program = Literal["nerctl", "note", "port"]
"""Whose session it is."""

Place = Literal["NpuOptimizer", "rewrite_options"]
"""Where an option stands: a parameter of the custom optimizer, or a field of `graph_options.rewrite_options`."""

ADAPTER = "the adapter's documentation of NpuOptimizer"
NOTE = "the migration note"
PORT = "ModelZoo-TensorFlow, built-in/nlp/BiLSTM_CRF_ID0125_for_TensorFlow (2021-08)"

EVERY: tuple[Program, ...] = get_args(Program)
OURS: tuple[Program, ...] = ("nerctl", "note")


@dataclass(frozen=True)
class SessionOption:
    """A row of the table: one value of one option."""

    place: Place
    """Where it stands."""
    name: str
    """What it is called there."""
    value: Optional[Parameter]
    """A parameter's value, or the name of a field's value in RewriterConfig; None: the program leaves it alone."""
    programs: tuple[Program, ...]
    """Whose sessions have this value."""
    source: str
    """Where the value comes from, and why it is this one."""


SESSION_OPTIONS: tuple[SessionOption, ...] = (
    SessionOption("NpuOptimizer", "use_off_line", True, EVERY, f"{ADAPTER}, and {PORT}: compute on the NPU"),
    SessionOption("NpuOptimizer", "enable_data_pre_proc", True, OURS, f"{ADAPTER}: the input's GetNext goes to the NPU"),
    SessionOption("NpuOptimizer", "mix_compile_mode", False, OURS,
                  f"{ADAPTER}: what the card cannot run is an error, not a slow op on the host"),
    SessionOption("NpuOptimizer", "hcom_parallel", False, OURS, f"{ADAPTER}: one card has no gradients to exchange"),
    SessionOption("NpuOptimizer", "iterations_per_loop", 1, OURS,
                  f"{ADAPTER}: each step returns to the host, so that it can be timed"),
    SessionOption("NpuOptimizer", "graph_run_mode", 1, OURS, f"{ADAPTER}: 1 is training"),
    SessionOption("NpuOptimizer", "session_device_id", 0, OURS,
                  f"{ADAPTER}: the first card; --device-id or ASCEND_DEVICE_ID says another"),
    SessionOption("NpuOptimizer", "precision_mode", "must_keep_origin_dtype", ("nerctl",),
                  f"{ADAPTER}: the graph itself says which products are float16"),
    SessionOption("NpuOptimizer", "precision_mode", "allow_fp32_to_fp16", ("note",),
                  f"{ADAPTER}: its default for training on the Ascend 910; float32 where the operator has it, else float16"),
    SessionOption("NpuOptimizer", "precision_mode", "allow_mix_precision", ("port",),
                  f"{PORT}: mixed precision, which its loss scaling belongs to"),
    SessionOption("NpuOptimizer", "op_select_implmode", "high_precision", OURS,
                  f"{ADAPTER}: losses are compared across devices"),
    SessionOption("NpuOptimizer", "profiling_mode", False, OURS, f"{ADAPTER}: off; it would slow the steps that are timed"),
    SessionOption("NpuOptimizer", "profiling_options", "", OURS, f"{ADAPTER}: none"),
    SessionOption("NpuOptimizer", "enable_dump", False, OURS, f"{ADAPTER}: off; it writes every tensor"),
    SessionOption("NpuOptimizer", "jit_compile", "auto", OURS, f"{ADAPTER}: its default"),
    SessionOption("rewrite_options", "remapping", "OFF", EVERY,
                  f"{ADAPTER}, and {PORT}: remapping fuses ops into ones that the NPU does not have"),
    SessionOption("rewrite_options", "memory_optimization", "NO_MEM_OPT", ("nerctl",),
                  f"{ADAPTER} wants it off; off is NO_MEM_OPT (1) in this field's own enum, MemOptType"),
    SessionOption("rewrite_options", "memory_optimization", "OFF", ("note",),
                  f"{NOTE} and the vendor's scripts write RewriterConfig.OFF, the 2 of another enum, Toggle; in MemOptType "
                  "that is MANUAL, which optimises only ops that are marked for it, so none here. The patch keeps their "
                  "wording, to be compared with them line by line"),
    SessionOption("rewrite_options", "memory_optimization", None, ("port",), f"{PORT} does not touch it"),
)  # fmt: skip
"""Every option that one of the programs sets, in the order in which it is written."""


def session_options(program: Program, place: Place) -> dict[str, Parameter]:
    """What a program sets at one place, in order; what it leaves alone is not there."""
    rows = (row for row in SESSION_OPTIONS if program in row.programs and row.place == place)
    return {row.name: row.value for row in rows if row.value is not None}


def set_rewriter(rewriter: Any, program: Program) -> None:
    """Sets the fields of a `RewriterConfig` message as a program does."""
    for field, value in session_options(program, "rewrite_options").items():
        setattr(rewriter, field, type(rewriter).DESCRIPTOR.fields_by_name[field].enum_type.values_by_name[value].number)


def session_config(device_id: int, precision_mode: str) -> Any:
    """nerctl's `tf.compat.v1.ConfigProto`: the NpuOptimizer for a card, remapping and memory optimisation off."""
    import tensorflow as tf

    config = tf.compat.v1.ConfigProto(allow_soft_placement=True)
    rewriter = config.graph_options.rewrite_options
    optimizer = rewriter.custom_optimizers.add()
    optimizer.name = "NpuOptimizer"
    given: dict[str, Parameter] = {"session_device_id": device_id, "precision_mode": precision_mode}
    for name, value in {**session_options("nerctl", "NpuOptimizer"), **given}.items():
        target = optimizer.parameter_map[name]
        if isinstance(value, bool):
            target.b = value
        elif isinstance(value, int):
            target.i = value
        else:
            target.s = value.encode()
    set_rewriter(rewriter, "nerctl")
    return config
