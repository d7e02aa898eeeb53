"""Texts as tokens: what is tagged, before it becomes windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nerctl.data.corpus import Corpus
from nerctl.data.text_splitter import TextSplitter


@dataclass(frozen=True)
class Document:
    """A text and where its tokens are."""

    text: str
    """As it was given."""
    tokens: Sequence[tuple[int, int]]
    """Start and end (exclusive, in code points) of each token, in order."""

    @classmethod
    def split(cls, text: str, splitter: TextSplitter) -> Document:
        """A text cut as the training corpus was."""
        return cls(text, splitter.split(text))

    @classmethod
    def of_tokens(cls, tokens: Sequence[str]) -> Document:
        """Tokens that a file has fixed; the text is all of them without anything between."""
        spans, end = [], 0
        for token in tokens:
            spans.append((end, end + len(token)))
            end += len(token)
        return cls("".join(tokens), spans)


def as_corpus(documents: Sequence[Document]) -> Corpus:
    """Documents, none without tokens, in the form that becomes windows; the tags mean nothing."""
    ids: dict[str, int] = {}
    token_ids = np.fromiter(
        (ids.setdefault(document.text[start:end], len(ids)) for document in documents for start, end in document.tokens),
        np.int32,
    )
    lengths = np.array([len(document.tokens) for document in documents], np.int64)
    return Corpus(
        path="",
        vocabulary=list(ids),
        token_ids=token_ids,
        tag_names=["O"],
        tag_ids=np.zeros(len(token_ids), np.int16),
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        lines=np.arange(1, len(documents) + 1, dtype=np.int64),
        scheme="spans",
    )
