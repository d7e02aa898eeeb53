"""What `nerctl doctor --device npu` looks at: adapter, releases, driver, ranks, graphs, and how the card overflows."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Optional

from nerctl.backends import DeviceOptions
from nerctl.backends.npu import ONE_CARD, check_host, compile_cache, load_adapter
from nerctl.backends.npu_ops import BELOW_OPP, SupportedOps, read_npu_ops, shipped_npu_ops, toolkit_npu_ops
from nerctl.backends.npu_ranks import CHIEF, WORKER, rank_troubles, several_cards
from nerctl.backends.npu_releases import (
    BELONGS,
    ROOT,
    Release,
    adapter_release,
    cann_releases,
    package_version,
    verdict,
)
from nerctl.backends.npu_smi import SECONDS, read_npu_smi
from nerctl.errors import DeviceError
from nerctl.wording import counted
from nerctl.workflows.doctor.line import FAILED, OK, WARNING, Line

VARIABLES = (
    "ASCEND_OPP_PATH", "ASCEND_TOOLKIT_HOME", "ASCEND_HOME_PATH", "ASCEND_DEVICE_ID", *ONE_CARD, "RANK_TABLE_FILE",
    *CHIEF, *WORKER, "GE_USE_STATIC_MEMORY",
)  # fmt: skip
"""What of the environment the adapter and the toolkit read."""

LSTM_SPEED = (209, 2021)
"""Samples/s of the vendor's BiLSTM-CRF without BERT, on its NPU and on what it calls competitor V (its model zoo)."""


def npu_lines(root: Path = ROOT, seconds: float = SECONDS) -> Iterator[Line]:
    """Everything but the graphs and the trial.

    Args:
        root: where the vendor's packages are installed by default.
        seconds: how long npu-smi may take.
    """
    environment = os.environ
    yield _adapter()
    yield from release_lines(environment, root)
    yield _driver(seconds)
    yield from rank_lines(environment)
    yield Line(OK, "compile cache", str(compile_cache()))
    yield variables(VARIABLES)
    yield _head()


def _adapter() -> Line:
    try:
        check_host()
        adapter = load_adapter()
    except DeviceError as error:
        trouble, _, remedy = str(error).replace("--device npu: ", "").partition("; ")
        if remedy.startswith("this is"):  # the host does not fit, and the lines above say so
            remedy = "install nerctl under Python 3.9 (docs/ascend.md)"
        return Line(FAILED, "adapter", trouble, remedy)
    return Line(OK, "adapter", f"npu_device loads from {Path(str(adapter.__file__)).parent}")


def release_lines(environment: Mapping[str, str], root: Path = ROOT, package: str = "npu_device") -> Iterator[Line]:
    """The releases of CANN and of the adapter, and whether they belong together.

    Args:
        environment: as os.environ.
        root: where the vendor's packages are installed by default.
        package: the adapter's distribution.
    """
    cann = cann_releases(environment, root)
    if not cann:
        yield Line(
            WARNING, "CANN", f"no release found in ASCEND_TOOLKIT_HOME, ASCEND_HOME_PATH or {root}",
            "install the toolkit, and source its set_env.sh in this shell",
        )  # fmt: skip
    elif len({release.version for release in cann}) > 1:
        first = {one.version: one for one in reversed(cann)}
        yield Line(
            WARNING, "CANN", ", but ".join(str(one) for one in reversed(list(first.values()))),
            "source the set_env.sh of one toolkit in a new shell; where it is one already, install it anew",
        )  # fmt: skip
    else:
        yield Line(OK, "CANN", str(cann[0]))
    version = package_version(package)
    adapter = adapter_release(environment, root, package)
    if version is not None or adapter is not None:
        yield _belongs(adapter, version or "", cann)


def _belongs(adapter: Optional[Release], version: str, cann: list[Release]) -> Line:
    subject, notes = "adapter release", "compare it with CANN's in the vendor's release notes of the adapter"
    known = "; ".join(f"{one} belongs to CANN {' and '.join(those)}" for one, those in BELONGS.items())
    if adapter is None:
        return Line(
            WARNING, subject, f"not known: its wheel is numbered {version}, as TensorFlow, in every release",
            f"{notes} (known here: adapter {known})",
        )  # fmt: skip
    seen = str(adapter)
    if not cann:
        return Line(WARNING, subject, f"{seen}; not checked, as CANN's is not known", notes)
    verdicts = {one.version: verdict(adapter.version, one.version) for one in cann}
    differing = [version for version, said in verdicts.items() if said == "differ"]
    if "not known" in verdicts.values():
        message = f"{seen}; not known whether it belongs to CANN {cann[0].version}"
        return Line(WARNING, subject, message, f"{notes} (known here: adapter {known})")
    fitting = " and ".join(BELONGS[adapter.version])
    if differing:
        return Line(
            FAILED, subject, f"{seen}; it belongs to CANN {fitting}, not {' or '.join(differing)}",
            f"install the adapter of CANN {differing[0]}, or CANN {fitting.replace(' and ', ' or ')}",
        )  # fmt: skip
    return Line(OK, subject, f"{seen}, which belongs to CANN {fitting}")


def _driver(seconds: float) -> Line:
    try:
        driver = read_npu_smi(seconds)
    except DeviceError as error:
        trouble, _, remedy = str(error).partition("; ")
        return Line(WARNING, "driver", trouble, remedy)
    cards = ", ".join(f"card {one.number} {one.name} {one.health}" for one in driver.cards)
    seen = f"{driver.version}; {cards or 'no card'}"
    ill = [one for one in driver.cards if one.health != "OK"]
    if not driver.cards:
        return Line(WARNING, "driver", seen, "check that the card is there, and in a container, its /dev/davinci files")
    return Line(WARNING if ill else OK, "driver", seen, "npu-smi info -t health -i CARD says what is wrong" if ill else "")


def overflow_line(infinities: Optional[bool]) -> Line:
    """How the card overflows, which decides how a loss scale hears of it.

    Args:
        infinities: what `nerctl.backends.npu.has_infinities` said when the card was open.
    """
    if infinities is None:
        return Line(
            WARNING, "overflow", "not known: npu_device.npu_device.is_inf_nan_enabled() gives no answer",
            "take --precision float32 or mixed_bfloat16, which need no loss scale",
        )  # fmt: skip
    if infinities:
        return Line(OK, "overflow", "gives inf and NaN: a loss scale reads it from the gradients")
    return Line(OK, "overflow", "saturates, as the first training cards do: a loss scale reads it from the status register")


def rank_lines(environment: Mapping[str, str]) -> Iterator[Line]:
    """What is wrong with the rank environment, and whether it asks for several cards, which nerctl does not train on."""
    asked = several_cards(environment)
    if asked:
        value = environment[asked]
        yield Line(FAILED, asked, f"is {value}, but nerctl trains on one card", f"unset {asked}, or set it to 1")
    for trouble in rank_troubles(environment):
        yield Line(FAILED if trouble.stops else WARNING, "ranks", trouble.message, trouble.remedy)


def _head() -> Line:
    npu, other = LSTM_SPEED
    return Line(
        OK,
        "head",
        f"the vendor gives its BiLSTM-CRF without BERT {npu} samples/s on its NPU, {other:,} on its \"competitor V\"",
        "train with --head crf: the LSTM is about ten times slower on the NPU",
    )


def variables(names: tuple[str, ...]) -> Line:
    """Those of the variables that are set."""
    found = [f"{name}={os.environ[name]}" for name in names if name in os.environ]
    return Line(OK, "environment", ", ".join(found) or f"none of {', '.join(names)} is set")


def graph_lines(options: DeviceOptions, npu_ops: Optional[Path]) -> Iterator[Line]:
    """The list of supported ops that is taken, and the graphs of each head checked against it.

    Args:
        options: device options for the NPU.
        npu_ops: the vendor's list; None: the toolkit's, else the names that ship with nerctl.
    """
    from nerctl.workflows.doctor.graphs import check_npu_graphs

    ops, line = _supported_ops(npu_ops)
    yield line
    for report in check_npu_graphs(options, ops.names):
        seen = f"{report.nodes} nodes of {len(report.ops)} kinds"
        if report.clean:
            yield Line(OK, f"graph: {report.graph}", f"{seen}, static, one trace, no loops, all in the list")
        else:
            first = "; ".join(sorted({f"{one.rule}: {one.op} ({one.node})" for one in report.findings})[:5])
            more = f" and more, {len(report.findings)} in all" if len(report.findings) > 5 else ""
            yield Line(
                FAILED,
                f"graph: {report.graph}",
                f"{seen}; {first}{more}",
                "the adapter would split the graph or refuse it; report this with the output of --json",
            )


def _supported_ops(npu_ops: Optional[Path]) -> tuple[SupportedOps, Line]:
    trouble = "the toolkit's list is not here"
    place = npu_ops or toolkit_npu_ops(os.environ)
    if place is not None:
        try:
            ops = read_npu_ops(place)
            return ops, Line(OK, "supported ops", f"{counted(len(ops.names), 'op')} in {ops.place}")
        except DeviceError as error:
            if npu_ops is not None:
                raise
            trouble = str(error)
    ops = shipped_npu_ops()
    return ops, Line(
        WARNING,
        "supported ops",
        f"{trouble}; graphs were checked against {ops.place}, {counted(len(ops.names), 'op')}, which ships with nerctl",
        f"--npu-ops FILE with the toolkit's list, $ASCEND_OPP_PATH/{BELOW_OPP}",
    )
