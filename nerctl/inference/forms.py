"""The forms of what `nerctl predict` reads and writes."""

from __future__ import annotations

from typing import Literal

InputForm = Literal["auto", "text", "jsonl", "conll"]
"""A line a text, a JSON object a line, a token a line; auto looks at the first lines (`nerctl.inference.input_form`)."""

OutputForm = Literal["jsonl", "conll", "inline"]
"""A JSON object a line, a token and its tag a line, or [mention](TYPE) within the text."""
