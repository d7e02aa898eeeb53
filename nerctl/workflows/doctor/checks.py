"""What `nerctl doctor` looks at: versions, libraries, devices, environment, and a trial on the device."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from nerctl.backends import DeviceOptions
from nerctl.backends.cuda_parts import INSTALL, card_memory, driver_version, missing_part
from nerctl.backends.npu import ONE_CARD, PYTHONS, TENSORFLOW, check_host, compile_cache, load_adapter
from nerctl.errors import DeviceError
from nerctl.workflows.doctor.trial import Trial, try_device

OK, WARNING, FAILED = "ok", "warning", "failed"

AGREE = {"float32": 1e-4, "mixed_bfloat16": 3e-2, "mixed_float16": 1e-2}
"""Relative difference of two losses that counts as agreement, by precision: the mantissas have 24, 8 and 11 bits."""

CUDA_VARIABLES = ("CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH", "XLA_FLAGS", "TF_XLA_FLAGS", "NVIDIA_TF32_OVERRIDE")

NPU_VARIABLES = ("ASCEND_OPP_PATH", "ASCEND_DEVICE_ID", *ONE_CARD, "RANK_TABLE_FILE", "GE_USE_STATIC_MEMORY")


@dataclass(frozen=True)
class Line:
    """One thing that was looked at."""

    status: str
    """ok, warning or failed."""
    subject: str
    """What was looked at."""
    message: str
    """What was seen."""
    remedy: str = ""
    """What to do where it is not ok."""


def diagnose(
    options: DeviceOptions, npu_ops: Optional[Path] = None, started: Callable[[str], None] = lambda what: None
) -> Iterator[Line]:
    """Looks at everything that a device needs, one line after the other.

    Args:
        options: the device to look at; "auto" is CUDA when TensorFlow sees a card, else the CPU.
        npu_ops: the vendor's list of supported ops, for the graph check of the NPU.
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
    parts = {"cpu": _cpu, "cuda": _cuda, "npu": _npu}[device]()
    failed = False
    for line in parts:
        failed = failed or line.status == FAILED
        yield line
    if device == "npu":
        started("tracing the training and inference graphs")
        yield from _graphs(options, npu_ops)
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
    yield from _variables(CUDA_VARIABLES)


def _npu() -> Iterator[Line]:
    try:
        check_host()
        adapter = load_adapter()
    except DeviceError as error:
        trouble, _, remedy = str(error).replace("--device npu: ", "").partition("; ")
        if remedy.startswith("this is"):  # the host does not fit, and the lines above say so
            remedy = "install nerctl under Python 3.9 (docs/ascend.md)"
        yield Line(FAILED, "adapter", trouble, remedy)
    else:
        yield Line(OK, "adapter", f"npu_device loads from {Path(str(adapter.__file__)).parent}")
    smi = shutil.which("npu-smi")
    if smi:
        yield Line(OK, "driver", f"{smi}; npu-smi info shows cards and memory")
    else:
        yield Line(WARNING, "driver", "npu-smi is not on PATH", "it comes with the Ascend driver: check the installation")
    ranks = os.environ.get("RANK_SIZE", "1")
    if ranks != "1":
        yield Line(FAILED, "RANK_SIZE", f"is {ranks}, but nerctl trains on one card", "unset RANK_SIZE, or set it to 1")
    yield Line(OK, "compile cache", str(compile_cache()))
    yield from _variables(NPU_VARIABLES)


def _variables(names: tuple[str, ...]) -> Iterator[Line]:
    found = [f"{name}={os.environ[name]}" for name in names if name in os.environ]
    yield Line(OK, "environment", ", ".join(found) or f"none of {', '.join(names)} is set")


def _graphs(options: DeviceOptions, npu_ops: Optional[Path]) -> Iterator[Line]:
    from nerctl.workflows.doctor.graphs import check_npu_graphs

    if npu_ops is None:
        place = Path(os.environ.get("ASCEND_OPP_PATH", ""), "built-in/framework/tensorflow/npu_supported_ops.json")
        npu_ops = place if os.environ.get("ASCEND_OPP_PATH") and place.is_file() else None
    if npu_ops is None:
        yield Line(
            WARNING,
            "supported ops",
            "the vendor's list is not here, so ops were checked against the rules only",
            "--npu-ops FILE with the toolkit's npu_supported_ops.json",
        )
    for report in check_npu_graphs(options, npu_ops):
        seen = f"{report.nodes} nodes of {len(report.ops)} kinds"
        if report.clean:
            against = "" if npu_ops is None else f", all in {npu_ops}"
            yield Line(OK, f"graph: {report.graph}", f"{seen}, static, one trace, no loops{against}")
        else:
            first = "; ".join(sorted({f"{one.rule}: {one.op} ({one.node})" for one in report.findings})[:5])
            more = f" and more, {len(report.findings)} in all" if len(report.findings) > 5 else ""
            yield Line(
                FAILED,
                f"graph: {report.graph}",
                f"{seen}; {first}{more}",
                "the adapter would split the graph or refuse it; report this with the output of --json",
            )


def _trial(options: DeviceOptions) -> Iterator[Line]:
    trial = try_device(options)
    if trial.error is not None:
        yield Line(FAILED, "trial", trial.error, "run nerctl --debug train on this device for the whole message")
        return
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
