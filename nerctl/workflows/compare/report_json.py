"""A comparison for programs: what `nerctl compare --json` prints."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any, Optional

from nerctl.workflows.compare.comparison import Comparison, Row
from nerctl.workflows.compare.step_log import Run
from nerctl.workflows.compare.timing import Timing
from nerctl.workflows.compare.verdict import verdict_on


def as_json(comparison: Comparison) -> dict[str, Any]:
    """The comparison as plain values; losses that are not finite become null."""
    agreement = comparison.agreement
    return {
        "verdict": asdict(verdict_on(comparison)),
        "a": _side_json(comparison.a, comparison.timing_a),
        "b": _side_json(comparison.b, comparison.timing_b),
        "differences": list(comparison.differences),
        "not_known": list(comparison.unknown),
        "losses_should_agree": comparison.should_agree,
        "steps": [_row_json(row, comparison) for row in comparison.rows],
        "median_ratio": comparison.ratio,
        "agreement": None
        if agreement is None
        else {
            "tolerance": agreement.tolerance,
            "agree": agreement.agree,
            "worst_step": agreement.worst_step,
            "outside": list(agreement.outside),
            "missing": list(agreement.missing),
        },
    }


def _side_json(run: Run, timing: Timing) -> dict[str, Any]:
    return {
        "path": str(run.path),
        "device": run.facts.device,
        "settings": dict(run.facts.values),
        "settings_from": run.facts.origin,
        "notes": list(run.notes),
        "steps": len(run.steps),
        "unread_steps": list(run.unread),
        "warm_up_steps": list(timing.warm_up),
        "warm_up_found": timing.found,
        "steady_steps": timing.steady,
        "median_seconds": timing.median,
        "mad_seconds": timing.mad,
        "fastest_seconds": timing.fastest,
        "slowest_seconds": timing.slowest,
        "sentences_per_second": timing.sentences_per_second,
        "tokens_per_second": timing.tokens_per_second,
        "padding": timing.padding,
        "first_step_seconds": timing.first_step,
        "total_seconds": timing.total,
    }


def _row_json(row: Row, comparison: Comparison) -> dict[str, Any]:
    def finite(value: Optional[float]) -> Optional[float]:
        return value if value is not None and math.isfinite(value) else None

    return {
        "step": row.step,
        "loss_a": finite(row.a.loss) if row.a else None,
        "loss_b": finite(row.b.loss) if row.b else None,
        "difference": finite(row.difference),
        "relative": finite(row.relative),
        "loss_scale_a": row.a.loss_scale if row.a else None,
        "loss_scale_b": row.b.loss_scale if row.b else None,
        "seconds_a": row.a.seconds if row.a else None,
        "seconds_b": row.b.seconds if row.b else None,
        "ratio": row.ratio,
        "warm_up_a": row.step in comparison.timing_a.warm_up,
        "warm_up_b": row.step in comparison.timing_b.warm_up,
    }
