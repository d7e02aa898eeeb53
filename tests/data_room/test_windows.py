"""Windows cover every token once, fit, and change hands only where no entity is open."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nerctl.data.windows import plan_windows
from nerctl.errors import DataError


@given(
    counts=st.lists(st.integers(1, 5), max_size=60),
    limit=st.integers(3, 25),
    opened=st.one_of(st.none(), st.integers(0, 2**60)),
)
def test_windows_own_every_token_once_see_what_they_own_and_fit(
    counts: list[int], limit: int, opened: int | None
) -> None:
    open_at = None if opened is None else np.array([bool(opened >> index & 1) for index in range(len(counts))])
    windows = plan_windows(np.array(counts, int), limit, open_at)
    place = 0
    for window in windows:
        assert window.own_start == place < window.own_end
        assert window.start <= window.own_start and window.own_end <= window.end
        assert np.minimum(counts[window.start : window.end], limit - 2).sum() <= limit - 2
        place = window.own_end
    assert place == len(counts)


@given(st.data())
def test_no_entity_that_fits_a_window_is_cut(data: st.DataObject) -> None:
    limit = data.draw(st.integers(6, 20))
    lengths = data.draw(st.lists(st.integers(1, limit - 3), min_size=1, max_size=20))
    open_at = np.array([index > 0 for length in lengths for index in range(length)])
    windows = plan_windows(np.ones(len(open_at), int), limit, open_at)
    assert not any(open_at[window.own_start] for window in windows)


def test_each_token_of_a_long_sentence_has_a_quarter_window_of_context() -> None:
    windows = plan_windows(np.ones(1000, int), 202)
    for window in windows:
        assert window.own_start == 0 or window.own_start - window.start >= 50
        assert window.own_end == 1000 or window.end - window.own_end >= 50


def test_a_sentence_that_just_fits_is_one_window() -> None:
    assert len(plan_windows(np.ones(200, int), 202)) == 1
    assert len(plan_windows(np.ones(201, int), 202)) == 2


def test_a_window_without_room_for_a_token_is_refused() -> None:
    with pytest.raises(DataError, match="at least 3"):
        plan_windows(np.ones(4, int), 2)
