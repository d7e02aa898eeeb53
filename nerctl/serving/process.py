"""One worker process as the front process sees it: started, fed, watched, and started again when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from typing import Any, Callable, Optional

from nerctl.errors import FailedError, ModelError
from nerctl.serving import frames
from nerctl.serving.batcher import Item
from nerctl.serving.settings import ServerSettings

logger = logging.getLogger("nerctl.serving")

BOOT = (
    "import sys; sys.path[:] = sys.argv[1].split('\\n'); "
    "import importlib; importlib.import_module(sys.argv[2]).main(sys.argv[3:])"
)
"""Takes over our import path, so that a worker finds our modules and none of the working folder's."""
FIRST_PAUSE = 0.1
LONGEST_PAUSE = 30.0
"""Seconds before a worker is started again: doubled each time that it dies while loading."""
MOST_DEATHS = 3
"""Deaths in a row, while loading, of a worker that was never ready: then the server gives up."""


class Worker:
    """A worker process and its successors. `run` lives as long as the server; the rest are its callbacks."""

    def __init__(
        self,
        settings: ServerSettings,
        on_ready: Callable[[Worker, dict[str, Any]], None],
        on_answer: Callable[[Worker, list[Item], bytes], None],
        on_death: Callable[[Worker, list[Item]], None],
    ) -> None:
        """`on_answer` gets the batch and the answer's body; `on_death` the batch under way, maybe empty."""
        self._settings = settings
        self._on_ready = on_ready
        self._on_answer = on_answer
        self._on_death = on_death
        self._process: Optional[asyncio.subprocess.Process] = None
        self._batch: list[Item] = []
        self._alarm: Optional[asyncio.TimerHandle] = None
        self.ready = False
        """Loaded, and alive as far as we know."""
        self._loads_failed = 0
        self._ever_ready = False

    @property
    def pid(self) -> Optional[int]:
        """Process id; None while there is none."""
        return self._process.pid if self._process is not None else None

    def begin(self, batch: list[Item]) -> None:
        """Sends a batch to a ready and idle worker."""
        assert self._process is not None and self._process.stdin is not None and not self._batch
        self._batch = batch
        self._set_alarm(self._settings.batch_timeout, "did not answer a batch")
        self._process.stdin.write(frames.pack_texts([item.text for item in batch]))

    async def run(self) -> None:
        """Keeps a worker alive until cancelled.

        Raises ModelError when the worker refuses the model, FailedError when it dies over it again and
        again; but once it was loaded, loading is tried for ever.
        """
        try:
            while True:
                refusal = await self._one_life()
                if refusal is not None and not self._ever_ready:
                    raise ModelError(refusal)
                if self._loads_failed >= MOST_DEATHS and not self._ever_ready:
                    raise FailedError(
                        f"The process that loads {self._settings.model} died {MOST_DEATHS} times; what it "
                        "said is above. Not enough memory is the usual cause: fewer --workers need less."
                    )
                pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2**self._loads_failed)
                await asyncio.sleep(pause)
        finally:
            await self._end()

    async def _one_life(self) -> Optional[str]:
        """From the start of a process to its death; returns why it refused the model, if it did."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-c", BOOT, "\n".join(sys.path), self._settings.worker_module),
            *(self._settings.model, str(self._settings.worker_threads), self._settings.tagger_options),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=worker_environment(self._settings.worker_threads),
            start_new_session=True,  # Ctrl-C in a terminal goes to us alone: we drain, then end the workers.
        )
        self._process = process
        assert process.stdout is not None
        self._set_alarm(self._settings.load_timeout, "did not load the model")
        refusal: Optional[str] = None
        try:
            while True:
                header = await process.stdout.readexactly(frames.HEADER_BYTES)
                body = await process.stdout.readexactly(frames.body_length(header))
                self._clear_alarm()
                if self.ready:
                    batch, self._batch = self._batch, []
                    self._on_answer(self, batch, body)
                    continue
                went_well, value = frames.split_answer(body)[0]
                if not went_well:
                    refusal = json.loads(value)
                    logger.warning("a worker could not load the model: %s", refusal)
                    break
                self.ready = self._ever_ready = True
                self._loads_failed = 0
                self._on_ready(self, json.loads(value))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        await self._end(patience=1.0)
        self._mourn(process.returncode)
        return refusal

    def _mourn(self, returncode: Optional[int]) -> None:
        code = returncode or 0
        what = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
        when = "while tagging" if self._batch else "while idle" if self.ready else "while loading the model"
        logger.warning("a worker %s %s and is replaced", what, when)
        self._loads_failed += not self.ready
        self.ready = False
        batch, self._batch = self._batch, []
        self._on_death(self, batch)

    def _set_alarm(self, seconds: float, what: str) -> None:
        def ring() -> None:
            logger.warning("a worker %s in %g s", what, seconds)
            self._kill()

        self._alarm = asyncio.get_running_loop().call_later(seconds, ring)

    def _clear_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _kill(self) -> None:
        # Not Process.kill: it would reap a child that is dead, and asyncio would never learn how it died.
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGKILL)

    async def _end(self, patience: float = 0.0) -> None:
        """Makes sure that there is no process, after `patience` seconds for it to end by itself."""
        self._clear_alarm()
        if self._process is None:
            return
        if patience:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._process.wait(), patience)
        self._kill()
        await self._process.wait()
        self._process = None


def worker_environment(threads: int) -> dict[str, str]:
    """Our environment with the number of threads that computing libraries read at their start."""
    count = str(threads)
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
    return {**os.environ, **dict.fromkeys(names, count)}
