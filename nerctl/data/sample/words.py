"""How the word lists of the sample are written: words between blanks, or one line each."""

from __future__ import annotations


def words(text: str) -> list[str]:
    """The words of `text`, in order."""
    return text.split()


def lines(text: str) -> list[str]:
    """The lines of `text` without the blanks around them, in order."""
    return [line.strip() for line in text.strip().splitlines()]
