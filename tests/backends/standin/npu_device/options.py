"""The options object: known names only, checked values, and nothing after open."""

from __future__ import annotations

from npu_device.record import record

ANY = None
"""An option that takes any text or number."""

NAMES = {
    "precision_mode": (
        "force_fp32", "allow_fp32_to_fp16", "force_fp16", "must_keep_origin_dtype", "allow_mix_precision",
        "allow_mix_precision_fp16", "allow_mix_precision_bf16", "cube_fp16in_fp32out", "allow_fp32_to_bf16",
    ),
    "precision_mode_v2": ("fp16", "origin", "cube_fp16in_fp32out", "mixed_float16", "mixed_bfloat16"),
    "jit_compile": ("auto", "true", "false"),
    "op_compiler_cache_mode": ("enable", "disable", "force"),
    "op_compiler_cache_dir": ANY,
    "graph_compiler_cache_dir": ANY,
    "graph_run_mode": (0, 1),
    "deterministic": (0, 1),
    "modify_mixlist": ANY,
    "fusion_switch_file": ANY,
    "graph_memory_max_size": ANY,
    "variable_memory_max_size": ANY,
}  # fmt: skip

DUMP = {"enable_dump": (True, False), "dump_path": ANY, "dump_step": ANY, "dump_mode": ("input", "output", "all")}

PROFILING = {"enable_profiling": (True, False), "profiling_options": ANY}


class Options:
    """Fields that refuse unknown names (ValueError), odd types (TypeError) and values outside their list (ValueError)."""

    def __init__(self, names: dict, prefix: str = "") -> None:
        self.__dict__.update(_names=names, _prefix=prefix, _values={}, _closed=False, _parts={})

    def __setattr__(self, name: str, value: object) -> None:
        full = self._prefix + name
        if self._closed:
            raise RuntimeError(f"stand-in: option {full} was set after open(); options come first")
        if name not in self._names:
            raise ValueError(f"NpuConfig has no option {full}, all options {sorted(self._names)}")
        if not isinstance(value, (str, int, bool)):
            raise TypeError(f"option {full} must be a text, a number or a truth value, not {type(value).__name__}")
        allowed = self._names[name]
        if allowed is not ANY and not any(value == one and type(value) is type(one) for one in allowed):
            raise ValueError(f"'{value}' not in optional list {list(allowed)}")
        self._values[name] = value
        record("option", full, value)

    def __getattr__(self, name: str) -> object:
        if name in self.__dict__["_parts"]:
            return self._parts[name]
        if name in self.__dict__["_names"]:
            return self._values.get(name)
        raise AttributeError(f"NpuConfig has no option {name}")

    def close(self) -> None:
        """From now on nothing may be set."""
        self.__dict__["_closed"] = True
        for part in self._parts.values():
            part.close()


def all_options() -> Options:
    """A fresh options object with its parts."""
    options = Options(NAMES)
    options.__dict__["_parts"] = {
        "dump_config": Options(DUMP, "dump_config."),
        "profiling_config": Options(PROFILING, "profiling_config."),
    }
    return options
