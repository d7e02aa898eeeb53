"""Between the requests and the workers: hands out batches, takes answers, and deals with a worker's death.

Everything here runs in the one event loop and between two awaits, so nothing needs a lock.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from typing import Any, Optional

from nerctl.serving import frames
from nerctl.serving.batcher import Batcher, Item, Job
from nerctl.serving.listener import Listener
from nerctl.serving.metrics import Metrics
from nerctl.serving.process import Accepts, OnReady, Worker
from nerctl.serving.settings import ServerSettings

MOST_ATTEMPTS = 2
"""Workers that may die over a text before it is given up."""
RATE_MEMORY = 0.9
"""Weight of the past in the average of texts tagged per second, by which Retry-After is estimated."""


class Pool:
    """The queue and its workers."""

    def __init__(self, settings: ServerSettings, metrics: Metrics, listener: Listener) -> None:
        self._settings = settings
        self._listener = listener
        self._metrics = metrics
        self._batcher = Batcher(settings.queue, settings.max_batch, settings.max_wait_ms / 1000)
        self._idle: list[Worker] = []
        self._begun: dict[Worker, float] = {}
        self._timer: Optional[asyncio.TimerHandle] = None
        self._rate = 0.0
        self.workers = [self.worker(self._accepts, self.on_ready) for _ in range(settings.workers)]
        self.description: dict[str, Any] = {}
        """What a worker said about the model; empty until one was ready."""
        self._digest = ""
        self._lives: dict[Worker, asyncio.Future[None]] = {}
        self._failed: asyncio.Future[None]

    @property
    def waiting(self) -> int:
        """Texts in the queue."""
        return len(self._batcher)

    @property
    def ready_workers(self) -> int:
        """Workers that have loaded the model."""
        return sum(worker.ready for worker in self.workers)

    @property
    def trouble(self) -> Optional[str]:
        """Why nobody can be served, a sentence for clients: no worker is ready, and none can load the model."""
        first = self.workers[0].trouble
        return first if not self.ready_workers and all(worker.trouble for worker in self.workers) else None

    @property
    def retry_after(self) -> int:
        """Seconds after which a place should be free, 1 to 30."""
        return max(1, min(30, math.ceil(self.waiting / self._rate))) if self._rate else 1

    async def run(self) -> None:
        """Keeps the workers alive until cancelled; raises what Worker.run raises."""
        self._failed = asyncio.get_running_loop().create_future()
        for worker in self.workers:
            self.start(worker).add_done_callback(self._ended)
        try:
            await self._failed
        finally:
            if self._timer is not None:
                self._timer.cancel()
            await asyncio.gather(*(self.stop(worker) for worker in [*self._lives]))

    def _ended(self, life: asyncio.Future[None]) -> None:
        error = None if life.cancelled() else life.exception()
        if error is not None and not self._failed.done():
            self._failed.set_exception(error)

    def worker(self, accepts: Accepts, on_ready: OnReady) -> Worker:
        """A worker that belongs to this pool but for two of its callbacks."""
        return Worker(self._settings, accepts, on_ready, self._on_answer, self._on_death)

    def start(self, worker: Worker) -> asyncio.Future[None]:
        """Lets a worker live, until `stop`; returns its life."""
        life = self._lives[worker] = asyncio.ensure_future(worker.run())
        return life

    async def stop(self, worker: Worker) -> None:
        """Ends a worker and its process."""
        life = self._lives.pop(worker)
        life.cancel()
        await asyncio.gather(life, return_exceptions=True)

    def exchange(self, old: Worker, new: Worker) -> None:
        """Lets `new` take the place of `old`, which gets no batch any more but answers the one that it has."""
        self.workers[self.workers.index(old)] = new
        if old in self._idle:
            self._idle.remove(old)

    def submit(self, texts: Sequence[str]) -> Optional[Submission]:
        """Queues the texts of a request, all of them or, when there is no room, none: then None."""
        if not self._batcher.has_room(len(texts)):
            return None
        submission = Submission(texts)
        now = _now()
        self._batcher.add([Item(submission.job, index, text, now) for index, text in enumerate(texts)])
        self._pump()
        return submission

    def withdraw(self, submission: Submission) -> None:
        """Frees the places of a request that nobody waits for any more."""
        self._batcher.drop(submission.job)
        self._metrics.queued.set(self.waiting)

    def _pump(self) -> None:
        """Gives due batches to idle workers, and comes back when the next is due."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._idle:
            delay = self._batcher.delay(_now())
            if delay is None:
                break
            if delay > 0:
                self._timer = asyncio.get_running_loop().call_later(delay, self._pump)
                break
            batch = self._batcher.take()
            worker = self._idle.pop()
            self._begun[worker] = _now()
            self._metrics.batch_size.observe(len(batch))
            worker.begin(batch)
        self._metrics.queued.set(self.waiting)

    def _accepts(self, digest: str) -> bool:
        """Whether this is the model that the first worker loaded: the same text gets the same answer from all."""
        self._digest = self._digest or digest
        return digest == self._digest or bool(self._settings.reload)

    def on_ready(self, worker: Worker, description: dict[str, Any]) -> None:
        """A worker has loaded the model, of which it says this."""
        self.description = description
        self._metrics.ready_workers.set(self.ready_workers)
        self._listener.loaded(description, self.ready_workers)
        self._free(worker)

    def _free(self, worker: Worker) -> None:
        """A worker has nothing to do."""
        if worker in self.workers:
            self._idle.append(worker)
        self._pump()

    def _on_answer(self, worker: Worker, batch: list[Item], body: bytes) -> None:
        elapsed = max(1e-6, _now() - self._begun.pop(worker))
        rate = len(batch) / elapsed * len(self.workers)
        self._rate = rate if not self._rate else RATE_MEMORY * self._rate + (1 - RATE_MEMORY) * rate
        self._metrics.texts.inc(len(batch))
        self._free(worker)  # First: it computes while we answer.
        for item, (went_well, value) in zip(batch, frames.split_answer(body)):
            if went_well:
                item.job.resolve(item.index, value)
            else:
                self._fail(item, frames.reason(value))

    def _on_death(self, worker: Worker, batch: list[Item]) -> None:
        """Tries the texts of a batch that killed a worker once more, each alone: only a culprit fails."""
        self._metrics.restarts.inc()
        self._metrics.ready_workers.set(self.ready_workers)
        self._begun.pop(worker, None)
        if worker in self._idle:
            self._idle.remove(worker)
        again = []
        for item in batch:
            item.attempts += 1
            if item.attempts >= MOST_ATTEMPTS:
                self._fail(item, f"the model's process died {MOST_ATTEMPTS} times over this text")
            elif not item.job.cancelled:
                again.append(item)
        self._batcher.add(again)
        trouble = self.trouble
        if trouble is not None:
            self._batcher.give_up(trouble)
        self._pump()

    def _fail(self, item: Item, reason: str) -> None:
        item.job.fail(item.index, reason)
        self._batcher.drop(item.job)


class Submission:
    """A request in the queue, for whoever waits for it."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when `job` is; never an exception."""
        self.job = Job(texts, self._finish)

    def _finish(self) -> None:
        if not self.done.done():
            self.done.set_result(None)


def _now() -> float:
    return asyncio.get_running_loop().time()
