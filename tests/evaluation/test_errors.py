"""Error classes add up, agree with the scores, and each example worked by hand lands where the rules say."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nerctl.data.spans import Span
from nerctl.evaluation.calibration import BINS, Reliability
from nerctl.evaluation.errors import (
    KINDS,
    ScoredSentence,
    analyse,
    length_group,
    match_spans,
    scores_of,
)
from nerctl.evaluation.scores import Tally, chunks

TAGS = ["O", "O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
tag_pairs = st.lists(st.tuples(st.sampled_from(TAGS), st.sampled_from(TAGS), st.booleans(), st.floats(0, 1)), max_size=12)


def sentence_of(rows: list[tuple[str, str, bool, float]]) -> ScoredSentence:
    gold = tuple(chunks([row[0] for row in rows]))
    predicted = tuple(chunk._replace(score=rows[chunk.start][3]) for chunk in chunks([row[1] for row in rows]))
    return ScoredSentence(("字",) * len(rows), gold, predicted, tuple(row[2] for row in rows))


@given(corpus=st.lists(tag_pairs, max_size=5))
def test_every_entity_is_in_exactly_one_class_and_the_sums_are_the_scores(
    corpus: list[list[tuple[str, str, bool, float]]],
) -> None:
    tally = Tally()
    for rows in corpus:
        tally.add([row[0] for row in rows], [row[1] for row in rows])
    scores = tally.scores()
    analysis = analyse(map(sentence_of, corpus))
    kinds = analysis.kinds
    paired = kinds["correct"] + kinds["boundary"] + kinds["type"]
    assert scores.gold == paired + kinds["missed"]
    assert scores.predicted == paired + kinds["spurious"]
    assert scores.correct == kinds["correct"]
    assert analysis.scores == scores_of(map(sentence_of, corpus))
    assert analysis.scores.types == scores.types and analysis.scores.tokens == scores.tokens
    for kind in KINDS:
        assert sum(counts[kind] for counts in analysis.by_type.values()) == kinds[kind]
    assert sum(sum(row.values()) for row in analysis.confusion.values()) == sum(kinds.values())
    for name, type_scores in scores.types.items():
        assert sum(analysis.confusion.get(name, {}).values()) == type_scores.gold
        assert sum(row.get(name, 0) for row in analysis.confusion.values()) == type_scores.predicted
    for groups in (analysis.lengths, analysis.unknown):
        for count in ("gold", "predicted", "correct"):
            assert sum(getattr(group, count) for group in groups.values()) == getattr(scores, count)
    assert sum(analysis.length_sentences.values()) == len(corpus)
    if analysis.calibration:
        assert analysis.calibration.count == scores.predicted
    else:
        assert not scores.predicted


@given(rows=tag_pairs)
def test_a_match_never_uses_an_entity_twice_and_is_what_its_class_says(
    rows: list[tuple[str, str, bool, float]],
) -> None:
    sentence = sentence_of(rows)
    matches = match_spans(sentence.gold, sentence.predicted)
    assert sorted(m.gold for m in matches if m.gold) == sorted(sentence.gold)
    assert sorted(m.predicted for m in matches if m.predicted) == sorted(sentence.predicted)
    for kind, gold, predicted in matches:
        if gold is None or predicted is None:
            assert kind == ("spurious" if gold is None else "missed")
            continue
        assert max(gold.start, predicted.start) < min(gold.end, predicted.end)
        same_type = gold.type == predicted.type
        assert kind == ("correct" if gold[:3] == predicted[:3] else "boundary" if same_type else "type")
    missed = [m.gold for m in matches if m.kind == "missed" and m.gold]
    spurious = [m.predicted for m in matches if m.kind == "spurious" and m.predicted]
    assert not any(g.start < p.end and p.start < g.end for g in missed for p in spurious)


@pytest.mark.parametrize(
    ("gold", "predicted", "kinds"),
    [
        ([(0, 2, "PER")], [(0, 2, "PER")], ["correct"]),
        ([(0, 2, "PER")], [(0, 2, "LOC")], ["type"]),
        ([(0, 2, "PER")], [(0, 3, "PER")], ["boundary"]),
        ([(0, 2, "PER")], [(1, 3, "LOC")], ["type"]),
        ([(0, 2, "PER")], [(2, 4, "PER")], ["missed", "spurious"]),
        ([(0, 6, "ORG")], [(0, 2, "LOC"), (2, 6, "ORG")], ["spurious", "boundary"]),
        ([(0, 2, "LOC"), (2, 6, "ORG")], [(0, 6, "ORG")], ["missed", "boundary"]),
        ([(0, 4, "ORG")], [(0, 1, "ORG"), (1, 4, "ORG")], ["spurious", "boundary"]),
        ([], [(0, 1, "PER")], ["spurious"]),
        ([(3, 4, "PER")], [], ["missed"]),
    ],
)
def test_examples_sorted_by_hand(
    gold: list[tuple[int, int, str]], predicted: list[tuple[int, int, str]], kinds: list[str]
) -> None:
    matches = match_spans([Span(*span) for span in gold], [Span(*span) for span in predicted])
    assert sorted(match.kind for match in matches) == sorted(kinds)


def test_unknown_tokens_split_the_scores() -> None:
    sentence = ScoredSentence(
        tokens=tuple("喆在北京"),
        gold=(Span(0, 1, "PER"), Span(2, 4, "LOC")),
        predicted=(Span(2, 4, "LOC", 0.9),),
        unknown=(True, False, False, False),
    )
    unknown = analyse([sentence]).unknown
    assert (unknown["with"].gold, unknown["with"].correct) == (1, 0)
    assert (unknown["without"].gold, unknown["without"].correct) == (1, 1)


def test_length_groups_meet_without_gap() -> None:
    assert [length_group(n) for n in (0, 1, 20, 21, 320, 321, 10_000)] == [
        "1-20", "1-20", "1-20", "21-40", "161-320", "321+", "321+",
    ]  # fmt: skip


@settings(deadline=None)
@given(pairs=st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60))
def test_calibration_error_equals_numpy(pairs: list[tuple[float, bool]]) -> None:
    import numpy as np

    reliability = Reliability()
    for score, correct in pairs:
        reliability.add(score, correct)
    result = reliability.result()
    assert result is not None
    scores, correct = np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs], float)
    places = np.minimum((scores * BINS).astype(int), BINS - 1)
    expected = sum(
        (places == place).sum() * abs(correct[places == place].mean() - scores[places == place].mean())
        for place in set(places.tolist())
    ) / len(pairs)
    assert result.error == pytest.approx(expected)
    assert [bin.entities for bin in result.bins] == np.bincount(places, minlength=BINS).tolist()


def test_certain_and_right_is_perfect_and_certain_and_wrong_is_worst() -> None:
    right, wrong = Reliability(), Reliability()
    right.add(1.0, True)
    wrong.add(1.0000001, False)
    assert right.result().error == 0 and wrong.result().error == pytest.approx(1)  # type: ignore[union-attr]
    assert Reliability().result() is None
