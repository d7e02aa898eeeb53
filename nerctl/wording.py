"""Words for numbers, as every message has them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


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


def ranges(numbers: Iterable[int], shown: int = 4) -> str:
    """Numbers in words, neighbours as a range: `3, 5 to 8`; of many ranges the first."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1] = found[-1][0], number
        else:
            found.append((number, number))
    return spans(found, shown)


def spans(found: Sequence[tuple[int, int]], shown: int = 4) -> str:
    """Ranges in words, each by its first and last number, as `ranges` has them."""
    rest = sum(last - first + 1 for first, last in found[shown:])
    told = ", ".join(f"{first} to {last}" if last > first else str(first) for first, last in found[:shown])
    return f"{told} and {rest} more" if rest else told
