"""BIO tags: the only place that knows how they are written and numbered.

O is tag 0; of type number k (from 0), B-X is tag 2k + 1 and I-X is tag 2k + 2. Letters: L tokens, K tags.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from nerctl.data.spans import Span, outermost

BEGINS = slice(1, None, 2)
"""The B- tags in an axis of all tags, in the order of the types."""


def tag_names(types: Sequence[str]) -> list[str]:
    """The K names: O, then B-X and I-X of each type."""
    return ["O", *(f"{prefix}-{entity_type}" for entity_type in types for prefix in "BI")]


def types_of(names: Sequence[str]) -> list[str]:
    """The types in names that `tag_names` gave."""
    return [name[2:] for name in names[BEGINS]]


def tag_count(types: int) -> int:
    """K for so many types."""
    return 1 + 2 * types


def begin(kind: Any) -> Any:
    """The tag that begins an entity of type number `kind`, an integer or an array of them."""
    return 2 * kind + 1


def is_begin(tags: np.ndarray) -> np.ndarray:
    """Bool: does the tag begin an entity?"""
    return tags % 2 == 1


def is_inside(tags: np.ndarray) -> np.ndarray:
    """Bool: does the tag go on with one?"""
    return (tags > 0) & (tags % 2 == 0)


def following(tags: Any) -> Any:
    """The tag that goes on with the entity of a tag, an integer or an array of them: I-X of B-X and I-X, O of O."""
    return (tags + 1) // 2 * 2


def transitions_allowed(count: int) -> np.ndarray:
    """[K, K] bool: may tag j follow tag i? I-X follows B-X and I-X only."""
    tags = np.arange(count)
    return ~is_inside(tags)[None, :] | (following(tags)[:, None] == tags[None, :])


def start_allowed(count: int) -> np.ndarray:
    """[K] bool: may a sentence begin with the tag? Not with I-X."""
    return ~is_inside(np.arange(count))


def spans_of_ids(tags: np.ndarray, types: Sequence[str]) -> list[Span]:
    """The entities of legal tag ids [L], in order."""
    spans: list[Span] = []
    ids = tags.tolist()
    for start in np.flatnonzero(is_begin(tags)).tolist():
        goes_on = following(ids[start])
        end = start + 1
        while end < len(ids) and ids[end] == goes_on:
            end += 1
        spans.append(Span(start, end, types[ids[start] // 2]))
    return spans


def spans_of(tags: Sequence[str]) -> list[Span]:
    """The entities of a sentence's BIO (or IOB1) tags, in order, as conlleval reads them.

    An I-X that does not follow B-X or I-X begins an entity; a tag without "B-" or "I-" in front is outside.
    """
    spans: list[Span] = []
    start, open_type = 0, ""
    for place, tag in enumerate(tags):
        prefix, entity_type = (tag[0], tag[2:]) if tag[:2] in ("B-", "I-") else ("O", "")
        if open_type and (prefix != "I" or entity_type != open_type):
            spans.append(Span(start, place, open_type))
            open_type = ""
        if entity_type and not open_type:
            start, open_type = place, entity_type
    if open_type:
        spans.append(Span(start, len(tags), open_type))
    return spans


def tags_of(spans: Iterable[Span], length: int) -> list[str]:
    """BIO tags of `length` tokens that hold the spans; ValueError when two overlap or one does not fit."""
    tags = ["O"] * length
    for start, end, entity_type, *_ in spans:
        if not 0 <= start < end <= length or any(tag != "O" for tag in tags[start:end]):
            raise ValueError(f"span {start} to {end} ({entity_type}) overlaps another or leaves the {length} tokens")
        tags[start:end] = [f"B-{entity_type}"] + [f"I-{entity_type}"] * (end - start - 1)
    return tags


def outermost_tags(spans: Iterable[Span], length: int) -> list[str]:
    """BIO tags of `length` tokens that hold the outermost of the spans."""
    return tags_of(outermost(spans), length)
