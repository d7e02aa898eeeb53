"""Batches hold each sentence once an epoch, depend on seed and epoch only, and split without losing a token."""

from __future__ import annotations

from collections import Counter
from itertools import chain, combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nerctl.data.batches import Shapes, TrainingData, even_parts
from nerctl.data.corpus import read_corpus
from nerctl.data.sentence_windows import SentenceWindows
from nerctl.data.tags import Labels
from nerctl.data.tokenizer import Vocabulary, WordPieceTokenizer
from nerctl.heads import make_head

CHARACTERS = "甲乙丙丁戊"


def training_data(folder: Path, lengths: list[int], shapes: Shapes, seed: int = 1) -> TrainingData:
    lines = []
    for number, length in enumerate(lengths):
        for index in range(length):
            tag = ("B-X", "I-X", "I-X", "O", "O", "O")[index % 6]
            lines.append(f"{CHARACTERS[(number + index) % 5]} {tag}\n")
        lines.append("\n")
    (folder / "train.txt").write_text("".join(lines), encoding="utf-8")
    corpus = read_corpus(folder / "train.txt")
    tokenizer = WordPieceTokenizer(Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *CHARACTERS]))
    windows = SentenceWindows(corpus, tokenizer, shapes.max_seq_length)
    return TrainingData(corpus, windows, make_head("crf", Labels.of(corpus)), shapes, seed)


LENGTHS = [1, 2, 3, 5, 8, 13, 21, 34, 55, 4, 4, 90, 7]


def test_an_epoch_holds_each_sentence_once_and_the_next_in_another_order(tmp_path: Path) -> None:
    data = training_data(tmp_path, LENGTHS, Shapes(4, 20, 1000))
    first = [batch.tolist() for batch in data.order(0)]
    second = [batch.tolist() for batch in data.order(1)]
    assert sorted(chain(*first)) == sorted(chain(*second)) == list(range(len(LENGTHS)))
    assert first != second
    assert len(first) == data.steps_per_epoch == 4


def test_the_order_depends_on_seed_and_epoch_only(tmp_path: Path) -> None:
    one = training_data(tmp_path, LENGTHS, Shapes(4, 20, 1000))
    two = training_data(tmp_path, LENGTHS, Shapes(4, 20, 50, (20,)))
    two.order(3)
    assert [batch.tolist() for batch in one.order(1)] == [batch.tolist() for batch in two.order(1)]
    other = training_data(tmp_path, LENGTHS, Shapes(4, 20, 1000), seed=2)
    assert [batch.tolist() for batch in one.order(1)] != [batch.tolist() for batch in other.order(1)]


@pytest.mark.parametrize(
    "shapes",
    [
        Shapes(4, 20, 1000),
        Shapes(4, 20, 40),
        Shapes(4, 20, 80, together=2),
        Shapes(4, 20, 1, together=2),
        Shapes(4, 20, 80, (20,)),
        Shapes(4, 20, 1000, (10, 20)),
    ],
)
def test_each_token_is_scored_once_with_its_piece_and_tag_whatever_the_shape(tmp_path: Path, shapes: Shapes) -> None:
    data = training_data(tmp_path, LENGTHS, shapes)
    corpus, vocabulary = data.corpus, data.windows.table
    wanted = Counter()
    for sentence in range(len(corpus)):
        tokens = corpus.token_ids[corpus.offsets[sentence] : corpus.offsets[sentence + 1]]
        tags = data.encoded[0][corpus.offsets[sentence] : corpus.offsets[sentence + 1]]
        wanted.update(zip(vocabulary.pieces[vocabulary.starts[tokens]].tolist(), tags.tolist()))
    found: Counter = Counter()
    begins = ends = weight = 0.0
    for step in range(1, data.steps_per_epoch + 1):
        for batch in data.step(step):
            positions = batch["pieces"].size
            one_sentence_too_long = batch["pieces"].shape[0] == 1
            assert positions <= shapes.max_tokens // shapes.together or one_sentence_too_long
            if shapes.fixed:
                assert batch["pieces"].shape[1] in shapes.lengths
            pieces = batch["pieces"].reshape(-1)[batch["firsts"].reshape(-1)]
            for row, count in enumerate(batch["chain_counts"].tolist()):
                found.update(zip(pieces[batch["chain"][row, :count]].tolist(), batch["tags"][row, :count].tolist()))
            begins, ends = begins + batch["begins"].sum(), ends + batch["ends"].sum()
            weight += float((batch["weights"] * batch["begins"]).sum())
    assert found == wanted
    assert begins == ends == len(corpus)
    assert weight == pytest.approx(data.steps_per_epoch)


def test_padding_is_at_most_a_tenth_on_chinese_ner(shared: Path) -> None:
    corpus = read_corpus(shared / "corpora" / "ChineseNER" / "example.train")
    tokenizer = WordPieceTokenizer(Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]"]))
    head = make_head("crf", Labels.of(corpus))
    data = TrainingData(corpus, SentenceWindows(corpus, tokenizer, 202), head, Shapes(32, 202, 2048), 1)
    parts = [batch for step in range(1, data.steps_per_epoch + 1) for batch in data.step(step)]
    positions = sum(part.positions for part in parts)
    assert 1 - sum(part.word_pieces for part in parts) / positions < 0.1


def test_a_row_of_padding_has_no_token_and_no_weight(tmp_path: Path) -> None:
    data = training_data(tmp_path, [5, 6, 7], Shapes(8, 20, 1000, (20,)))
    (batch,) = data.step(1)
    assert batch["pieces"].shape == (8, 20)
    assert batch["chain_counts"].tolist()[3:] == [0] * 5
    assert not batch["weights"][3:].any()
    assert np.all(batch["piece_counts"][3:] == 1)


def padded(sizes: list[tuple[int, int]]) -> int:
    """Positions of sentences laid into one array."""
    return sum(windows for windows, _ in sizes) * max(length for _, length in sizes)


SIZES = st.lists(st.tuples(st.integers(1, 3), st.integers(3, 12)), min_size=1, max_size=9).map(
    lambda sizes: sorted(sizes, key=lambda one: one[0] * one[1])
)


@given(SIZES, st.integers(0, 40), st.integers(1, 3))
def test_parts_are_as_few_as_allowed_and_as_even_as_any_cut_of_the_sentences(
    sizes: list[tuple[int, int]], room: int, together: int
) -> None:
    bound = padded(sizes[-1:]) + room
    parts = [sizes[part] for part in even_parts(sizes, bound, together)]
    assert list(chain(*parts)) == sizes
    best: dict[int, int] = {}  # the smallest possible largest part, by the number of parts
    for count in range(1, len(sizes) + 1):
        for cuts in combinations(range(1, len(sizes)), count - 1):
            edges = [0, *cuts, len(sizes)]
            largest = max(padded(sizes[low:high]) for low, high in zip(edges, edges[1:]))
            best[count] = min(largest, best.get(count, largest))
    needed = min(count for count, largest in best.items() if largest <= bound)
    allowed = min(-(-needed // together) * together, len(sizes))
    assert len(parts) <= allowed
    assert max(map(padded, parts)) == min(best[count] for count in range(1, allowed + 1)) <= bound


@given(SIZES, st.integers(1, 30))
def test_a_sentence_over_the_bound_is_a_part_of_its_own(sizes: list[tuple[int, int]], bound: int) -> None:
    parts = [sizes[part] for part in even_parts(sizes, bound, 1)]
    assert list(chain(*parts)) == sizes
    assert all(padded(part) <= bound or len(part) == 1 for part in parts)
