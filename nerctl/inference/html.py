"""A tagged text as HTML: what a notebook draws for a result."""

from __future__ import annotations

import zlib
from html import escape
from typing import TYPE_CHECKING

from nerctl.inference.marks import parts

if TYPE_CHECKING:
    from nerctl.inference.tagger import Entity, Result

MARK = "background:hsl({hue} 70% 50% / .25);border-radius:.3em;padding:.1em .3em"
"""Of an entity: half transparent, so that it can be read on a light page and on a dark one."""


def result_html(result: Result) -> str:
    """The text with each entity marked, its type behind it and its score as a tooltip; everything escaped."""

    def mark(mention: list[str], entity: Entity) -> str:
        # A type has the same colour in every text and every process.
        style = MARK.format(hue=zlib.crc32(entity.type.encode("utf-8", "replace")) % 360)
        title = escape(f"{entity.type} {entity.score:.2f}")
        kind = f"<small>{escape(entity.type)}</small>"
        return f'<mark style="{style};color:inherit" title="{title}">{"".join(mention)} {kind}</mark>'

    shown = "".join(parts(result.text, result.entities, escape, mark))
    return f'<div style="line-height:1.9;white-space:pre-wrap">{shown}</div>'
