"""A corpus with the model's entities and their scores beside the corpus' own, for the error analysis."""

from __future__ import annotations

from typing import Optional

from nerctl.data.batches import Encoder
from nerctl.data.tags import Labels, spans_of
from nerctl.evaluation.errors import ScoredSentence, Span
from nerctl.inference.decoding import CrfScores, by_length
from nerctl.inference.engine import Engine
from nerctl.inference.marginals import passes, span_score, token_spans
from nerctl.inference.predict import DECODE_TOKENS, decode_all, emission_blocks


def scored_sentences(
    engine: Engine, crf: CrfScores, labels: Labels, encoder: Encoder, max_tokens: Optional[int] = None
) -> list[ScoredSentence]:
    """Every sentence of the encoder's corpus, in corpus order, tagged as `predict_corpus` tags it.

    `max_tokens` bounds the padded positions computed at once; None: what the engine runs best with.
    A span's score is the share of all taggings, by their probability, that hold exactly this entity;
    `nerctl.evaluation.errors.scores_of` gives the scores of the whole.
    """
    found: dict[int, tuple[Span, ...]] = {}
    for sentences, emissions in emission_blocks(engine, encoder, max_tokens):
        spans = [token_spans(tags) for tags in decode_all(emissions, crf)]
        found.update((sentence, ()) for sentence in sentences)
        used = [place for place, some in enumerate(spans) if some]
        for group in by_length([len(emissions[place]) for place in used], DECODE_TOKENS):
            members = [used[index] for index in group]
            for place, sums in zip(members, passes([emissions[place] for place in members], crf)):
                found[sentences[place]] = tuple(
                    Span(span[0], span[1], labels.types[span[2]], span_score(sums, crf, span)) for span in spans[place]
                )
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
