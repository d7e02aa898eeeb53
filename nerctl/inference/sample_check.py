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
from nerctl.data import bio
from nerctl.data.sentence_windows import SentenceWindows
from nerctl.data.spans import Span
from nerctl.errors import ModelError
from nerctl.inference.documents import Document, token_table
from nerctl.inference.emissions import emissions_of
from nerctl.inference.engine import Engine

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
        "entities": [[span[:3] for span in spans] for spans in _spans(model, engine, window, documents)],
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
        wanted = _saved_spans(model, content)
        found = _spans(model, model.engine, int(content["max_seq_length"]), documents)
        lengths = [len(document.tokens) for document in documents]
        other = [differing(*spans) for spans in zip(found, wanted, lengths)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path}: damaged ({error}); export the model again") from None
    if not any(other):
        return None
    return (
        f"{model.folder.path}: {sum(other):,} of {sum(lengths):,} tags, in {sum(map(bool, other))} of {len(other)} "
        f"sample texts, are others on this processor ({' '.join(here)}) than on that of the export "
        f"({' '.join(map(str, there))}); score it here with nerctl evaluate, or export it here"
    )


def differing(ours: Sequence[Span], theirs: Sequence[Span], tokens: int) -> int:
    """Tokens of a text on which two taggings differ: that another entity begins with, or that lie in another."""
    sides = []
    for spans in (ours, theirs):
        marks: list[set[tuple[str, bool]]] = [set() for _ in range(tokens)]
        for span in spans:
            for token in range(span.start, span.end):
                marks[token].add((span.type, token == span.start))
        sides.append(marks)
    return sum(one != other for one, other in zip(*sides))


def _spans(model: LoadedModel, engine: Engine, window: int, documents: Sequence[Document]) -> list[list[Span]]:
    windows = SentenceWindows(token_table(documents), model.tokenizer, window)
    return model.decoder.spans(emissions_of(engine, windows.all_rows(), windows.pad), scored=False)


def _saved_spans(model: LoadedModel, content: Any) -> list[list[Span]]:
    """The entities of a sample file; those of nerctl 0.1 have tag ids."""
    if "entities" in content:
        return [[Span(*span) for span in spans] for spans in content["entities"]]
    return [bio.spans_of_ids(np.array(tags, np.int32), model.labels.types) for tags in content["tags"]]
