"""Load on `nerctl serve`: many clients at once, some malformed, some hanging up; every answer is checked.

    python benchmarks/serve_load.py --fake                            the tests' tagger: the server alone
    python benchmarks/serve_load.py --model output                    a real model
    python benchmarks/serve_load.py --model export --texts test.txt   sentences/s against one process's tagger

The first two send 10,000 requests from 64 clients. They end with code 1 when a well-formed request was not
answered right (or with 429), when the server logged an error, or when its memory grew by more than 5 % from
the end of the second thousand requests to that of the last.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from load_clients import Call, Connection, Expected, check_answers, load, make_calls

ROOT = Path(__file__).resolve().parent.parent


def percentile(values: list[float], share: float) -> float:
    """The value below which `share` of the values lie."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


class Server:
    """A server process; its standard error goes to a file, which should stay free of errors."""

    def __init__(self, command: list[str]) -> None:
        self._log = tempfile.TemporaryFile("w+")
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=self._log, text=True, cwd=ROOT
        )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        self.pid = self._process.pid

    async def answer_once(self) -> None:
        """Waits until the model is loaded."""
        status, body = await Connection(self.url).post(b'{"text": "x"}', patience=600)
        assert status == 200, body
        self._started = os.fstat(self._log.fileno()).st_size  # TensorFlow looks for a GPU aloud

    def stop(self) -> tuple[int, str]:
        """Exit code, and what was logged after the start."""
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(timeout=120)
        self._log.seek(self._started)
        return code, self._log.read()


def fake_server() -> tuple[Server, Expected]:
    """The server over the tests' tagger."""
    sys.path[:0] = [str(ROOT / "tests" / "serving"), str(ROOT)]
    from fake_worker import result_of

    folder = tempfile.mkdtemp()
    command = [sys.executable, str(ROOT / "tests/serving/fake_server.py"), json.dumps({"model": folder})]
    return Server(command), lambda texts: [result_of(text).as_dict() for text in texts]


def real_server(model: str, options: list[str]) -> tuple[Server, Expected]:
    """`nerctl serve` over a model, and the same model in this process."""
    sys.path.insert(0, str(ROOT))
    server = Server([sys.executable, "-m", "nerctl", "serve", "--model", model, "--port", "0", *options])
    return server, lambda texts: [result.as_dict() for result in _tagger(model).batch(texts)]


def _tagger(model: str, threads: int = 0) -> Any:
    from nerctl import Tagger
    from nerctl.backends.threads import available_cores

    return Tagger.load(model, threads=threads or available_cores())


async def stress(server: Server, expected: Expected, count: int, clients: int, seed: int) -> bool:
    """The mixed load; prints what came of it and says whether all was well."""
    await server.answer_once()
    outcome = await load(
        server.url, make_calls(count, seed), clients, server.pid, (min(2000, count // 2), count)
    )
    code, log = server.stop()
    check_answers(outcome, expected)
    before, after = outcome.memory.values()
    good = sum(number for kind, number in outcome.statuses.items() if kind.startswith("good"))
    print(f"{count} requests, {clients} clients, {outcome.wall:.1f} s: {count / outcome.wall:.0f} requests/s")
    print("answers: " + ", ".join(f"{kind}: {number}" for kind, number in sorted(outcome.statuses.items())))
    print(f"good ones: {good}; wrong or lost: {len(outcome.wrong)}")
    for share in (0.5, 0.95, 0.99, 1.0):
        print(f"p{share * 100:g}: {percentile(outcome.seconds, share) * 1000:.1f} ms")
    growth = after / before - 1
    print(f"resident memory: {before >> 20} MiB, at the end {after >> 20} MiB: {growth:+.1%}")
    print(f"exit code {code}; log: {log.strip() or 'empty'}")
    for line in outcome.wrong[:10]:
        print("WRONG", line)
    return (
        not outcome.wrong and code == 0 and growth <= 0.05 and "ERROR" not in log and "Traceback" not in log
    )


async def compare(server: Server, model: str, path: Path, threads: int, clients: int, rounds: int) -> None:
    """Sentences/s of the server and of the tagger in this process, in turn; medians."""
    texts = [line for line in path.read_text(encoding="utf-8").splitlines() if line]
    calls = [
        Call(
            "good", json.dumps({"texts": texts[i : i + 32]}).encode(), tuple(texts[i : i + 32]), single=False
        )
        for i in range(0, len(texts), 32)
    ]
    await server.answer_once()
    tagger = _tagger(model, threads)
    rates: dict[str, list[float]] = {"server": [], "tagger": []}
    for number in range(rounds + 1):
        outcome = await load(server.url, calls, clients, server.pid)
        started = time.perf_counter()
        tagger.batch(texts)
        seconds = time.perf_counter() - started
        assert not outcome.wrong and len(outcome.answers) == len(calls), outcome.statuses
        if number:  # the first round warms both up
            rates["server"].append(len(texts) / outcome.wall)
            rates["tagger"].append(len(texts) / seconds)
    server.stop()
    of_server, of_tagger = statistics.median(rates["server"]), statistics.median(rates["tagger"])
    print(f"{len(texts)} texts, {rounds} rounds: server {of_server:.1f}/s, tagger alone {of_tagger:.1f}/s")
    print(f"the server has {of_server / of_tagger:.1%} of the tagger's speed")


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fake", action="store_true", help="the tests' tagger")
    parser.add_argument("--model", help="a folder that nerctl serve takes")
    parser.add_argument("--texts", type=Path, help="a text a line: compare speeds")
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--seed", type=int, default=5)
    options = parser.parse_args()
    if options.texts and not options.model:
        parser.error("--texts needs --model")
    if options.fake:
        server, expected = fake_server()
    elif options.model:
        given = ["--workers", str(options.workers), "--threads", str(options.threads)]
        server, expected = real_server(options.model, given)
    else:
        parser.error("give --fake or --model")
    if options.texts:
        clients = min(options.clients, 16)  # of 32 texts each: half of what may wait
        asyncio.run(compare(server, options.model, options.texts, options.threads, clients, options.rounds))
        return 0
    return 0 if asyncio.run(stress(server, expected, options.requests, options.clients, options.seed)) else 1


if __name__ == "__main__":
    sys.exit(main())
