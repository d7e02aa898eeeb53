"""What a run says about itself that decides whether two runs can be compared."""

from __future__ import annotations

import math
import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Optional, Union

Fact = Union[str, int, float, None]

COMPARED = (
    "batch shape", "precision", "batch size", "seed", "encoder", "dropout", "max_seq_length", "head", "learning rate",
    "epochs",
)  # fmt: skip
"""The facts that are set beside each other, in the order in which differences are told."""

_ARGUMENTS_HEADER = re.compile(r"^\s+ARG\s+VALUE\s*$", re.MULTILINE)
_ARGUMENT = re.compile(r"^\s*(\w+) = (.*?)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class RunFacts:
    """Facts by name; what is not in `values` is not known, and a value of None says that there is none."""

    values: dict[str, Fact] = field(default_factory=dict)
    """Facts under the names of COMPARED."""
    device: Optional[str] = None
    """What the run was made on, in words."""
    log_name: Optional[str] = None
    """`cpu`, `gpu` or `npu`: which loss+perf log is this run's."""
    warm_up_seconds: float = 0.0
    """Seconds of warm-up before step 1, not part of any step."""
    origin: Optional[str] = None
    """Where the facts come from: `run.json`, or `arguments` that the original printed."""
    machine: Optional[str] = None
    """The processor's kind as `uname -m` says it, such as `aarch64`."""
    seconds: Optional[float] = None
    """Wall seconds of the whole run as far as its record goes, all its parts together."""
    finished: bool = False
    """Whether its record says that it came to its end."""

    @property
    def batch_shape(self) -> Optional[str]:
        """`fixed` or `bucketed`; None when it is not known."""
        shape = self.values.get("batch shape")
        return None if shape is None else str(shape)


def facts_of_run(record: dict[str, Any]) -> RunFacts:
    """The facts of a run.json; missing or odd entries are not known."""
    config = record["config"]
    made_on, warm_up, versions = (_table(record.get(name)) for name in ("device", "warmup", "versions"))
    values: dict[str, Fact] = {}
    for name in COMPARED:
        key = name.replace(" ", "_")
        # What the device settled on, then what was asked for, which may be "auto".
        found = made_on.get(key) or _setting(config, key)
        if (
            found is not _ABSENT
            and found != "auto"
            and (found is None or isinstance(found, (str, int, float)))
        ):
            values[name] = found
    if values.get("dropout", 0) is None:
        values["dropout"] = "the encoder's own"
    values.pop("encoder", None)
    encoder = _encoder(record.get("encoder"))
    if encoder is not None:
        values["encoder"] = encoder
    machine = versions.get("machine")
    device = made_on.get("name") or made_on.get("backend")
    return RunFacts(
        values,
        str(device) if device else None,
        str(made_on["log"]) if made_on.get("log") else None,
        _seconds(warm_up) or 0.0,
        "run.json",
        str(machine) if machine else None,
        _seconds(record),
        record.get("state") == "finished",
    )


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _seconds(table: dict[str, Any]) -> Optional[float]:
    seconds = table.get("seconds")
    return float(seconds) if isinstance(seconds, (int, float)) and math.isfinite(seconds) else None


def same_encoder_is_known(value: Fact) -> bool:
    """Whether this says which weights they were: a checksum or none at all; a path could be anything."""
    return str(value).startswith(("sha256", "random"))


def _encoder(facts: Any) -> Optional[str]:
    if not isinstance(facts, dict):
        return None
    if facts.get("sha256"):
        return f"sha256 {str(facts['sha256'])[:12]}"
    if facts.get("from_scratch"):
        return f"random weights, hidden size {facts.get('hidden_size')}"
    return str(facts["path"]) if facts.get("path") else None


_ABSENT = object()


def _setting(config: dict[str, Any], name: str) -> Any:
    """A setting of the config, at its top or in one of its parts."""
    if name in config:
        return config[name]
    for part in config.values():
        if isinstance(part, dict) and name in part:
            return part[name]
    return _ABSENT


def facts_of_arguments(log: str) -> RunFacts:
    """The facts of a log in which the original printed its arguments (`ARG VALUE`, then a line each)."""
    header = _ARGUMENTS_HEADER.search(log)
    if header is None:
        return RunFacts()
    listed = {found[1]: found[2] for found in _ARGUMENT.finditer(log[header.end() : header.end() + 10_000])}
    # The original pads every batch to max_seq_length, has no seed, and computes in float32.
    values: dict[str, Fact] = {"batch shape": "fixed", "precision": "float32", "seed": None}
    for name, argument in (("batch size", "batch_size"), ("max_seq_length", "max_seq_length")):
        if listed.get(argument, "").isdigit():
            values[name] = int(listed[argument])
    for name, argument in (("learning rate", "learning_rate"), ("epochs", "num_train_epochs")):
        with suppress(ValueError):
            values[name] = float(listed.get(argument, ""))
    if listed.get("init_checkpoint"):
        values["encoder"] = listed["init_checkpoint"]
    return RunFacts(values, origin="arguments")
