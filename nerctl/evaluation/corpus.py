"""A corpus tagged by a model: its entities beside the corpus' own, and the scores of the whole."""

from __future__ import annotations

from typing import Optional

from nerctl.data.bounds import sentence_bounds
from nerctl.data.corpus import Corpus
from nerctl.data.sentence_windows import SentenceWindows
from nerctl.data.spans import Span
from nerctl.evaluation.errors import ScoredSentence
from nerctl.evaluation.scores import Scores, Tally
from nerctl.inference.emissions import Told, emission_blocks
from nerctl.inference.engine import Engine
from nerctl.model.head import Decoder


def predict_spans(
    engine: Engine, decoder: Decoder, windows: SentenceWindows, told: Optional[Told] = None, scored: bool = False
) -> list[list[Span]]:
    """The entities of each sentence, in order; `told` hears how many sentences are computed."""
    bounds = sentence_bounds(windows.sentences) if decoder.bounded else {}
    found: list[list[Span]] = [[] for _ in range(len(windows.sentences))]
    for sentences, emissions in emission_blocks(engine, windows, told):
        spans = decoder.spans(emissions, [bounds.get(one) for one in sentences], scored=scored)
        for sentence, some in zip(sentences, spans):
            found[sentence] = some
    return found


def score_spans(corpus: Corpus, predicted: list[list[Span]]) -> Scores:
    """Scores of each sentence's entities against the corpus' own; a type unknown to the model is never found."""
    tally = Tally()
    for index, spans in enumerate(predicted):
        tally.add_spans(corpus.spans(index), spans, int(corpus.lengths[index]))
    return tally.scores()


def scored_sentences(
    engine: Engine, decoder: Decoder, corpus: Corpus, windows: SentenceWindows, told: Optional[Told] = None
) -> list[ScoredSentence]:
    """Every sentence of a corpus, given as windows too, with its own entities and the model's, which have scores."""
    predicted = predict_spans(engine, decoder, windows, told, scored=True)
    unknown = windows.table.unknown[corpus.token_ids]  # [N] bool
    return [
        ScoredSentence(
            tokens=sentence.tokens,
            gold=tuple(corpus.spans(index)),
            predicted=tuple(predicted[index]),
            unknown=tuple(unknown[corpus.offsets[index] : corpus.offsets[index + 1]].tolist()),
        )
        for index, sentence in enumerate(corpus)
    ]
