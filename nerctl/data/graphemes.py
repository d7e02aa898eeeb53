"""Where a text may be cut: grapheme clusters (Unicode Standard Annex 29), and which of them show nothing.

A grapheme cluster is what a reader takes for one character: a letter with its combining marks, an emoji of several
joined by U+200D, a flag of two letters, a Hangul syllable in parts. The package `regex` finds them.
"""

from __future__ import annotations

import re
import unicodedata

_PLAIN = re.compile(
    "[^!-~\u00a1-\u00ac\u00ae-\u02ff\u0370-\u0482\u2010-\u2027\u2030-\u205e\u3001-\u3029\u3030-\u3096\u309b-\u312f"
    "\u3190-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff01-\uff9d\uffe0-\uffe6\U00020000-\U0003134f]"
)
"""Finds what may be something else than a character that shows and stands alone."""

_EMPTY = frozenset("\u200c\u200d\u2800\u3164\uffa0")
"""Joiners, the empty braille pattern and the Hangul fillers: letters or symbols by category that show nothing."""

_PREPENDED = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
"""Signs in front of numbers, which show and are format characters by category."""


def is_plain(text: str) -> bool:
    """Does each character of the text show and stand alone? False only means: look closer."""
    return _PLAIN.search(text) is None


def clusters(text: str) -> list[tuple[int, int, bool]]:
    """The grapheme clusters of a text in order: start, end (exclusive), and whether it shows nothing.

    White space, control and invisible format characters show nothing, whatever extends them. A joiner belongs to the
    cluster in front of it.
    """
    import regex

    return [(found.start(), found.end(), _is_empty(found[0][0])) for found in regex.finditer(r"\X", text)]


def _is_empty(character: str) -> bool:
    if character.isspace() or character in _EMPTY:
        return True
    # Half a character of a text that was cut in UTF-16 is "Cs".
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") and character not in _PREPENDED
