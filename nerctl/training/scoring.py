"""Scores the model of a run as it is now: dev on the way, the test part at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable

from nerctl.data.corpus import Corpus
from nerctl.data.sentence_windows import SentenceWindows
from nerctl.evaluation.corpus import predict_spans, score_spans, scored_sentences
from nerctl.evaluation.errors import ScoredSentence
from nerctl.evaluation.scores import Scores
from nerctl.model.head import Decoder
from nerctl.progress import Report
from nerctl.training.session import Session

if TYPE_CHECKING:
    from nerctl.inference.engine import TensorFlowEngine


class Scorer:
    """Tags corpora with a session's model; what it has compiled and encoded serves the next time."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._dev: SentenceWindows | None = None
        self._made_engine: TensorFlowEngine | None = None

    def dev(self, report: Report) -> Scores:
        """Scores of the dev split, which the session must have; `report` hears how many sentences are tagged."""
        corpus = self.session.data.dev
        assert corpus is not None
        if self._dev is None:
            self._dev = self.session.windows(corpus)
        hear = _of_split("dev", len(corpus), report)
        return score_spans(corpus, predict_spans(self._engine(), self._decoder(), self._dev, told=hear))

    def analysed(self, corpus: Corpus, report: Report) -> list[ScoredSentence]:
        """Every sentence of the test part with its own entities and the model's."""
        hear = _of_split("test", len(corpus), report)
        return scored_sentences(self._engine(), self._decoder(), corpus, self.session.windows(corpus), told=hear)

    def _decoder(self) -> Decoder:
        return self.session.head.decoder(self.session.model.head)

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


def _of_split(split: str, total: int, report: Report) -> Callable[[float], None]:
    return lambda done: report.advance(split, int(done), total)
