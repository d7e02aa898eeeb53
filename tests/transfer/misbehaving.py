"""An HTTP server on loopback that misbehaves on demand: each request is answered by the next of a list of scripts."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Callable, Optional


@dataclass
class Seen:
    """One request as it came, and what was sent for it."""

    path: str
    range: Optional[str]
    if_range: Optional[str]
    first: int = 0
    sent: int = 0


class Answer(BaseHTTPRequestHandler):
    """What a script is given: the request, and ways to answer it."""

    protocol_version = "HTTP/1.1"
    server: Misbehaving

    def do_GET(self) -> None:
        self.close_connection = True
        self.seen = Seen(self.path, self.headers.get("Range"), self.headers.get("If-Range"))
        with self.server.lock:
            self.server.requests.append(self.seen)
            script = self.server.scripts.pop(0) if self.server.scripts else self.server.otherwise
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            script(self)

    def head(self, status: int, length: Optional[int], **headers: str) -> None:
        self.send_response(status)
        self.send_header("Connection", "close")
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def body(self, block: bytes) -> None:
        for place in range(0, len(block), 4096):
            self.wfile.write(block[place : place + 4096])
            self.seen.sent += len(block[place : place + 4096])

    def wanted(self) -> int:
        """First byte that the answer should have: of the Range header, unless If-Range says otherwise."""
        known = self.seen.if_range in (None, self.server.etag)
        return int(self.seen.range[len("bytes=") : -1]) if self.seen.range and known else 0

    def begin(self) -> bytes:
        """Sends a correct head, with ETag and Range; returns the bytes that should follow."""
        content, first = self.server.content, self.wanted()
        if first >= len(content) and first:
            self.head(416, 0, Content_Range=f"bytes */{len(content)}")
            return b""
        self.seen.first = first
        if first:
            span = f"bytes {first}-{len(content) - 1}/{len(content)}"
            self.head(206, len(content) - first, ETag=self.server.etag, Content_Range=span)
        else:
            self.head(200, len(content), ETag=self.server.etag, Accept_Ranges="bytes")
        return content[first:]

    def cut_connection(self) -> None:
        """Ends the connection with a reset, as a broken line does."""
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def log_message(self, *_: object) -> None:
        pass


Script = Callable[[Answer], None]


class Misbehaving(ThreadingHTTPServer):
    """The server; `scripts` answer the first requests, `otherwise` all others."""

    daemon_threads = True

    def __init__(self, content: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.content = content
        self.etag = '"one"'
        self.scripts: list[Script] = []
        self.otherwise: Script = good
        self.requests: list[Seen] = []
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"

    def url(self, name: str = "file") -> str:
        return self.base + name

    def handle_error(self, *_: object) -> None:
        pass


def good(answer: Answer) -> None:
    """Everything as it should be."""
    answer.body(answer.begin())


def cut_at(count: int, polite: bool = True) -> Script:
    """The connection ends after so many bytes of the body."""

    def script(answer: Answer) -> None:
        answer.body(answer.begin()[:count])
        if not polite:
            answer.cut_connection()

    return script


def no_range(answer: Answer) -> None:
    """Knows nothing of Range and of ETag."""
    answer.head(200, len(answer.server.content))
    answer.body(answer.server.content)


def no_range_cut_at(count: int) -> Script:
    def script(answer: Answer) -> None:
        answer.head(200, len(answer.server.content))
        answer.body(answer.server.content[:count])

    return script


def length_off_by(difference: int) -> Script:
    """Says a Content-Length that is too long or too short."""

    def script(answer: Answer) -> None:
        content = answer.server.content
        answer.head(200, len(content) + difference)
        answer.body(content[: len(content) + min(difference, 0)])

    return script


def no_length(answer: Answer) -> None:
    """Sends no Content-Length: the end of the connection is the end of the file."""
    answer.head(200, None)
    answer.body(answer.server.content)


def page(answer: Answer) -> None:
    """An error page that calls itself a success."""
    text = b"<!DOCTYPE html><html><body>Please sign in to this network</body></html>"
    answer.head(200, len(text), Content_Type="text/html")
    answer.body(text)


def status(code: int, **headers: str) -> Script:
    def script(answer: Answer) -> None:
        answer.head(code, 5, **headers)
        answer.body(b"sorry")

    return script


def stalled_after(count: int, seconds: float = 3.0) -> Script:
    """Falls silent without ending the connection."""

    def script(answer: Answer) -> None:
        answer.body(answer.begin()[:count])
        answer.wfile.flush()
        time.sleep(seconds)

    return script


def slow(pause: float) -> Script:
    """Sends 4,096 bytes at a time with a pause after each."""

    def script(answer: Answer) -> None:
        rest = answer.begin()
        for place in range(0, len(rest), 4096):
            answer.body(rest[place : place + 4096])
            answer.wfile.flush()
            time.sleep(pause)

    return script


def redirect_to(url: str) -> Script:
    def script(answer: Answer) -> None:
        answer.head(302, 0, Location=url)

    return script


def wrong_part(answer: Answer) -> None:
    """Answers a Range with another part than was asked for."""
    content = answer.server.content
    answer.head(
        206,
        len(content) - 1,
        ETag=answer.server.etag,
        Content_Range=f"bytes 1-{len(content) - 1}/{len(content)}",
    )
    answer.body(content[1:])


@dataclass
class Listener:
    """A report that keeps what it hears."""

    notes: list[str] = field(default_factory=list)
    steps: list[tuple[str, int, Optional[int]]] = field(default_factory=list)

    def advance(self, name: str, done: int, total: Optional[int]) -> None:
        self.steps.append((name, done, total))

    def note(self, message: str) -> None:
        self.notes.append(message)
