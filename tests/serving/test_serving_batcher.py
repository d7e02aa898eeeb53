from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nerctl.serving.batcher import PADDED_CHARS, Batcher, Item, Job, like_length


def job(count: int = 1) -> Job:
    return Job(["x"] * count, on_done=lambda: None)


def item(length: int, arrived: float = 0.0) -> Item:
    return Item(job(), 0, "x" * length, arrived)


@given(
    st.lists(st.integers(0, 20_000), min_size=1, max_size=80).map(sorted),
    st.data(),
    st.integers(1, 40),
    st.integers(1, 20_000),
)
def test_a_batch_holds_its_anchor_and_keeps_every_limit(lengths, data, max_batch, budget):
    anchor = data.draw(st.integers(0, len(lengths) - 1))
    low, high = like_length(lengths, anchor, max_batch, budget)
    batch = lengths[low:high]
    assert low <= anchor < high
    assert len(batch) <= max_batch
    if len(batch) > 1:
        assert batch[-1] * len(batch) <= budget
        assert batch[-1] <= 2 * batch[0] or batch[-1] - batch[0] <= 32


@given(st.lists(st.integers(0, 2_000), max_size=200), st.integers(1, 40))
def test_every_text_is_taken_once_and_the_oldest_first(lengths, max_batch):
    batcher = Batcher(capacity=1000, max_batch=max_batch, max_wait=1.0)
    items = [item(length, arrived=float(number)) for number, length in enumerate(lengths)]
    batcher.add(items)
    taken = []
    while len(batcher):
        oldest = next(one for one in items if one not in taken)
        batch = batcher.take()
        assert oldest in batch
        taken += batch
    assert sorted(map(id, taken)) == sorted(map(id, items))


def test_texts_of_unlike_length_do_not_share_a_batch():
    batcher = Batcher(capacity=100, max_batch=32, max_wait=1.0)
    batcher.add([item(length, arrived=length) for length in (5, 6, 400, 410, 7, 20_000)])
    batches = [sorted(len(one.text) for one in batcher.take()) for _ in range(3)]
    assert batches == [[5, 6, 7], [400, 410], [20_000]]
    assert PADDED_CHARS < 20_000


def test_a_batch_is_due_when_full_or_when_the_oldest_has_waited():
    batcher = Batcher(capacity=100, max_batch=3, max_wait=0.5)
    assert batcher.delay(now=10.0) is None
    batcher.add([item(1, arrived=10.0)])
    assert batcher.delay(now=10.25) == 0.25
    assert batcher.delay(now=11.0) == 0.0
    batcher.add([item(1, arrived=10.1), item(900, arrived=10.1)])
    assert batcher.delay(now=10.1) == 0.0


def test_a_text_that_was_under_way_when_a_worker_died_goes_alone_and_at_once():
    batcher = Batcher(capacity=100, max_batch=32, max_wait=5.0)
    again = item(3, arrived=1.0)
    again.attempts = 1
    batcher.add([again, item(3, arrived=2.0), item(3, arrived=2.5)])
    assert batcher.delay(now=2.5) == 0.0
    assert batcher.take() == [again]
    assert len(batcher.take()) == 2


def test_a_dropped_job_frees_its_places_and_takes_no_results():
    batcher = Batcher(capacity=4, max_batch=32, max_wait=0.0)
    gone = job(3)
    batcher.add([Item(gone, index, "x", 0.0) for index in range(3)])
    assert batcher.has_room(1)
    assert not batcher.has_room(2)
    batcher.drop(gone)
    assert len(batcher) == 0
    assert batcher.has_room(4)
    gone.resolve(0, b"{}")
    assert gone.left == 3


def test_a_job_is_done_once_with_all_results_or_the_first_failure():
    calls = []
    good = Job(["a", "b"], on_done=lambda: calls.append("good"))
    good.resolve(1, b"2")
    assert calls == []
    good.resolve(0, b"1")
    assert calls == ["good"]
    assert good.results == [b"1", b"2"]
    bad = Job(["a", "b", "c"], on_done=lambda: calls.append("bad"))
    bad.fail(2, "broken")
    bad.fail(1, "later")
    bad.resolve(0, b"1")
    assert calls == ["good", "bad"]
    assert bad.failed == (2, "broken")
