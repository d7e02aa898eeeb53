"""The Python interface: texts in, entities with offsets and scores out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from typing import Any, Optional, Union

from nerctl.data.bounds import text_bounds
from nerctl.data.rules import Rules
from nerctl.data.sentence_windows import SentenceWindows
from nerctl.data.spans import Span
from nerctl.data.tokenizer import WordPieceTokenizer
from nerctl.inference.documents import Document, token_table
from nerctl.inference.emissions import Told, emissions_of
from nerctl.inference.loading import LoadedModel, load_model

MOST_CACHED = 200_000
"""Tokens after which the cache of their word pieces is emptied: a text of words has new ones without end."""


@dataclass(frozen=True)
class Entity:
    """One mention of something that has a name."""

    start: int
    """Its first code point in the text."""
    end: int
    """Behind its last code point."""
    type: str
    """One of the model's types."""
    text: str
    """text[start:end]."""
    score: float
    """How sure the model is, 0 to 1. Of a chain of tags: the share of all taggings of the text, by their probability, that
    hold exactly this entity; of a pointer: the logistic function of the span's score, of which 0.5 is the threshold."""

    def as_dict(self) -> dict[str, Any]:
        """The JSON object."""
        return dict(vars(self))


@dataclass(frozen=True)
class Result:
    """A text and its entities in order."""

    text: str
    """As it was given."""
    entities: tuple[Entity, ...]
    """By start; none overlap unless the model's head finds nested ones."""

    def as_dict(self) -> dict[str, Any]:
        """The JSON object of `nerctl predict`."""
        return {"text": self.text, "entities": [entity.as_dict() for entity in self.entities]}

    def __iter__(self) -> Iterator[Entity]:
        return iter(self.entities)

    def __len__(self) -> int:
        return len(self.entities)

    def __bool__(self) -> bool:
        return True  # a result without entities is still one

    def _repr_html_(self) -> str:
        """What a notebook draws."""
        from nerctl.inference.html import result_html

        return result_html(self)


class Tagger:
    """A trained model, ready to tag; `Tagger.load` makes one. Safe to use from several threads.

    Args:
        model: the opened model folder.
        rules: mentions to force and to forbid.
        max_windows: windows that the engine computes at once, at the most; 0: as many as it runs best with.
    """

    def __init__(self, model: LoadedModel, rules: Optional[Rules] = None, max_windows: int = 0) -> None:
        if not isinstance(model, LoadedModel):
            raise TypeError(f"Tagger takes an opened model, not {_shown(model)}; write Tagger.load(FOLDER)")
        self.model = model
        self.rules = rules
        self.max_windows = max_windows
        self._tokenizer = model.tokenizer
        self._loaded: Optional[tuple[Any, ...]] = None

    def __repr__(self) -> str:
        return f"<Tagger {self.model.folder.path}: {', '.join(self.labels)}; {self.engine}>"

    def __reduce__(self) -> tuple[Any, ...]:
        # Another process gets the folder's path and opens it there: weights and compiled functions do not travel.
        if self._loaded is None:
            raise TypeError("only a Tagger that Tagger.load made can go to another process; load the folder there")
        return Tagger.load, self._loaded

    @classmethod
    def load(
        cls,
        path: Union[str, Path],
        engine: str = "auto",
        device: str = "auto",
        threads: int = 0,
        max_seq_length: Optional[int] = None,
        lexicon: Optional[Path] = None,
        block: Optional[Path] = None,
        max_windows: int = 0,
        max_tokens: Optional[int] = None,
        allow_blanks: bool = False,
    ) -> Tagger:
        """Opens a folder that `nerctl train` or `nerctl export` wrote.

        Args:
            path: the folder.
            engine: auto, tensorflow or onnx; auto takes what the folder was made for.
            device: for TensorFlow: auto, cpu, cuda or npu.
            threads: computing threads; 0: as many as cores.
            max_seq_length: window in word pieces; None: that of training. Longer texts take several.
            lexicon: file of mentions to force (`nerctl.data.rules`).
            block: file of mentions to forbid.
            max_windows: windows computed at once, at the most; 0: as many as the engine runs best with.
            max_tokens: padded word pieces computed at once, at the most; None: 4,096 on the CPU, more on CUDA and an
                NPU, 512 a core with ONNX.
            allow_blanks: let entities begin and end with blanks and control characters, and cut characters that are
                written as several; without it they may only where the training corpus marks such.

        Raises:
            ModelError: a file of the folder is missing, altered, or of a newer version; the message names it.
            DataError: a lexicon or block file cannot be read.
            NerctlError: the process is a fork of one in which TensorFlow ran, and the folder needs it.
        """
        model = load_model(path, engine, device, threads, max_seq_length, max_tokens, allow_blanks)
        tagger = cls(model, Rules.read(model.labels, lexicon, block), max_windows)
        places = [Path(place).absolute() if place is not None else None for place in (lexicon, block)]
        options = (engine, device, threads, max_seq_length, *places, max_windows, max_tokens, allow_blanks)
        tagger._loaded = (Path(path).absolute(), *options)
        return tagger

    @property
    def engine(self) -> str:
        """tensorflow or onnx."""
        return self.model.engine.name

    @property
    def labels(self) -> tuple[str, ...]:
        """The entity types that the model knows, sorted."""
        return self.model.labels.types

    def __call__(self, text: str) -> Result:
        """The entities of one text of any length; TypeError for what is no string."""
        if not isinstance(text, str):
            several = not isinstance(text, (bytes, bytearray)) and hasattr(text, "__iter__")
            hint = "for several texts write tagger.batch(texts)" if several else _hint(text)
            raise TypeError(f"a text must be a str, not {_shown(text)}; {hint}")
        return self.batch([text])[0]

    def batch(self, texts: Iterable[str]) -> list[Result]:
        """The entities of several texts, in order; those of like length are computed together.

        Raises:
            TypeError: `texts` is no list (or other ordered collection) of strings; a member that is none is named.
        """
        if isinstance(texts, (str, bytes, bytearray)) or not hasattr(texts, "__iter__"):
            hint = "for one text write tagger(text)" if isinstance(texts, str) else "[text] is a list of one"
            raise TypeError(f"batch takes a list of texts, not {_shown(texts)}; {hint}")
        if isinstance(texts, (Mapping, Set)) or hasattr(texts, "columns"):
            hint = "choose them: texts[NAME]" if hasattr(texts, "columns") else "put them in order: list(...)"
            raise TypeError(f"batch takes a list of texts, not a {type(texts).__name__}; {hint}")
        ordered = list(texts)
        for index, text in enumerate(ordered):
            if not isinstance(text, str):
                raise TypeError(f"texts[{index}] must be a str, not {_shown(text)}; {_hint(text)}")
        return self.tag([Document.split(text, self.model.splitter) for text in ordered])

    def tag(self, documents: Sequence[Document], told: Optional[Told] = None) -> list[Result]:
        """The entities of texts whose tokens are known, in order; `told` hears which share is computed, 0 to 1."""
        used = [document for document in documents if len(document.tokens)]
        spans = iter(self._spans(used, told)) if used else iter(())
        return [
            Result(one.text, tuple(_entity(one, span) for span in next(spans)) if len(one.tokens) else ())
            for one in documents
        ]

    def _spans(self, documents: Sequence[Document], told: Optional[Told]) -> list[list[Span]]:
        """Entities of each document, none without tokens, within its bounds and under the rules."""
        decoder = self.model.decoder
        if self._tokenizer.known > MOST_CACHED:
            self._tokenizer = WordPieceTokenizer(self._tokenizer.vocabulary, self._tokenizer.lower_case)
        windows = SentenceWindows(token_table(documents), self._tokenizer, self.model.max_seq_length)
        emissions = emissions_of(self.model.engine, windows.all_rows(), windows.pad, self.max_windows, told)
        bounds = [text_bounds(one.text, one.tokens) if decoder.bounded else None for one in documents]
        met = None
        if self.rules is not None:
            met = [self.rules.find(one.text, one.tokens, ends) for one, ends in zip(documents, bounds)]
        return decoder.spans(emissions, bounds, met)


def _entity(document: Document, span: Span) -> Entity:
    begins, ends = document.tokens[span.start][0], document.tokens[span.end - 1][1]
    assert span.score is not None
    return Entity(begins, ends, span.type, document.text[begins:ends], span.score)


def _shown(value: Any) -> str:
    """A value of a wrong type, for a message: its kind and how it begins."""
    if value is None:
        return "None"
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 30 else text[:29] + '…'}"


def _hint(value: Any) -> str:
    """What to do about a value that stands where a text should."""
    if isinstance(value, (bytes, bytearray)):
        return 'decode it: value.decode("utf-8")'
    missing = value is None or type(value).__name__ in ("NAType", "NaTType") or (isinstance(value, float) and isnan(value))
    return 'leave it out, or write "" for it' if missing else "write str(value) if that is the text"
