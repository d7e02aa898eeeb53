"""Words for numbers, as every message has them."""

from __future__ import annotations


def counted(count: int, one: str, more: str = "") -> str:
    """A number with its noun: "1 step", "2 steps", "20,864 sentences".

    Args:
        count: how many.
        one: the noun for one.
        more: the noun for any other number, where it is not `one` with an s.
    """
    return f"{count:,} {one if count == 1 else more or one + 's'}"


def plural(phrase: str) -> str:
    """The plural of the noun that a phrase begins with: "entity of several parts" gives "entities of several parts"."""
    noun, blank, rest = phrase.partition(" ")
    return (noun[:-1] + "ies" if noun.endswith("y") else noun + "s") + blank + rest
