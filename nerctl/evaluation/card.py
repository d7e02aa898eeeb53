"""The model card, README.md of a run folder, as model hubs read it: YAML front matter, then Markdown.

Fields: https://huggingface.co/docs/hub/model-cards, section "Model card metadata".
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from nerctl.evaluation.figures import count, duration

MARK = "<!-- written by nerctl from run.json; nerctl report writes it again -->"
"""Stands in every card, so that a README of somebody else's is told apart."""

Report = Mapping[str, Any]
_NOT_YAML = re.compile("[\x7f-\x9f\ufeff\ufffe\uffff\ud800-\udfff]")


def model_card(report: Report) -> str:
    """The card of a run, from the report as `build_report` makes it."""
    record = report["record"]
    parts = [
        front_matter(report),
        MARK,
        f"# {_line(_name(record))}",
        _description(record),
        _scores(report),
        _use(),
        _training(report),
        _data(record),
        _limits(record),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def front_matter(report: Report) -> str:
    """The YAML block. Strings are written as JSON, which is YAML too, so none can break the block."""
    record = report["record"]
    lines = [
        "---",
        "language:",
        "- zh",
        "license: other",
        "license_name: as-encoder-and-corpus",
        "library_name: nerctl",
        "pipeline_tag: token-classification",
        "tags:",
        *(f"- {_yaml(tag)}" for tag in _tags(record)),
        "metrics:",
        "- precision",
        "- recall",
        "- f1",
        "- accuracy",
    ]
    if report["scores"]:
        lines += ["model-index:", f"- name: {_yaml(_name(record))}", "  results:"]
        for split, scores in report["scores"].items():
            lines += _result(split, scores, (record.get("corpus") or {}).get(split) or {})
    return "\n".join([*lines, "---"])


def _result(split: str, scores: Mapping[str, Any], corpus: Mapping[str, Any]) -> list[str]:
    path = str(corpus.get("path") or split)
    metrics = [
        ("precision", "Entity precision", scores["precision"]),
        ("recall", "Entity recall", scores["recall"]),
        ("f1", "Entity F1", scores["f1"]),
        ("accuracy", "Token accuracy", scores["token_accuracy"]),
    ]
    lines = [
        "  - task:",
        "      type: token-classification",
        "      name: Named entity recognition",
        "    dataset:",
        f"      name: {_yaml(_data_name(path))}",
        f"      type: {_yaml(_slug(_data_name(path)))}",
        f"      split: {_yaml({'dev': 'validation'}.get(split, split))}",
        "    metrics:",
    ]
    for kind, name, value in metrics:
        lines += [f"    - type: {kind}", f"      name: {name}", f"      value: {value:.4f}"]
    return lines


def _description(record: Mapping[str, Any]) -> str:
    config, encoder = record.get("config") or {}, record.get("encoder") or {}
    head = {"bilstm-crf": "BiLSTM and CRF", "crf": "CRF", "softmax": "softmax"}.get(str(config.get("head")), "")
    layers = f"{encoder['layers']} layers, hidden size {encoder.get('hidden_size')}" if encoder.get("layers") else ""
    origin = "trained from random weights" if encoder.get("from_scratch") else _code(encoder.get("path") or "")
    inside = "; ".join(part for part in (layers, origin) if part)
    encoder_text = f"a BERT encoder ({inside})" if inside else "a BERT encoder"
    with_head = f" with {head} on top" if head else ""
    types = sorted({name for part in (record.get("corpus") or {}).values() for name in (part or {}).get("entities") or {}})
    found = f" It finds entities of these types: {', '.join(_code(name) for name in types)}." if types else ""
    return f"A tagger of named entities in Chinese text: {encoder_text}{with_head}, trained by nerctl.{found}"


def _scores(report: Report) -> str:
    if not report["scores"]:
        return "## Scores\n\nThis run was not evaluated."
    rows = []
    for split, scores in report["scores"].items():
        rows.append([_line(split), "all", *_figures(scores)])
        rows += [[_line(split), _line(name), *_figures(part)] for name, part in scores.get("types", {}).items()]
    text = "Entities count as found when start, end and type are all right (conlleval's definition)."
    return f"## Scores\n\n{text}\n\n" + _table(["split", "type", "gold", "precision", "recall", "F1"], rows)


def _figures(scores: Mapping[str, Any]) -> list[str]:
    return [f"{scores['gold']:,}", *(f"{scores[key]:.4f}" for key in ("precision", "recall", "f1"))]


def _use() -> str:
    return "## Use\n\n```\npip install nerctl\nnerctl predict --model . 王小明在北京大学读书。\n```"


def _training(report: Report) -> str:
    record, config = report["record"], report["record"].get("config") or {}
    device = record.get("device") or {}
    command = record.get("command") or ""
    command = " ".join(map(str, command)) if isinstance(command, (list, tuple)) else str(command)
    versions = ", ".join(f"{name} {value}" for name, value in (record.get("versions") or {}).items() if value)
    speed = report.get("speed") or {}
    rows = [
        ["command", _code(command)],
        ["seed", _line(config.get("seed", ""))],
        ["device", _line(" ".join(str(device[key]) for key in ("backend", "name") if device.get(key)))],
        ["versions", _line(versions)],
        ["steps", f"{speed['steps']:,}" if speed else ""],
        ["time", duration(record.get("seconds"))],
        ["begun", _line(record.get("created") or "")],
        ["encoder sha256", _code((record.get("encoder") or {}).get("sha256") or "")],
    ]
    options = ["head", "epochs", "batch_size", "learning_rate", "head_learning_rate", "crf_learning_rate"]
    rows += [[name.replace("_", " "), _line(config[name])] for name in [*options, "max_seq_length"] if name in config]
    return "## Training\n\n" + _table(["", ""], [row for row in rows if row[1]])


def _data(record: Mapping[str, Any]) -> str:
    rows = [
        [
            _line(name),
            *(count(part.get(key)) for key in ("sentences", "tokens")),
            count(sum(part["entities"].values())) if part.get("entities") else "",
            _code(part.get("sha256") or ""),
        ]
        for name, part in (record.get("corpus") or {}).items()
        if part
    ]
    return "## Data\n\n" + _table(["split", "sentences", "tokens", "entities", "sha256"], rows) if rows else ""


def _limits(record: Mapping[str, Any]) -> str:
    lines = [
        "The figures hold for text like the corpus above; other text may give other ones.",
        "Weights follow the licences of the encoder and of the corpus: check both, then set `license` above.",
    ]
    problems = [f"The corpus: {_line(problem)}" for problem in record.get("problems") or []]
    return "## Limits\n\n" + "\n".join(f"- {line}" for line in [*lines, *problems])


def _tags(record: Mapping[str, Any]) -> Sequence[str]:
    head = str((record.get("config") or {}).get("head") or "")
    return [
        "named-entity-recognition",
        "ner",
        "chinese",
        "bert",
        *([head] if head else []),
        "tensorflow",
        "nerctl",
    ]


def _name(record: Mapping[str, Any]) -> str:
    train = ((record.get("corpus") or {}).get("train") or {}).get("path")
    return f"Chinese named entities, trained on {_data_name(str(train))}" if train else "Chinese named entities"


def _data_name(path: str) -> str:
    """The folder that a corpus file lies in, or its own name."""
    parts = [part for part in re.split(r"[\\/]", path) if part]
    return parts[-2] if len(parts) > 1 else (parts[-1] if parts else "corpus")


def _slug(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name).strip("-").lower() or "corpus"


def _yaml(value: str) -> str:
    return json.dumps(_NOT_YAML.sub("\ufffd", value), ensure_ascii=False)


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _line(value: Any) -> str:
    """Text for a line of Markdown: no line break, and nothing that would be markup or end a table's cell."""
    flat = " ".join(str(value).split())
    return re.sub(r"([\\`*_{}\[\]<>|#])", r"\\\1", flat)


def _code(value: Any) -> str:
    """Text as inline code, safe in a table's cell."""
    flat = " ".join(str(value).split()).replace("`", "'").replace("|", "\\|")
    return f"`{flat}`" if flat else ""
