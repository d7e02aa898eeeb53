"""Starts the server, and stops it without losing a request."""

from __future__ import annotations

import asyncio
import signal
import socket
from pathlib import Path

from nerctl.errors import ModelError, near_path
from nerctl.serving.app import build_app
from nerctl.serving.connection import FrontServer, allow_many_connections, front_server, listen
from nerctl.serving.listener import Listener
from nerctl.serving.metrics import Metrics
from nerctl.serving.pool import Pool
from nerctl.serving.renewal import Renewal
from nerctl.serving.settings import ServerSettings


def run(settings: ServerSettings, listener: Listener) -> None:
    """Serves until SIGTERM or SIGINT, then finishes the requests under way and returns.

    Args:
        settings: what is served, where and how.
        listener: told the address once the server listens; the model may still be loading then, which `/readyz` tells.

    Raises:
        NerctlError: the port cannot be had or the model cannot be loaded.
    """
    folder = Path(settings.model)
    if not folder.is_dir():
        raise ModelError(
            f"{folder}: no such folder; {near_path(folder)}--model takes a training or an exported folder."
        )
    door = listen(settings.host, settings.port)
    allow_many_connections()
    asyncio.run(_serve(settings, door, listener))


def address_of(door: socket.socket) -> str:
    """The URL of a listening socket."""
    host, port = door.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def _serve(settings: ServerSettings, door: socket.socket, listener: Listener) -> None:
    metrics = Metrics()
    pool = Pool(settings, metrics, listener)
    server = front_server(build_app(settings, pool, metrics), settings)
    _stop_on_signals(server, listener)
    listener.listening(address_of(door))  # Connections wait in the socket's backlog until they are taken.
    working = asyncio.ensure_future(pool.run())
    serving = asyncio.ensure_future(server.serve(sockets=[door]))
    renewing = asyncio.ensure_future(Renewal(settings, pool).watch()) if settings.reload else None
    try:
        await asyncio.wait({working, serving}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            # A pool that ends by itself could not load the model: nobody will ever be answered.
            server.should_exit = server.force_exit = True
        await serving
    finally:
        if renewing is not None:
            renewing.cancel()
        working.cancel()
        await asyncio.wait({working})
    if not working.cancelled():
        working.result()


def _stop_on_signals(server: FrontServer, listener: Listener) -> None:
    def stop() -> None:
        if not server.should_exit:
            listener.stopping(len(server.server_state.tasks))
        # The second signal means it.
        server.force_exit = server.should_exit
        server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, stop)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))
