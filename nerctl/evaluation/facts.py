"""The report's sections about data and run: what was trained on, with what, where and how."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nerctl.evaluation.markup import code, count, duration, facts, share, table, text
from nerctl.evaluation.words import both

Report = Mapping[str, Any]


def data_section(report: Report) -> str:
    """Sentences, tokens and entities of each split, and where its file is, with its checksum."""
    corpus = {name: part for name, part in (report["record"].get("corpus") or {}).items() if part}
    if not corpus:
        return ""
    types = sorted({name for part in corpus.values() for name in part.get("entities") or {}})
    headings = ["split", "sentences", "tokens", "entities"]
    rows = []
    for name, part in corpus.items():
        entities = part.get("entities") or {}
        sizes = [count(part.get("sentences")), count(part.get("tokens"))]
        counted = [sum(entities.values()), *(entities.get(one, 0) for one in types)] if entities else []
        counted = counted or [""] * (len(types) + 1)  # the file of a split that was not read
        rows.append([text(name), *sizes, *map(count, counted)])
    sizes_table = table([both(heading) for heading in headings] + [text(name) for name in types], rows)
    files = facts(
        (text(name), f"{code(part.get('path', ''))}<br>sha256 {code(part.get('sha256', ''))}")
        for name, part in corpus.items()
    )
    return f"{sizes_table}<h3>{both('file')}</h3>{files}"


def run_section(report: Report) -> str:
    """Command, seed, times, speed, device, versions, encoder and every option."""
    record = report["record"]
    config = record.get("config") or {}
    speed = report.get("speed") or {}
    entries = [
        (both("run_id"), code(record["run_id"]) if record.get("run_id") else ""),
        (both("command"), code(_command(record.get("command")))),
        (both("seed"), code(config["seed"]) if "seed" in config else ""),
        (both("created"), text(record.get("created") or "")),
        (both("finished"), text(record.get("finished") or "")),
        (both("time"), duration(record.get("seconds"))),
        (both("steps"), _steps(speed)),
        (both("median_step"), f"{speed['median_seconds']:.3f} s" if speed else ""),
        (both("speed"), count(round(speed["tokens_per_second"])) if speed.get("tokens_per_second") else ""),
        (both("padding"), share(speed.get("padding"))),
        (both("warmup"), duration((record.get("warmup") or {}).get("seconds"))),
        (both("device"), _pairs(record.get("device"))),
        (both("versions"), _pairs(record.get("versions"))),
        (both("encoder"), _pairs(record.get("encoder"))),
    ]
    options = facts((code(name), code("-" if value is None else value)) for name, value in _flat(config))
    details = f"<details><summary>{both('options')}</summary>{options}</details>" if options else ""
    return facts(entries) + details


def _command(command: Any) -> str:
    return " ".join(map(str, command)) if isinstance(command, (list, tuple)) else str(command or "")


def _steps(speed: Mapping[str, Any]) -> str:
    if not speed:
        return ""
    if not speed["compiled"]:
        return count(speed["steps"])
    return f"{speed['steps']:,} ({speed['compiled']:,} compiled, at most {duration(speed['longest'])})"


def _pairs(content: Any) -> str:
    if not isinstance(content, Mapping):
        return text(content or "")
    return "<br>".join(f"{text(name)} {code(value)}" for name, value in _flat(content) if value not in (None, ""))


def _flat(content: Mapping[str, Any], before: str = "") -> list[tuple[str, Any]]:
    """(name, value) pairs of a tree of options, with dotted names."""
    pairs: list[tuple[str, Any]] = []
    for name, value in content.items():
        if isinstance(value, Mapping) and value:
            pairs += _flat(value, f"{before}{name}.")
        else:
            pairs.append((f"{before}{name}", value))
    return pairs
