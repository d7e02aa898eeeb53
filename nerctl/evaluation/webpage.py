"""The report as one HTML file that needs nothing but itself, by Jinja2 and the templates of this room.

Text from the run or the corpus reaches the page by two ways only: through the templates, which escape whatever is not
marked as HTML, and `script_json`, which makes JSON that cannot end the script element it stands in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib import resources
from typing import TYPE_CHECKING, Any

from nerctl.charts import Line, Panel, svg
from nerctl.evaluation.calibration import Bin, Calibration
from nerctl.evaluation.curves import curve_panels
from nerctl.evaluation.errors import KINDS, NONE
from nerctl.evaluation.figures import count, duration, share
from nerctl.evaluation.words import WORDS, both, swapped

if TYPE_CHECKING:
    from jinja2 import Environment

_NOT_HTML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff\ud800-\udfff]")
_SCRIPT_UNSAFE = re.compile("[<>&\u2028\u2029\x00-\x1f\x7f-\x9f\ufdd0-\ufdef\ufeff\ufffe\uffff\ud800-\udfff]")


def render_page(report: Mapping[str, Any]) -> str:
    """The HTML of a report as `build_report` makes it."""
    record, analysis = report["record"], report["analysis"]
    splits = dict(report["scores"])
    if analysis:
        splits[report["split"]] = analysis["scores"]
    # The split that stands for the run: the one analysed, else test, else dev.
    main = next((name for name in (report["split"] if analysis else None, "test", "dev") if name in splits), None)
    rows = (analysis or {}).get("confusion") or {}
    saved = (analysis or {}).get("calibration")
    corpus = {name: part for name, part in (record.get("corpus") or {}).items() if part}
    kinds = {key: WORDS[key] for key in WORDS if key.startswith(("kind_", "gold", "predicted"))}
    return environment().get_template("report.html").render(
        report=report,
        record=record,
        analysis=analysis or {},
        splits=splits,
        main=(main, splits[main]) if main is not None else None,
        charts=curve_panels(report["curves"]),
        confused=sorted({*rows, *(name for row in rows.values() for name in row)} - {NONE}),
        reliability=reliability(Calibration(tuple(Bin(**bin) for bin in saved["bins"]), 0.0, 0)) if saved else None,
        corpus=corpus,
        entity_types=sorted({name for part in corpus.values() for name in part.get("entities") or {}}),
        style=_page_file("report.css"),
        script=_page_file("report.js"),
        error_data=script_json({"words": kinds, "sentences": report["errors"]["sentences"]}),
    )


def environment() -> Environment:
    """The templates with their filters; characters that HTML forbids become U+FFFD, what is missing is empty."""
    from jinja2 import ChainableUndefined, Environment, PackageLoader
    from markupsafe import Markup

    def clean(value: Any) -> Any:
        if value is None or isinstance(value, Markup):
            return value or ""
        return _NOT_HTML.sub("\ufffd", str(value))

    made = Environment(
        loader=PackageLoader("nerctl.evaluation"), autoescape=True, finalize=clean, undefined=ChainableUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    made.filters.update(count=count, share=share, duration=duration, flat=flat)
    for name, function in (("both", both), ("swapped", swapped), ("svg", svg)):  # these escape by themselves
        made.filters[name] = lambda value, function=function: Markup(function(value))
    made.globals.update(words=WORDS, kinds=KINDS)
    return made


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


def flat(content: Mapping[str, Any], before: str = "") -> list[tuple[str, Any]]:
    """(name, value) pairs of a tree of options, with dotted names."""
    pairs: list[tuple[str, Any]] = []
    for name, value in content.items():
        if isinstance(value, Mapping) and value:
            pairs += flat(value, f"{before}{name}.")
        else:
            pairs.append((f"{before}{name}", value))
    return pairs


def script_json(value: Any) -> str:
    """JSON for a script element, with all escaped that could end the element or that HTML forbids.

    `<`, `>` and `&` occur in JSON only inside strings, where \\u003c and the like mean the same.
    """
    written = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return _SCRIPT_UNSAFE.sub(lambda match: f"\\u{ord(match.group()):04x}", written)


def _page_file(name: str) -> str:
    return (resources.files("nerctl.evaluation") / "page" / name).read_text(encoding="utf-8").rstrip("\n")
