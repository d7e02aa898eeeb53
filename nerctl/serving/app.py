"""The HTTP side: routes, who may use them, what each answers: JSON, but for the page and the metrics."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
import time
from collections.abc import Awaitable, Iterator
from typing import Any, Callable, Optional

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from nerctl.data.json_text import escaped, json_bytes
from nerctl.serving.metrics import Metrics
from nerctl.serving.openapi import document
from nerctl.serving.page import page_headers, page_html
from nerctl.serving.payload import Payload, Refusal, error_json, parse, shown
from nerctl.serving.pool import Pool, Submission
from nerctl.serving.settings import ServerSettings

logger = logging.getLogger("nerctl.serving")

BODIES_IN_MEMORY = 256 << 20
"""Bytes of request bodies that may be in memory at once; more are answered 429."""
TROUBLE_SECONDS = 30
"""Retry-After where no worker can load the model: somebody has to come and see."""
CLIENT_WENT_AWAY = 499
"""What the metrics call a request whose client did not wait (nginx's number); nobody sees the answer."""
JSON = "application/json"
"""What every answer is, but for the page and the metrics."""
Handler = Callable[[Request], Awaitable[Response]]


def build_app(settings: ServerSettings, pool: Pool, metrics: Metrics) -> Starlette:
    """The application over a running pool."""
    service = Service(settings, pool, metrics)
    routes = {
        "/": ("GET", service.page),
        "/healthz": ("GET", service.health),
        "/readyz": ("GET", service.ready),
        "/metrics": ("GET", service.show_metrics),
        "/openapi.json": ("GET", service.openapi),
        "/v1/model": ("GET", service.model),
        "/v1/entities": ("POST", service.entities),
    }
    app = Starlette(
        routes=[
            Route(path, service.counted(path, handler), methods=[method])
            for path, (method, handler) in routes.items()
        ],
        exception_handlers={HTTPException: service.not_routed},
    )
    app.router.redirect_slashes = False
    return app


class Service:
    """The handlers and what they share."""

    def __init__(self, settings: ServerSettings, pool: Pool, metrics: Metrics) -> None:
        self._settings = settings
        self._pool = pool
        self._metrics = metrics
        self._tokens = [token.encode("ascii") for token in settings.tokens]
        self._bytes_held = 0
        self._openapi = document(settings)

    def counted(self, path: str, handler: Handler) -> Handler:
        """A handler whose refusals become JSON, and whose answers are counted under `path`."""

        async def handle(request: Request) -> Response:
            try:
                if path.startswith("/v1/"):
                    self._check_token(request)
                response = await handler(request)
            except Refusal as refusal:
                response = refused(refusal)
            except asyncio.CancelledError:
                response = refused(Refusal(503, "The server ended before this request was answered."))
            except Exception:
                logger.exception("%s failed", path)
                response = refused(Refusal(500, "The server failed; its log says why."))
            return self._finished(request, response, path)

        return handle

    def _finished(self, request: Request, response: Response, path: str) -> Response:
        """The answer as it is sent: counted under `path`, and in ASCII where the client asks for that."""
        self._metrics.requests.labels(path, str(response.status_code)).inc()
        if response.media_type == JSON and request.query_params.get("ascii") == "1":
            response.body = escaped(bytes(response.body))
            response.headers["content-length"] = str(len(response.body))
        return response

    async def not_routed(self, request: Request, error: Exception) -> Response:
        """Unknown path, wrong method, or the question which methods there are."""
        assert isinstance(error, HTTPException)
        methods = {method for method in (error.headers or {}).get("Allow", "").split(", ") if method}
        headers = {"allow": ", ".join(sorted(methods | {"OPTIONS"}))} if methods else {}
        if methods and request.method == "OPTIONS":
            # Without a token: a browser sends none when it asks what it may do.
            response = Response(status_code=204)
        elif error.status_code == 404:
            response = refused(Refusal(404, "There is nothing here; /openapi.json lists what there is."))
        elif error.status_code == 405:
            right = " and ".join(sorted(methods))
            response = refused(Refusal(405, f"{shown(request.method)} does not work here; what works is {right}."))
        else:
            response = refused(Refusal(error.status_code, str(error.detail)))
        response.headers.update(headers)
        return self._finished(request, response, "other")

    async def page(self, request: Request) -> Response:
        """The page on which one tries the model."""
        return Response(page_html(), media_type="text/html", headers=page_headers())

    async def health(self, request: Request) -> Response:
        """The front process is alive."""
        return answer({"status": "ok"})

    async def ready(self, request: Request) -> Response:
        """At least one worker has the model loaded."""
        self._check_trouble()
        if not self._pool.ready_workers:
            raise Refusal(503, "No worker has loaded the model yet.", retry_after=1)
        return answer({"status": "ready", "workers": self._pool.ready_workers})

    async def show_metrics(self, request: Request) -> Response:
        """Counts for Prometheus."""
        text, content_type = self._metrics.render()
        return Response(text, headers={"content-type": content_type})

    async def openapi(self, request: Request) -> Response:
        """The description of this interface."""
        return answer(self._openapi)

    async def model(self, request: Request) -> Response:
        """What the workers said about the model."""
        self._check_trouble()
        if not self._pool.description:
            raise Refusal(503, "No worker has loaded the model yet.", retry_after=1)
        return answer({**self._pool.description, "max_chars": self._settings.max_chars})

    async def entities(self, request: Request) -> Response:
        """Tags the texts of a request."""
        started = time.monotonic()
        encoding = request.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("", "identity"):
            raise Refusal(415, f"The body has the Content-Encoding {shown(encoding)}; send it as it is, without one.")
        with self._room_for_body() as room:
            payload = parse(await self._body(request, room), self._settings.max_chars, self._settings.queue)
            response = await self._tagged(request, payload)
        self._metrics.latency.observe(time.monotonic() - started)
        return response

    async def _tagged(self, request: Request, payload: Payload) -> Response:
        if not payload.texts:
            return answer({"results": []})
        self._check_trouble()
        submission = self._pool.submit(payload.texts)
        if submission is None:
            raise Refusal(429, "The queue is full; try again later.", retry_after=self._pool.retry_after)
        try:
            await self._wait(request, submission)
        finally:
            self._pool.withdraw(submission)
        job = submission.job
        if job.unserved is not None:
            raise Refusal(503, job.unserved, retry_after=TROUBLE_SECONDS)
        if job.failed is not None:
            index, reason = job.failed
            field = "text" if payload.single else f"texts[{index}]"
            raise Refusal(500, f"{field} has no answer: {reason}.", field)
        if payload.single:
            return json_response(job.results[0])
        return json_response(b'{"results":[' + b",".join(job.results) + b"]}")

    def _check_trouble(self) -> None:
        """Raises Refusal 503 when no worker has the model and none can load it."""
        trouble = self._pool.trouble
        if trouble is not None:
            raise Refusal(503, trouble, retry_after=TROUBLE_SECONDS)

    async def _wait(self, request: Request, submission: Submission) -> None:
        """Until the answer is there. Raises Refusal when the client is gone, or after all too long a time."""
        gone = asyncio.ensure_future(_client_gone(request))
        try:
            await asyncio.wait(
                {gone, submission.done},
                timeout=self._settings.answer_timeout,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if submission.done.done():
                return
            if gone.done():
                raise Refusal(CLIENT_WENT_AWAY, "The client went away.")
            raise Refusal(503, "No worker came to this request in time.", retry_after=self._pool.retry_after)
        finally:
            gone.cancel()

    @contextlib.contextmanager
    def _room_for_body(self) -> Iterator[Room]:
        """Counts the bytes of this request's body until it is answered."""
        room = Room()
        try:
            yield room
        finally:
            self._bytes_held -= room.taken

    async def _body(self, request: Request, room: Room) -> bytes:
        """The request's body. Raises Refusal 413 (too large), 408 (too slow), 429 (too many at once)."""
        if _declared_length(request) > self._settings.max_body:
            raise self._too_large()
        chunks = []
        deadline = time.monotonic() + self._settings.body_timeout
        while True:
            try:
                message = await asyncio.wait_for(request.receive(), max(0.0, deadline - time.monotonic()))
            except asyncio.TimeoutError:
                seconds = self._settings.body_timeout
                raise Refusal(408, f"The body did not arrive within {seconds:g} s.") from None
            if message["type"] == "http.disconnect":
                raise Refusal(CLIENT_WENT_AWAY, "The client went away.")
            chunk = message.get("body", b"")
            chunks.append(chunk)
            room.taken += len(chunk)
            self._bytes_held += len(chunk)
            if room.taken > self._settings.max_body:
                raise self._too_large()
            if self._bytes_held > BODIES_IN_MEMORY:
                raise Refusal(429, "Too many large requests at once; try again later.", retry_after=1)
            if not message.get("more_body", False):
                return b"".join(chunks)

    def _too_large(self) -> Refusal:
        return Refusal(413, f"The body is larger than {self._settings.max_body} bytes.")

    def _check_token(self, request: Request) -> None:
        """Raises Refusal 401 unless the request carries one of the tokens, where there are any."""
        if not self._tokens:
            return
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        presented = given.strip().encode("latin-1", "replace")
        # Every token is compared, each in constant time, so that the time taken says nothing about them.
        matches = [hmac.compare_digest(presented, token) for token in self._tokens]
        if scheme.lower() != "bearer" or not any(matches):
            raise Refusal(401, "This server asks for a token: send the header Authorization: Bearer TOKEN.")


class Room:
    """Bytes of one request's body that are in memory."""

    def __init__(self) -> None:
        self.taken = 0


async def _client_gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _declared_length(request: Request) -> int:
    declared = request.headers.get("content-length", "0")
    return int(declared) if declared.isdigit() and len(declared) < 20 else 0


def answer(value: dict[str, Any]) -> Response:
    """A JSON answer."""
    return json_response(json_bytes(value))


def json_response(body: bytes, status: int = 200, headers: Optional[dict[str, str]] = None) -> Response:
    """A JSON answer that is already written, in UTF-8."""
    safe = {"x-content-type-options": "nosniff", "cache-control": "no-store"}
    return Response(body, status, headers={**safe, **(headers or {})}, media_type=JSON)


def refused(refusal: Refusal) -> Response:
    """The JSON answer to a request that was refused."""
    headers = {}
    if refusal.retry_after is not None:
        headers["retry-after"] = str(refusal.retry_after)
    if refusal.status == 415:
        headers["accept-encoding"] = "identity"
    if refusal.status == 401:
        headers["www-authenticate"] = "Bearer"
    return json_response(error_json(refusal.status, refusal.message, refusal.field), refusal.status, headers)
