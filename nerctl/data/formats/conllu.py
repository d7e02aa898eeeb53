"""CoNLL-U and CoNLL-U Plus: comments, numbered tokens, entities in MISC or in a column that the first line names.

https://universaldependencies.org/format.html, .../ext-format.html. MISC holds a tag alone, or NER=B-PER, Entity=B-PER,
NE=B-PER among other things that upright lines part. Lines of several words (1-2) and of empty ones (1.1) are no tokens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Optional

from nerctl.data.bio import tags_of
from nerctl.data.first_bytes import not_utf8, shown
from nerctl.data.formats.record import OnBad, Record, Row, Unreadable

MISC = 9
NAMES = ("NER", "NE", "ENTITY", "PARSEME:NE", "MISC:NER", "TAG", "LABEL")
"""What the column, or the key in MISC, is called."""


def read_conllu(path: Path, on_bad: OnBad) -> Iterator[Row]:
    """The sentences of a file."""
    column: Optional[int] = None
    tokens: list[str] = []
    tags: list[str] = []
    comments: dict[str, str] = {}
    begin, bad = 0, False
    with open(path, "rb") as stream:
        for number, raw in enumerate(stream, 1):
            try:
                line = raw.decode("utf-8").strip("\ufeff\r\n")
                if line.startswith("# global.columns"):
                    column = _named(line)
                elif line.startswith("#"):
                    name, _, value = line[1:].partition("=")
                    comments[name.strip()] = value.strip()
                elif line.strip():
                    begin = begin or number
                    _add_token(line, column, tokens, tags)
                elif tokens and not bad:
                    yield _row(begin, tokens, tags, comments)
                if not line.strip():
                    tokens, tags, comments, begin, bad = [], [], {}, 0, False
            except UnicodeDecodeError:
                on_bad(number, not_utf8(raw))
                bad = True
            except Unreadable as error:
                on_bad(number, str(error))
                bad = True
    if tokens and not bad:
        yield _row(begin, tokens, tags, comments)


def _row(begin: int, tokens: list[str], tags: list[str], comments: dict[str, str]) -> Row:
    extra = {name: value for name, value in comments.items() if name not in ("sent_id", "text")}
    return Row(begin, tokens, tags, comments.get("sent_id"), extra)


def _named(line: str) -> Optional[int]:
    names = line.partition("=")[2].split()
    return next((place for place, name in enumerate(names) if name.upper() in NAMES), None)


def _add_token(line: str, column: Optional[int], tokens: list[str], tags: list[str]) -> None:
    """Adds the token of a line and its tag, if the line holds one."""
    fields = line.split("\t")
    if not fields[0].isdecimal():
        if fields[0].replace("-", "").replace(".", "").isdecimal():
            return
        raise Unreadable(f"{shown(fields[0])} is no number of a token")
    if len(fields) < 3:
        raise Unreadable("number, token and further columns are wanted, parted by TABs")
    if column is not None and column < len(fields):
        tag = fields[column]
    else:
        tag = _of_misc(fields[MISC] if len(fields) > MISC else fields[-1])
    tokens.append(fields[1])
    tags.append("O" if tag in ("_", "*", "") else tag)


def _of_misc(misc: str) -> str:
    parts = [part.partition("=") for part in misc.split("|")]
    named = next((value for name, mark, value in parts if mark and name.upper() in NAMES), None)
    if named is not None:
        return named
    return next((name for name, mark, _ in parts if not mark), "O")


def write_conllu(record: Record, loss: Counter[str]) -> bytes:
    """A sentence with its tags in MISC."""
    words = [_one_word(word, loss) for word in record.words()]
    lines = [f"# sent_id = {record.key}\n"] if record.key is not None else []
    told = {name: value for name, value in record.extra.items() if isinstance(value, str) and value.isprintable()}
    for name in record.extra.keys() - told.keys():
        loss[f"field {name} left out"] += 1
    lines += [f"# {name} = {value}\n" for name, value in told.items()]
    lines.append(f"# text = {''.join(mark if mark.isprintable() else ' ' for mark in record.text)}\n")
    for number, (word, tag) in enumerate(zip(words, tags_of(record.token_spans(), len(words))), 1):
        misc = "_" if tag == "O" else f"NER={tag}"
        lines.append(f"{number}\t{word}\t_\t_\t_\t_\t_\t_\t_\t{misc}\n")
    return "".join([*lines, "\n"]).encode("utf-8", "replace")


def _one_word(word: str, loss: Counter[str]) -> str:
    """A token as the format takes it, without TABs and line ends."""
    shown_word = "".join(" " if mark in "\t\r\n" else mark for mark in word)
    loss["TAB or line end written as a blank"] += shown_word != word
    return shown_word
