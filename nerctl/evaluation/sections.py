"""The sections of the HTML report. Each makes HTML of the report, or "" when the run has nothing for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nerctl.charts import Line, Panel, svg
from nerctl.evaluation.calibration import Bin, Calibration
from nerctl.evaluation.curves import curve_panels
from nerctl.evaluation.errors import KINDS, NONE
from nerctl.evaluation.facts import data_section, run_section
from nerctl.evaluation.markup import count, duration, share, table, text
from nerctl.evaluation.words import WORDS, both, pair, swapped

Report = Mapping[str, Any]
PAIRED = ("correct", "boundary", "type", "missed")
"""The classes that make up the gold entities."""


def summary(report: Report) -> str:
    """The figures that one looks for first."""
    record, scores = report["record"], main_scores(report)
    cards = []
    if scores:
        name, figures = scores
        cards.append(("main", f"{text(name)} F1", share(figures["f1"])))
        cards += [("", both(key), share(figures[key])) for key in ("precision", "recall")]
    if (record.get("best") or {}).get("step") is not None:
        cards.append(("", both("best_step"), count(record["best"]["step"])))
    elif report.get("speed"):
        cards.append(("", both("steps"), count(report["speed"]["steps"])))
    cards.append(("", both("time"), duration(record.get("seconds"))))
    device = record.get("device") or {}
    cards.append(("", both("device"), text(device.get("name") or device.get("backend") or "")))
    items = [
        f'<div class="{style}"><dt>{name}</dt><dd>{value}</dd></div>'
        if style
        else f"<div><dt>{name}</dt><dd>{value}</dd></div>"
        for style, name, value in cards
        if value
    ]
    return '<dl class="cards">\n{}\n</dl>'.format("\n".join(items)) if items else ""


def warnings(report: Report) -> str:
    """Problems of data and run as the record has them, and what a reader of the scores should know."""
    record = report["record"]
    items = [text(problem) for problem in record.get("problems") or []]
    if (record.get("encoder") or {}).get("from_scratch"):
        items.append(both("from_scratch"))
    if not items:
        return f'<p class="note">{both("no_warnings")}</p>'
    return '<ul class="warnings">\n{}\n</ul>'.format("\n".join(f"<li>{item}</li>" for item in items))


def curves(report: Report) -> str:
    """Loss, dev F1, learning rate and step time over steps."""
    charts = [svg(panel) for panel in curve_panels(report["curves"])]
    return '<div class="charts">{}</div>'.format("\n".join(charts)) if charts else ""


def main_scores(report: Report) -> tuple[str, Mapping[str, Any]] | None:
    """Name and figures of the split that stands for the run: the one analysed, else test, else dev."""
    if report["analysis"]:
        return report["split"], report["analysis"]["scores"]
    return next(((name, report["scores"][name]) for name in ("test", "dev") if name in report["scores"]), None)


def scores(report: Report) -> str:
    """A row a split, then for the main one a row a type, with bars for F1 and support."""
    rows = []
    splits = dict(report["scores"])
    if report["analysis"]:
        splits[report["split"]] = report["analysis"]["scores"]
    for name, figures in splits.items():
        sizes = [count(figures.get(key)) for key in ("sentences", "tokens", "gold", "predicted", "correct")]
        shares = [share(figures.get(key)) for key in ("precision", "recall", "f1", "token_accuracy")]
        rows.append([text(name), *sizes, *shares])
    if not rows:
        return f'<p class="note">{both("absent")}</p>'
    keys = [
        "split",
        "sentences",
        "tokens",
        "gold",
        "predicted",
        "right",
        "precision",
        "recall",
        "f1",
        "token_accuracy",
    ]
    content = table([both(key) for key in keys], rows)
    main = main_scores(report)
    types = main[1].get("types") if main else None
    if main and types:
        content += f"<h3>{both('by_type')} ({text(main[0])})</h3>" + _types_table(types)
    return content


def _types_table(types: Mapping[str, Mapping[str, Any]]) -> str:
    most = max((figures["gold"] for figures in types.values()), default=0) or 1
    rows = []
    for name, figures in sorted(types.items(), key=lambda item: -item[1]["gold"]):
        f1 = bar([("fill", figures["f1"])], f"{name} F1 {figures['f1']:.4f}")
        support = bar([("thin", figures["gold"] / most)], f"{name} {figures['gold']:,}")
        graphs = [f'<td class="graph">{graph}</td>' for graph in (f1, support)]
        shares = [share(figures[key]) for key in ("f1", "precision", "recall")]
        counts = [count(figures[key]) for key in ("gold", "predicted", "correct")]
        rows.append([text(name), shares[0], graphs[0], *shares[1:], counts[0], graphs[1], *counts[1:]])
    headings = [both(key) for key in ("type", "f1")] + [""] + [both(key) for key in ("precision", "recall")]
    return table([*headings, both("support"), "", both("predicted"), both("right")], rows)


def error_classes(report: Report) -> str:
    """How many entities of each type are in each class."""
    analysis = report["analysis"]
    if not analysis:
        return f'<p class="note">{pair(*WORDS["not_analysed"])}</p>'
    rows = []
    for name, kinds in {NONE: analysis["kinds"], **analysis["by_type"]}.items():
        gold = sum(kinds[kind] for kind in PAIRED) or 1
        parts = [(kind, kinds[kind] / gold) for kind in PAIRED]
        title = f"{name} " + ", ".join(f"{kind} {kinds[kind]:,}" for kind in PAIRED)
        cells = [f"<td>{count(kinds[kind])}</td>" for kind in KINDS]
        rows.append([text(name) if name else both("all"), f'<td class="graph">{bar(parts, title)}</td>', *cells])
    headings = [both("type"), ""] + [f'<span class="key {kind}">{both("kind_" + kind)}</span>' for kind in KINDS]
    return f'<p class="note">{both("kinds_help")}</p>' + table(headings, rows)


def confusion(report: Report) -> str:
    """Gold type by predicted type, shaded by the share of the row."""
    analysis = report["analysis"]
    if not analysis or not analysis["confusion"]:
        return ""
    rows_of = analysis["confusion"]
    names = sorted({*rows_of, *(name for row in rows_of.values() for name in row)} - {NONE})
    rows = []
    for gold in [*names, NONE]:
        row = rows_of.get(gold, {})
        whole = sum(row.values()) or 1
        cells = [_cell(row.get(name, 0), whole, gold == name != NONE) for name in [*names, NONE]]
        rows.append([text(gold) if gold else both("none"), *cells])
    headings = [f"{both('gold')} \\ {both('predicted')}", *map(text, names), both("none")]
    return f'<p class="note">{both("confusion_help")}</p>' + table(headings, rows)


def _cell(entities: int, whole: int, diagonal: bool) -> str:
    level = next((level for level, bound in ((4, 0.5), (3, 0.2), (2, 0.05), (1, 0.0)) if entities > bound * whole), 0)
    style = f'class="heat-{level}{" hit" if diagonal else ""}"'
    return f"<td {style}>{count(entities)}</td>" if entities else '<td class="heat-0">0</td>'


def breakdown(report: Report) -> str:
    """F1 by length of the sentence, with and without [UNK], and how far scores can be believed."""
    analysis = report["analysis"]
    if not analysis:
        return ""
    rows = [[text(name), count(group["sentences"]), *_group(name, group)] for name, group in analysis["lengths"].items()]
    keys = ("gold", "precision", "recall", "f1")
    content = f"<h3>{both('length')}</h3>"
    content += table([both("length"), both("sentences"), *map(both, keys), ""], rows)
    if analysis["unknown"]:
        unknown = [[both(f"unknown_{name}"), *_group(name, group)] for name, group in analysis["unknown"].items()]
        content += f"<h3>{both('unknown')}</h3>" + table([both("entities"), *map(both, keys), ""], unknown)
    saved = analysis["calibration"]
    if saved:
        calibration = Calibration(tuple(Bin(**bin) for bin in saved["bins"]), saved["error"], saved["count"])
        content += f"<h3>{both('calibration')}</h3>"
        error = f"{both('calibration_error')}: {share(saved['error'])}"
        content += f'<p class="note">{both("calibration_help")} {error}</p>'
        content += svg(reliability(calibration))
    return content


def reliability(calibration: Calibration) -> Panel:
    """Share of correct entities by score, a bar a bin, the diagonal for comparison."""
    bars = [
        (low, high, right, f"{entities}", f"{low:.1f}-{high:.1f}: {entities}; {score:.3f}; {right:.3f}")
        for low, high, entities, score, right in calibration.bins
        if entities
    ]
    diagonal = Line([(0, 0), (1, 1)], dash=True)
    words = WORDS["calibration"], [diagonal], WORDS["score"], WORDS["share_right"]
    return Panel(*words, ticks=6, bars=bars)


def _group(name: str, group: Mapping[str, Any]) -> Sequence[str]:
    graph = bar([("fill", group["f1"])], f"{name} F1 {group['f1']:.4f}")
    figures = [count(group["gold"]), *(share(group[key]) for key in ("precision", "recall", "f1"))]
    return [*figures, f'<td class="graph">{graph}</td>']


def error_list(report: Report) -> str:
    """Filters and the empty list that the page's script fills, 50 sentences at a time."""
    analysis, errors = report["analysis"], report["errors"]
    if not analysis or not analysis["sentences_with_errors"]:
        return ""
    split, wrong, all_of_them = (
        report["split"],
        analysis["sentences_with_errors"],
        analysis["scores"]["sentences"],
    )
    left_out = errors["left_out"]
    note = pair(
        f"{wrong:,} of {all_of_them:,} sentences ({split}) have errors"
        + (f"; {left_out:,} of them are left out here." if left_out else "."),
        f"{split} 的 {all_of_them:,} 句中有 {wrong:,} 句出错" + (f"；其中 {left_out:,} 句未列出。" if left_out else "。"),
    )
    kinds = [("", swapped("any_class"), WORDS["any_class"][0])]
    kinds += [(kind, swapped(f"kind_{kind}"), kind) for kind in KINDS if kind != "correct"]
    types = [("", swapped("any_type"), WORDS["any_type"][0])]
    types += [(text(name), "", text(name)) for name in analysis["by_type"]]
    return f"""<p class="note">{note}</p>
<div class="filters">
{_select("by-kind", "class", kinds)}
{_select("by-type", "type", types)}
<input type="search" id="by-text" {swapped("search")} placeholder="text in the sentence" aria-label="text">
<span class="note"><span id="errors-count"></span> {both("shown")}</span>
</div>
<noscript><p>{both("needs_script")}</p></noscript>
<div id="errors-list"></div>
<button type="button" id="more" {swapped("more")}>Show more</button>"""


def _select(name: str, label: str, options: Sequence[tuple[str, str, str]]) -> str:
    """A choice of (value, attributes, text) options, all ready HTML."""
    inner = "".join(f'<option value="{value}" {more}>{words}</option>' for value, more, words in options)
    return f'<select id="{name}" aria-label="{label}">{inner}</select>'


def bar(parts: Sequence[tuple[str, float]], title: str) -> str:
    """A horizontal bar of (style class, share of the whole width) parts, beside each other."""
    body, left = [], 0.0
    for style, part in parts:
        width = min(max(part, 0.0), 1.0) * 100
        body.append(f'<rect class="{style}" x="{left:.2f}" y="0" width="{width:.2f}" height="10"/>')
        left += width
    return (
        f'<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" role="img" '
        f'aria-label="{text(title)}"><title>{text(title)}</title>{"".join(body)}</svg>'
    )


SECTIONS: tuple[tuple[str, Callable[[Report], str]], ...] = (
    ("summary", summary),
    ("warnings", warnings),
    ("curves", curves),
    ("scores", scores),
    ("error_classes", error_classes),
    ("confusion", confusion),
    ("breakdown", breakdown),
    ("error_list", error_list),
    ("data", data_section),
    ("run", run_section),
)
"""Name of each section, which is its heading's key in WORDS and its anchor, and what makes it."""
