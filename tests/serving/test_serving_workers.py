from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from nerctl.errors import FailedError
from nerctl.serving import process
from nerctl.serving.process import Worker
from nerctl.serving.settings import ServerSettings


def test_an_idle_worker_that_is_killed_is_replaced_within_five_seconds(serve):
    server = serve()
    (before,) = server.workers()
    os.kill(before, signal.SIGKILL)
    took = server.until(lambda: server.workers() not in ([before], []) and server.is_ready(), seconds=5)
    assert took < 5
    assert server.tag({"text": "abc"}).status == 200
    assert server.metric("nerctl_worker_deaths_total") == 1


def test_a_text_that_comes_while_an_idle_worker_dies_harms_neither_itself_nor_the_successor(serve):
    server = serve(batch_timeout=0.8)
    os.kill(server.workers()[0], signal.SIGUSR1)
    time.sleep(0.1)  # Its pipes are closed and the process is there for some time yet: the text comes into that gap.
    answer = server.tag({"text": "abc"})
    assert (answer.status, answer.json["entities"][0]["text"]) == (200, "abc")
    assert server.metric("nerctl_batch_texts_count") == 1, "a text was given to a worker that was dying"
    (successor,) = server.workers()
    time.sleep(1.0)
    assert server.workers() == [successor]
    assert server.metric("nerctl_worker_deaths_total") == 1
    assert "did not answer" not in server.log()


def test_requests_under_way_survive_the_death_of_their_worker(serve):
    server = serve(name="slow-0.4", workers=2)
    with ThreadPoolExecutor(12) as clients:
        asked = [clients.submit(server.tag, {"text": "abc" + "水" * n}) for n in range(12)]
        server.until(lambda: server.metric("nerctl_batch_texts_count") > 0)
        # One worker only: a text that moved to the second and saw that die as well would rightly be given up.
        os.kill(server.workers()[0], signal.SIGKILL)
        answers = [one.result() for one in asked]
    assert server.metric("nerctl_worker_deaths_total") == 1
    assert [answer.status for answer in answers] == [200] * 12
    assert [len(answer.json["text"]) for answer in answers] == [3 + n for n in range(12)]


def test_a_text_that_kills_its_worker_fails_alone(serve):
    server = serve(max_wait_ms=300)
    texts = [{"text": "abc"}, {"text": "DIE!"}, {"text": "abd"}, {"texts": ["x", "y"]}]
    with ThreadPoolExecutor(4) as clients:
        answers = list(clients.map(server.tag, texts))
    assert [answer.status for answer in answers] == [200, 500, 200, 200]
    error = answers[1].json["error"]
    assert error["field"] == "text"
    assert "died 2 times over this text" in error["message"]
    assert server.metric("nerctl_worker_deaths_total") == 2
    answer = server.tag({"texts": ["a", "DIE!", "b"]})
    assert (answer.status, answer.json["error"]["field"]) == (500, "texts[1]")


def test_a_text_that_killed_its_worker_once_is_answered(serve):
    server = serve()
    answer = server.tag({"text": "abc DIE-ONCE!"})
    assert answer.status == 200
    assert answer.json["entities"][0]["text"] == "abc"


def test_a_text_on_which_the_model_raises_fails_alone_and_kills_nobody(serve):
    server = serve(max_wait_ms=300)
    texts = [{"text": "abc"}, {"text": "RAISE!"}, {"text": "abd"}]
    with ThreadPoolExecutor(3) as clients:
        answers = list(clients.map(server.tag, texts))
    assert [answer.status for answer in answers] == [200, 500, 200]
    assert "ValueError" in answers[1].json["error"]["message"]
    assert server.metric("nerctl_worker_deaths_total") == 0


def test_a_worker_that_hangs_is_replaced(serve):
    server = serve(batch_timeout=0.5)
    answer = server.tag({"text": "HANG!"})
    assert answer.status == 500
    assert server.tag({"text": "abc"}).status == 200


def test_what_a_library_prints_does_not_reach_the_frames(serve):
    server = serve()
    assert server.tag({"text": "abc PRINT!"}).json["entities"][0]["text"] == "abc"
    assert "a library says something" in server.log()
    assert "and so does its C part" in server.log()


def test_a_model_that_cannot_be_loaded_ends_the_server_with_the_reason(serve):
    server = serve(name="refused", ready=False)
    assert server.process.wait(timeout=60) == 1
    assert "ModelError: refused/weights: cut short." in server.log()


def test_a_worker_that_dies_while_loading_ends_the_server_after_three_tries(serve):
    server = serve(name="dying", ready=False)
    assert server.process.wait(timeout=60) == 1
    assert "died 3 times" in server.log()
    assert "FailedError" in server.log()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_and_ends_with_code_0(serve, number):
    server = serve(name="slow-0.5", max_batch=2)
    kept = server.connection()
    kept.request("GET", "/healthz")
    assert kept.getresponse().read() == b'{"status": "ok"}'  # and the connection stays open
    with ThreadPoolExecutor(6) as clients:
        asked = [clients.submit(server.tag, {"text": "abc" + "水" * n}) for n in range(6)]
        server.until(lambda: server.metric("nerctl_batch_texts_sum") + server.metric("nerctl_queue_texts ") == 6)
        os.kill(server.process.pid, number)
        time.sleep(0.2)
        with pytest.raises(OSError):
            server.tag({"text": "too late"})
        answers = [one.result() for one in asked]
    assert [answer.status for answer in answers] == [200] * 6
    assert server.process.wait(timeout=60) == 0
    assert server.log() == ""


def test_a_signal_to_the_whole_group_drains_too(serve):
    """As systemd sends it: the workers must not go before they are told."""
    server = serve(name="slow-0.5")
    workers = server.workers()
    answers = []
    client = threading.Thread(target=lambda: answers.append(server.tag({"text": "abc"})))
    client.start()
    server.until(lambda: server.metric("nerctl_batch_texts_count") == 1)
    for pid in [*workers, server.process.pid]:
        os.kill(pid, signal.SIGTERM)
    client.join()
    assert answers[0].status == 200
    assert server.process.wait(timeout=60) == 0


def test_a_signal_while_the_model_loads_ends_with_code_0(serve):
    server = serve(name="load-30", ready=False)
    assert server.stop() == 0


def test_a_stop_while_the_model_loads_shows_no_native_words(serve):
    server = serve(name="noisy-30", ready=False)
    server.until((server.folder / "spoken").exists)
    assert server.stop() == 0
    time.sleep(0.2)
    assert server.log() == ""


def test_a_worker_that_dies_while_it_loads_shows_its_native_words(serve):
    server = serve(name="noisy-30", ready=False)
    server.until((server.folder / "spoken").exists)
    os.kill(server.workers()[0], signal.SIGKILL)
    server.until(lambda: "native words" in server.log())


def test_a_worker_that_the_system_does_not_start_is_tried_again(monkeypatch):
    tries = []

    async def refuse(*_, **__):
        tries.append(1)
        raise OSError(11, "Resource temporarily unavailable")

    async def run():
        with pytest.raises(FailedError, match="3 times"):
            await Worker(ServerSettings(model="m"), *[lambda *_: None] * 4).run()

    monkeypatch.setattr(asyncio, "create_subprocess_exec", refuse)
    monkeypatch.setattr(process, "FIRST_PAUSE", 0.0)
    asyncio.run(run())
    assert len(tries) == 3


def test_workers_end_when_the_server_is_killed(serve):
    server = serve(workers=2)
    workers = server.workers()
    assert len(workers) == 2
    server.stop(signal.SIGKILL)

    def alive(pid):
        try:
            with open(f"/proc/{pid}/stat") as stat:
                return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
        except OSError:
            return False

    server.until(lambda: not any(map(alive, workers)))
