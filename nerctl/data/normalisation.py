"""Text to words as Google's BERT makes them: tokenization.py of google-research/bert, `BasicTokenizer`."""

from __future__ import annotations

import unicodedata
from functools import cache

CJK_RANGES = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)
"""Google's `_is_chinese_char`: each of these is a word of its own."""


def words(text: str, lower_case: bool) -> list[str]:
    """Google's BasicTokenizer: words of `text`, without control characters, CJK and punctuation alone."""
    cleaned: list[str] = []
    for character in text:
        if _is_blank(character):
            cleaned.append(" ")
        elif is_cjk(character):
            cleaned.append(f" {character} ")
        elif not _is_dropped(character):
            cleaned.append(character)
    parted: list[str] = []
    for word in "".join(cleaned).split():
        if lower_case:
            word = strip_accents(word.lower())
        parted.append("".join(f" {mark} " if _is_punctuation(mark) else mark for mark in word))
    return " ".join(parted).split()


def strip_accents(text: str) -> str:
    """`text` decomposed (NFD), without non-spacing marks."""
    return "".join(mark for mark in unicodedata.normalize("NFD", text) if unicodedata.category(mark) != "Mn")


@cache
def is_cjk(character: str) -> bool:
    """Google's idea of a Chinese character (no kana, no hangul)."""
    return any(low <= ord(character) <= high for low, high in CJK_RANGES)


def _is_blank(character: str) -> bool:
    return character in " \t\n\r" or unicodedata.category(character) == "Zs"


def _is_dropped(character: str) -> bool:
    return character in "\0\ufffd" or unicodedata.category(character) in ("Cc", "Cf")


@cache
def _is_punctuation(character: str) -> bool:
    """Unicode's punctuation, and all ASCII but letters, digits, blank and control ("$" and "^" too)."""
    if character.isascii():
        return character.isprintable() and not character.isalnum() and character != " "
    return unicodedata.category(character).startswith("P")
