"""nerctl doctor: says whether a device can train, and what is missing where it cannot."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import typer

from nerctl.backends import Device, DeviceOptions, Precision, backend_for
from nerctl.commands._help import DEVICE, OUTPUT, choices
from nerctl.commands._options import DEVICE_OPTION
from nerctl.console import out


def doctor(
    device: Device = DEVICE_OPTION,
    device_id: Optional[int] = typer.Option(None, help="The card, from 0.", metavar="N", rich_help_panel=DEVICE),
    precision: Precision = typer.Option(
        "float32", help="Of the trial's products in the encoder.", metavar=choices(Precision), rich_help_panel=DEVICE
    ),
    xla: Optional[bool] = typer.Option(
        None, "--xla/--no-xla", help="Compile the trial with XLA.", rich_help_panel=DEVICE
    ),
    npu_option: list[str] = typer.Option(
        [], metavar="NAME=VALUE", help="An option of the Ascend adapter; repeatable.", rich_help_panel=DEVICE
    ),
    npu_ops: Optional[Path] = typer.Option(
        None,
        help="The vendor's npu_supported_ops.json; default: the toolkit's own, else the names of the list of 2022-03.",
        metavar="FILE",
        rich_help_panel=DEVICE,
    ),
    as_json: bool = typer.Option(False, "--json", help="One JSON object.", rich_help_panel=OUTPUT),
) -> None:
    """Check whether a device can train: versions, libraries, devices, environment, and a trial.

    The trial trains a tiny model for two steps on the device and on the CPU and compares the losses. With
    --device npu the graphs that the card would be given are checked too, on any machine. Exits with 0 when the
    device can be used, 1 when something failed.

    \b
    Examples:
      nerctl doctor
      nerctl doctor --device npu --npu-ops npu_supported_ops.json
    """
    from nerctl.backends import lstm_form
    from nerctl.errors import NerctlError
    from nerctl.workflows.doctor.checks import diagnose
    from nerctl.workflows.doctor.line import FAILED, Line

    if npu_ops is not None and device != "npu":
        raise NerctlError("--npu-ops needs --device npu: no other device has such a list")
    if npu_ops is not None:
        from nerctl.backends.npu_ops import read_npu_ops

        read_npu_ops(npu_ops)
    options = DeviceOptions(device=device, device_id=device_id, precision=precision, xla=xla, npu_options=tuple(npu_option))
    # Refuses options that the device does not take, before anything is tried.
    lstm_form(backend_for(options), "bilstm-crf", True)
    lines: list[Line] = []
    for line in diagnose(options, npu_ops, lambda what: out.say(f"... {what}")):
        lines.append(line)
        if not as_json:
            out.item(f"{line.status:<8} {line.subject}: {line.message}", indent=" " * 9)
            if line.remedy:
                out.item(f"{'':8} -> {line.remedy}", indent=" " * 12)
    usable = all(line.status != FAILED for line in lines)
    if as_json:
        out.json({"device": device, "usable": usable, "lines": [vars(line) for line in lines]})
    else:
        out.result(f"{device}: {'can be used' if usable else 'cannot be used'}")
    if not usable:
        raise typer.Exit(1)
