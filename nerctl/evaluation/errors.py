"""What a tagger gets wrong: errors in four classes, confusion of types, and who suffers most.

The classes follow the usual split of entity errors (Chinchor and Sundheim, MUC-5 evaluation metrics, 1993),
kept apart so that every gold and every predicted entity is in exactly one:

correct    same start, end and type;
type       the two overlap and the types differ (the borders may differ too);
boundary   same type, the two overlap, start or end differs;
missed     a gold entity that no predicted one stands for;
spurious   a predicted entity that stands for no gold one.

So gold = correct + type + boundary + missed, and predicted = correct + type + boundary + spurious.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Optional

from nerctl.data.spans import Span
from nerctl.evaluation.calibration import Calibration, Reliability
from nerctl.evaluation.scores import Scores, Tally, TypeScores

KINDS = ("correct", "boundary", "type", "missed", "spurious")
"""The classes, in the order in which reports show them."""

LENGTH_EDGES = (20, 40, 80, 160, 320)
"""Upper bounds, in tokens, of the length groups; the last group has none."""

NONE = ""
"""Row or column of the confusion table for entities without a counterpart."""


@dataclass(frozen=True)
class ScoredSentence:
    """A sentence with the entities of the corpus and those that the tagger found."""

    tokens: tuple[str, ...]
    """The tokens of the corpus."""
    gold: tuple[Span, ...]
    """Entities of the corpus; their scores are not looked at."""
    predicted: tuple[Span, ...]
    """Entities found, with their scores."""
    unknown: tuple[bool, ...] = ()
    """For each token, whether the encoder saw [UNK]; empty when that is not known."""


class Match(NamedTuple):
    """A gold entity and the predicted one that stands for it; one is None in `missed` and `spurious`."""

    kind: str
    gold: Optional[Span]
    predicted: Optional[Span]


def match_spans(gold: Sequence[Span], predicted: Sequence[Span]) -> list[Match]:
    """Pairs the entities of one sentence, each at most once, in text order.

    Pairs are made in four rounds: the equal ones; the same borders with another type; the same type with
    other borders; any that overlap. Within a round the larger overlap goes first, then the earlier start.
    """
    candidates = []
    for i, ours in enumerate(gold):
        for j, theirs in enumerate(predicted):
            overlap = min(ours.end, theirs.end) - max(ours.start, theirs.start)
            if overlap > 0:
                candidates.append((_round(ours, theirs), -overlap, i, j))
    free_gold, free_predicted = set(range(len(gold))), set(range(len(predicted)))
    matches = []
    for pairing, _, i, j in sorted(candidates):
        if i in free_gold and j in free_predicted:
            free_gold.remove(i)
            free_predicted.remove(j)
            kind = ("correct", "type", "boundary", "type")[pairing]
            matches.append(Match(kind, gold[i], predicted[j]))
    matches += [Match("missed", gold[i], None) for i in free_gold]
    matches += [Match("spurious", None, predicted[j]) for j in free_predicted]
    return sorted(matches, key=_place)


def _round(gold: Span, predicted: Span) -> int:
    same_type = gold.type == predicted.type
    same_borders = gold[:2] == predicted[:2]
    if same_type:
        return 0 if same_borders else 2
    return 1 if same_borders else 3


def _place(match: Match) -> tuple[int, int]:
    span = match.gold or match.predicted
    assert span is not None
    return span.start, span.end


@dataclass(frozen=True)
class Analysis:
    """Everything that a report says about one scored split."""

    scores: Scores
    """Scores of all sentences, in all and by type."""
    kinds: dict[str, int]
    """Entities in each class of KINDS."""
    by_type: dict[str, dict[str, int]]
    """The same for each type: the gold type, or the predicted one of a spurious entity."""
    confusion: dict[str, dict[str, int]]
    """Gold type, then the type of its counterpart; NONE stands for none on either side."""
    lengths: dict[str, TypeScores]
    """Scores by length of the sentence, shortest group first; groups without a sentence are left out."""
    length_sentences: dict[str, int]
    """Sentences in each of those groups."""
    unknown: dict[str, TypeScores]
    """Scores of entities `with` and `without` a token that is [UNK] to the encoder; empty when not known."""
    calibration: Optional[Calibration]
    """How far the scores of predicted entities can be believed; None without scores."""
    errors: list[tuple[int, list[Match]]]
    """Sentences with at least one error, by index, and all their matches, the correct ones included."""

    def as_dict(self) -> dict[str, Any]:
        """Everything but the sentences themselves, for report.json."""
        return {
            "kinds": self.kinds,
            "by_type": self.by_type,
            "confusion": self.confusion,
            "scores": self.scores.as_dict(),
            "lengths": {
                name: {"sentences": self.length_sentences[name], **scores.as_dict()} for name, scores in self.lengths.items()
            },
            "unknown": {name: scores.as_dict() for name, scores in self.unknown.items()},
            "calibration": self.calibration.as_dict() if self.calibration else None,
            "sentences_with_errors": len(self.errors),
        }


@dataclass
class _Counts:
    """Gold, predicted and correct entities while they are counted."""

    gold: int = 0
    predicted: int = 0
    correct: int = 0

    def add(self, match: Match) -> None:
        self.gold += match.gold is not None
        self.predicted += match.predicted is not None
        self.correct += match.kind == "correct"

    def scores(self) -> TypeScores:
        return TypeScores(self.gold, self.predicted, self.correct)


@dataclass
class _Groups:
    """Counts by name of a group."""

    counts: dict[str, _Counts] = field(default_factory=dict)

    def __getitem__(self, name: str) -> _Counts:
        return self.counts.setdefault(name, _Counts())

    def scores(self, order: Optional[Sequence[str]] = None) -> dict[str, TypeScores]:
        names = sorted(self.counts) if order is None else [name for name in order if name in self.counts]
        return {name: self.counts[name].scores() for name in names}


def analyse(sentences: Iterable[ScoredSentence]) -> Analysis:
    """Sorts the entities of all sentences into classes and groups."""
    kinds: Counter[str] = Counter(dict.fromkeys(KINDS, 0))
    by_type: dict[str, Counter[str]] = {}
    confusion: dict[str, Counter[str]] = {}
    lengths, unknown = _Groups(), _Groups()
    length_sentences: Counter[str] = Counter()
    reliability = Reliability()
    errors = []
    tally = Tally()
    for index, sentence in enumerate(sentences):
        size = len(sentence.tokens)
        tally.add_spans(sentence.gold, sentence.predicted, size)
        group = length_group(size)
        length_sentences[group] += 1
        matches = match_spans(sentence.gold, sentence.predicted)
        for match in matches:
            kinds[match.kind] += 1
            gold_type = match.gold.type if match.gold else NONE
            predicted_type = match.predicted.type if match.predicted else NONE
            by_type.setdefault(gold_type or predicted_type, Counter())[match.kind] += 1
            confusion.setdefault(gold_type, Counter())[predicted_type] += 1
            lengths[group].add(match)
            if sentence.unknown:
                gold_side, predicted_side = (_unknown_group(span, sentence.unknown) for span in match[1:])
                _add_sides(unknown, match, gold_side, predicted_side)
            if match.predicted and match.predicted.score is not None and math.isfinite(match.predicted.score):
                reliability.add(match.predicted.score, match.kind == "correct")
        lengths[group]  # a group without entities is a group
        if any(match.kind != "correct" for match in matches):
            errors.append((index, matches))
    return Analysis(
        scores=tally.scores(),
        kinds=dict(kinds),
        by_type={name: {kind: by_type[name][kind] for kind in KINDS} for name in sorted(by_type)},
        confusion={name: dict(sorted(row.items())) for name, row in sorted(confusion.items())},
        lengths=lengths.scores([length_group(edge) for edge in (*LENGTH_EDGES, LENGTH_EDGES[-1] + 1)]),
        length_sentences=dict(length_sentences),
        unknown=unknown.scores(("with", "without")),
        calibration=reliability.result(),
        errors=errors,
    )


def scores_of(sentences: Iterable[ScoredSentence]) -> Scores:
    """Scores of sentences, the same that their tags would have."""
    tally = Tally()
    for sentence in sentences:
        tally.add_spans(sentence.gold, sentence.predicted, len(sentence.tokens))
    return tally.scores()


def length_group(tokens: int) -> str:
    """Name of the length group of a sentence, such as `21-40` or `321+`."""
    low = 1
    for edge in LENGTH_EDGES:
        if tokens <= edge:
            return f"{low}-{edge}"
        low = edge + 1
    return f"{low}+"


def _unknown_group(span: Optional[Span], unknown: Sequence[bool]) -> str:
    if span is None:
        return NONE
    return "with" if any(unknown[span.start : span.end]) else "without"


def _add_sides(groups: _Groups, match: Match, gold_group: str, predicted_group: str) -> None:
    """Counts a match whose entities may be in different groups; those of a correct one are in the same."""
    if match.gold:
        groups[gold_group].gold += 1
    if match.predicted:
        groups[predicted_group].predicted += 1
    if match.kind == "correct":
        groups[gold_group].correct += 1
