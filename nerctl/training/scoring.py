"""Scores the model of a run as it is now: dev on the way, the test part at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable

from nerctl.data.batches import Encoder
from nerctl.data.corpus import Corpus
from nerctl.evaluation.errors import ScoredSentence
from nerctl.evaluation.scores import Scores
from nerctl.training.session import Session

if TYPE_CHECKING:
    from nerctl.inference.decoding import CrfScores
    from nerctl.inference.engine import TensorFlowEngine


Told = Callable[[str, int, int], None]
"""Told of a split how many of its sentences are tagged, of how many."""


class Scorer:
    """Tags corpora with a session's model; what it has compiled and encoded serves the next time."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._dev: Encoder | None = None
        self._made_engine: TensorFlowEngine | None = None

    def dev(self, told: Told) -> Scores:
        """Scores of the dev split, which the session must have."""
        from nerctl.inference.predict import score_corpus

        if self._dev is None:
            assert self.session.data.dev is not None
            self._dev = self.session.encode(self.session.data.dev)
        hear = _of_split("dev", len(self._dev.corpus), told)
        return score_corpus(self._engine(), self._crf(), self.session.data.labels, self._dev, told=hear)

    def analysed(self, corpus: Corpus, told: Told) -> list[ScoredSentence]:
        """Every sentence of the test part with its own entities and the model's."""
        from nerctl.inference.scored import scored_sentences

        hear = _of_split("test", len(corpus), told)
        labels = self.session.data.labels
        return scored_sentences(self._engine(), self._crf(), labels, self.session.encode(corpus), told=hear)

    def _crf(self) -> CrfScores:
        from nerctl.inference.engine import crf_scores

        return crf_scores(self.session.model, self.session.data.labels)

    def _engine(self) -> TensorFlowEngine:
        """The model as it is now; made once, for its compiled functions."""
        if self._made_engine is None:
            from nerctl.inference.engine import TensorFlowEngine

            session = self.session
            together = session.backend.together
            self._made_engine = TensorFlowEngine(
                session.model,
                session.backend,
                session.config.max_seq_length,
                max(1, session.shapes.max_tokens // together),  # calls side by side share what may be in memory
                together,
            )
        return self._made_engine


def _of_split(split: str, total: int, told: Told) -> Callable[[float], None]:
    return lambda done: told(split, int(done), total)
