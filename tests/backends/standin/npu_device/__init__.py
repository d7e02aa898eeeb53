"""A STAND-IN for the Ascend adapter `npu_device`, for tests only. It drives no hardware: everything runs on the CPU.

It keeps the real package's names, signatures, order rules and option validation as far as nerctl's documentation of the
adapter (docs/ascend.md) tells them, is stricter where the real one would only be slow (a second input signature, an op
outside the vendor's list of 2022-03, whose names ship with nerctl), and records calls. With STANDIN_RECORD=FILE in the
environment the record is written there as JSON when the process ends.
"""

from __future__ import annotations

from npu_device import compat, distribute, gen_npu_ops, npu_device, ops, train
from npu_device.npu_device import global_options, npu_run_context, open, set_npu_loop_size
from npu_device.record import calls

__all__ = [
    "calls",
    "compat",
    "distribute",
    "gen_npu_ops",
    "global_options",
    "npu_device",
    "npu_run_context",
    "open",
    "ops",
    "set_npu_loop_size",
    "train",
]
