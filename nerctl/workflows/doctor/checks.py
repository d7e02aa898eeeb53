"""What `nerctl doctor` looks at: versions, libraries, devices, environment, and a trial on the device."""

from __future__ import annotations

import importlib.util
import platform
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Optional

from nerctl.backends import DeviceOptions
from nerctl.backends.cuda_parts import INSTALL, card_memory, driver_version, missing_part
from nerctl.backends.npu import PYTHONS, TENSORFLOW
from nerctl.workflows.doctor.line import FAILED, OK, WARNING, Line
from nerctl.workflows.doctor.npu import graph_lines, npu_lines, overflow_line, variables
from nerctl.workflows.doctor.trial import Trial, try_device

AGREE = {"float32": 1e-4, "mixed_bfloat16": 3e-2, "mixed_float16": 1e-2}
"""Relative difference of two losses that counts as agreement, by precision: the mantissas have 24, 8 and 11 bits."""

CUDA_VARIABLES = ("CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH", "XLA_FLAGS", "TF_XLA_FLAGS", "NVIDIA_TF32_OVERRIDE")


def diagnose(
    options: DeviceOptions, npu_ops: Optional[Path] = None, started: Callable[[str], None] = lambda what: None
) -> Iterator[Line]:
    """Looks at everything that a device needs, one line after the other.

    Args:
        options: the device to look at; "auto" is CUDA when TensorFlow sees a card, else the CPU.
        npu_ops: the vendor's list of supported ops, for the graph check of the NPU; None: see `graph_lines`.
        started: hears what takes a while, before it does.
    """
    device = options.device
    yield _python(device)
    yield from _tensorflow(device)
    if device == "auto":
        from nerctl.backends.cuda import cuda_is_visible

        device = "cuda" if cuda_is_visible() else "cpu"
        yield Line(OK, "device", f"auto takes {device}")
    options = DeviceOptions(**{**vars(options), "device": device})
    parts = {"cpu": _cpu, "cuda": _cuda, "npu": npu_lines}[device]()
    failed = False
    for line in parts:
        failed = failed or line.status == FAILED
        yield line
    if device == "npu":
        started("tracing the training and inference graphs")
        yield from graph_lines(options, npu_ops)
    if failed:
        yield Line(FAILED, "trial", f"not run: {device} cannot be used as it is", "mend the failed lines above first")
    else:
        where = "the CPU" if device == "cpu" else f"{device} and on the CPU"
        started(f"training a tiny model for two steps on {where}")
        yield from _trial(options)


def _python(device: str) -> Line:
    seen = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    oldest, newest = PYTHONS
    if device == "npu" and not oldest <= tuple(map(int, platform.python_version_tuple()[:2])) <= newest:
        return Line(FAILED, "Python", seen, "the Ascend adapter needs Python 3.7 to 3.9, nerctl 3.9: install under 3.9")
    return Line(OK, "Python", seen)


def _tensorflow(device: str) -> Iterator[Line]:
    import numpy
    import tensorflow as tf

    seen = f"TensorFlow {tf.__version__}, numpy {numpy.__version__}"
    if device == "npu" and not tf.__version__.startswith(f"{TENSORFLOW}."):
        yield Line(FAILED, "TensorFlow", seen, "the Ascend adapter needs TensorFlow 2.6.5 (pip install nerctl on 3.9)")
    else:
        yield Line(OK, "TensorFlow", seen)
    if device in ("cuda", "auto"):
        build = tf.sysconfig.get_build_info()
        if tf.test.is_built_with_cuda():
            built = f"built for CUDA {build.get('cuda_version')}, cuDNN {build.get('cudnn_version')}"
            yield Line(OK, "TensorFlow build", built)
        else:
            status = FAILED if device == "cuda" else OK
            yield Line(status, "TensorFlow build", "built without CUDA", INSTALL if device == "cuda" else "")


def _cpu() -> Iterator[Line]:
    from nerctl.backends.processor import processor_name
    from nerctl.backends.threads import available_cores

    yield Line(OK, "processor", f"{processor_name()}, {available_cores()} logical cores for this process")


def _cuda() -> Iterator[Line]:
    import tensorflow as tf

    version = driver_version()
    if version is not None:
        yield Line(OK, "NVIDIA driver", version)
    cards = tf.config.list_physical_devices("GPU")
    if not cards:
        trouble, _, remedy = missing_part().partition("; ")
        yield Line(FAILED, "card", trouble, remedy)
    for index, card in enumerate(cards):
        details = tf.config.experimental.get_device_details(card)
        capability = ".".join(str(part) for part in details.get("compute_capability", ("unknown",)))
        yield Line(OK, f"card {index}", f"{details.get('device_name', card.name)}, compute capability {capability}")
    for index, (name, total, free) in enumerate(card_memory()):
        yield Line(OK, f"memory {index}", f"{name}: {free / 2**30:.1f} of {total / 2**30:.1f} GiB free")
    if cards and importlib.util.find_spec("pynvml") is None:
        yield Line(WARNING, "memory", "not known without nvidia-ml-py", "pip install nvidia-ml-py")
    yield variables(CUDA_VARIABLES)


def _trial(options: DeviceOptions) -> Iterator[Line]:
    trial = try_device(options)
    if trial.error is not None:
        yield Line(FAILED, "trial", trial.error, "run nerctl --debug train on this device for the whole message")
        return
    if options.device == "npu":
        yield overflow_line(trial.device.get("infinities"))
    reference = trial if options.device == "cpu" else try_device(DeviceOptions(device="cpu"))
    for head, losses in trial.losses.items():
        seconds = trial.seconds[head]
        timed = f"steps {seconds[0]:.2f} s (compilation in it) and {seconds[1]:.3f} s"
        shown = " and ".join(f"{loss:.5f}" for loss in losses)
        yield _agreement(head, f"losses {shown}, {timed}", trial, reference, AGREE[options.precision])


def _agreement(head: str, seen: str, trial: Trial, reference: Trial, tolerance: float) -> Line:
    if reference.error is not None:
        return Line(WARNING, f"trial: {head}", f"{seen}; no CPU losses to compare: {reference.error}", "see --device cpu")
    if reference is trial:
        falls = trial.losses[head][1] == trial.losses[head][1]  # no number is not equal to itself
        return Line(OK if falls else FAILED, f"trial: {head}", seen, "" if falls else "the loss is no number")
    gaps = [abs(one - other) / max(abs(other), 1e-9) for one, other in zip(trial.losses[head], reference.losses[head])]
    worst = max(gaps)
    seen = f"{seen}; greatest difference from the CPU's losses {worst:.1e} (relative)"
    if worst <= tolerance:
        return Line(OK, f"trial: {head}", seen)
    return Line(
        FAILED,
        f"trial: {head}",
        f"{seen}, allowed {tolerance:g}",
        "try --precision float32, and --no-xla on CUDA; if the losses still differ, report it with --json",
    )
