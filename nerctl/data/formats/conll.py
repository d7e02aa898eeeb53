"""The writer of CoNLL columns; `nerctl.data.conll` reads them."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

from nerctl.data.bio import tags_of
from nerctl.data.conll import read_line
from nerctl.data.formats.record import Record


def write_columns(record: Record, loss: Counter[str]) -> bytes:
    """A sentence as lines of token, TAB, BIO tag, and a blank line; a text without a token cannot be written."""
    words = record.words()
    if not words:
        loss["text without a character"] += 1
        return b""
    lines = []
    for word, tag in zip(words, tags_of(record.token_spans(), len(words))):
        line, kept = _line(word, tag)
        loss["token that columns cannot hold, written as a blank"] += not kept
        lines.append(line)
    return b"".join([*lines, b"\n"])


@lru_cache(maxsize=1 << 16)
def _line(word: str, tag: str) -> tuple[bytes, bool]:
    """A line, and whether a reader finds the token in it again."""
    line = f"{word}\t{tag}".encode("utf-8", "replace")
    if read_line(line) == ((word, tag), 0) and b"\n" not in line:
        return line + b"\n", True
    blank = " " if word.strip("\t\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029") == "" else "?"
    return f"{blank}\t{tag}\n".encode(), False
