"""Where a text may be cut: grapheme clusters (Unicode Standard Annex 29), and which of them show nothing.

A grapheme cluster is what a reader takes for one character: a letter with its combining marks, an emoji of several
joined by U+200D, a flag of two letters, a Hangul syllable in parts. The properties come from `unicodedata`, so that
both stacks do without another package. One rule is left out, that for conjuncts of Indian scripts, and one is wider:
every symbol counts as an emoji behind a joiner.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

_PLAIN = re.compile(
    "[^!-~\u00a1-\u00ac\u00ae-\u02ff\u0370-\u0482\u2010-\u2027\u2030-\u205e\u3001-\u3029\u3030-\u3096\u309b-\u312f"
    "\u3190-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff01-\uff9d\uffe0-\uffe6\U00020000-\U0003134f]"
)
"""Finds what may be something else than a character that shows and stands alone."""

_PREPENDED = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\u0d4e\U000110bd\U000110cd")
_JOINER, _NON_JOINER = "\u200d", "\u200c"
_EMPTY = frozenset("\u2800\u3164\uffa0")
"""The empty braille pattern and the Hangul fillers: letters or symbols by category that show nothing."""


def is_plain(text: str) -> bool:
    """Does each character of the text show and stand alone? False only means: look closer."""
    return _PLAIN.search(text) is None


def clusters(text: str) -> list[tuple[int, int, bool]]:
    """The grapheme clusters of a text in order: start, end (exclusive), and whether it shows nothing.

    White space, control and invisible format characters show nothing, whatever extends them. A joiner belongs to the
    cluster in front of it.
    """
    found: list[tuple[int, int, bool]] = []
    kinds = [_kind(character) for character in text]
    start, flags, emoji, joined = 0, 0, False, False
    for place in range(1, len(text) + 1):
        before = kinds[place - 1]
        flags = flags + 1 if before == "flag" else 0
        joined = emoji and before == "joiner"
        emoji = before == "emoji" or (emoji and before == "extend")
        if place < len(text) and _holds(before, kinds[place], flags, joined):
            continue
        found.append((start, place, _is_empty(text[start])))
        start, emoji = place, False
    return found


def _holds(before: str, after: str, flags: int, joined: bool) -> bool:
    """Do two characters stand in one cluster?

    Args:
        before: kind of the first.
        after: kind of the second.
        flags: regional indicators up to the first, itself included.
        joined: is the first a joiner behind an emoji and what extends it?
    """
    if before == "return" or before == "control" or after in ("return", "feed", "control"):
        return before == "return" and after == "feed"
    if before == "feed":
        return False
    if after in ("extend", "joiner", "spacing") or before == "prepended":
        return True
    if after == "emoji" and before == "joiner":
        return joined
    if before == after == "flag":
        return flags % 2 == 1
    return (before, after) in _HANGUL


_HANGUL = {
    *(("leading", after) for after in ("leading", "vowel", "open", "closed")),
    *((before, after) for before in ("open", "vowel") for after in ("vowel", "trailing")),
    *((before, "trailing") for before in ("closed", "trailing")),
}


def _is_empty(character: str) -> bool:
    return _kind(character) in ("return", "feed", "control", "joiner") or _is_white(character)


def _is_white(character: str) -> bool:
    surrogate = "\ud800" <= character <= "\udfff"  # half a character of a text that was cut in UTF-16
    return surrogate or character.isspace() or character in _EMPTY or character == _NON_JOINER


@cache
def _kind(character: str) -> str:
    """The annex's Grapheme_Cluster_Break, as far as the rules here tell characters apart."""
    code = ord(character)
    if character in _PREPENDED:
        return "prepended"
    category = unicodedata.category(character)
    if category == "Mc" or character in "\u0e33\u0eb3":
        return "spacing"
    if category in ("Mn", "Me") or character in "\uff9e\uff9f" or character == _NON_JOINER:
        return "extend"
    if 0x1F3FB <= code <= 0x1F3FF or 0xE0020 <= code <= 0xE007F:  # skin tones; letters of a flag's region
        return "extend"
    if character == _JOINER:
        return "joiner"
    if character in "\r\n":
        return "return" if character == "\r" else "feed"
    if category in ("Cc", "Cf", "Zl", "Zp"):
        return "control"
    if 0x1F1E6 <= code <= 0x1F1FF:
        return "flag"
    if category in ("So", "Sm") or character in "\u203c\u2049\u2139\u3030\u303d" or 0x1F000 <= code <= 0x1FFFD:
        return "emoji"
    return _hangul_kind(code)


def _hangul_kind(code: int) -> str:
    if 0xAC00 <= code <= 0xD7A3:
        return "closed" if (code - 0xAC00) % 28 else "open"
    if 0x1100 <= code <= 0x115F or 0xA960 <= code <= 0xA97C:
        return "leading"
    if 0x1160 <= code <= 0x11A7 or 0xD7B0 <= code <= 0xD7C6:
        return "vowel"
    if 0x11A8 <= code <= 0x11FF or 0xD7CB <= code <= 0xD7FB:
        return "trailing"
    return "other"
