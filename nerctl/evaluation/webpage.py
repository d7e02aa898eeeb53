"""The report as one HTML file that needs nothing but itself: the page's frame and what the browser may run.

Text from the run or the corpus reaches the page by two ways only: `text`, which escapes it for HTML, and
`script_json`, which makes JSON that cannot end the script element it stands in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib import resources
from typing import Any

from nerctl.evaluation.markup import text
from nerctl.evaluation.sections import SECTIONS
from nerctl.evaluation.words import WORDS, both, swapped

_SCRIPT_UNSAFE = re.compile("[<>&\u2028\u2029\x00-\x1f\x7f-\x9f\ufdd0-\ufdef\ufeff\ufffe\uffff\ud800-\udfff]")
_PLACEHOLDER = re.compile(r"{{(\w+)}}")


def render_page(report: Mapping[str, Any]) -> str:
    """The HTML of a report as `build_report` makes it."""
    record = report["record"]
    shown = [(name, render(report)) for name, render in SECTIONS]
    sections = [f'<section id="{name}"><h2>{both(name)}</h2>\n{content}\n</section>' for name, content in shown if content]
    links = [f'<a href="#{name}">{both(name)}</a>' for name, content in shown if content]
    run_id = text(record.get("run_id") or "")
    version = text((record.get("versions") or {}).get("nerctl") or "")
    return _fill(
        _page_file("report.html"),
        {
            "title": f"nerctl: {run_id}" if run_id else "nerctl",
            "heading": both("report"),
            "subheading": " · ".join(part for part in (run_id, text(record.get("created") or "")) if part),
            "navigation": "\n".join(links),
            "sections": "\n".join(sections),
            "footer": f"nerctl {version}",
            "theme_words": swapped("theme"),
            "style": _page_file("report.css"),
            "script": _page_file("report.js"),
            "error_data": script_json(
                {
                    "words": {key: WORDS[key] for key in WORDS if key.startswith(("kind_", "gold", "predicted"))},
                    "sentences": report["errors"]["sentences"],
                }
            ),
        },
    )


def script_json(value: Any) -> str:
    """JSON for a script element, with all escaped that could end the element or that HTML forbids.

    `<`, `>` and `&` occur in JSON only inside strings, where \\u003c and the like mean the same.
    """
    written = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return _SCRIPT_UNSAFE.sub(lambda match: f"\\u{ord(match.group()):04x}", written)


def _page_file(name: str) -> str:
    return (resources.files("nerctl.evaluation") / "page" / name).read_text(encoding="utf-8").rstrip("\n")


def _fill(template: str, parts: Mapping[str, str]) -> str:
    # One pass: what is put in is not looked at again, so text that looks like a placeholder stays text.
    return _PLACEHOLDER.sub(lambda match: parts[match.group(1)], template)
