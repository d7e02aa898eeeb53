"""Writes what people look at after a training: report.json, report.html, README.md (the card) and curves.png.

Everything comes from the run folder's run.json and steps.jsonl and from the sentences that the caller scored.
Any of them may be missing: a report of a run of five steps has curves and facts, and says what it has not.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Optional

from nerctl.evaluation.card import MARK, model_card
from nerctl.evaluation.curves import curves_of, curves_png, read_steps, speed_of
from nerctl.evaluation.errors import Analysis, Match, ScoredSentence, analyse
from nerctl.evaluation.webpage import render_page
from nerctl.files import write_bytes
from nerctl.run_record import STEPS, RunRecord

FORMAT = 1
"""Version of report.json's layout."""

ERROR_BYTES = 1_500_000
"""Bound on the sentences in a report, as JSON; half of the 3 MB that a report may take."""


def write_report(run_dir: Path, sentences: Optional[Sequence[ScoredSentence]], split: str) -> list[Path]:
    """Writes the reports of a run into its folder and gives their paths.

    sentences: the split `split` scored, for the error analysis; without them the analysis of a report.json of
    this very run is kept, if there is one. curves.png is left out where matplotlib (extra `plot`) is missing.
    A README.md that nerctl did not write is not touched: the card is then MODEL_CARD.md.

    Raises DataError when run.json is missing or unreadable, FailedError when a file cannot be written.
    """
    report = build_report(run_dir, sentences, split)
    files = [("report.json", json.dumps(report, ensure_ascii=False).encode("utf-8", "replace"))]
    files.append(("report.html", render_page(report).encode("utf-8", "replace")))
    files.append((_card_name(run_dir), model_card(report).encode("utf-8", "replace")))
    picture = curves_png(report)
    if picture is not None:
        files.append(("curves.png", picture))
    for name, content in files:
        write_bytes(run_dir / name, content)
    return [run_dir / name for name, _ in files]


def build_report(run_dir: Path, sentences: Optional[Sequence[ScoredSentence]], split: str) -> dict[str, Any]:
    """The content of report.json: record, curves, speed, scores by split, analysis, sentences with errors."""
    record = RunRecord.load(run_dir).content
    record.setdefault("seconds", None)
    steps = read_steps(run_dir / STEPS)
    evaluations = [entry for entry in record.get("evaluations") or [] if isinstance(entry, dict)]
    speed = speed_of(steps)
    if record["seconds"] is None and speed:
        # Steps and evaluations, so that the pauses of a resumed run do not count.
        scoring = [entry["seconds"] for entry in evaluations if isinstance(entry.get("seconds"), (int, float))]
        record["seconds"] = round(speed.total_seconds + sum(scoring), 3)
    report: dict[str, Any] = {
        "format": FORMAT,
        "record": record,
        "curves": asdict(curves_of(steps, evaluations)),
        "speed": asdict(speed) if speed else None,
        "scores": _scores_by_split(record, evaluations),
        "split": None,
        "analysis": None,
        "errors": {"sentences": [], "left_out": 0},
    }
    if sentences is not None:
        analysis = analyse(sentences)
        report["split"] = split
        report["analysis"] = analysis.as_dict()
        report["errors"] = _error_list(analysis, sentences)
    else:
        report.update(_kept_analysis(run_dir, record))
    if report["split"] in ("dev", "test"):
        report["scores"].setdefault(report["split"], report["analysis"]["scores"])
    return report


def _scores_by_split(record: Mapping[str, Any], evaluations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Scores of dev at the best step (at the last evaluation where no best is recorded) and of test."""
    scores: dict[str, Any] = {}
    dev = [entry for entry in evaluations if entry.get("split", "dev") == "dev" and entry.get("scores")]
    if dev:
        best = (record.get("best") or {}).get("step")
        scores["dev"] = next((entry for entry in dev if entry.get("step") == best), dev[-1])["scores"]
    if record.get("test"):
        scores["test"] = record["test"]
    return scores


def has_analysis(run_dir: Path) -> bool:
    """Whether a report without scored sentences would still have an analysis, kept from an earlier one."""
    return bool(_kept_analysis(run_dir, RunRecord.load(run_dir).content).get("analysis"))


def _kept_analysis(run_dir: Path, record: Mapping[str, Any]) -> dict[str, Any]:
    """Analysis of an earlier report of the same weights: the same run, stopped at the same step."""
    try:
        earlier = json.loads((run_dir / "report.json").read_text(encoding="utf-8"))
        same = all(earlier["record"].get(key) == record.get(key) for key in ("run_id", "step", "best"))
        if same and earlier["format"] == FORMAT:
            kept = {key: earlier[key] for key in ("split", "analysis", "errors")}
            return kept if kept["analysis"] else {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass  # no report yet, or not one of ours: nothing to keep
    return {}


def _error_list(analysis: Analysis, sentences: Sequence[ScoredSentence]) -> dict[str, Any]:
    """The sentences with errors; where they are too many, as many as fit, evenly spread over the corpus."""
    entries = [_entry(index, sentences[index], matches) for index, matches in analysis.errors]
    sizes = [len(json.dumps(entry, ensure_ascii=False).encode("utf-8", "replace")) for entry in entries]
    kept = list(range(len(entries)))
    if sum(sizes) > ERROR_BYTES:
        wanted = max(int(len(entries) * ERROR_BYTES / sum(sizes)), 1)
        kept = [place * len(entries) // wanted for place in range(wanted)]
    shown, budget = [], ERROR_BYTES
    for place in kept:
        if sizes[place] <= budget:
            budget -= sizes[place]
            shown.append(entries[place])
    return {"sentences": shown, "left_out": len(entries) - len(shown)}


def _entry(index: int, sentence: ScoredSentence, matches: Sequence[Match]) -> dict[str, Any]:
    """One sentence for the list: spans as [start, end, type, class] and, if predicted, score (null: none).

    Tokens of one character each are one string, to save space.
    """
    tokens = list(sentence.tokens)
    single = all(len(token) == 1 for token in tokens)
    return {
        "sentence": index,
        "tokens": "".join(tokens) if single else tokens,
        "unknown": [place for place, unknown in enumerate(sentence.unknown) if unknown],
        "gold": [[*match.gold[:3], match.kind] for match in matches if match.gold],
        "predicted": [
            [*match.predicted[:3], match.kind, _rounded(match.predicted.score)]
            for match in sorted(matches, key=lambda match: match.predicted or (0, 0))
            if match.predicted
        ],
    }


def _rounded(score: Optional[float]) -> Optional[float]:
    return round(float(score), 4) if score is not None and math.isfinite(score) else None


def _card_name(run_dir: Path) -> str:
    try:
        ours = MARK in (run_dir / "README.md").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        ours = True
    return "README.md" if ours else "MODEL_CARD.md"
