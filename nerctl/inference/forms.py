"""The forms of what `nerctl predict` reads and writes."""

from __future__ import annotations

from typing import Literal

STREAMED = {
    "text": "text, a line a text",
    "jsonl": "JSON lines, an object a line",
    "conll": "columns, a token a line",
}
"""The forms of an input that comes as lines, also through a pipe, and what they are called before people. A file may also
have a format of `nerctl.data.formats.registry`; auto looks at the first lines."""

OutputForm = Literal["jsonl", "conll", "inline", "label-studio", "doccano", "brat"]
"""A JSON object a line, a token and its tag a line, [mention](TYPE) within the text; what annotation tools import."""
