"""Entity scores against seqeval, against a brute-force reading of the definition, and the JSON layout."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nerctl.data.spans import Span
from nerctl.errors import DataError
from nerctl.evaluation.scores import Scores, Tally, chunks, split_tag

TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-a-b", "I-a-b"]
pairs = st.lists(st.tuples(st.sampled_from(TAGS), st.sampled_from(TAGS)), min_size=1, max_size=12)
corpora = st.lists(pairs, min_size=1, max_size=6)


def tally(corpus: list[list[tuple[str, str]]], strict: bool = False) -> Scores:
    counter = Tally(strict)
    for sentence in corpus:
        counter.add([gold for gold, _ in sentence], [predicted for _, predicted in sentence])
    return counter.scores()


@pytest.mark.current_stack
@pytest.mark.parametrize("strict", [False, True])
@settings(max_examples=300, deadline=None)
@given(corpus=corpora)
def test_scores_equal_seqeval_on_random_bio(strict: bool, corpus: list[list[tuple[str, str]]]) -> None:
    seqeval_metrics = pytest.importorskip("seqeval.metrics", reason="seqeval is not installed on this stack")
    from seqeval.scheme import IOB2

    gold = [[pair[0] for pair in sentence] for sentence in corpus]
    predicted = [[pair[1] for pair in sentence] for sentence in corpus]
    options: dict[str, Any] = {"mode": "strict", "scheme": IOB2} if strict else {}
    scores = tally(corpus, strict)
    assert scores.tokens == sum(map(len, gold)) and scores.sentences == len(gold)
    assert scores.token_accuracy == pytest.approx(seqeval_metrics.accuracy_score(gold, predicted))
    if not scores.gold and not scores.predicted:
        return  # seqeval raises where there is nothing to score
    report = seqeval_metrics.classification_report(gold, predicted, output_dict=True, zero_division=0, **options)
    for name, theirs in report.items():
        if name in ("macro avg", "weighted avg"):
            continue
        ours = scores if name == "micro avg" else scores.types[name]
        assert ours.gold == theirs["support"]
        assert ours.precision == pytest.approx(theirs["precision"])
        assert ours.recall == pytest.approx(theirs["recall"])
        assert ours.f1 == pytest.approx(theirs["f1-score"])
    assert set(scores.types) == set(report) - {"micro avg", "macro avg", "weighted avg"}


@pytest.mark.parametrize("strict", [False, True])
@given(tags=st.lists(st.sampled_from([*TAGS, "E-PER", "S-PER", "S-LOC", "M-LOC", "B", "X"]), max_size=10))
def test_chunks_never_overlap_and_cover_the_entity_tokens(strict: bool, tags: list[str]) -> None:
    found = chunks(tags, strict)
    covered = [position for start, end, *_ in found for position in range(start, end)]
    assert covered == sorted(set(covered))
    for start, end, entity_type, _ in found:
        assert end > start and all(split_tag(tag)[1] == entity_type for tag in tags[start:end])
    if not strict:
        assert covered == [i for i, tag in enumerate(tags) if split_tag(tag)[0] != "O"]


@given(spans=st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4), st.sampled_from(["PER", "LOC"])), max_size=5))
def test_the_same_entities_are_read_from_bio_bioes_and_bmes(spans: list[tuple[int, int, str]]) -> None:
    bio: list[str] = []
    bioes: list[str] = []
    expected = []
    for gap, length, name in spans:
        bio += ["O"] * gap
        bioes += ["O"] * gap
        expected.append((len(bio), len(bio) + length, name))
        bio += [f"B-{name}"] + [f"I-{name}"] * (length - 1)
        bioes += [f"S-{name}"] if length == 1 else [f"B-{name}", *[f"I-{name}"] * (length - 2), f"E-{name}"]
    bmes = [tag.replace("I-", "M-") for tag in bioes]
    for tags in (bio, bioes, bmes):
        assert chunks(tags) == chunks(tags, strict=True) == [Span(*one) for one in expected]


def test_an_inside_tag_after_o_is_an_entity_unless_strict() -> None:
    assert chunks(["O", "I-PER", "I-PER", "I-LOC"]) == [Span(1, 3, "PER"), Span(3, 4, "LOC")]
    assert chunks(["O", "I-PER", "I-PER", "I-LOC"], strict=True) == []
    assert chunks(["B-PER", "I-LOC", "I-PER"], strict=True) == [Span(0, 1, "PER")]


def test_counts_of_an_example_done_by_hand() -> None:
    counter = Tally()
    counter.add(["B-PER", "I-PER", "O", "B-LOC"], ["B-PER", "I-PER", "O", "B-ORG"])
    counter.add(["B-LOC", "I-LOC"], ["B-LOC", "O"])
    scores = counter.scores()
    assert (scores.gold, scores.predicted, scores.correct) == (3, 3, 1)
    assert scores.as_dict() == {
        "sentences": 2,
        "tokens": 6,
        "gold": 3,
        "predicted": 3,
        "correct": 1,
        "precision": 1 / 3,
        "recall": 1 / 3,
        "f1": 1 / 3,
        "token_accuracy": 4 / 6,
        "types": {
            "LOC": {"gold": 2, "predicted": 1, "correct": 0, "precision": 0.0, "recall": 0.0, "f1": 0.0},
            "ORG": {"gold": 0, "predicted": 1, "correct": 0, "precision": 0.0, "recall": 0.0, "f1": 0.0},
            "PER": {"gold": 1, "predicted": 1, "correct": 1, "precision": 1.0, "recall": 1.0, "f1": 1.0},
        },
    }


@given(corpus=corpora)
def test_scores_survive_the_way_through_json(corpus: list[list[tuple[str, str]]]) -> None:
    scores = tally(corpus)
    assert Scores.from_dict(scores.as_dict()) == scores


def test_an_empty_tally_scores_zero_everywhere() -> None:
    assert Tally().scores().as_dict() == {
        "sentences": 0, "tokens": 0, "gold": 0, "predicted": 0, "correct": 0,
        "precision": 0.0, "recall": 0.0, "f1": 0.0, "token_accuracy": 0.0, "types": {},
    }  # fmt: skip


def test_a_refused_sentence_counts_nothing() -> None:
    counter = Tally()
    for gold, predicted in ((["O"], ["O", "O"]), (["O", "PER"], ["B-PER", "O"]), (["O"], ["Q-PER"])):
        with pytest.raises(DataError):
            counter.add(gold, predicted)
    assert counter.scores() == Tally().scores()


def test_the_size_of_the_chinese_ner_test_set_scores_in_under_a_second() -> None:
    chance = random.Random(1)
    sentences = [[chance.choices(TAGS[:5], weights=[88, 4, 4, 2, 2], k=47) for _ in range(2)] for _ in range(219_197 // 47)]
    counter = Tally()
    started = time.perf_counter()
    for gold, predicted in sentences:
        counter.add(gold, predicted)
    assert counter.scores().tokens > 219_000
    assert time.perf_counter() - started < 1.0
