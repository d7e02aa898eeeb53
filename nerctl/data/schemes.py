"""Tag schemes: which one a file uses, and its tags as BIO.

One rule reads them all. B, S and U begin an entity; I, M, E and L go on with the entity of the same type that
is still open, and where there is none they begin one, as conlleval reads them; E, S, L and U close it. IOB1
needs nothing more: its entities begin with I, and B only parts two neighbours of one type.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Optional

import numpy as np

from nerctl.data import bio

SCHEMES = (("BIO", "BI"), ("BMES", "BMES"), ("BIOES", "BIES"), ("BILOU", "BILU"))
"""Name and prefixes of each scheme; a file's is the first that has all its prefixes (IOB1 has BIO's)."""

BLOCK = 1 << 21
"""Tokens converted at a time, so that temporary arrays stay small beside a corpus of any size."""


def parse_tag(tag: str) -> Optional[tuple[str, str]]:
    """Prefix and type of a written tag: ("O", "") for O, ("B", "LOC") for B-LOC, None for any other shape."""
    if tag == "O":
        return "O", ""
    prefix, dash, entity_type = tag.partition("-")
    if dash and entity_type and len(prefix) == 1 and prefix in "BIMESLU":
        return prefix, entity_type
    return None


def like_types(types: Iterable[str]) -> list[list[str]]:
    """The groups of types whose names differ by case only, each sorted."""
    groups: dict[str, set[str]] = {}
    for name in types:
        groups.setdefault(name.casefold(), set()).add(name)
    return [sorted(group) for _, group in sorted(groups.items()) if len(group) > 1]


@dataclass(frozen=True, eq=False)
class Conversion:
    """A file's tags in BIO, and where the written ones broke their scheme's rules."""

    scheme: str
    """BIO, IOB1, BMES, BIOES or BILOU."""
    types: list[str]
    """Entity types, sorted."""
    tag_ids: np.ndarray
    """[N] int16, index into `bio.tag_names(types)`; always legal BIO."""
    orphans: np.ndarray
    """[M] int64: tokens that go on with an entity that is not open, read as its beginning; none in IOB1."""
    unclosed: np.ndarray
    """[M] int64: last tokens of entities that BMES, BIOES or BILOU should have closed there."""


class MixedSchemes(Exception):
    """No scheme has all the prefixes of a file; `token` is the first whose prefix does not fit."""

    def __init__(self, token: int, prefixes: str) -> None:
        super().__init__(prefixes)
        self.token = token
        self.prefixes = prefixes


def count_ids(ids: np.ndarray, kinds: int) -> np.ndarray:
    """[kinds] int64 occurrences of each id; in blocks, for `np.bincount` makes its input int64 first."""
    counts = np.zeros(kinds, dtype=np.int64)
    for start in range(0, len(ids), BLOCK):
        counts += np.bincount(ids[start : start + BLOCK], minlength=kinds)
    return counts


def _family(tag_ids: np.ndarray, used: list[int], prefix_of: Sequence[str]) -> str:
    """The first scheme that has every prefix of the tags in use; raises MixedSchemes."""
    prefixes = {prefix_of[tag_id] for tag_id in used} - {"O"}
    for name, letters in SCHEMES:
        if prefixes <= set(letters):
            return name
    if prefixes <= set("BMIES") and prefixes & set("ES"):
        return "BMES"  # and BIOES: M and I both go on with an entity, here as in all of them
    first_seen = {prefix: len(tag_ids) for prefix in prefixes}
    for tag_id in used:
        prefix = prefix_of[tag_id]
        if prefix in first_seen:
            first_seen[prefix] = min(first_seen[prefix], int(np.argmax(tag_ids == tag_id)))
    seen: set[str] = set()
    for prefix in sorted(prefixes, key=lambda key: first_seen[key]):
        seen.add(prefix)
        if not any(seen <= set(letters) for _, letters in SCHEMES):
            break
    raise MixedSchemes(first_seen[prefix], ", ".join(sorted(prefixes)))


def to_bio(
    tag_ids: np.ndarray, offsets: np.ndarray, tags: Sequence[str], more_types: Iterable[str] = ()
) -> Conversion:
    """Turn written tags into BIO.

    `tag_ids` [N] int16 are indices into `tags`, all of which `parse_tag` accepts; `offsets` [S+1] bound the
    sentences, none of them empty; `more_types` are counted as types even where no tag is of them. Raises MixedSchemes.
    """
    parts = [parse_tag(tag) or ("O", "") for tag in tags]
    used = np.flatnonzero(count_ids(tag_ids, len(tags))).tolist()
    family = _family(tag_ids, used, [prefix for prefix, _ in parts])
    types = sorted(({parts[tag_id][1] for tag_id in used} - {""}) | set(more_types))
    number = {"": 0, **{entity_type: place for place, entity_type in enumerate(types, 1)}}
    type_of = np.array([number.get(entity_type, 0) for _, entity_type in parts], dtype=np.int16)
    begins = np.array([prefix in "BSU" for prefix, _ in parts])
    ends = np.array([prefix in "ESLU" for prefix, _ in parts])

    ids = np.empty(len(tag_ids), dtype=np.int16)
    orphans: list[np.ndarray] = []
    unclosed: list[np.ndarray] = []
    parting = True  # does every B directly follow its own type, as in IOB1?
    for start in range(0, len(tag_ids), BLOCK):
        current = tag_ids[start : start + BLOCK]
        before = tag_ids[start - 1 : start] if start else np.zeros(1, dtype=tag_ids.dtype)
        previous = np.concatenate([before, current[:-1]])
        low, high = np.searchsorted(offsets, [start, start + len(current)])
        opens_sentence = np.zeros(len(current), dtype=bool)
        opens_sentence[offsets[low:high] - start] = True

        kind = type_of[current]
        neighbour = (kind > 0) & (kind == type_of[previous]) & ~opens_sentence
        joined = neighbour & ~begins[current] & ~ends[previous]
        ids[start : start + len(current)] = np.where(kind > 0, bio.begin(kind - 1) + joined, 0)
        orphans.append(np.flatnonzero((kind > 0) & ~begins[current] & ~joined) + start)
        if family == "BIO":
            parting = parting and not bool(np.any(begins[current] & (kind > 0) & ~neighbour))
        else:
            still_open = (type_of[previous] > 0) & ~ends[previous]
            unclosed.append(np.flatnonzero(still_open & ~joined) + start - 1)
    if family != "BIO" and len(tag_ids):
        last = tag_ids[-1]
        if type_of[last] > 0 and not ends[last]:
            unclosed.append(np.array([len(tag_ids) - 1]))

    none = [np.zeros(0, dtype=np.int64)]
    orphaned = np.concatenate(orphans or none)
    scheme = "IOB1" if family == "BIO" and parting and len(orphaned) else family
    return Conversion(
        scheme=scheme,
        types=types,
        tag_ids=ids,
        orphans=none[0] if scheme == "IOB1" else orphaned,
        unclosed=np.concatenate(unclosed or none),
    )
