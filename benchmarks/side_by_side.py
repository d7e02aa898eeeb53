"""What the benchmark files share: processes with their peak memory, interleaved rounds, spread, the machine's facts."""

from __future__ import annotations

import datetime
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Callable

STEP = re.compile(r"^step: (\d+), cost time: ([\d.]+)s, losses: (\S+)")
"""A line of the step log."""


@dataclass(frozen=True)
class Finished:
    """One process that ended well."""

    seconds: float
    """From its start to its end."""
    peak_gb: float
    """Peak resident memory in 1e9 bytes."""
    lines: list[str]
    """What it printed on standard output."""
    times: list[float]
    """When each line came, in seconds from the start."""

    def first(self, pattern: re.Pattern[str]) -> float:
        """Seconds from the start to the first line of a pattern."""
        return next(at for at, line in zip(self.times, self.lines) if pattern.match(line))


def run(command: Sequence[str], cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Finished:
    """Runs a command to its end.

    Raises:
        SystemExit: it failed; what it wrote to standard error last is shown.
    """
    begin = time.perf_counter()
    lines, times = [], []
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors:
        process = subprocess.Popen(
            list(command), cwd=cwd, env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
            stdout=subprocess.PIPE, stderr=errors, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        peak = PeakMemory(process.pid)
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            times.append(time.perf_counter() - begin)
        if process.wait():
            errors.seek(0)
            raise SystemExit(f"{' '.join(command)} ended with {process.returncode}:\n{errors.read()[-2000:]}")
    seconds = time.perf_counter() - begin
    peak.join()
    return Finished(seconds, peak.bytes / 1e9, lines, times)


class PeakMemory(threading.Thread):
    """Reads a process's own high-water mark until it ends.

    What `wait4` tells begins at the memory of the process that forked, which may be larger (Linux, VmHWM in proc(5)).
    """

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._status = Path(f"/proc/{pid}/status")
        self.bytes = 0
        """Peak resident memory so far."""
        self.start()

    def run(self) -> None:
        """Ends when the process has."""
        while True:
            try:
                found = re.search(r"VmHWM:\s+(\d+) kB", self._status.read_text())
            except OSError:
                return
            if not found:  # ended, not yet waited for
                return
            self.bytes = int(found[1]) * 1024
            time.sleep(0.02)


def nerctl(*arguments: str) -> list[str]:
    """The command line of nerctl in this Python."""
    return [sys.executable, "-m", "nerctl", *arguments]


def interleaved(sides: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, list[Any]]:
    """What each side returned in each round; the side that begins changes, so that disturbances hit all alike."""
    found: dict[str, list[Any]] = {name: [] for name in sides}
    names = list(sides)
    for number in range(rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            found[name].append(sides[name]())
    return found


def timed(call: Callable[[], Any], clock: Callable[[], float] = time.perf_counter) -> Callable[[], float]:
    """A call that returns its own seconds."""

    def seconds() -> float:
        begin = clock()
        call()
        return clock() - begin

    return seconds


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, least and greatest."""
    return {"median": statistics.median(values), "low": min(values), "high": max(values)}


def shown(values: Sequence[float], digits: int = 2) -> str:
    """Median with the range, for a table."""
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table in Markdown, so that it can be put into the docs as it is."""
    table = [list(head), *[list(row) for row in rows]]
    widths = [max(len(row[column]) for row in table) for column in range(len(head))]
    for index, row in enumerate(table):
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |")
        if not index:
            print("|" + "|".join("-" * (width + 2) for width in widths) + "|")


def machine() -> dict[str, Any]:
    """Processor, cores, versions, date, and how busy the machine was at the end."""
    from nerctl.backends.processor import processor_name

    versions = {}
    for package in ("nerctl", "tensorflow", "torch", "transformers", "onnxruntime", "numpy"):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            pass
    return {
        "date": datetime.date.today().isoformat(),
        "processor": processor_name(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "versions": versions,
        "load": os.getloadavg(),
    }


def write_json(path: str | Path | None, content: Mapping[str, Any]) -> None:
    """The figures with the machine's facts, where a path was asked for."""
    if path:
        text = json.dumps({"machine": machine(), **content}, indent=2, ensure_ascii=False)
        Path(path).write_text(text + "\n", encoding="utf-8")


def sentences(source: Path) -> list[str]:
    """The sentences of a CoNLL file, each the text of its lines."""
    text = source.read_text(encoding="utf-8-sig").replace("\r\n", "\n")
    return [block.strip("\n") for block in re.split(r"\n\n+", text) if block.strip()]


def first_sentences(source: Path, target: Path, count: int) -> None:
    """The first `count` sentences of a CoNLL file as a file of their own.

    Raises:
        SystemExit: the file has fewer.
    """
    blocks = sentences(source)
    if len(blocks) < count:
        raise SystemExit(f"{source}: {len(blocks)} sentences, {count} are needed")
    target.write_text("\n\n".join(blocks[:count]) + "\n\n", encoding="utf-8")
