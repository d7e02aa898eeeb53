"""What the system tells about the processor."""

from __future__ import annotations

import platform
from collections.abc import Iterator

WHOLE_NUMBERS = (
    "avx2", "avx512bw", "avx512_vnni", "avx_vnni", "avx_vnni_int8", "amx_int8",
    "asimddp", "i8mm", "sve",
)  # fmt: skip
"""Flags of /proc/cpuinfo, of x86 and of ARM, that decide how a library multiplies matrices of small whole numbers."""


def processor_name() -> str:
    """The processor's name as the system tells it."""
    for name, value in _facts():
        if name == "model name":
            return value
    return platform.processor() or platform.machine()


def processor_features() -> list[str]:
    """The kind of processor, as far as products of whole numbers may come out otherwise on another."""
    for name, value in _facts():
        if name in ("flags", "Features"):
            present = set(value.split())
            return [platform.machine(), *(flag for flag in WHOLE_NUMBERS if flag in present)]
    return [part for part in (platform.machine(), platform.processor()) if part]


def _facts() -> Iterator[tuple[str, str]]:
    """The lines of /proc/cpuinfo; none on other systems."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as stream:
            for line in stream:
                name, _, value = line.partition(":")
                yield name.strip(), value.strip()
    except OSError:
        return
