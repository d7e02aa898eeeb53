"""What is served when the model's folder changes under a server that runs."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

from nerctl.folder import ModelFolder, Weights
from nerctl.serving.renewal import Renewal


def words_of(server):
    """What the model that answers calls a word."""
    return server.tag({"text": "abc"}).json["entities"][0]["type"]


def test_a_successor_that_finds_another_model_is_refused_and_the_others_go_on(serve):
    server = serve(workers=2)
    server.until(lambda: server.get("/readyz").json["workers"] == 2)
    model = server.get("/v1/model").json
    server.put("PERSON")
    os.kill(server.workers()[0], signal.SIGKILL)
    server.until(lambda: "holds another model than the first worker loaded" in server.log())
    assert {words_of(server) for _ in range(20)} == {"WORD"}
    assert server.get("/v1/model").json == model
    assert server.get("/readyz").json["workers"] == 1
    server.put("WORD")
    server.until(lambda: server.get("/readyz").json["workers"] == 2)
    assert server.log().count("holds another model") == 1, "once, however often it is tried"
    server.put("PERSON")
    os.kill(server.workers()[-1], signal.SIGKILL)  # the successor, which said so the first time
    server.until(lambda: server.log().count("holds another model") == 2)


def test_where_no_worker_has_the_first_model_any_more_requests_are_refused_at_once(serve):
    server = serve(name="slow-0.3")
    server.put("PERSON")
    with ThreadPoolExecutor(3) as clients:
        waiting = [clients.submit(server.tag, {"text": "a" * 99 * n}) for n in (1, 3, 9)]
        server.until(lambda: server.metric("nerctl_batch_texts_count") == 1)
        os.kill(server.workers()[0], signal.SIGKILL)
        answers = [one.result() for one in waiting]
    answers += [server.tag({"text": "abc"}), server.get("/readyz"), server.get("/v1/model")]
    for answer in answers:
        assert answer.status == 503
        assert "another model now" in answer.json["error"]["message"]
        assert answer.headers["retry-after"] == "30"
    assert server.get("/healthz").status == 200
    assert server.metric("nerctl_queue_texts ") == 0
    server.put("WORD")
    server.until(server.is_ready)
    assert words_of(server) == "WORD"


def test_where_the_model_cannot_be_loaded_again_requests_are_refused_at_once(serve):
    server = serve()
    (server.folder / "words").mkdir()
    os.kill(server.workers()[0], signal.SIGKILL)
    server.until(lambda: "can load" in server.get("/readyz").json.get("error", {}).get("message", ""))
    answer = server.tag({"text": "abc"})
    assert (answer.status, answer.headers["retry-after"]) == (503, "30")
    (server.folder / "words").rmdir()
    server.until(server.is_ready)
    assert words_of(server) == "WORD"


def test_a_folder_that_is_replaced_while_it_is_loaded_is_not_served(serve):
    server = serve(name="warm-1", ready=False)
    time.sleep(0.5)
    server.put("PERSON")
    assert server.process.wait(timeout=60) == 1
    assert "was replaced while it was loaded" in server.log()


def test_the_digest_is_that_of_what_prediction_reads():
    def digest(best="b", optimizer="o", labels="l", step=50):
        files = {"model.ckpt.index": best, "optimizer.ckpt.index": optimizer}
        last = Weights(step, f"checkpoints/{step:08d}", files)
        return ModelFolder(Path("x"), "tensorflow", {"labels.json": labels}, None, last).digest("model.")

    assert digest() == digest(optimizer="p") == digest(step=100)
    assert len({digest(), digest(best="c"), digest(labels="m")}) == 3


def test_with_reload_the_workers_are_replaced_in_turn_and_no_request_is_lost(serve):
    server = serve(name="slow-0.02", workers=2, reload=0.1)
    server.until(lambda: server.get("/readyz").json["workers"] == 2)
    before = server.workers()
    stop = threading.Event()

    def ask():
        answers = []
        while not stop.is_set():
            answers.append(server.tag({"text": "abc"}))
        return answers

    with ThreadPoolExecutor(4) as clients:
        asked = [clients.submit(ask) for _ in range(4)]
        server.put("PERSON")
        server.until(lambda: len(server.workers()) == 2 and not set(server.workers()) & set(before))
        stop.set()
        answers = [answer for one in asked for answer in one.result()]
    assert {answer.status for answer in answers} == {200}
    assert {words_of(server) for _ in range(10)} == {"PERSON"}
    assert server.get("/v1/model").json["digest"] == "fake PERSON"
    assert server.metric("nerctl_worker_deaths_total") == 0
    assert server.get("/readyz").json["workers"] == server.metric("nerctl_ready_workers ") == 2
    assert server.log() == ""


def test_with_reload_a_worker_that_was_replaced_while_idle_gets_no_text_any_more(serve):
    server = serve(name="slow-0.2", reload=0.05, max_batch=1)
    before = server.workers()
    server.put("PERSON")
    server.until(lambda: len(server.workers()) == 1 and server.workers() != before)
    with ThreadPoolExecutor(3) as clients:
        answers = [one.result() for one in [clients.submit(server.tag, {"text": "abc"}) for _ in range(3)]]
    assert [answer.status for answer in answers] == [200, 200, 200]
    assert {answer.json["entities"][0]["type"] for answer in answers} == {"PERSON"}


def test_with_reload_a_model_that_cannot_be_loaded_leaves_the_old_one_at_work(serve):
    server = serve(reload=0.05)
    (before,) = server.workers()
    server.put("BROKEN")
    server.until(lambda: "the new model could not be loaded" in server.log())
    time.sleep(0.5)
    assert (words_of(server), before in server.workers()) == ("WORD", True)
    assert server.log().count("served on") == 1
    server.put("PERSON")
    server.until(lambda: words_of(server) == "PERSON")


def test_with_reload_the_same_model_written_again_replaces_nobody(serve):
    server = serve(reload=0.05)
    before = server.workers()
    server.put("WORD")
    time.sleep(1.0)
    server.until(lambda: server.workers() == before)
    assert server.log() == ""
    os.kill(before[0], signal.SIGKILL)
    server.put("PERSON")
    server.until(lambda: server.workers() not in ([], before) and words_of(server) == "PERSON")
    assert server.stop() == 0


def test_a_worker_that_says_the_same_digest_and_is_ready_at_once_replaces_nobody():
    class Pool:
        """Starts workers that are through with everything before anybody else has a turn."""

        def __init__(self):
            self.workers = [SimpleNamespace(digest="same", busy=False)]
            self.stopped = []

        def worker(self, accepts, on_ready):
            return SimpleNamespace(accepts=accepts, on_ready=on_ready)

        def start(self, worker):
            async def life():
                worker.accepts("same")
                worker.on_ready(worker, {})
                await asyncio.Event().wait()

            return asyncio.ensure_future(life())

        async def stop(self, worker):
            self.stopped.append(worker)

    async def renewed() -> Pool:
        pool = Pool()
        assert await Renewal(SimpleNamespace(model="nowhere", reload=1.0), pool)._renew()
        return pool

    pool = asyncio.run(renewed())
    assert len(pool.stopped) == 1 and pool.stopped[0] is not pool.workers[0]
