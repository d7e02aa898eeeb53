"""JSON as programs and people read it: UTF-8, Chinese as it is."""

from __future__ import annotations

import json
import re
from typing import Any, Optional

COMPACT = (",", ":")
"""Separators without blanks."""

_NOT_ASCII = re.compile("[^\x00-\x7f]+")


def json_bytes(value: Any, separators: Optional[tuple[str, str]] = None) -> bytes:
    """A value as one line of JSON in UTF-8; of all characters only a lone surrogate, which UTF-8 lacks, is escaped.

    Args:
        value: what `json.dumps` takes.
        separators: as `json.dumps` has them.
    """
    # JSON has characters in its strings only, and there Python's escape of a surrogate is JSON's.
    return json.dumps(value, ensure_ascii=False, separators=separators).encode("utf-8", "backslashreplace")


def escaped(written: bytes) -> bytes:
    r"""The same JSON in ASCII: every other character as its `\uXXXX` escape, or two of them beyond the BMP."""
    text = written.decode("utf-8")
    return _NOT_ASCII.sub(lambda found: json.dumps(found[0])[1:-1], text).encode("ascii")
