"""A tagger without a model, for what is about files and not about tags."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable, Optional

from nerctl.data.text_splitter import TextSplitter
from nerctl.inference.documents import Document
from nerctl.inference.tagger import Entity, Result


class FakeTagger:
    """Finds the first character of each text; calls `before` before it tags a block."""

    def __init__(self, folder: Path = Path(), before: Optional[Callable[[], Any]] = None) -> None:
        self.model = SimpleNamespace(
            splitter=TextSplitter(),
            engine=SimpleNamespace(max_tokens=1),
            folder=SimpleNamespace(path=folder, version="nerctl-0"),
            max_seq_length=32,
            decoder=SimpleNamespace(bounded=True),
        )
        self.before = before

    def tag(self, documents: Sequence[Document], told: Any = None) -> list[Result]:
        if self.before is not None:
            self.before()
        return [
            Result(one.text, (Entity(0, 1, "LOC", one.text[0], 0.5),) if one.text else ()) for one in documents
        ]
