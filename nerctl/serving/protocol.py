"""One connection: uvicorn's HTTP/1.1, taught what it leaves out.

A header that does not come is not waited for for ever; a client that has said that it sends no more is answered; what is
not HTTP is refused in JSON; and a kept connection gets a moment for its last request before the server ends.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from http import HTTPStatus
from typing import Any, Callable, Optional

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from nerctl.serving import access
from nerctl.serving.payload import error_json

LAST_CALL_SECONDS = 0.5
"""How long an idle connection stays open once the server is to end: a request may be on its way."""
PROBE_SECONDS = 0.5
"""After this time a client that sends no more and waits for its answer is sent something, to see whether it is there."""
LOOK_SECONDS = 0.25
"""How often it is looked whether that came back."""
LINGER_SECONDS = 1.0
"""How long what a refused client still sends is read: closing on it would take the refusal from it."""


class Protocol(H11Protocol):
    """The server's side of a connection."""

    patience: float
    """Seconds that a header may take; `front_server` sets it in a class of its own."""
    stopping: Callable[[], bool]
    """Whether the server is to end; set likewise."""

    def connection_made(self, transport: Any) -> None:
        """Starts the clock of a connection."""
        super().connection_made(transport)
        self._half_closed = False
        self._refused = False
        self._watch: Optional[asyncio.TimerHandle] = self.loop.call_later(self.patience, self._check)
        if self.stopping():
            self.shutdown()

    def connection_lost(self, exc: Optional[Exception]) -> None:
        """Stops the clock."""
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        super().connection_lost(exc)

    def _check(self) -> None:
        just_answered = self.timeout_keep_alive_task is not None
        if self._under_way() or just_answered:
            self._watch = self.loop.call_later(self.patience, self._check)
        else:
            self._watch = None
            self.transport.close()

    def _under_way(self) -> bool:
        """Whether a request was taken and is not answered."""
        return self.cycle is not None and not self.cycle.response_complete

    def data_received(self, data: bytes) -> None:
        """Reads on, unless this client was refused."""
        if not self._refused:
            super().data_received(data)

    def eof_received(self) -> Optional[bool]:  # type: ignore[override]  # asyncio's contract, which uvicorn narrows
        """The client sends no more: it is still answered what it asked. Returns whether the connection stays open."""
        if self._refused or self.transport.is_closing():
            return None
        if self._under_way() and not self.cycle.more_body:
            if not self._half_closed:  # It comes again each time that reading is resumed.
                self._half_closed = True
                self.loop.call_later(LOOK_SECONDS, self._look)
                self.loop.call_later(PROBE_SECONDS, self._probe)
            return True
        self._refuse_half()
        return None

    def on_response_complete(self) -> None:
        """Goes on with the next request, or closes where none can come."""
        super().on_response_complete()
        if self._half_closed and not self._under_way() and not self.transport.is_closing():
            self._refuse_half()
            self.transport.close()

    def _refuse_half(self) -> None:
        """Refuses the half of a request after which nothing more will come, if there is one."""
        if self._under_way():
            self._refuse(400, "The request ended before its body was complete.")
        elif self.conn.trailing_data[0]:
            self._refuse(400, "The request ended before its header was complete.")

    def _probe(self) -> None:
        """Sends a half-closed client an interim answer: one that has gone altogether cannot be told from it otherwise."""
        can_take_it = self.scope["http_version"] == "1.1" and not self.cycle.response_started
        if can_take_it and not self.transport.is_closing():
            self.transport.write(self.conn.send(h11.InformationalResponse(status_code=100, headers=[], reason="Continue")))

    def _look(self) -> None:
        """Ends a half-closed connection whose client turned out to be gone; nothing is read that would tell."""
        if self.transport.is_closing():
            return
        if self.transport.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self.transport.abort()
        else:
            self.loop.call_later(LOOK_SECONDS, self._look)

    def shutdown(self) -> None:
        """The server is to end. A request under way is answered; an idle connection has a last moment for one."""
        if self._under_way():
            super().shutdown()
        else:
            self.loop.call_later(LAST_CALL_SECONDS, self._shut)

    def _shut(self) -> None:
        if not self.transport.is_closing():
            super().shutdown()

    def send_400_response(self, msg: str) -> None:
        """Refuses what h11 could not read; uvicorn calls it while it handles that error."""
        error = sys.exc_info()[1]
        status = getattr(error, "error_status_hint", 400)
        if status == 431:
            self._refuse(status, "The request's header is longer than this server reads.")
        else:
            reason = str(error or msg).partition(": bytearray")[0]
            self._refuse(status, f"The request is not well-formed HTTP ({reason}).")

    def _refuse(self, status: int, message: str) -> None:
        """The last answer on this connection, to a request that does not reach the application."""
        self._refused = True
        if self.cycle is not None:  # Its application may be waiting for a body; it has nothing to say any more.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.close()
            return
        if self._under_way():
            self.scope[access.REFUSED] = status  # type: ignore[literal-required]  # for that request's line
        else:
            access.log(self.client, "-", "-", status, 0.0)
        body = error_json(status, message)
        headers = [
            ("content-type", "application/json"),
            ("content-length", str(len(body))),
            ("connection", "close"),
            ("x-content-type-options", "nosniff"),
        ]
        head = h11.Response(status_code=status, headers=headers, reason=HTTPStatus(status).phrase)
        for event in (head, h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event))
        self.transport.write_eof()
        self.flow.resume_reading()
        self.loop.call_later(LINGER_SECONDS, self.transport.close)

    def _unsupported_upgrade_warning(self) -> None:
        """Nothing: the request is answered as if it did not offer another protocol, which is its right."""
