"""BIO tags: to and from spans, and the labels that a model knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from nerctl.data.bounds import marks_blanks
from nerctl.data.corpus import Corpus
from nerctl.data.schemes import bio_names
from nerctl.errors import DataError, ModelError

Span = tuple[int, int, str]
"""First token, token after the last, entity type."""


def spans_of(tags: Sequence[str]) -> list[Span]:
    """The entities of a sentence's BIO (or IOB1) tags, in order, as conlleval reads them.

    An I-X that does not follow B-X or I-X begins an entity; a tag without "B-" or "I-" in front is outside.
    """
    spans: list[Span] = []
    start, open_type = 0, ""
    for place, tag in enumerate(tags):
        prefix, entity_type = (tag[0], tag[2:]) if tag[:2] in ("B-", "I-") else ("O", "")
        if open_type and (prefix != "I" or entity_type != open_type):
            spans.append((start, place, open_type))
            open_type = ""
        if entity_type and not open_type:
            start, open_type = place, entity_type
    if open_type:
        spans.append((start, len(tags), open_type))
    return spans


def tags_of(spans: Sequence[Span], length: int) -> list[str]:
    """BIO tags of `length` tokens that hold `spans`; ValueError when two overlap or one does not fit."""
    tags = ["O"] * length
    for start, end, entity_type in spans:
        if not 0 <= start < end <= length or any(tag != "O" for tag in tags[start:end]):
            raise ValueError(
                f"span {start} to {end} ({entity_type}) overlaps another or leaves the {length} tokens"
            )
        tags[start:end] = [f"B-{entity_type}"] + [f"I-{entity_type}"] * (end - start - 1)
    return tags


@dataclass(frozen=True)
class Labels:
    """The tags that a model emits, fixed by its training corpus; tag id 0 is O."""

    types: tuple[str, ...]
    """Entity types, sorted."""
    allow_blanks: bool = False
    """May entities begin and end with blanks, and cut characters (`nerctl.data.bounds`)? As train's do or do not."""

    @classmethod
    def of(cls, corpus: Corpus) -> Labels:
        """The labels of a training corpus; raises DataError when it has no entity at all."""
        if not corpus.types:
            raise DataError(f"{corpus.path}: no entity in the training data; there is nothing to learn.")
        return cls(tuple(corpus.types), marks_blanks(corpus))

    @classmethod
    def from_dict(cls, content: Any) -> Labels:
        """The labels in the `content` of labels.json, as `to_dict` made it; else raises ModelError."""
        types = content.get("types") if isinstance(content, dict) else None
        if not isinstance(types, list) or not all(isinstance(name, str) and name for name in types):
            raise ModelError(
                'labels.json: a list "types" of entity types is wanted; take the file from training again.'
            )
        labels = cls(tuple(types), content.get("allow_blanks") is True)
        if len(set(types)) != len(types) or content.get("names") != labels.names:
            raise ModelError(
                'labels.json: "names" does not follow from "types"; take the file from training again.'
            )
        return labels

    def to_dict(self) -> dict[str, Any]:
        """Content of labels.json: the types, the K tag names in the order of the emissions, and the other fact."""
        return {"types": list(self.types), "names": self.names, "allow_blanks": self.allow_blanks}

    @cached_property
    def names(self) -> list[str]:
        """The K = 1 + 2 * types tag names: O, then B-X and I-X of each type."""
        return bio_names(self.types)

    @cached_property
    def index(self) -> dict[str, int]:
        """Tag id of each name."""
        return {name: place for place, name in enumerate(self.names)}

    def __len__(self) -> int:
        return 1 + 2 * len(self.types)

    def transitions_allowed(self) -> np.ndarray:
        """[K, K] bool: may tag j follow tag i? I-X follows B-X and I-X only."""
        kind = (np.arange(len(self)) + 1) // 2
        inside = (np.arange(len(self)) % 2 == 0) & (kind > 0)
        return ~inside[None, :] | (kind[:, None] == kind[None, :])

    def start_allowed(self) -> np.ndarray:
        """[K] bool: may a sentence begin with the tag? Not with I-X."""
        return (np.arange(len(self)) % 2 == 1) | (np.arange(len(self)) == 0)

    def encode(self, corpus: Corpus) -> np.ndarray:
        """[N] int32 tag ids of the corpus; raises DataError at the first tag whose type is no label's."""
        known = np.array([self.index.get(name, -1) for name in corpus.tag_names], dtype=np.int32)
        ids = known[corpus.tag_ids]
        if len(ids) and int(ids.min()) < 0:
            token = int(np.argmin(ids))
            entity_type = corpus.tag_names[int(corpus.tag_ids[token])][2:]
            raise DataError(
                f"{corpus.path}:{corpus.line_of(token)}: type {entity_type} is not in the training data "
                f"({', '.join(self.types)}); correct the tag or train with it."
            )
        return ids
