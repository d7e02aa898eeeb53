from __future__ import annotations

import asyncio
import os
import signal
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
    server = serve(workers=2)
    calls = clients.make_calls(600, seed=3)
    assert {call.kind for call in calls} == {"good", "malformed", "hangup"}
    outcome = asyncio.run(clients.load(server.url, calls, 32, server.process.pid))
    clients.check_answers(outcome, lambda texts: [result_of(text).as_dict() for text in texts])
    assert outcome.wrong == []
    good = sum(call.kind == "good" for call in calls)
    assert outcome.statuses["good 200"] + outcome.statuses["good 429"] == good
    assert sum(outcome.statuses.values()) == 600
    assert server.metric("nerctl_queue_texts ") == 0
    assert server.stop() == 0
    assert server.log() == ""


def test_a_mixed_load_survives_workers_that_are_killed(serve, clients):
    server = serve(name="slow-0.01", workers=2)
    calls = [call for call in clients.make_calls(1200, seed=4) if call.kind == "good"]

    async def murder():
        for deaths in (1, 2, 3):
            os.kill(server.workers()[0], signal.SIGKILL)
            # A text that sees two workers die is rightly given up: the next murder waits for the orphans.
            before = server.metric("nerctl_texts_total")
            while server.metric("nerctl_texts_total") < before + 250:
                await asyncio.sleep(0.05)
            assert server.metric("nerctl_worker_deaths_total") == deaths

    async def both():
        outcome, _ = await asyncio.gather(clients.load(server.url, calls, 32, server.process.pid), murder())
        return outcome

    outcome = asyncio.run(both())
    clients.check_answers(outcome, lambda texts: [result_of(text).as_dict() for text in texts])
    assert outcome.wrong == []
    assert outcome.statuses["good 200"] == len(calls)


def test_the_check_of_answers_can_fail(clients):
    call = clients.Call("good", b"", ("abc",))
    outcome = clients.Outcome(answers=[(call, b'{"text": "abc", "entities": []}')])
    clients.check_answers(outcome, lambda texts: [result_of(text).as_dict() for text in texts])
    assert len(outcome.wrong) == 1
