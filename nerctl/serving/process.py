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
"""Deaths in a row, while loading, after which none is expected to load; at the start the server then gives up."""
CANNOT_LOAD = "No worker can load the model again; the server's log says why."
OTHER_MODEL = (
    "The model's folder holds another model now, and no worker has the one that was served any more; the server must "
    "be started again."
)
"""What clients are told who cannot be served."""


Accepts = Callable[[str], bool]
"""Whether the model with this digest may be loaded."""
OnReady = Callable[["Worker", dict[str, Any]], None]
"""Called when the model is loaded, with its description."""


class Worker:
    """A worker process and its successors. `run` lives as long as the server; the rest are its callbacks."""

    def __init__(
        self,
        settings: ServerSettings,
        accepts: Accepts,
        on_ready: OnReady,
        on_answer: Callable[[Worker, list[Item], bytes], None],
        on_death: Callable[[Worker, list[Item]], None],
    ) -> None:
        """The pool's part: `on_answer` gets a batch and the answer's body, `on_death` the batch under way, maybe empty;
        it comes as soon as the process says no more, which may be before it is gone.
        """
        self._settings = settings
        self._accepts = accepts
        self._on_ready = on_ready
        self._on_answer = on_answer
        self._on_death = on_death
        self._process: Optional[asyncio.subprocess.Process] = None
        self._batch: list[Item] = []
        self._alarm: Optional[asyncio.TimerHandle] = None
        self.ready = False
        """Loaded, and alive as far as we know."""
        self.trouble: Optional[str] = None
        """Why loading fails, a sentence for clients; it is tried again. None: ready, or it may well be soon."""
        self._logged = ""
        self.digest = ""
        """Of the model that it has loaded, or is loading."""
        self._loads_failed = 0
        self._ever_ready = False

    @property
    def busy(self) -> bool:
        """Whether a batch is under way."""
        return bool(self._batch)

    def begin(self, batch: list[Item]) -> None:
        """Sends a batch to a ready and idle worker."""
        assert self.ready and self._process is not None and self._process.stdin is not None and not self._batch
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
                if refusal is not None and refusal != self._logged:
                    logger.warning("a worker could not load the model, which is tried again: %s", refusal)
                    self._logged = refusal
                if self._loads_failed >= MOST_DEATHS and not self._ever_ready:
                    raise FailedError(
                        f"The process that loads {self._settings.model} died {MOST_DEATHS} times; what it "
                        "said is above. Not enough memory is the usual cause: fewer --workers need less."
                    )
                pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2**self._loads_failed)
                await asyncio.sleep(pause)
        finally:
            await self._end(whole_group=True)

    async def _one_life(self) -> Optional[str]:
        """From the start of a process to its death; returns why the model was refused, if it was."""
        refusal: Optional[str] = None
        try:
            process = self._process = await self._start()
        except OSError as error:
            self._lose(None)
            logger.warning("a worker could not be started: %s", error)
            return None
        self._set_alarm(self._settings.load_timeout, "did not load the model")
        try:
            refusal = await self._load(process)
            while refusal is None:
                body = await _frame(process)
                self._clear_alarm()
                batch, self._batch = self._batch, []
                self._on_answer(self, batch, body)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        when = self._lose(refusal)
        await self._end(patience=0.0 if refusal else 1.0)
        if refusal is None:
            code = process.returncode or 0
            what = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
            logger.warning("a worker %s %s and is replaced", what, when)
        return refusal

    async def _start(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *("-c", BOOT, "\n".join(sys.path), self._settings.worker_module),
            *(self._settings.model, str(self._settings.worker_threads), self._settings.tagger_options),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=worker_environment(self._settings.worker_threads),
            start_new_session=True,  # Ctrl-C in a terminal goes to us alone: we drain, then end the workers.
        )

    async def _load(self, process: asyncio.subprocess.Process) -> Optional[str]:
        """Until the model is loaded; returns why it was refused, by the process or by us, if it was."""
        went_well, value = frames.split_answer(await _frame(process))[0]
        if went_well:
            self.digest = json.loads(value)["digest"]
            if not self._accepts(self.digest):
                self.trouble = OTHER_MODEL
                return (
                    f"{self._settings.model}: this folder holds another model than the first worker loaded; put the old "
                    "one back, or start the server again (with --reload it takes new models by itself)"
                )
            went_well, value = frames.split_answer(await _frame(process))[0]
        if not went_well:
            self.trouble = CANNOT_LOAD
            return frames.reason(value)
        self._clear_alarm()
        self.ready = self._ever_ready = True
        self.trouble = None
        self._logged = ""
        self._loads_failed = 0
        self._on_ready(self, json.loads(value))
        return None

    def _lose(self, refusal: Optional[str]) -> str:
        """Gives the batch back before anything is awaited, so that no other is begun; returns when it happened."""
        self._clear_alarm()
        when = "while tagging" if self._batch else "while idle" if self.ready else "while loading the model"
        self._loads_failed += not self.ready
        if refusal is None and self._loads_failed >= MOST_DEATHS:
            self.trouble = CANNOT_LOAD
        self.ready = False
        batch, self._batch = self._batch, []
        self._on_death(self, batch)
        return when

    def _set_alarm(self, seconds: float, what: str) -> None:
        """Kills the present process in so many seconds, and no other, unless the alarm is cleared before."""
        process = self._process
        assert process is not None

        def ring() -> None:
            logger.warning("a worker %s in %g s", what, seconds)
            _kill(process)

        self._clear_alarm()
        self._alarm = asyncio.get_running_loop().call_later(seconds, ring)

    def _clear_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    async def _end(self, patience: float = 0.0, whole_group: bool = False) -> None:
        """Makes sure that there is no process, after `patience` seconds for it to end by itself.

        `whole_group`: nor any that it started, such as the one that shows the native words of a process that dies.
        """
        self._clear_alarm()
        if self._process is None:
            return
        if patience:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._process.wait(), patience)
        _kill(self._process, os.killpg if whole_group else os.kill)
        await self._process.wait()
        self._process = None


async def _frame(process: asyncio.subprocess.Process) -> bytes:
    """The body of a process' next frame. Raises IncompleteReadError when there is none."""
    assert process.stdout is not None
    header = await process.stdout.readexactly(frames.HEADER_BYTES)
    return await process.stdout.readexactly(frames.body_length(header))


def _kill(process: asyncio.subprocess.Process, kill: Callable[[int, int], None] = os.kill) -> None:
    # Not Process.kill: it would reap a child that is dead, and asyncio would never learn how it died.
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            kill(process.pid, signal.SIGKILL)


def worker_environment(threads: int) -> dict[str, str]:
    """Our environment with the number of threads that computing libraries read at their start."""
    count = str(threads)
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
    return {**os.environ, **dict.fromkeys(names, count)}
