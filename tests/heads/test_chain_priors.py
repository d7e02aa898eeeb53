"""The scores of a CRF begin with what the training corpus' tags tell."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nerctl.data.tags import Labels
from nerctl.heads import make_head

LABELS = Labels(("LOC", "PER"), False, False, 3)


@given(st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=6), min_size=1, max_size=5))
def test_transitions_and_start_are_log_probabilities_of_the_counts_and_one_more(sentences: list[list[int]]) -> None:
    ids = np.array([tag for tags in sentences for tag in tags], np.int32)
    offsets = np.cumsum([0, *map(len, sentences)])
    found = make_head("crf", LABELS).priors((ids, offsets))
    pairs = Counter(pair for tags in sentences for pair in zip(tags, tags[1:]))
    first = Counter(tags[0] for tags in sentences)
    for tag in range(5):
        leaving = sum(pairs[tag, other] for other in range(5)) + 5
        wanted = [math.log((pairs[tag, other] + 1) / leaving) for other in range(5)]
        assert found["crf/transitions"][tag] == pytest.approx(wanted, abs=1e-5)
        assert found["crf/start"][tag] == pytest.approx(math.log((first[tag] + 1) / (len(sentences) + 5)), abs=1e-5)
    assert found["crf/transitions"].dtype == found["crf/start"].dtype == np.float32


@pytest.mark.parametrize("name", ["softmax", "pointer", "bilstm-pointer"])
def test_a_head_without_transitions_has_none_of_them(name: str) -> None:
    head = make_head(name, LABELS, 8, 20)
    assert not head.priors((np.zeros(3, np.int32), np.array([0, 3])))


def test_a_run_that_asks_for_them_begins_with_them_and_a_resumed_one_with_its_own(workplace: Path) -> None:
    from tiny_run import run, weights

    from nerctl.config import TrainConfig
    from nerctl.training.session import Session

    config = TrainConfig(device="cpu", from_scratch=True, head="crf", batch_size=8, crf_start="counts")
    session = Session(config, Path("model"), "random")
    priors = session.head.priors(session.batches.encoded)
    variables = session.model.variables_by_name()
    for name in ("crf/transitions", "crf/start"):
        assert np.array_equal(variables[name].numpy(), priors[name])
    assert not variables["crf/end"].numpy().any() and priors["crf/transitions"].min() < -1
    run("output", head="crf", steps=3, crf_start="counts")
    before = weights("output")["crf/transitions"]
    run("output", resume=True, steps=4)
    after = weights("output")["crf/transitions"]
    assert 0 < np.abs(after - before).max() < 0.1
    usual = Session(replace(config, crf_start="zero"), Path("model"), "random")
    assert not usual.model.variables_by_name()["crf/transitions"].numpy().any()
