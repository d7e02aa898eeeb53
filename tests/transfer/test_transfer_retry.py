"""What servers and journals say, in any form: waits, ranges and states, or none, never an exception."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path
from typing import Optional

from hypothesis import given
from hypothesis import strategies as st

from nerctl.transfer.download import _content_range
from nerctl.transfer.partfile import PartFile
from nerctl.transfer.retry import RetryPolicy, retry_after_seconds


@given(st.integers(1, 100), st.one_of(st.none(), st.floats(0, 1e6)))
def test_a_wait_never_grows_beyond_the_longest_unless_the_server_asks(failures: int, asked: Optional[float]) -> None:
    policy = RetryPolicy()
    wait = policy.wait(failures, asked)
    assert wait == asked if asked is not None else policy.first_wait <= wait <= policy.longest_wait


@given(st.integers(-100_000, 100_000))
def test_retry_after_reads_numbers_and_dates_alike(seconds: int) -> None:
    now = datetime(2024, 5, 6, 7, 8, 9, tzinfo=timezone.utc)
    date = format_datetime(now + timedelta(seconds=seconds), usegmt=True)
    assert retry_after_seconds(date, now) == max(0, seconds)
    if seconds >= 0:
        assert retry_after_seconds(str(seconds), now) == seconds


@given(st.text())
def test_a_nonsense_retry_after_is_none_or_a_wait(text: str) -> None:
    seconds = retry_after_seconds(text)
    assert seconds is None or seconds >= 0


@given(st.text())
def test_a_nonsense_content_range_never_raises(text: str) -> None:
    for number in _content_range(text):
        assert number is None or number >= 0


@given(st.binary(max_size=200))
def test_a_journal_of_any_content_is_a_state_or_none(content: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        part = PartFile(Path(folder) / "file")
        part.path.write_bytes(b"x")
        part.journal.write_bytes(content)
        state = part.state()
        assert state is None or isinstance(state.identity, str)
