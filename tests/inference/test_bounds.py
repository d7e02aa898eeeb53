"""Entities that nobody would mark are found by no path: against brute force, and in texts and corpora."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_decoding import random_crf, viterbi
from test_marginals import BruteForce, all_spans
from test_tagger import ODD, rules_tagger
from tiny_model import vocabulary, write_corpus, write_model_folder

from nerctl.config import TrainConfig
from nerctl.data.bounds import Bounds, text_bounds
from nerctl.data.graphemes import clusters
from nerctl.data.spans import Span
from nerctl.evaluation.evaluate import evaluate_model
from nerctl.heads.chain.decoding import decode, with_forced
from nerctl.heads.chain.lattice import Lattice
from nerctl.heads.chain.marginals import passes, span_score
from nerctl.inference.loading import load_model
from nerctl.inference.tagger import Tagger
from nerctl.training.session import read_data

TEXTS = [*ODD, "他在 北京大学 工作。", "    ", "\t海钓比\n", "海\u00a0\u200b厦门 \u3000", "New York  b1", "\u3164厦门\u2800"]
JOINED = list(" \t\u200d\u0301👩👧🇨🇳\u3000\u200b\r\n海b1가\u1100")


class BoundedBruteForce(BruteForce):
    """Every path that rules and bounds leave."""

    def __init__(self, labels, emissions, crf, bounds: Bounds, forced=(), blocked=()) -> None:
        super().__init__(labels, emissions, crf, forced, blocked)
        self.paths = [path for path in self.paths if not bounds.broken(path[2])]
        self.total = np.logaddexp.reduce([score for score, _, _ in self.paths])


def drawn_bounds(data, length: int) -> Bounds:
    flags = st.lists(st.booleans(), min_size=length, max_size=length).map(np.array)
    return Bounds(data.draw(flags), data.draw(flags))


@settings(max_examples=80, deadline=None)
@given(data=st.data(), length=st.integers(1, 5), seed=st.integers(0, 10_000), scale=st.sampled_from([2, 30, 600]))
def test_paths_within_bounds_equal_brute_force(data, length: int, seed: int, scale: float) -> None:
    labels, crf, generator = random_crf(2, seed)
    emissions = scale * generator.normal(size=(length, len(labels)))
    bounds = drawn_bounds(data, length)
    spans = all_spans(length, 2)
    brute = BoundedBruteForce(labels, emissions, crf, bounds)
    assert tuple(decode([emissions], crf, [bounds])[0].tolist()) == brute.best()
    sums = passes([emissions], crf, [bounds])[0]
    assert sums.total == pytest.approx(brute.total, abs=1e-6)
    assert [span_score(sums, crf, one) for one in spans] == pytest.approx([brute.share(one) for one in spans], abs=1e-5)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), length=st.integers(1, 5), seed=st.integers(0, 10_000))
def test_bounds_hold_beside_forced_and_blocked_entities(data, length: int, seed: int) -> None:
    labels, crf, generator = random_crf(2, seed)
    emissions = 2 * generator.normal(size=(length, len(labels)))
    bounds = drawn_bounds(data, length)
    spans = all_spans(length, 2)
    blocked = data.draw(st.lists(st.sampled_from(spans), max_size=5, unique=True))
    forced: list[Span] = []
    for span in data.draw(st.lists(st.sampled_from(spans), max_size=3, unique=True).map(sorted)):
        possible = span not in blocked and bounds.begins[span[0]] and bounds.ends[span[1] - 1]
        if possible and (not forced or span[0] >= forced[-1][1]):
            forced.append(span)
    allowed = with_forced(emissions, forced, crf)
    brute = BoundedBruteForce(labels, emissions, crf, bounds, forced, blocked)
    lattice = Lattice(allowed, crf, blocked, bounds)
    assert tuple(lattice.decode().tolist()) == brute.best()
    assert lattice.span_scores(spans) == pytest.approx([brute.share(span) for span in spans], abs=1e-5)


def test_sentences_with_and_without_bounds_decode_together_as_alone() -> None:
    _labels, crf, generator = random_crf(2, 3)
    emissions = [2 * generator.normal(size=(length, 5)) for length in (4, 9, 1, 9, 6)]
    bounds = [None, Bounds(generator.random(9) < 0.5, generator.random(9) < 0.5), None, None, None]
    together = decode(emissions, crf, bounds)
    for scores, one, tags, sums in zip(emissions, bounds, together, passes(emissions, crf, bounds)):
        np.testing.assert_array_equal(tags, decode([scores], crf, [one])[0])
        np.testing.assert_allclose(sums.total, passes([scores], crf, [one])[0].total)
        if one is None:
            np.testing.assert_array_equal(tags, viterbi(scores, crf))


def test_a_sure_entity_that_may_not_end_for_four_hundred_tokens_leaves_the_path_without_it() -> None:
    _labels, crf, _ = random_crf(1, 0)
    emissions = np.tile([0.0, 0.0, 30.0], (400, 1))
    emissions[0, 1] = 30
    bounds = Bounds(np.arange(400) == 0, np.zeros(400, bool))
    assert not decode([emissions], crf, [bounds])[0].any()
    sums = passes([emissions], crf, [bounds])[0]
    assert np.isfinite(sums.total) and span_score(sums, crf, Span(0, 400, "T0")) == 0


def empty(text: str) -> bool:
    return not text.strip() or all(unicodedata.category(mark) in ("Cc", "Cf", "Zs", "Zl", "Zp", "Cs") for mark in text)


def check_whole(tagger: Tagger, texts: list[str]) -> int:
    count = 0
    for text, result in zip(texts, tagger.batch(texts)):
        cuts = {0, *(end for _, end, _ in clusters(text))}
        for entity in result.entities:
            assert {entity.start, entity.end} <= cuts
            assert not empty(entity.text[0]) and not (empty(entity.text[-1]) and entity.text[-1] != "\u200d")
            assert 0 <= entity.score <= 1
            count += 1
    return count


@settings(max_examples=40, deadline=None)
@given(texts=st.lists(st.one_of(st.lists(st.sampled_from(JOINED)).map("".join), st.sampled_from(TEXTS)), max_size=5))
def test_an_entity_neither_begins_nor_ends_with_a_blank_nor_cuts_a_character(shared_tagger: Tagger, texts: list) -> None:
    check_whole(shared_tagger, texts)


@pytest.fixture(scope="module")
def shared_tagger(tagger: Tagger) -> Tagger:
    return tagger


def test_bounds_hold_for_odd_texts_in_both_engines_and_under_rules(
    tagger: Tagger, model_folder: Path, tmp_path: Path
) -> None:
    assert check_whole(tagger, TEXTS * 3) > 20
    forcing = rules_tagger(model_folder, tmp_path, "\u200b厦门\tLOC\n厦门\u3000\tORG\n👩\tPER\n", "海\n在\n")
    assert check_whole(forcing, TEXTS * 3) > 20
    assert not [one for one in forcing("👩\u200d👧在").entities if one.text == "👩"]


def test_allow_blanks_gives_the_entities_of_a_model_without_bounds(model_folder: Path, onnx_folder: Path) -> None:
    text = "    "
    for folder in (model_folder, onnx_folder):
        assert not Tagger.load(folder, device="cpu")(text).entities
        free = Tagger.load(folder, device="cpu", allow_blanks=True)
        found = [free(text) for text in TEXTS]
        assert any(empty(one.text[0]) for result in found for one in result.entities)


def test_blanks_within_an_entity_stay_possible() -> None:
    bounds = text_bounds("New York ", [(place, place + 1) for place in range(9)])
    assert bounds is not None
    assert bounds.broken([Span(0, 8, "LOC")]) == 0 and bounds.broken([Span(0, 9, "LOC")]) == 1


def test_a_corpus_is_scored_as_its_texts_are_predicted(model_folder: Path, tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "c.txt", [30] * 8)
    assert " " in corpus.vocabulary
    gold = evaluate_model(load_model(model_folder, device="cpu"), tmp_path / "c.txt", tmp_path / "p.txt").scores
    tagger = Tagger.load(model_folder, device="cpu")
    results = tagger.batch(["".join(sentence.tokens) for sentence in corpus])
    assert gold.predicted == sum(len(result.entities) for result in results)
    free = evaluate_model(load_model(model_folder, device="cpu", allow_blanks=True), tmp_path / "c.txt").scores
    assert free.predicted > gold.predicted


def test_the_bounds_are_off_for_a_model_whose_train_marks_blanks(tmp_path: Path) -> None:
    folder = write_model_folder(tmp_path / "output", allow_blanks=True)
    found = Tagger.load(folder, device="cpu").batch(TEXTS)
    assert any(empty(one.text[0]) for result in found for one in result.entities)


def test_training_says_that_its_corpus_marks_blanks(tmp_path: Path) -> None:
    for name, blank in (("marks", "B-PER"), ("does-not", "O")):
        folder = tmp_path / name
        folder.mkdir()
        inside = "I-PER" if blank == "B-PER" else "B-PER"
        (folder / "train.txt").write_text(f"在\tO\n \t{blank}\n王\t{inside}\n明\tI-PER\n", encoding="utf-8")
    marks, does_not = (
        read_data(TrainConfig(data_dir=str(tmp_path / name)), vocabulary()) for name in ("marks", "does-not")
    )
    assert marks.labels.allow_blanks and any("begin or end with blanks" in note for note in marks.notes)
    assert not does_not.labels.allow_blanks and not any("blanks" in note for note in does_not.notes)
