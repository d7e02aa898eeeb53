"""BIO tags, spans and labels."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nerctl.data.bio import spans_of, start_allowed, tags_of, transitions_allowed
from nerctl.data.corpus import read_corpus
from nerctl.data.tags import Labels
from nerctl.errors import DataError, ModelError

TAGS = st.lists(st.sampled_from(["O", "B-X", "I-X", "B-Y", "I-Y", "B-A-B", "I-A-B"]), max_size=12)


def conlleval_spans(tags):
    """Entities by conlleval's own two rules, startOfChunk and endOfChunk, for B, I and O."""
    split = [("O", "") if tag == "O" else (tag[0], tag[2:]) for tag in tags]
    split = [("O", ""), *split, ("O", "")]
    spans, start = [], 0
    for place, (before, now) in enumerate(zip(split, split[1:])):
        changed = before[1] != now[1]
        ends = before[0] in "BI" and (now[0] in "BO" or changed)
        begins = now[0] == "B" or (now[0] == "I" and (before[0] == "O" or changed))
        if ends:
            spans.append((start, place, before[1]))
        if begins:
            start = place
    return spans


@given(TAGS)
def test_spans_are_those_that_conlleval_reads(tags):
    assert [span[:3] for span in spans_of(tags)] == conlleval_spans(tags)


@given(TAGS)
def test_tags_of_spans_hold_the_same_spans_and_are_legal(tags):
    spans = spans_of(tags)
    again = tags_of(spans, len(tags))
    assert spans_of(again) == spans
    assert all(now[0] != "I" or before[2:] == now[2:] for before, now in zip(["O", *again], again))


@pytest.mark.parametrize("spans", [[(0, 2, "X"), (1, 3, "Y")], [(0, 0, "X")], [(-1, 1, "X")], [(2, 4, "X")]])
def test_spans_that_do_not_fit_are_refused(spans):
    with pytest.raises(ValueError, match="span"):
        tags_of(spans, 3)


@given(st.sets(st.sampled_from(["A", "B-C", "LOC", "人"]), min_size=1))
def test_allowed_transitions_are_those_of_legal_bio(types):
    labels = Labels(tuple(sorted(types)))
    names = labels.names
    allowed = transitions_allowed(len(labels))
    assert allowed.shape == (len(labels), len(labels)) and allowed.dtype == bool
    for i, before in enumerate(names):
        for j, now in enumerate(names):
            # Legal exactly when reading the pair as spans and writing it again keeps the second tag.
            first = before if before == "O" else f"B-{before[2:]}"
            assert allowed[i, j] == (tags_of(spans_of([first, now]), 2)[1] == now)
    assert list(start_allowed(len(labels))) == [not name.startswith("I-") for name in names]
    assert len(names) == len(set(names)) == len(labels)


def written(tmp_path, name, content):
    (tmp_path / name).write_text(content, encoding="utf-8")
    return read_corpus(tmp_path / name)


def test_labels_come_from_train_and_encode_other_corpora(tmp_path):
    labels = Labels.of(written(tmp_path, "train.txt", "a B-X\nb B-Z\n"))
    assert labels.names == ["O", "B-X", "I-X", "B-Z", "I-Z"]
    ids = labels.encode(written(tmp_path, "dev.txt", "a O\nb B-Z\nb I-Z\n"))
    assert ids.dtype == np.int32 and list(ids) == [0, 3, 4]
    assert list(labels.encode(written(tmp_path, "empty.txt", ""))) == []


def test_a_type_that_train_lacks_names_its_line(tmp_path):
    labels = Labels.of(written(tmp_path, "train.txt", "a B-X\n"))
    with pytest.raises(DataError, match=r"dev\.txt:4: type Y is not in the training data \(X\)"):
        labels.encode(written(tmp_path, "dev.txt", "a B-X\n\na O\nb S-Y\n".replace("S-", "B-")))


def test_training_data_without_entities_is_refused(tmp_path):
    with pytest.raises(DataError, match="no entity"):
        Labels.of(written(tmp_path, "train.txt", "a O\n"))


def test_labels_survive_json():
    labels = Labels(("LOC", "人"))
    assert Labels.from_dict(json.loads(json.dumps(labels.to_dict()))) == labels


@pytest.mark.parametrize(
    "content",
    [None, [], {}, {"types": "X"}, {"types": [1], "names": []}, {"types": ["X"], "names": ["O"]},
     {"types": ["X", "X"], "names": ["O", "B-X", "I-X", "B-X", "I-X"]}],
)  # fmt: skip
def test_damaged_labels_are_refused(content):
    with pytest.raises(ModelError, match=r"labels\.json"):
        Labels.from_dict(content)
