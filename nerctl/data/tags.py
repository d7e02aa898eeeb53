"""The labels that a model knows, fixed by its training corpus."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from nerctl.data import bio
from nerctl.data.bounds import marks_blanks
from nerctl.data.corpus import Corpus
from nerctl.errors import DataError, ModelError


@dataclass(frozen=True)
class Labels:
    """The entity types that a model knows, and the BIO tags of a chain over them."""

    types: tuple[str, ...]
    """Entity types, sorted."""
    allow_blanks: bool = False
    """May entities begin and end with blanks, and cut characters (`nerctl.data.bounds`)? As train's do or do not."""

    nested: bool = False
    """May entities overlap? As train's do or do not; a head of tags has none that do."""
    longest: int = 0
    """Tokens of train's longest entity; 0: not known."""

    @classmethod
    def of(cls, corpus: Corpus) -> Labels:
        """The labels of a training corpus; raises DataError when it has no entity at all."""
        if not corpus.types:
            raise DataError(f"{corpus.path}: no entity in the training data; there is nothing to learn.")
        return cls(tuple(corpus.types), marks_blanks(corpus), bool(corpus.overlapping), corpus.longest_entity())

    @classmethod
    def from_dict(cls, content: Any) -> Labels:
        """The labels in the `content` of labels.json, as `to_dict` made it; else raises ModelError."""
        types = content.get("types") if isinstance(content, dict) else None
        if not isinstance(types, list) or not all(isinstance(name, str) and name for name in types):
            raise ModelError(
                'labels.json: a list "types" of entity types is wanted; take the file from training again.'
            )
        longest = content.get("longest")
        labels = cls(
            tuple(types),
            content.get("allow_blanks") is True,
            content.get("nested") is True,
            longest if isinstance(longest, int) else 0,
        )
        if len(set(types)) != len(types) or content.get("names") != labels.names:
            raise ModelError(
                'labels.json: "names" does not follow from "types"; take the file from training again.'
            )
        return labels

    def to_dict(self) -> dict[str, Any]:
        """Content of labels.json: the types, the K tag names in the order of the emissions, and the other facts."""
        return {**asdict(self), "types": list(self.types), "names": self.names}

    @cached_property
    def names(self) -> list[str]:
        """The K = 1 + 2 * types tag names: O, then B-X and I-X of each type."""
        return bio.tag_names(self.types)

    @cached_property
    def kinds(self) -> dict[str, int]:
        """The number of each type, from 0."""
        return {name: place for place, name in enumerate(self.types)}

    def __len__(self) -> int:
        return bio.tag_count(len(self.types))

    def check(self, corpus: Corpus) -> None:
        """Raises DataError, with file and line, at the first entity of a corpus whose type is no label's."""
        strange = set(corpus.types) - set(self.types)
        if not strange:
            return
        for index in range(len(corpus)):
            span = next((span for span in corpus.spans(index) if span.type in strange), None)
            if span is not None:
                raise DataError(
                    f"{corpus.path}:{corpus.line_of(int(corpus.offsets[index]) + span.start)}: type {span.type} is not in "
                    f"the training data ({', '.join(self.types)}); correct the tag or train with it."
                )

    def encode(self, corpus: Corpus) -> np.ndarray:
        """[N] int32 tag ids of the corpus; raises DataError where `check` does."""
        self.check(corpus)
        ids = {name: place for place, name in enumerate(self.names)}
        known = np.array([ids.get(name, 0) for name in corpus.tag_names], dtype=np.int32)
        return known[corpus.tag_ids]
