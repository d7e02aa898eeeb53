"""What every request passes on its way in, and every answer on its way out."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import Awaitable, MutableMapping
from typing import Any, Callable
from urllib.parse import unquote

from nerctl.serving import access
from nerctl.serving.cors import cors_headers
from nerctl.serving.protocol import LINGER_SECONDS

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]
"""ASGI 3."""

ABSOLUTE = re.compile(rb"https?://[^/]*", re.IGNORECASE)
"""How a target in absolute form begins; servers must take it (RFC 9112, 3.2.2)."""


class Gate:
    """An ASGI application around another."""

    def __init__(self, app: Application, origins: tuple[str, ...], stopping: Callable[[], bool]) -> None:
        """`origins` may read the answers in a browser. `stopping` says whether the server is to end: then each answer
        says that it is its connection's last.
        """
        self._app = app
        self._origins = origins
        self._stopping = stopping

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One request."""
        given = dict(scope["headers"])
        more = cors_headers(self._origins, given)
        body = Body(receive)
        begun, status = time.monotonic(), 0

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                last = [(b"connection", b"close")] if self._stopping() else []
                message = {**message, "headers": [*message["headers"], *more, *last]}
                if (last or given.get(b"connection", b"").lower() == b"close") and b"expect" not in given:
                    await body.read_off()
            await send(message)

        own = origin_form(scope)
        try:
            await self._app(own, body.receive, send_on)
        finally:
            status = scope.get(access.REFUSED, status)
            path = own["raw_path"].decode("ascii")
            access.log(scope.get("client"), scope["method"], path, status, time.monotonic() - begun)


class Body:
    """A request's body as it is received."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._complete = False

    async def receive(self) -> Message:
        """The next message, as ASGI has it."""
        message = await self._receive()
        self._complete = not message.get("more_body", False)
        return message

    async def read_off(self) -> None:
        """Reads what is left, for some time: a connection that is closed on it takes the answer from the client."""
        with contextlib.suppress(asyncio.TimeoutError):
            deadline = time.monotonic() + LINGER_SECONDS
            while not self._complete:
                await asyncio.wait_for(self.receive(), max(0.0, deadline - time.monotonic()))


def origin_form(scope: Message) -> Message:
    """The scope with a target of a path alone, as which `http://host/path` is meant too."""
    target: bytes = scope["raw_path"]
    found = ABSOLUTE.match(target)
    if not found:
        return scope
    path = target[found.end() :] or b"/"
    return {**scope, "raw_path": path, "path": unquote(path.decode("ascii"))}
