"""The Ascend adapter's options that `--npu-option NAME=VALUE` takes, and what each may be.

Names and values are those of the adapter's global options (docs/ascend.md). They are checked before the adapter is
loaded, so that a typing mistake costs no minutes; the adapter checks them once more.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any, Union

from nerctl.errors import DeviceError

Value = Union[str, int, bool]

CHOICES: dict[str, tuple[Value, ...]] = {
    "precision_mode": (
        "force_fp32", "allow_fp32_to_fp16", "force_fp16", "must_keep_origin_dtype", "allow_mix_precision",
        "allow_mix_precision_fp16", "allow_mix_precision_bf16", "cube_fp16in_fp32out", "allow_fp32_to_bf16",
    ),
    "precision_mode_v2": ("fp16", "origin", "cube_fp16in_fp32out", "mixed_float16", "mixed_bfloat16"),
    "jit_compile": ("auto", True, False),
    "op_compiler_cache_mode": ("enable", "disable", "force"),
    "graph_run_mode": (0, 1),
    "deterministic": (0, 1),
    "dump_config.enable_dump": (True, False),
    "dump_config.dump_mode": ("input", "output", "all"),
    "profiling_config.enable_profiling": (True, False),
}  # fmt: skip
"""Options that take one of a few values."""

TEXTS = (
    "op_compiler_cache_dir",
    "graph_compiler_cache_dir",
    "modify_mixlist",
    "fusion_switch_file",
    "graph_memory_max_size",
    "variable_memory_max_size",
    "dump_config.dump_path",
    "dump_config.dump_step",
    "profiling_config.profiling_options",
)
"""Options that take a path or another text, which the adapter reads."""

HALF_PRECISION = frozenset(
    {
        "allow_fp32_to_fp16", "force_fp16", "allow_mix_precision", "allow_mix_precision_fp16", "fp16", "mixed_float16",
        "cube_fp16in_fp32out",
    }
)  # fmt: skip
"""Precision modes in which float16 may take the place of float32, so that the loss must be scaled."""


def parse_options(given: Iterable[str]) -> dict[str, Value]:
    """The options by name, each with a value of its own type.

    Args:
        given: texts NAME=VALUE; of a name given twice the last counts.

    Raises:
        DeviceError: no NAME=VALUE, an unknown name, or a value that the name does not take.
    """
    options: dict[str, Value] = {}
    for text in given:
        name, separator, value = text.partition("=")
        if not separator or not value:
            raise DeviceError(f"--npu-option {text}: must be NAME=VALUE, such as precision_mode=allow_mix_precision")
        options[name] = _value(name, value)
    if "precision_mode" in options and "precision_mode_v2" in options:
        raise DeviceError("--npu-option: precision_mode and precision_mode_v2 exclude each other; give one of them")
    return options


def _value(name: str, value: str) -> Value:
    if name in TEXTS:
        return value
    if name not in CHOICES:
        known = [*CHOICES, *TEXTS]
        near = difflib.get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]}?" if near else f"the names are {', '.join(sorted(known))}"
        raise DeviceError(f"--npu-option {name}: unknown; {hint}")
    for choice in CHOICES[name]:
        if value == (str(choice).lower() if isinstance(choice, bool) else str(choice)):
            return choice
    shown = ", ".join(str(choice).lower() if isinstance(choice, bool) else str(choice) for choice in CHOICES[name])
    raise DeviceError(f"--npu-option {name}={value}: it takes {shown}")


def apply_options(target: Any, options: dict[str, Value]) -> None:
    """Sets options on the adapter's options object, before the device is opened.

    Raises:
        DeviceError: this version of the adapter refuses a name or a value.
    """
    for name, value in options.items():
        try:
            _set(target, name, value)
        except (AttributeError, TypeError, ValueError) as error:
            raise DeviceError(
                f"the installed Ascend adapter refuses the option {name}={value} ({error}); leave it out, or update "
                "the adapter"
            ) from None


def _set(target: Any, name: str, value: Value) -> None:
    holder, leaf = target, name
    if "." in name:
        part, leaf = name.split(".", 1)
        holder = getattr(target, part)
    try:
        setattr(holder, leaf, value)
    except (TypeError, ValueError):
        if not isinstance(value, bool):
            raise
        setattr(holder, leaf, str(value).lower())  # some releases take "true" where others take True
