"""A run's curves, read from its step log and evaluations, thinned to what a screen can show, and drawn."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Optional

from nerctl.charts import Line, Panel, png
from nerctl.evaluation.words import WORDS

POINTS = 400
"""At most this many points a curve; more steps than that are averaged in groups."""

MARKED = 30
"""A curve of at most this many points shows each as a dot with its value."""

Curve = list[tuple[float, float]]
"""(step, value) pairs in the order of steps."""


@dataclass(frozen=True)
class Curves:
    """The curves of one run; each may be empty."""

    loss: Curve = field(default_factory=list)
    """Loss of each step's batch."""
    seconds: Curve = field(default_factory=list)
    """Seconds a step, without those that compiled a new shape."""
    learning_rate: dict[str, Curve] = field(default_factory=dict)
    """Learning rate by group of weights; the name is empty where there is only one."""
    dev_f1: Curve = field(default_factory=list)
    """Entity F1 of each evaluation, 0 to 1."""


@dataclass(frozen=True)
class Speed:
    """What the step log says about speed."""

    steps: int
    """Steps logged."""
    compiled: int
    """Steps that compiled a new shape."""
    total_seconds: float
    """Seconds of all steps together."""
    longest: float
    """Seconds of the longest step."""
    median_seconds: float
    """Median seconds of the steps that compiled nothing (of all, where each did)."""
    tokens_per_second: Optional[float]
    """Corpus tokens a second over those steps; None where tokens are not logged."""
    padding: Optional[float]
    """Share of positions that were padding; None where positions are not logged."""


def read_steps(path: Path) -> list[dict[str, Any]]:
    """The lines of steps.jsonl; a missing file has none, and lines that are no JSON object are passed over.

    The last line of a run that was killed may be half a line.
    """
    try:
        content = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    steps = []
    for line in content.splitlines():
        try:
            step = json.loads(line)
        except ValueError:
            continue
        if isinstance(step, dict) and isinstance(step.get("step"), (int, float)):
            steps.append(step)
    return steps


def curves_of(steps: Sequence[Mapping[str, Any]], evaluations: Iterable[Mapping[str, Any]]) -> Curves:
    """Curves of logged steps and of run.json's evaluations (those of dev)."""
    quick = [step for step in steps if not step.get("compiled")] or steps
    dev = [
        (evaluation["step"], evaluation["scores"]["f1"])
        for evaluation in evaluations
        if evaluation.get("split", "dev") == "dev" and evaluation.get("scores") and "step" in evaluation
    ]
    return Curves(
        loss=thin(_column(steps, "loss")),
        seconds=thin(_column(quick, "seconds")),
        learning_rate=_learning_rates(steps),
        dev_f1=sorted(dev),
    )


def speed_of(steps: Sequence[Mapping[str, Any]]) -> Optional[Speed]:
    """Speed of logged steps; None without a step that has its seconds."""
    timed = [step for step in steps if _is_number(step.get("seconds"))]
    if not timed:
        return None
    quick = [step for step in timed if not step.get("compiled")] or timed
    seconds = sum(step["seconds"] for step in quick)
    tokens = [step["tokens"] for step in quick if _is_number(step.get("tokens"))]
    laid = [step for step in timed if _is_number(step.get("positions")) and _is_number(step.get("padding"))]
    positions = sum(step["positions"] for step in laid)
    return Speed(
        steps=len(steps),
        compiled=sum(bool(step.get("compiled")) for step in timed),
        total_seconds=sum(step["seconds"] for step in timed),
        longest=max(step["seconds"] for step in timed),
        median_seconds=median(step["seconds"] for step in quick),
        tokens_per_second=sum(tokens) / seconds if tokens and seconds else None,
        padding=sum(step["padding"] * step["positions"] for step in laid) / positions if positions else None,
    )


def thin(curve: Curve, points: int = POINTS) -> Curve:
    """A curve of at most `points` points: means of groups of neighbours, of steps and values alike."""
    group = -(-len(curve) // points)
    if group <= 1:
        return curve
    groups = [curve[start : start + group] for start in range(0, len(curve), group)]
    return [(sum(step for step, _ in part) / len(part), sum(value for _, value in part) / len(part)) for part in groups]


def _column(steps: Iterable[Mapping[str, Any]], key: str) -> Curve:
    return [(step["step"], step[key]) for step in steps if _is_number(step.get(key))]


def _learning_rates(steps: Sequence[Mapping[str, Any]]) -> dict[str, Curve]:
    """One curve a group of weights, where the log gives a rate a group, or one for all."""
    rates = [(step["step"], step.get("learning_rate")) for step in steps]
    named = [(step, rate if isinstance(rate, Mapping) else {"": rate}) for step, rate in rates]
    names = list(dict.fromkeys(name for _, rate in named for name in rate))
    curves: dict[str, Curve] = {}
    for name in names:
        curves[name] = thin(_column([{"step": step, "rate": rate.get(name)} for step, rate in named], "rate"))
    return {name: curve for name, curve in curves.items() if curve}


def _is_number(value: Any) -> bool:
    """A finite number: NaN and infinity have no place on a curve."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < float("inf")


def curve_panels(curves: Mapping[str, Any]) -> list[Panel]:
    """Charts of loss, dev F1, learning rate and step time over steps; one without a point is left out.

    curves: those of report.json, which are `Curves` as a dictionary.
    """
    steps = [step for step, _ in [*curves["loss"], *curves["dev_f1"]]]
    f1 = [value for _, value in curves["dev_f1"]]
    drawn = (
        ("loss", {"": curves["loss"]}, [0.0]),
        ("dev_f1", {"": curves["dev_f1"]}, [max(min(f1) - 0.05, 0), min(max(f1) + 0.05, 1)] if f1 else []),
        ("learning_rate", curves["learning_rate"], [0.0]),
        ("step_time", {"": curves["seconds"]}, [0.0]),
    )
    return [curve_panel(key, named, steps, values) for key, named, values in drawn if any(named.values())]


def curve_panel(
    key: str, curves: Mapping[str, Curve], steps: Sequence[float] = (), values: Sequence[float] = ()
) -> Panel:
    """The chart of named curves, titled with the word `key`; its axes cover steps and values too."""
    lines = [Line(curve, name, marker="o" if len(curve) <= MARKED else "") for name, curve in curves.items()]
    return Panel(WORDS[key], lines, across=WORDS["step"], steps=steps, values=values)


def curves_png(report: Mapping[str, Any]) -> Optional[bytes]:
    """A PNG of a report's curves; None without matplotlib or without a curve."""
    panels = curve_panels(report["curves"])
    try:
        return png(panels) if panels else None
    except ImportError:
        return None
