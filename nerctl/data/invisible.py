"""Characters that nobody sees: what stands beside a tag by accident, and what no name of a type may hold."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

_DRAWN_AS_NOTHING = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2065\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)
"""Code points that Unicode says to ignore in display though their category is not Cf (DerivedCoreProperties.txt)."""


@cache
def is_invisible(mark: str) -> bool:
    """Does the character draw nothing and take no room (U+200B, a byte order mark, a variation selector)?"""
    return unicodedata.category(mark) == "Cf" or bool(_DRAWN_AS_NOTHING.match(mark))


@cache
def is_white(mark: str) -> bool:
    """Is the character a blank of any kind: U+0020, TAB, U+00A0, U+3000, U+2028 and so on?"""
    return mark in " \t\r\v\f" or unicodedata.category(mark) in ("Zs", "Zl", "Zp")


def looks_blank(text: str) -> bool:
    """Is there nothing to be seen in `text`?"""
    return all(is_white(mark) or is_invisible(mark) for mark in text)


def trimmed(text: str) -> str:
    """`text` without white space and invisible characters at its end."""
    end = len(text)
    while end and (is_white(text[end - 1]) or is_invisible(text[end - 1])):
        end -= 1
    return text[:end]


def clean_tag(tag: str) -> str:
    """`tag` without invisible characters anywhere and without white space around it."""
    if tag.isascii():
        return tag.strip()
    visible = "".join(mark for mark in tag if not is_invisible(mark))
    start = next((place for place, mark in enumerate(visible) if not is_white(mark)), len(visible))
    return trimmed(visible[start:])


def clean_token(token: str) -> str:
    """`token` without white space, byte order marks and zero-width blanks around it; itself if nothing else is there.

    Joiners and variation selectors stay, for they belong to the character before them.
    """
    if token.isascii():
        return token
    start, end = 0, len(token)
    while start < end and _is_around(token[start]):
        start += 1
    while start < end and _is_around(token[end - 1]):
        end -= 1
    return token[start:end] or token


def _is_around(mark: str) -> bool:
    return mark in "\ufeff\u200b\u2060" or is_white(mark)


def type_fault(name: str) -> str:
    """Why `name` can be no entity type, as the rest of a sentence; "" when it can."""
    if "|" in name:
        return "holds '|', as two layers of tags in one column do; a token has one tag: keep one layer"
    for mark in name:
        if is_white(mark):
            return "holds a blank; a type is one word"
        if is_invisible(mark) or unicodedata.category(mark) in ("Cc", "Cs"):
            return f"holds the control or invisible character U+{ord(mark):04X}; a type is one word"
    return ""
