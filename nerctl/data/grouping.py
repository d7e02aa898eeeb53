"""Groups things of like length, so that little is padded when they are computed together."""

from __future__ import annotations

from collections.abc import Sequence


def by_length(lengths: Sequence[int], budget: int, most: int = 0) -> list[list[int]]:
    """Indices in groups of like length, each of at most `budget` padded tokens (or one sentence alone).

    `most` bounds the members of a group; 0: does not.
    """
    groups: list[list[int]] = []
    longest = 0
    for index in sorted(range(len(lengths)), key=lambda one: -lengths[one]):
        if not groups or (len(groups[-1]) + 1) * longest > budget or len(groups[-1]) == most:
            groups.append([])
            longest = max(1, lengths[index])
        groups[-1].append(index)
    return groups
