"""A corpus with the model's entities and their scores beside the corpus' own, for the error analysis."""

from __future__ import annotations

from typing import Optional

from nerctl.data.batches import Encoder
from nerctl.data.tags import Labels, spans_of
from nerctl.evaluation.errors import ScoredSentence, Span
from nerctl.inference.decoding import CrfScores
from nerctl.inference.engine import Engine
from nerctl.inference.predict import Told, bounds_of, emission_blocks, scored_spans


def scored_sentences(
    engine: Engine,
    crf: CrfScores,
    labels: Labels,
    encoder: Encoder,
    told: Optional[Told] = None,
) -> list[ScoredSentence]:
    """Every sentence of the encoder's corpus, in corpus order, tagged as `predict_corpus` tags it.

    `told` hears how many sentences are computed.
    A span's score is the share of all taggings, by their probability, that hold exactly this entity;
    `nerctl.evaluation.errors.scores_of` gives the scores of the whole.
    """
    found: dict[int, tuple[Span, ...]] = {}
    bounds = bounds_of(encoder, crf)
    for sentences, emissions in emission_blocks(engine, encoder, told):
        scored = scored_spans(emissions, crf, [bounds.get(one) for one in sentences])
        for sentence, spans in zip(sentences, scored):
            found[sentence] = tuple(Span(first, end, labels.types[kind], score) for (first, end, kind), score in spans)
    unknown = encoder.table.unknown[encoder.corpus.token_ids]  # [N] bool
    offsets = encoder.corpus.offsets.tolist()
    return [
        ScoredSentence(
            tokens=sentence.tokens,
            gold=tuple(Span(*span) for span in spans_of(sentence.tags)),
            predicted=found[index],
            unknown=tuple(unknown[offsets[index] : offsets[index + 1]].tolist()),
        )
        for index, sentence in enumerate(encoder.corpus)
    ]
