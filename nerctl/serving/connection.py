"""uvicorn, taught three things: our signals, slow clients, and a socket that is bound before it starts."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator
from typing import Any, Optional

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from nerctl.errors import NerctlError
from nerctl.serving.settings import ServerSettings

logger = logging.getLogger("nerctl.serving")

KEEP_ALIVE_SECONDS = 20
"""How long a connection is kept after an answer."""


class PromptProtocol(H11Protocol):
    """HTTP/1.1 that closes a connection whose header does not come; uvicorn itself waits for ever."""

    patience: float
    """Seconds; `front_server` sets them in a class of its own."""

    def connection_made(self, transport: Any) -> None:
        """Starts the clock of a connection."""
        super().connection_made(transport)
        self._watch: Optional[asyncio.TimerHandle] = self.loop.call_later(self.patience, self._check)

    def connection_lost(self, exc: Optional[Exception]) -> None:
        """Stops the clock."""
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        super().connection_lost(exc)

    def _check(self) -> None:
        request_under_way = self.cycle is not None and not self.cycle.response_complete
        just_answered = self.timeout_keep_alive_task is not None
        if request_under_way or just_answered:
            self._watch = self.loop.call_later(self.patience, self._check)
        else:
            self._watch = None
            self.transport.close()


class FrontServer(uvicorn.Server):
    """A uvicorn server that leaves signals to its owner, who ends it with `should_exit`."""

    def install_signal_handlers(self) -> None:
        """For uvicorn before 0.29: nothing."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """For uvicorn from 0.29: nothing."""
        yield


def front_server(app: Any, settings: ServerSettings) -> FrontServer:
    """A server for `app`, to be started with `serve(sockets=[...])`."""
    protocol = type("Protocol", (PromptProtocol,), {"patience": settings.header_timeout})
    config = uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=settings.drain_timeout,
    )
    return FrontServer(config)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises NerctlError when the address is unknown, taken or not ours to use."""
    where = f"{host}:{port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise NerctlError(f"Cannot listen on {where}: {host} is not an address of this machine.") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise NerctlError(
            f"Cannot listen on {where}: {error.strerror}. Choose another --port; 0 picks a free one."
        ) from error
    listener.setblocking(False)
    return listener


def allow_many_connections() -> None:
    """Raises the limit of open files as far as this user may."""
    try:
        import resource
    except ImportError:  # Windows has no such limit.
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        hard = max(soft, 65_536)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
