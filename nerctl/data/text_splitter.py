"""Free text cut into tokens as the training corpus has them."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import numpy as np

from nerctl.data.corpus import Corpus
from nerctl.data.normalisation import is_cjk
from nerctl.errors import ModelError

KINDS = ("character", "word")
SINGLE_RANGES = ((0x3040, 0x30FF), (0x3100, 0x312F), (0x31A0, 0x31FF), (0xAC00, 0xD7A3), (0x1100, 0x11FF))
"""Kana, bopomofo and hangul: like Chinese characters they stand alone."""


@dataclass(frozen=True)
class TextSplitter:
    """How a model's free text becomes tokens; kept with the model."""

    kind: str = "character"
    """character: every character is a token, blanks and line ends too; word: runs as below are one token."""
    joins_letters: bool = False
    """Are runs of letters (of alphabets, not Chinese) one token?"""
    joins_digits: bool = False
    """Are runs of digits one token?"""
    joins_mixed: bool = False
    """Do letters and digits side by side make one token ("B2B")?"""
    blank_tokens: bool = True
    """Is each blank a token? If not, blanks part tokens and are in none."""

    @classmethod
    def of(cls, corpus: Corpus) -> TextSplitter:
        """The way that a training corpus' own tokens are cut.

        Letters are joined when more of them stand in tokens of several letters than alone, digits likewise;
        letters with digits when the corpus has such tokens. Where neither holds the kind is "character".
        """
        occurrences = np.bincount(corpus.token_ids, minlength=len(corpus.vocabulary)).tolist()
        weight: Counter[str] = Counter()
        for token, count in zip(corpus.vocabulary, occurrences):
            classes = [_class_of(character) for character in token]
            runs = set(classes)
            size = "many" if len(token) > 1 else "one"
            if runs == {"letter"} or runs == {"digit"}:
                weight[f"{classes[0]} {size}"] += count * len(token)
            elif runs == {"letter", "digit"}:
                weight["mixed"] += count
            if runs == {"blank"}:
                weight["blank"] += count
        letters = weight["letter many"] > weight["letter one"]
        digits = weight["digit many"] > weight["digit one"]
        mixed = weight["mixed"] > 0 and (letters or digits)
        if not letters and not digits:
            return cls()
        return cls(
            kind="word",
            joins_letters=letters,
            joins_digits=digits,
            joins_mixed=mixed,
            blank_tokens=weight["blank"] > 0,
        )

    @classmethod
    def from_dict(cls, content: Any) -> TextSplitter:
        """The splitter that `to_dict` made into `content`; raises ModelError when it is anything else."""
        wanted = asdict(cls())
        if (
            not isinstance(content, dict)
            or content.keys() != wanted.keys()
            or content["kind"] not in KINDS
            or any(not isinstance(value, bool) for name, value in content.items() if name != "kind")
        ):
            raise ModelError(
                f"the model's text splitter must have {', '.join(wanted)}; take the file from training again."
            )
        return cls(**content)

    def to_dict(self) -> dict[str, Any]:
        """The fields, for JSON."""
        return asdict(self)

    def split(self, text: str) -> list[tuple[int, int]]:
        """Start and end (exclusive, in code points) of each token of `text`, in order."""
        if self.kind == "character":
            return [(place, place + 1) for place in range(len(text))]
        spans: list[tuple[int, int]] = []
        before = ""
        for place, character in enumerate(text):
            current = _class_of(character)
            if current == "blank" and not self.blank_tokens:
                before = ""
                continue
            if spans and self._joins(before, current):
                spans[-1] = (spans[-1][0], place + 1)
            else:
                spans.append((place, place + 1))
            before = current
        return spans

    def _joins(self, before: str, current: str) -> bool:
        """Does a character of one class go on with the token that ends in one of another?"""
        if before == current:
            return (current == "letter" and self.joins_letters) or (current == "digit" and self.joins_digits)
        return self.joins_mixed and {before, current} == {"letter", "digit"}


@cache
def _class_of(character: str) -> str:
    if character.isspace():
        return "blank"
    if is_cjk(character) or any(low <= ord(character) <= high for low, high in SINGLE_RANGES):
        return "other"
    if character.isdecimal():
        return "digit"
    return "letter" if character.isalpha() else "other"
