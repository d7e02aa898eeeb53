"""uvicorn, taught our signals and a socket that is bound before it starts; `protocol.py` has its connections."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import uvicorn

from nerctl.errors import NerctlError
from nerctl.serving.gate import Gate
from nerctl.serving.protocol import Protocol
from nerctl.serving.settings import ServerSettings

KEEP_ALIVE_SECONDS = 20
"""How long a connection is kept after an answer."""


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

    def stopping() -> bool:
        return server.should_exit

    shared = {"patience": settings.header_timeout, "stopping": staticmethod(stopping)}
    config = uvicorn.Config(
        Gate(app, settings.origins, stopping),
        http=type("OurProtocol", (Protocol,), shared),
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=settings.drain_timeout,
    )
    server = FrontServer(config)
    return server


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
