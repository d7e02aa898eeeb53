"""Corpora whose entities overlap, for heads that hold one entity a token."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nerctl.data import bio
from nerctl.data.corpus import Corpus
from nerctl.data.spans import Nested, Span, innermost, outermost
from nerctl.errors import DataError
from nerctl.wording import counted


def flattened(corpus: Corpus, nested: Nested) -> Corpus:
    """The corpus with what is wanted of the entities that overlap; a note says how many are left out.

    Types that nothing is left of are left out too. keep gives the corpus as it is.

    Raises:
        DataError: some overlap, and `nested` is refuse.
    """
    if nested == "keep" or not corpus.overlapping:
        return corpus
    first, spans = next(iter(corpus.overlapping.items()))
    where = f"{corpus.path}:{int(corpus.lines[first])}"
    if nested == "refuse":
        raise DataError(
            f"{where}: {overlap(spans)}, and so do entities of {len(corpus.overlapping):,} of {len(corpus):,} sentences; "
            "--nested outermost or innermost leaves one of each two out."
        )
    choose = outermost if nested == "outermost" else innermost
    kinds = corpus.types
    tag_ids = corpus.tag_ids.copy()
    lost = 0
    for index, spans in corpus.overlapping.items():
        kept = choose(spans)
        lost += len(spans) - len(kept)
        tags = tag_ids[corpus.offsets[index] : corpus.offsets[index + 1]]
        tags[:] = 0
        for start, end, kind, _ in kept:
            tags[start] = bio.begin(kinds.index(kind))
            tags[start + 1 : end] = bio.following(tags[start])
    left = [kind for number, kind in enumerate(kinds) if (tag_ids == bio.begin(number)).any()]
    new_ids = np.zeros(len(corpus.tag_names), dtype=np.int16)
    names = bio.tag_names(left)
    for number, name in enumerate(names):
        new_ids[corpus.tag_names.index(name)] = number
    note = (
        f"{where}: {counted(lost, 'entity', 'entities')} that overlap others left out (--nested {nested}), the first in "
        "the sentence there"
    )
    return replace(
        corpus, tag_names=names, tag_ids=new_ids[tag_ids], overlapping={}, notes=(*corpus.notes, note)
    )


def overlap(spans: tuple[Span, ...]) -> str:
    """Two entities of a sentence that overlap, in words."""
    first, second = next(
        (one, other) for place, one in enumerate(spans) for other in spans[place + 1 :] if other.start < one.end
    )
    return f"{second.type} at {second.start} to {second.end} overlaps {first.type} at {first.start} to {first.end}"
