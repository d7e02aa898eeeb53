"""--reload: workers with the folder's new model take the place of those with the old one, one after the other."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from pathlib import Path
from typing import Any, Optional

from nerctl.errors import NerctlError
from nerctl.folder import POINTER
from nerctl.serving.pool import Pool
from nerctl.serving.process import Worker
from nerctl.serving.settings import ServerSettings

logger = logging.getLogger("nerctl.serving")

LONGEST_PAUSE = 60.0
"""Seconds before a model that could not be loaded is tried again: doubled each time."""
BUSY_SECONDS = 0.02
"""How often it is looked whether a worker that is to go has answered its last batch."""


class Renewal:
    """Watches the folder's pointer, which is replaced last when a model is written."""

    def __init__(self, settings: ServerSettings, pool: Pool) -> None:
        self._settings = settings
        self._pool = pool
        self._pointer = Path(settings.model) / POINTER
        self._logged = ""

    async def watch(self) -> None:
        """Runs until it is cancelled."""
        seen, failures = self._stamp(), 0
        while True:
            await asyncio.sleep(min(LONGEST_PAUSE, self._settings.reload * 2**failures))
            now = self._stamp()
            if now == seen or now is None:
                continue
            if await self._renew():
                seen, failures, self._logged = now, 0, ""
            else:
                failures += 1

    def _stamp(self) -> Optional[tuple[int, ...]]:
        """Changes when the pointer is replaced, or the folder is; None while there is none."""
        with contextlib.suppress(OSError):
            found = self._pointer.stat()
            return found.st_ino, found.st_mtime_ns, found.st_size
        return None

    async def _renew(self) -> bool:
        """Replaces every worker that has another model than the folder; False when the new one could not be loaded."""
        for old in [*self._pool.workers]:
            life = await self._replaced(old)
            if life is not None:
                error = life.exception()
                if not isinstance(error, NerctlError):
                    life.result()
                if str(error) != self._logged:
                    logger.warning("the new model could not be loaded, and the old one is served on: %s", error)
                    self._logged = str(error)
                return False
        return True

    async def _replaced(self, old: Worker) -> Optional[asyncio.Future[None]]:
        """Loads the model beside the old one, then lets it take its place; returns the life that failed, if it did."""
        loop = asyncio.get_running_loop()
        loaded: asyncio.Future[None] = loop.create_future()
        same: asyncio.Future[None] = loop.create_future()

        def accepts(digest: str) -> bool:
            if digest == old.digest and not loaded.done() and not same.done():
                same.set_result(None)
            return True

        def on_ready(worker: Worker, description: dict[str, Any]) -> None:
            if same.done():  # told and loaded in one go, before the wait below has ended
                return
            if not loaded.done():
                loaded.set_result(None)
                self._pool.exchange(old, worker)
            self._pool.on_ready(worker, description)

        new = self._pool.worker(accepts, on_ready)
        life = self._pool.start(new)
        await asyncio.wait({life, loaded, same}, return_when=asyncio.FIRST_COMPLETED)
        if not loaded.done():
            await self._pool.stop(new)
            return None if same.done() else life
        while old.busy:
            await asyncio.sleep(BUSY_SECONDS)
        await self._pool.stop(old)
        return None
