"""Sample texts with the tags that an export gave where it was made, to be tagged again on another kind of processor.

Products of eight-bit numbers are the one part of an export that processors compute in ways of their own.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

import numpy as np

from nerctl.backends.processor import processor_features
from nerctl.data.batches import Encoder
from nerctl.data.tokenizer import WordPieceTokenizer
from nerctl.errors import ModelError
from nerctl.inference.decoding import CrfScores
from nerctl.inference.documents import Document, as_corpus
from nerctl.inference.engine import Engine
from nerctl.inference.predict import decode_all, emissions_of

if TYPE_CHECKING:
    from nerctl.inference.loading import LoadedModel

FILE = "sample.json"
"""Lies beside the weights of an int8 export."""


def sample_documents(model: LoadedModel, longest: int, count: int = 24) -> list[Document]:
    """Texts of 1 to `longest` characters of the model's own vocabulary; the same each time."""
    pieces = [piece for piece in model.tokenizer.vocabulary.pieces if len(piece) == 1]
    generator = np.random.default_rng(1)
    lengths = [1, 2, longest, *generator.integers(3, max(4, longest), count - 3).tolist()]
    texts = ["".join(generator.choice(pieces, length)) for length in lengths]
    return [Document.split(text, model.splitter) for text in texts]


def write_sample(model: LoadedModel, engine: Engine, path: Path) -> None:
    """Writes sample texts, the tags that an engine gives them here, and what this processor is."""
    window = model.max_seq_length
    documents = [document for document in sample_documents(model, 2 * window) if document.tokens]
    content = {
        "processor": processor_features(),
        "max_seq_length": window,
        "texts": [document.text for document in documents],
        "tags": [tags.tolist() for tags in _tags(engine, model.crf, model.tokenizer, window, documents)],
    }
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def changed_sample(model: LoadedModel, path: Path) -> Optional[str]:
    """Tags the sample texts again if this is another kind of processor.

    Returns:
        One sentence about the tags that came out otherwise; None if none did, or the processor is of the same kind.

    Raises:
        ModelError: the file does not hold what `write_sample` wrote.
    """
    here = processor_features()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        there: list[Any] = content["processor"]
        if there == here:
            return None
        documents = [Document.split(text, model.splitter) for text in content["texts"]]
        wanted = [np.array(tags, np.int32) for tags in content["tags"]]
        found = _tags(model.engine, model.crf, model.tokenizer, int(content["max_seq_length"]), documents)
        other = [int((ours != theirs).sum()) for ours, theirs in zip(found, wanted)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path}: damaged ({error}); export the model again") from None
    if not any(other):
        return None
    return (
        f"{model.folder.path}: {sum(other):,} of {sum(map(len, wanted)):,} tags, in {sum(map(bool, other))} of {len(other)} "
        f"sample texts, are others on this processor ({' '.join(here)}) than on that of the export "
        f"({' '.join(map(str, there))}); score it here with nerctl evaluate, or export it here"
    )


def _tags(
    engine: Engine, crf: CrfScores, tokenizer: WordPieceTokenizer, window: int, documents: Sequence[Document]
) -> list[np.ndarray]:
    encoder = Encoder(as_corpus(documents), tokenizer, window)
    windows = [encoder.rows(index) for index in range(len(documents))]
    return decode_all(emissions_of(engine, windows, encoder.pad), crf)
