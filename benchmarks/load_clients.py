"""The clients of `serve_load.py`: what they send, and what they hold the server to."""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Optional
from urllib.parse import urlsplit

Expected = Callable[[list[str]], list[dict[str, Any]]]
"""Texts to the objects that the server should answer."""

ALPHABET = (
    "去山水人大中国上海北京市的在了是一二三四五，。：“”"
    + "abcxyz019 "
    + "\U00020000\U0002a6df"
    + "👩‍🚀é\ud83d"
)
MALFORMED = (
    (422, b'{"text": "'),
    (422, b'{"text": 5}'),
    (422, b'{"texts": ["a", null]}'),
    (422, b'{"text": "a", "more": 1}'),
    (422, b"\xff\xfe\x00"),
    (422, b"[" * 100_000),
    (422, b'{"text": ' + b"9" * 100_000 + b"}"),
    (413, b'{"text": "' + b"a" * 20_001 + b'"}'),
)


@dataclass(frozen=True)
class Call:
    """One request of the load."""

    kind: str
    """good, malformed or hangup."""
    body: bytes
    texts: tuple[str, ...] = ()
    """What is asked, of a good one."""
    single: bool = True
    """Whether `text` was sent, not `texts`."""
    status: int = 200
    """What a malformed one should be answered."""
    patience: float = 0.0
    """Seconds after which a hangup hangs up; below 0: in the middle of its body."""


@dataclass
class Outcome:
    """What came of the load."""

    statuses: Counter[str] = field(default_factory=Counter)
    """Answers by kind and status."""
    seconds: list[float] = field(default_factory=list)
    """Time of each good request's answer."""
    answers: list[tuple[Call, bytes]] = field(default_factory=list)
    """Good requests that were answered 200, for checking."""
    wrong: list[str] = field(default_factory=list)
    """What should not have happened."""
    memory: dict[int, int] = field(default_factory=dict)
    """Requests done, to resident bytes of the server and its workers."""
    wall: float = 0.0
    """Seconds that the whole load took."""


def make_calls(count: int, seed: int, longest: int = 500) -> list[Call]:
    """A mixed load: 93 % good, 5 % malformed, 2 % hanging up; texts of 1 to `longest` characters."""
    chance = random.Random(seed)
    calls = []
    for number in range(count):
        texts = tuple(
            "".join(chance.choices(ALPHABET, k=chance.randint(1, longest)))
            for _ in range(1 if chance.random() < 0.9 else chance.randint(2, 8))
        )
        single = len(texts) == 1
        body = json.dumps({"text": texts[0]} if single else {"texts": texts}).encode("ascii")
        share = number % 100
        if share < 5:
            status, bad = MALFORMED[(number // 100 * 5 + share) % len(MALFORMED)]
            calls.append(Call("malformed", bad, status=status))
        elif share < 7:
            calls.append(Call("hangup", body, patience=chance.uniform(-0.01, 0.03)))
        else:
            calls.append(Call("good", body, texts, single))
    chance.shuffle(calls)
    return calls


async def load(url: str, calls: list[Call], clients: int, pid: int, marks: tuple[int, ...] = ()) -> Outcome:
    """Sends the calls from so many clients at once; memory is read when `marks` requests are done."""
    outcome = Outcome()
    todo = iter(calls)
    done = 0

    async def client() -> None:
        nonlocal done
        connection = Connection(url)
        for call in todo:
            await one(connection, call, outcome)
            done += 1
            if done in marks:
                outcome.memory[done] = resident(pid)
        connection.close()

    started = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    outcome.wall = time.perf_counter() - started
    return outcome


async def one(connection: Connection, call: Call, outcome: Outcome) -> None:
    """Sends one call and notes what came of it."""
    started = time.perf_counter()
    if call.kind == "hangup":
        await connection.hang_up(call.body, call.patience)
        outcome.statuses["hangup"] += 1
        return
    try:
        status, body = await connection.post(call.body)
    except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError) as error:
        connection.close()
        outcome.wrong.append(f"{call.kind}: no answer: {error!r}")
        return
    outcome.statuses[f"{call.kind} {status}"] += 1
    if call.kind == "malformed":
        if status != call.status or "error" not in json.loads(body):
            outcome.wrong.append(f"malformed: {status} for {call.status}")
    elif status == 200:
        outcome.seconds.append(time.perf_counter() - started)
        outcome.answers.append((call, body))
    elif status != 429:
        outcome.wrong.append(f"good: {status} {body[:200]!r}")


class Connection:
    """One client's connection, kept between requests."""

    def __init__(self, url: str) -> None:
        self._host, self._port = urlsplit(url).hostname, urlsplit(url).port
        self._streams: Optional[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = None

    async def post(self, body: bytes, patience: float = 120.0) -> tuple[int, bytes]:
        """Status and body of the answer to a request."""
        return await asyncio.wait_for(self._post(body), patience)

    async def _post(self, body: bytes) -> tuple[int, bytes]:
        reader, writer = await self._connected()
        writer.write(_header(len(body)) + body)
        await writer.drain()
        lines = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
        headers = dict(line.lower().split(b": ", 1) for line in lines[1:] if line)
        answer = await reader.readexactly(int(headers[b"content-length"]))
        if headers.get(b"connection") == b"close":
            self.close()
        return int(lines[0].split()[1]), answer

    async def hang_up(self, body: bytes, patience: float) -> None:
        """Sends a request, or half of it, and closes the connection."""
        _, writer = await self._connected()
        writer.write(_header(len(body)) + (body if patience >= 0 else body[: len(body) // 2]))
        await writer.drain()
        await asyncio.sleep(abs(patience))
        self.close()

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
        return self._streams

    def close(self) -> None:
        """Closes the connection; the next request opens another."""
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None


def _header(length: int) -> bytes:
    return b"POST /v1/entities HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % length


def check_answers(outcome: Outcome, expected: Expected) -> None:
    """Adds to `wrong` each text whose entities are not the expected ones (scores within 1e-3)."""
    texts = list({text for call, _ in outcome.answers for text in call.texts})
    right = dict(zip(texts, expected(texts)))
    for call, body in outcome.answers:
        value = json.loads(body)
        results = [value] if call.single else value["results"]
        if len(results) != len(call.texts):
            outcome.wrong.append(f"{len(results)} results for {len(call.texts)} texts")
        for text, result in zip(call.texts, results):
            if not same(result, right[text]):
                outcome.wrong.append(f"wrong entities of {text[:40]!r}")


def same(one_result: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two results are the same, scores within 1e-3."""
    if one_result["text"] != other["text"] or len(one_result["entities"]) != len(other["entities"]):
        return False
    keys = ("start", "end", "type", "text")
    return all(
        all(a[key] == b[key] for key in keys) and abs(a["score"] - b["score"]) < 1e-3
        for a, b in zip(one_result["entities"], other["entities"])
    )


def family(pid: int) -> list[int]:
    """A process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


def resident(pid: int) -> int:
    """Resident bytes of a process and its children."""
    pages = [int(Path(f"/proc/{member}/statm").read_text().split()[1]) for member in family(pid)]
    return sum(pages) * os.sysconf("SC_PAGE_SIZE")
