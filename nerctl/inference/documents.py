"""Texts as tokens: what is tagged, before it becomes windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nerctl.data.text_splitter import TextSplitter
from nerctl.data.token_table import TokenTable


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


def token_table(documents: Sequence[Document]) -> TokenTable:
    """The tokens of documents, none without any."""
    return TokenTable.of([[one.text[start:end] for start, end in one.tokens] for one in documents])
