"""Finds out which part is missing where TensorFlow sees no GPU: build, visibility, driver, card or library."""

from __future__ import annotations

import ctypes
import importlib.util
import os
from pathlib import Path
from typing import Any, Optional

INSTALL = "pip install 'nerctl[cuda]' (Python 3.10 or later)"
"""What brings TensorFlow's CUDA libraries."""

LIBRARIES = (
    ("libcudart.so", "cuda_version", "cuda_runtime", "the CUDA runtime"),
    ("libcublas.so", "cuda_version", "cublas", "cuBLAS"),
    ("libcudnn.so", "cudnn_version", "cudnn", "cuDNN"),
)
"""Shared library, the field of TensorFlow's build info with its version, its folder in NVIDIA's packages, its name."""

CUDA_ERRORS = {100: "it sees no card", 803: "driver and library versions do not match: restart the machine"}
"""Codes of cuInit that have a plain meaning (CUDA driver API, CUresult)."""


def missing_part() -> str:
    """What keeps TensorFlow from seeing a card, and the remedy, as a part of a sentence."""
    import tensorflow as tf

    if not tf.test.is_built_with_cuda():
        return f"this TensorFlow {tf.__version__} is built without CUDA; {INSTALL} on Linux"
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None and visible.strip() in ("", "-1"):
        return f'CUDA_VISIBLE_DEVICES is "{visible}", which hides every card; unset it, or name a card, such as 0'
    driver = driver_trouble()
    if driver is not None:
        return driver
    if visible is not None:
        beyond = f' (CUDA_VISIBLE_DEVICES is "{visible}")'
    else:
        beyond = ""
    lost = missing_libraries(tf.sysconfig.get_build_info())
    if lost:
        return f"TensorFlow {tf.__version__} cannot find {' and '.join(lost)}; {INSTALL}"
    return (
        f"driver and libraries are there, but TensorFlow {tf.__version__} sees no card{beyond}; with "
        "TF_CPP_MIN_LOG_LEVEL=0 it says why"
    )


def driver_trouble() -> Optional[str]:
    """What is wrong with the NVIDIA driver; None when it works and sees a card."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return "no NVIDIA driver (libcuda.so.1) on this machine; install it, and check it with nvidia-smi"
    code = int(driver.cuInit(0))
    if code:
        reason = CUDA_ERRORS.get(code, "see CUresult in the CUDA driver API")
        return f"the NVIDIA driver does not start (cuInit gives {code}: {reason}); check it with nvidia-smi"
    count = ctypes.c_int(0)
    driver.cuDeviceGetCount(ctypes.byref(count))
    if count.value == 0:
        return "the NVIDIA driver sees no card; check it with nvidia-smi -L"
    return None


def missing_libraries(build: Any) -> list[str]:
    """The CUDA libraries of TensorFlow's build that neither the loader nor NVIDIA's Python packages have."""
    lost = []
    for library, field, package, name in LIBRARIES:
        version = str(build.get(field, "")).split(".")[0]
        file = f"{library}.{version}" if version else library
        if not _loads(file) and not _packaged(package, library):
            lost.append(f"{name} ({file})")
    return lost


def _loads(file: str) -> bool:
    try:
        ctypes.CDLL(file)
    except OSError:
        return False
    return True


def _packaged(package: str, library: str) -> bool:
    found = importlib.util.find_spec("nvidia")
    if found is None:
        return False
    return any(any(Path(folder, package, "lib").glob(f"{library}*")) for folder in found.submodule_search_locations or ())


def driver_version() -> Optional[str]:
    """The NVIDIA driver's version by nvidia-ml-py, where that package is installed and the driver runs."""
    try:
        import pynvml

        pynvml.nvmlInit()
    except Exception:  # the package is optional, and its own error type comes with it
        return None
    try:
        version = pynvml.nvmlSystemGetDriverVersion()
        return version.decode() if isinstance(version, bytes) else str(version)
    finally:
        pynvml.nvmlShutdown()


def card_memory() -> list[tuple[str, int, int]]:
    """Name, total and free bytes of each card, by nvidia-ml-py; empty without the package or the driver."""
    try:
        import pynvml

        pynvml.nvmlInit()
    except Exception:  # as above
        return []
    try:
        cards = []
        for index in range(pynvml.nvmlDeviceGetCount()):
            handle = pynvml.nvmlDeviceGetHandleByIndex(index)
            name = pynvml.nvmlDeviceGetName(handle)
            memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
            cards.append((name.decode() if isinstance(name, bytes) else name, int(memory.total), int(memory.free)))
        return cards
    finally:
        pynvml.nvmlShutdown()
