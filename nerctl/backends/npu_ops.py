"""Which ops the NPU has: the toolkit's list, and the names of a published one where no toolkit is at hand."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from nerctl.errors import DeviceError

BELOW_OPP = "built-in/framework/tensorflow/npu_supported_ops.json"
"""Where the toolkit keeps its list, below $ASCEND_OPP_PATH."""

SHIPPED = Path(__file__).with_name("npu_supported_ops.json")
"""The names of the list that the vendor published in its model zoo."""


@dataclass(frozen=True)
class SupportedOps:
    """A list of ops, and where it is from."""

    names: frozenset[str]
    """Op types that the NPU runs; all others it refuses, or splits the graph at them."""
    place: str
    """The file, or what the shipped list is."""
    shipped: bool
    """Whether it is the list that ships with nerctl, which may be older or newer than the toolkit at hand."""


def toolkit_npu_ops(environment: Optional[Mapping[str, str]] = None) -> Optional[Path]:
    """The list of the toolkit whose environment is set, if it is there; `environment` is os.environ unless given."""
    opp = (os.environ if environment is None else environment).get("ASCEND_OPP_PATH")
    path = Path(opp, BELOW_OPP) if opp else None
    return path if path is not None and path.is_file() else None


def shipped_npu_ops() -> SupportedOps:
    """The names that ship with nerctl, dated."""
    content = json.loads(SHIPPED.read_text(encoding="utf-8"))
    return SupportedOps(frozenset(content["ops"]), f"the vendor's list of {content['published']}", True)


def read_npu_ops(path: Path) -> SupportedOps:
    """The ops of the vendor's `npu_supported_ops.json`: {"Add": {"isGray": false, "isHeavy": false}, ...}.

    As the adapter does outside its mixed mode, every op listed counts as supported, whatever its flags say.

    Raises:
        DeviceError: the file is missing or is no such list.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DeviceError(f"{path}: no such file; the Ascend toolkit has it in $ASCEND_OPP_PATH/{BELOW_OPP}") from None
    except (OSError, ValueError) as error:
        raise DeviceError(f"{path}: cannot be read as JSON ({error})") from None
    if not isinstance(content, dict) or not content:
        raise DeviceError(f'{path}: not a list of ops; it must be one JSON object {{"Add": {{...}}, ...}}')
    wrong = next((name for name, flags in content.items() if not isinstance(flags, dict)), None)
    if wrong is not None:
        raise DeviceError(f'{path}: "{wrong}" has no object of flags; the layout is {{"Add": {{"isGray": false}}}}')
    return SupportedOps(frozenset(content), str(path), False)
