"""Word pieces as Google's BERT makes them, for tokens that a corpus has fixed.

WordPiece follows tokenization.py of google-research/bert. Every token gets at least one piece, [UNK] for
blanks and control characters too, so that token and emission never part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Union

import numpy as np

from nerctl.data.normalisation import words
from nerctl.data.text_splitter import TextSplitter
from nerctl.data.token_table import TokenTable
from nerctl.errors import ModelError

__all__ = ["PieceTable", "TextSplitter", "Vocabulary", "WordPieceTokenizer"]

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
LONGEST_WORD = 100
"""Characters; a longer word is [UNK]. 100 as in Hugging Face's `tokenizers`; Google's own code says 200."""


class Vocabulary:
    """The pieces of a vocab.txt: a line is a piece, exactly, and its number from 0 is the piece's id."""

    def __init__(self, pieces: Sequence[str], source: str = "vocab.txt") -> None:
        """Raises ModelError for a piece that occurs twice and for a special one that is missing."""
        self.pieces = list(pieces)
        self.ids: dict[str, int] = {}
        for line, piece in enumerate(self.pieces, 1):
            if self.ids.setdefault(piece, line - 1) != line - 1:
                raise ModelError(
                    f"{source}:{line}: {piece!r} is on line {self.ids[piece] + 1} too; each must occur once."
                )
        missing = [name for name in SPECIAL if name not in self.ids]
        if missing:
            raise ModelError(
                f"{source}: {', '.join(missing)} missing; take the vocab.txt that came with the encoder."
            )
        self.pad, self.unk, self.cls, self.sep = (self.ids[name] for name in SPECIAL)

    @classmethod
    def read(cls, path: Union[str, Path]) -> Vocabulary:
        """The vocabulary in the file at `path` (LF or CRLF line ends); raises ModelError."""
        try:
            text = Path(path).read_bytes().decode("utf-8-sig")
        except OSError as error:
            raise ModelError(
                f"{path}: cannot be read ({error.strerror or error}); name an encoder's vocab.txt."
            ) from None
        except UnicodeDecodeError as error:
            raise ModelError(
                f"{path}: not UTF-8 at byte {error.start}; take the file from the encoder again."
            ) from None
        lines = text.split("\n")
        if lines[-1] == "":
            lines.pop()
        if all(line.endswith("\r") for line in lines):
            lines = [line[:-1] for line in lines]
        return cls(lines, str(path))

    def __len__(self) -> int:
        return len(self.pieces)


@dataclass(frozen=True, eq=False)
class PieceTable:
    """Piece ids of each distinct token of a corpus, one after the other."""

    counts: np.ndarray
    """[V] int32: pieces of each token of the corpus' vocabulary, at least 1."""
    starts: np.ndarray
    """[V] int64: where each token's pieces begin in `pieces`."""
    pieces: np.ndarray
    """[P] int32: piece ids."""
    unknown: np.ndarray
    """[V] bool: has the token a piece [UNK]?"""

    def sentence_lengths(self, corpus: TokenTable) -> np.ndarray:
        """[S] int64: word pieces of each sentence of the corpus encoded here, without [CLS] and [SEP]."""
        if not len(corpus):
            return np.zeros(0, dtype=np.int64)
        return np.add.reduceat(self.counts[corpus.token_ids], corpus.offsets[:-1], dtype=np.int64)


class WordPieceTokenizer:
    """Google's BERT tokenizer on tokens: `pieces` is cached, for corpora repeat theirs."""

    def __init__(self, vocabulary: Vocabulary, lower_case: bool = True) -> None:
        self.vocabulary = vocabulary
        self.lower_case = lower_case
        """Lower case and strip accents: right for uncased encoders, Google's Chinese one among them."""
        self._known: dict[str, list[int]] = {}
        self._longest = max(len(piece) for piece in vocabulary.pieces)

    @property
    def known(self) -> int:
        """Tokens in the cache."""
        return len(self._known)

    def pieces(self, token: str) -> list[int]:
        """Piece ids of one token, at least one: [UNK] when normalisation leaves nothing. Do not change."""
        ids = self._known.get(token)
        if ids is None:
            ids = [piece for word in words(token, self.lower_case) for piece in self._word_pieces(word)]
            ids = ids or [self.vocabulary.unk]
            self._known[token] = ids
        return ids

    def encode_corpus(self, corpus: TokenTable) -> PieceTable:
        """The pieces of every distinct token; encoding the corpus is then looking up `corpus.token_ids`."""
        lists = [self.pieces(token) for token in corpus.vocabulary]
        counts = np.array([len(ids) for ids in lists], dtype=np.int32)
        unk = self.vocabulary.unk
        return PieceTable(
            counts=counts,
            starts=np.cumsum(counts, dtype=np.int64) - counts,
            pieces=np.array([piece for ids in lists for piece in ids], dtype=np.int32),
            unknown=np.array([unk in ids for ids in lists], dtype=bool),
        )

    def _word_pieces(self, word: str) -> list[int]:
        """From the left the longest piece that fits, repeatedly; [UNK] for the whole word if none does."""
        known = self.vocabulary.ids
        if len(word) > LONGEST_WORD:
            return [self.vocabulary.unk]
        ids: list[int] = []
        start = 0
        while start < len(word):
            prefix = "##" if start else ""
            for end in range(min(len(word), start + self._longest), start, -1):
                piece = known.get(prefix + word[start:end])
                if piece is not None:
                    ids.append(piece)
                    start = end
                    break
            else:
                return [self.vocabulary.unk]
        return ids
