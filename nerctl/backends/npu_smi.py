"""The Ascend driver and the cards that it sees, as `npu-smi info` tells them."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass

from nerctl.errors import DeviceError

SECONDS = 10.0
"""After which npu-smi is given up; it answers within a second where the driver does."""

VERSION = re.compile(r"Version:\s*([\w.-]+)")
"""In the table's first row."""

CARD = re.compile(r"^\s*\|\s*(\d+)\s+(\S+)\s*\|\s*([A-Za-z]+)\s*\|", re.MULTILINE)
"""A card's first row: number and name, then health, which is a word; chips and processes have numbers there."""


@dataclass(frozen=True)
class Card:
    """One card."""

    number: int
    """As npu-smi counts them."""
    name: str
    """Such as 910B3."""
    health: str
    """OK, or what npu-smi says instead."""


@dataclass(frozen=True)
class Driver:
    """What npu-smi says."""

    version: str
    """The driver's release, such as 25.5.2."""
    cards: tuple[Card, ...]
    """All that it sees."""


def read_npu_smi(seconds: float = SECONDS) -> Driver:
    """Asks the npu-smi on PATH.

    Args:
        seconds: how long to wait for its answer.

    Raises:
        DeviceError: it is not there, does not answer, or answers with an error.
    """
    command = shutil.which("npu-smi")
    if command is None:
        raise DeviceError("npu-smi is not on PATH; it comes with the Ascend driver: check the installation")
    again = "run npu-smi info by hand, and check driver and firmware"
    try:
        done = subprocess.run([command, "info"], capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        raise DeviceError(f"npu-smi info gave no answer within {seconds:g} s; {again}") from None
    except OSError as error:
        raise DeviceError(f"{command} cannot be run ({error.strerror}); {again}") from None
    answer = done.stdout.decode(errors="replace")
    version = VERSION.search(answer)
    if done.returncode != 0 or version is None:
        said = (done.stderr.decode(errors="replace").strip() or answer.strip() or "nothing").split("\n")[0]
        raise DeviceError(f"npu-smi info ended with {done.returncode} and said: {said}; {again}")
    cards = tuple(Card(int(number), name, health) for number, name, health in CARD.findall(answer))
    return Driver(version[1], cards)
