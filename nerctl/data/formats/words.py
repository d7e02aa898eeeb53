"""Words with their parts of speech, a sentence or a paragraph a line: People's Daily and MSRA.

迈向/v 充满/v [中央/n 人民/n 广播/vn 电台/n]nt 江泽民/nr: nr is a person, ns a place, nt an organisation; brackets hold the
words of a compound name. People's Daily parts family and given names (江/nr 泽民/nr), which are joined here. Its first
word is the number of the paragraph (19980101-01-001-001/m).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from nerctl.data.first_bytes import not_utf8, shown
from nerctl.data.formats.record import Mark, OnBad, Raw, Record, Unreadable

TYPES = {"nr": "PER", "ns": "LOC", "nt": "ORG"}
"""Entity types by part of speech."""
WORD = re.compile(r"(\[*)(.+?)/([A-Za-z]{1,4})((?:\]/?[A-Za-z]{1,4})*)")
"""Brackets that open, the word, its part of speech, and the parts of speech of the compounds that end with it."""
_NUMBER = re.compile(r"(\d{8}-\d{2}-\d{3})-\d{3}")
_FAMILIES = (
    "欧阳太史端木上官司马东方独孤南宫夏侯诸葛尉迟皇甫公孙慕容长孙宇文司徒司空令狐轩辕申屠闻人澹台濮阳淳于单于太叔公冶"
    "宗政钟离西门百里呼延赫连鲜于闾丘公羊公西漆雕乐正拓跋"
)
_FAMILY = frozenset(map("".join, zip(_FAMILIES[::2], _FAMILIES[1::2])))
"""Family names of two characters."""


def read_words(path: Path, on_bad: OnBad) -> Iterator[Raw]:
    """The texts of a file, a line each."""
    with open(path, "rb") as stream:
        for number, raw in enumerate(stream, 1):
            try:
                line = raw.decode("utf-8").strip("\ufeff \t\r\n\u3000")
            except UnicodeDecodeError:
                on_bad(number, not_utf8(raw))
                continue
            if line:
                try:
                    yield _text(number, line)
                except Unreadable as error:
                    on_bad(number, str(error))


def _text(number: int, line: str) -> Raw:
    words = line.split()
    key, document = None, None
    found = _NUMBER.fullmatch(words[0].rpartition("/")[0])
    if found:
        key, document = found[0], found[1]
        del words[0]
    text = ""
    open_at: list[int] = []
    marks: list[Mark] = []
    persons: list[Mark] = []
    for word in words:
        parts = WORD.fullmatch(word)
        if not parts:
            raise Unreadable(f"{shown(word)} is no word with its part of speech, such as 厦门/ns")
        opened, content, kind, closed = parts.groups()
        open_at += [len(text)] * len(opened)
        start, text = len(text), text + content
        if kind == "nr":
            persons.append(Mark(start, len(text), TYPES[kind]))
        else:
            marks += _joined(persons, text)
            persons = []
            if kind in TYPES:
                marks.append(Mark(start, len(text), TYPES[kind]))
        for compound in re.findall(r"[A-Za-z]+", closed):
            if not open_at:
                raise Unreadable(f"the bracket behind {shown(word)} was never opened")
            marks += _joined(persons, text)
            persons = []
            begin = open_at.pop()
            if compound in TYPES:
                marks.append(Mark(begin, len(text), TYPES[compound]))
    if open_at:
        raise Unreadable("a bracket is not closed")
    return Raw(Record(number, text, key=key, document=document), marks + _joined(persons, text))


def _joined(persons: list[Mark], text: str) -> list[Mark]:
    """Persons side by side; a family name and the given name behind it are one."""
    found: list[Mark] = []
    rest = list(persons)
    while rest:
        first = rest.pop(0)
        name = text[first.start : first.end]
        if rest and (len(name) == 1 or name in _FAMILY) and rest[0].end - rest[0].start <= 2:
            first = first._replace(end=rest.pop(0).end)
        found.append(first)
    return found
