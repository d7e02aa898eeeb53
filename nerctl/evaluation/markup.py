"""Small pieces of HTML: escaped text, tables, lists of facts, and figures as people read them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

_NOT_HTML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff\ud800-\udfff]")


def text(value: Any) -> str:
    """Anything as HTML text or attribute value; characters that HTML forbids become U+FFFD."""
    return escape(_NOT_HTML.sub("\ufffd", str(value)))


def code(value: Any) -> str:
    """Anything as inline code."""
    return f"<code>{text(value)}</code>"


def count(value: Any) -> str:
    """A count with thousands separated, or an empty cell."""
    return f"{value:,}" if isinstance(value, int) else ""


def share(value: Any) -> str:
    """A fraction of 1 with four decimals, as in the JSON, or an empty cell."""
    return f"{value:.4f}" if isinstance(value, (int, float)) else ""


def duration(seconds: Any) -> str:
    """Seconds as h:mm:ss from an hour on, m:ss from a minute on, else with one decimal."""
    if not isinstance(seconds, (int, float)):
        return ""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of ready HTML; a cell that begins with `<td` is taken as it is."""
    head = "".join(f'<th scope="col">{heading}</th>' for heading in headings)
    body = "\n".join(
        "<tr>" + "".join(cell if cell.startswith("<td") else f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows
    )
    frame = f"<table><thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table>"
    return f'<div class="wide" tabindex="0">{frame}</div>'


def facts(entries: Iterable[tuple[str, str]]) -> str:
    """A list of names and what they are, both ready HTML; entries without content are left out."""
    items = [f"<dt>{name}</dt><dd>{content}</dd>" for name, content in entries if content]
    return '<dl class="facts">\n{}\n</dl>'.format("\n".join(items)) if items else ""
