"""Real servers over the fake tagger, each a process of its own, reached over loopback."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable, NamedTuple
from urllib.parse import urlsplit

import pytest

HERE = Path(__file__).parent


class Answer(NamedTuple):
    """What the server answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Served:
    """A server process."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self._log = folder / "log"
        command = [
            sys.executable,
            str(HERE / "fake_server.py"),
            json.dumps({"model": str(folder), **settings}),
        ]
        with self._log.open("w") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        self.url = self.process.stdout.readline().strip()
        self.port = urlsplit(self.url).port

    def connection(self, timeout: float = 60.0) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Sends bytes as they are and anything else as JSON."""
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        connection = self.connection()
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            lower = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, lower, response.read())
        finally:
            connection.close()

    def socket(self, sent: bytes = b"") -> socket.socket:
        """A bare connection over which these bytes were sent."""
        client = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        client.sendall(sent)
        return client

    def get(self, path: str, **headers: str) -> Answer:
        return self.request("GET", path, **headers)

    def tag(self, body: Any, **headers: str) -> Answer:
        return self.request("POST", "/v1/entities", body, **headers)

    def put(self, words: str) -> None:
        """Another model into the folder: what it calls a run of letters, and the pointer, which comes last."""
        for name, content in (("words", words), ("checkpoint.json", words)):
            (self.folder / f".{name}").write_text(content)
            (self.folder / f".{name}").replace(self.folder / name)

    def metric(self, name: str) -> float:
        lines = self.get("/metrics").body.decode().splitlines()
        return next(float(line.split()[-1]) for line in lines if line.startswith(name))

    def workers(self) -> list[int]:
        """Process ids of the workers."""
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        if not path.exists():
            pytest.skip("needs /proc/PID/task/TID/children (Linux)")
        return [int(pid) for pid in path.read_text().split()]

    def until(self, true: Callable[[], bool], seconds: float = 30.0) -> float:
        """Waits for something to become true; returns how long that took."""
        started = time.monotonic()
        while not true():
            assert time.monotonic() - started < seconds, f"not within {seconds} s; log: {self.log()}"
            time.sleep(0.01)
        return time.monotonic() - started

    def is_ready(self) -> bool:
        return self.get("/readyz").status == 200

    def stop(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            os.kill(self.process.pid, number)
        code = self.process.wait(timeout=60)
        self.process.stdout.close()
        return code

    def log(self) -> str:
        return self._log.read_text()


Serve = Callable[..., Served]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts servers: `serve(name="slow-0.2", queue=4)`; the folder's name tells the tagger what to do."""
    for package in ("starlette", "uvicorn", "prometheus_client"):
        pytest.importorskip(package, reason=f"needs {package}: pip install 'nerctl[serve]'")
    started: list[Served] = []

    def start(name: str = "fake", ready: bool = True, **settings: Any) -> Served:
        server = Served(tmp_path / name, **settings)
        started.append(server)
        if ready:
            server.until(server.is_ready)
        return server

    yield start
    for server in started:
        server.stop(signal.SIGKILL)
