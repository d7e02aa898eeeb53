r"""A sentence a line: tokens TAB tags, each joined by blanks or (PaddleNLP's MSRA) by \x02; token/tag; lists of Python."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Callable

from nerctl.data.bio import tags_of
from nerctl.data.first_bytes import not_utf8, shown
from nerctl.data.formats.record import OnBad, Record, Row, RowReader, Unreadable

Pair = tuple[list[str], list[str]]
PADDLE, BLANK = "\x02", " "


def _read(parse: Callable[[str], Pair], path: Path, on_bad: OnBad) -> Iterator[Row]:
    with open(path, "rb") as stream:
        for number, raw in enumerate(stream, 1):
            try:
                line = raw.decode("utf-8").strip("\ufeff\r\n")
                if line.strip() and not (number == 1 and is_heading(line)):
                    yield Row(number, *parse(line))
            except UnicodeDecodeError:
                on_bad(number, not_utf8(raw))
            except Unreadable as error:
                on_bad(number, str(error))


def is_heading(line: str) -> bool:
    """Is it text_a TAB label, as PaddleNLP's own files begin?"""
    return line.lower().split("\t") in (["text_a", "label"], ["text", "label"], ["tokens", "labels"])


def _halves(mark: str, line: str) -> Pair:
    tokens, found, tags = line.partition("\t")
    if not found or "\t" in tags:
        raise Unreadable(f"{shown(line)} is not tokens, one TAB and tags")
    return tokens.split(mark), tags.split(mark)


def _inline(line: str) -> Pair:
    parts = [word.rpartition("/") for word in line.split()]
    if any(not token for token, _, _ in parts):
        raise Unreadable(f"{shown(line)} is not a line of token/tag")
    return [token for token, _, _ in parts], [tag for _, _, tag in parts]


def _lists(line: str) -> Pair:
    try:
        halves = re.split(r"(?<=[\])])\t(?=[\[(])", line.strip())
        tokens, tags = (list(map(str, ast.literal_eval(half))) for half in halves)
        return tokens, tags
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise Unreadable(f"{shown(line)} is no list of tokens, TAB, list of tags") from None


read_blank_pairs: RowReader = partial(_read, partial(_halves, BLANK))
read_paddle: RowReader = partial(_read, partial(_halves, PADDLE))
read_inline: RowReader = partial(_read, _inline)
read_lists: RowReader = partial(_read, _lists)


def write_pair(mark: str, record: Record, loss: Counter[str]) -> bytes:
    """A sentence as tokens TAB tags, each joined by `mark`."""
    words = []
    for word in record.words():
        clean = "".join("_" if one in "\t\r\n" or one == mark else one for one in word)
        loss["blank or TAB within the tokens written as _"] += clean != word
        words.append(clean)
    if not words:
        return b""
    tags = tags_of(record.token_spans(), len(words))
    return f"{mark.join(words)}\t{mark.join(tags)}\n".encode("utf-8", "replace")
