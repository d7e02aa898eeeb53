"""What a server is told at its start."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from nerctl.backends.threads import available_cores
from nerctl.errors import NerctlError
from nerctl.serving.cors import check_origins


@dataclass(frozen=True)
class ServerSettings:
    """Everything a server is told at its start; checked on construction."""

    model: str
    """Training folder or exported folder, as `Tagger.load` takes it."""
    host: str = "127.0.0.1"
    """Name or address to listen on."""
    port: int = 8000
    """Port to listen on; 0 lets the system pick a free one."""
    workers: int = 1
    """Model processes; each loads its own copy of the model."""
    threads: int = 0
    """Computing threads of one worker; 0 shares the processor's cores out among the workers."""
    max_tokens: Optional[int] = None
    """Padded word pieces that a worker computes at once; None: what its device runs best with."""
    max_batch: int = 32
    """Texts that go through the model at once, at the most."""
    max_wait_ms: float = 5.0
    """Longest that a text waits for others to fill a batch while a worker is free, in milliseconds."""
    queue: int = 1024
    """Texts that may wait; more are answered 429."""
    max_chars: int = 20_000
    """Longest text, in code points."""
    allow_blanks: bool = False
    """May entities begin and end with blanks, also where the training corpus marks none such?"""
    tokens: tuple[str, ...] = ()
    """Bearer tokens of which `/v1/*` asks one; none: open to whoever reaches the port."""
    origins: tuple[str, ...] = ()
    """Origins whose pages may read the answers in a browser, or `*`; none: only the server's own page."""
    reload: float = 0.0
    """Seconds between two looks at the model's folder, whose new model then replaces the one served; 0: never."""
    batch_timeout: float = 120.0
    """Seconds after which a worker that has not answered a batch is taken for hung and replaced."""
    load_timeout: float = 300.0
    """Seconds that a worker may take to load the model."""
    header_timeout: float = 20.0
    """Seconds after which a connection without a request is closed, also one with half a header."""
    body_timeout: float = 30.0
    """Seconds that a client may take to send a request's body."""
    answer_timeout: float = 300.0
    """Seconds that a request may wait for its answer before it gets 503."""
    drain_timeout: int = 60
    """Seconds that requests under way are given to finish once the server is told to stop."""
    worker_module: str = "nerctl.serving.worker"
    """Module whose `main(argv)` is a worker process; the tests put their own here."""

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65_535:
            raise NerctlError(f"--port {self.port}: a port is a number from 0 to 65535.")
        for name in ("workers", "max_tokens", "max_batch", "queue", "max_chars"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise NerctlError(f"{_option(name)} {getattr(self, name)}: it must be at least 1.")
        for name in ("max_wait_ms", "threads"):
            if getattr(self, name) < 0:
                raise NerctlError(f"{_option(name)} {getattr(self, name)}: it must not be negative.")
        check_origins(self.origins)

    @property
    def max_body(self) -> int:
        """Largest request body in bytes: 4 MiB, or a longest text with two `\\uXXXX` escapes a code point."""
        return max(4 << 20, 12 * self.max_chars + 1024)

    @property
    def worker_threads(self) -> int:
        """Computing threads of one worker, at least 1."""
        return self.threads or max(1, available_cores() // self.workers)

    @property
    def tagger_options(self) -> str:
        """Further arguments of `Tagger.load`, by name, as JSON: what a worker is told beside model and threads."""
        return json.dumps({"max_tokens": self.max_tokens, "allow_blanks": self.allow_blanks})


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def read_tokens(path: Path) -> tuple[str, ...]:
    """The bearer tokens in a file: one a line, blank lines and lines that start with `#` left out.

    Raises NerctlError when the file cannot be read, holds no token, or holds one that no header can carry.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise NerctlError(f"--token-file {path}: cannot be read as text: {error}.") from error
    tokens = []
    for number, line in enumerate(lines, 1):
        token = line.strip()
        if not token or token.startswith("#"):
            continue
        if not token.isascii() or not token.isprintable() or " " in token:
            raise NerctlError(f"{path}:{number}: a token is printable ASCII without spaces.")
        tokens.append(token)
    if not tokens:
        raise NerctlError(f"--token-file {path}: holds no token; write one a line.")
    return tuple(tokens)
