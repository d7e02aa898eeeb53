from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from fake_worker import result_of

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def clients(monkeypatch):
    if not BENCHMARKS.is_dir():
        pytest.skip("needs the folder benchmarks/")
    if not sys.platform.startswith("linux"):
        pytest.skip("reads memory from /proc")
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import load_clients

    return load_clients


def test_a_mixed_load_is_answered_right_and_loses_nobody(serve, clients):
    from nerctl.serving.worker import as_object

    server = serve(workers=2)
    calls = clients.make_calls(600, seed=3)
    assert {call.kind for call in calls} == {"good", "malformed", "hangup"}
    outcome = asyncio.run(clients.load(server.url, calls, 32, server.process.pid))
    clients.check_answers(outcome, lambda texts: [as_object(result_of(text)) for text in texts])
    assert outcome.wrong == []
    good = sum(call.kind == "good" for call in calls)
    assert outcome.statuses["good 200"] + outcome.statuses["good 429"] == good
    assert sum(outcome.statuses.values()) == 600
    assert server.metric("nerctl_queue_texts ") == 0
    assert server.stop() == 0
    assert server.log() == ""


def test_a_mixed_load_survives_workers_that_are_killed(serve, clients):
    from nerctl.serving.worker import as_object

    server = serve(name="slow-0.02", workers=2)
    calls = [call for call in clients.make_calls(400, seed=4) if call.kind == "good"]

    async def murder():
        import os
        import signal

        for _ in range(3):
            await asyncio.sleep(0.3)
            # One at a time: a text that sees two workers die would rightly be given up.
            os.kill(server.workers()[0], signal.SIGKILL)

    async def both():
        outcome, _ = await asyncio.gather(clients.load(server.url, calls, 32, server.process.pid), murder())
        return outcome

    outcome = asyncio.run(both())
    clients.check_answers(outcome, lambda texts: [as_object(result_of(text)) for text in texts])
    assert outcome.wrong == []
    assert outcome.statuses["good 200"] == len(calls)


def test_the_check_of_answers_can_fail(clients):
    call = clients.Call("good", b"", ("abc",))
    outcome = clients.Outcome(answers=[(call, b'{"text": "abc", "entities": []}')])
    from nerctl.serving.worker import as_object

    clients.check_answers(outcome, lambda texts: [as_object(result_of(text)) for text in texts])
    assert len(outcome.wrong) == 1
