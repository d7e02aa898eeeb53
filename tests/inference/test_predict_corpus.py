"""Emissions and tags of a corpus do not depend on how its sentences are packed or cut."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_model import TYPES, cpu, make_model, tokenizer, write_corpus

from nerctl.backends import DeviceOptions
from nerctl.backends.cpu import CpuBackend
from nerctl.data.bounds import sentence_bounds
from nerctl.data.corpus import read_corpus
from nerctl.data.sentence_windows import SentenceWindows, lay_windows
from nerctl.data.spans import Span
from nerctl.data.tags import Labels
from nerctl.evaluation.corpus import predict_spans, score_spans
from nerctl.evaluation.scores import Scores
from nerctl.heads import make_head
from nerctl.inference.emissions import emission_blocks
from nerctl.inference.engine import TensorFlowEngine

LENGTHS = [3, 1, 17, 50, 8, 1, 29, 30, 31, 120, 5, 9, 2]
LABELS = Labels(TYPES)


def bounded(engine: TensorFlowEngine, max_tokens: int) -> TensorFlowEngine:
    return TensorFlowEngine(engine.model, engine.backend, max_tokens=max_tokens)


def emissions_by_sentence(engine: TensorFlowEngine, encoder: SentenceWindows) -> dict:
    return {
        sentence: scores
        for sentences, emissions in emission_blocks(engine, encoder)
        for sentence, scores in zip(sentences, emissions)
    }


def predicted(engine: TensorFlowEngine, encoder: SentenceWindows, head: str = "bilstm-crf") -> list[list[Span]]:
    return predict_spans(engine, make_head(head, LABELS).decoder(engine.model.head), encoder)


def scored(engine: TensorFlowEngine, path: Path, window: int = 32) -> Scores:
    corpus = read_corpus(path)
    return score_spans(corpus, predicted(engine, SentenceWindows(corpus, tokenizer(), window)))


@pytest.fixture(scope="module")
def engine() -> TensorFlowEngine:
    return TensorFlowEngine(make_model(), cpu())


def test_packing_changes_no_tag(engine: TensorFlowEngine, tmp_path: Path) -> None:
    encoder = SentenceWindows(write_corpus(tmp_path / "c.txt", LENGTHS), tokenizer(), 32)
    wanted = predicted(bounded(engine, 4096), encoder)
    assert len({span.type for spans in wanted for span in spans}) > 1  # the model does tag
    for budget in (1, 64, 200):
        assert predicted(bounded(engine, budget), encoder) == wanted


def test_a_sentence_that_fits_gives_the_same_emissions_whatever_the_window(engine: TensorFlowEngine, tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "c.txt", LENGTHS)
    short = emissions_by_sentence(bounded(engine, 256), SentenceWindows(corpus, tokenizer(), 32))
    long = emissions_by_sentence(bounded(engine, 1000), SentenceWindows(corpus, tokenizer(), 64))
    for sentence, length in enumerate(LENGTHS):
        assert len(short[sentence]) == len(long[sentence]) == length
        if length <= 30:
            np.testing.assert_allclose(short[sentence], long[sentence], atol=1e-4)


def test_a_long_sentence_is_stitched_from_the_windows_that_own_its_tokens(engine: TensorFlowEngine, tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "c.txt", [120])
    encoder = SentenceWindows(corpus, tokenizer(), 32)
    stitched = emissions_by_sentence(bounded(engine, 100), encoder)[0]
    expected = np.full_like(stitched, np.nan)
    rows = encoder.rows(0)
    assert len(rows) > 3
    for row in rows:
        alone = engine.emissions(lay_windows([row], encoder.pad))[0]
        window = row.window
        for token in range(window.own_start, window.own_end):
            expected[token] = alone[token - window.start]
    np.testing.assert_allclose(stitched, expected, atol=1e-4)
    decoder = make_head("bilstm-crf", LABELS).decoder(engine.model.head)
    bounds = [sentence_bounds(corpus).get(0)]
    assert predicted(engine, encoder) == decoder.spans([stitched], bounds, scored=False) != [[]]


def test_fixed_shapes_give_the_same_tags(engine: TensorFlowEngine, tmp_path: Path) -> None:
    encoder = SentenceWindows(write_corpus(tmp_path / "c.txt", LENGTHS), tokenizer(), 32)
    backend = CpuBackend(DeviceOptions(device="cpu", batch_shape="fixed"))
    fixed = TensorFlowEngine(engine.model, backend, max_seq_length=32, max_tokens=128)
    assert fixed.lengths == (32,)
    ours = emissions_by_sentence(fixed, encoder)
    for sentence, scores in emissions_by_sentence(bounded(engine, 200), encoder).items():
        np.testing.assert_allclose(ours[sentence], scores, atol=1e-4)


def test_predicted_entities_lie_in_their_sentences_and_never_overlap(engine: TensorFlowEngine, tmp_path: Path) -> None:
    encoder = SentenceWindows(write_corpus(tmp_path / "c.txt", LENGTHS), tokenizer(), 32)
    for spans, length in zip(predicted(engine, encoder), LENGTHS):
        for before, span in zip([Span(0, 0, ""), *spans], spans):
            assert before.end <= span.start < span.end <= length and span.type in TYPES


@pytest.mark.parametrize("head", ["crf", "softmax"])
def test_every_head_predicts(head: str, tmp_path: Path) -> None:
    model = make_model(head)
    encoder = SentenceWindows(write_corpus(tmp_path / "c.txt", LENGTHS), tokenizer(), 32)
    found = predicted(TensorFlowEngine(model, cpu()), encoder, head)
    assert len(found) == len(LENGTHS) and any(found)


def test_gold_of_a_type_that_the_model_does_not_know_is_counted(engine: TensorFlowEngine, tmp_path: Path) -> None:
    path = tmp_path / "c.txt"
    path.write_text("海 B-GAME\n钓 I-GAME\n在 O\n厦 B-LOC\n门 I-LOC\n", encoding="utf-8")
    scores = scored(engine, path)
    assert (scores.sentences, scores.tokens, scores.gold) == (1, 5, 2)
    assert scores.types["GAME"].gold == 1 and scores.types["GAME"].correct == 0


def test_a_corpus_without_sentences_gives_no_entities(engine: TensorFlowEngine, tmp_path: Path) -> None:
    path = tmp_path / "c.txt"
    path.write_text("\n", encoding="utf-8")
    assert predicted(engine, SentenceWindows(read_corpus(path), tokenizer(), 32)) == []


SHARED = Path(__file__).parents[2].parent / "shared" / "corpora" / "ChineseNER" / "example.test"


@pytest.mark.parametrize("limit", [16, 64])
def test_chinese_ner_is_scored_whole_whatever_the_window(engine: TensorFlowEngine, limit: int) -> None:
    if not SHARED.is_file():
        pytest.skip("needs ../shared/corpora/ChineseNER")
    scores = scored(engine, SHARED, limit)
    assert (scores.sentences, scores.tokens, scores.gold) == (4636, 219_197, 7707)
