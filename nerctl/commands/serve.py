"""nerctl serve: answer over HTTP, with a page to try the model on."""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path
from typing import Any, Optional

import typer

from nerctl.commands._help import DEVICE, MODEL, SERVER
from nerctl.commands._options import ALLOW_BLANKS_OPTION, MAX_TOKENS_HELP, the_model
from nerctl.console import out
from nerctl.errors import NerctlError
from nerctl.serving.listener import Listener
from nerctl.wording import counted

RELOAD_SECONDS = 2.0
"""How often --reload looks at the model's folder."""


def serve(
    model: Optional[Path] = typer.Option(
        None, "--model", "-m",
        help="Training folder or exported folder. Default: export or output, the one that holds a model.",
        metavar="DIR",
        rich_help_panel=MODEL,
    ),
    allow_blanks: bool = ALLOW_BLANKS_OPTION,
    reload: bool = typer.Option(
        False, "--reload",
        help="When the folder holds another model, load it and replace the workers in turn.",
        rich_help_panel=MODEL,
    ),
    host: str = typer.Option(
        "127.0.0.1",
        help="Address to listen on; 0.0.0.0: all of this machine.",
        metavar="HOST",
        rich_help_panel=SERVER,
    ),
    port: int = typer.Option(8000, help="Port to listen on; 0 picks a free one.", metavar="PORT", rich_help_panel=SERVER),
    token_file: Optional[Path] = typer.Option(
        None,
        help="File of bearer tokens, one a line; /v1/* then asks for one of them.",
        metavar="FILE",
        rich_help_panel=SERVER,
    ),
    allow_origin: Optional[list[str]] = typer.Option(
        None,
        metavar="ORIGIN",
        help="Origin whose pages may read answers in a browser; repeatable; *: all.",
        rich_help_panel=SERVER,
    ),
    access_log: bool = typer.Option(
        False, "--access-log", help="A line a request on standard error, without what was sent.", rich_help_panel=SERVER
    ),
    max_batch: int = typer.Option(
        32, help="Texts that go through the model at once, at the most.", metavar="N", rich_help_panel=SERVER
    ),
    max_wait_ms: float = typer.Option(
        5.0, help="Longest wait of a text for others to fill a batch.", metavar="MS", rich_help_panel=SERVER
    ),
    queue: int = typer.Option(
        1024, help="Texts that may wait; more are answered 429.", metavar="N", rich_help_panel=SERVER
    ),
    max_chars: int = typer.Option(
        20_000,
        help="Longest text, in characters; a longer one is answered 413.",
        metavar="N",
        rich_help_panel=SERVER,
    ),
    workers: int = typer.Option(
        1, help="Model processes; each loads its own copy.", metavar="N", rich_help_panel=DEVICE
    ),
    threads: int = typer.Option(
        0, help="Computing threads of a worker; 0: the cores, shared out.", metavar="N", rich_help_panel=DEVICE
    ),
    max_tokens: Optional[int] = typer.Option(None, help=MAX_TOKENS_HELP, metavar="N", rich_help_panel=DEVICE),
) -> None:
    """Answer over HTTP, with a page to try the model on.

    / is the page; programs use POST /v1/entities, GET /v1/model /healthz /readyz /metrics /openapi.json. The
    address is printed on standard output. Texts of many clients are tagged together, those of like length in
    one batch. Ctrl-C and SIGTERM finish the requests under way and end with code 0.

    \b
    Examples:
      nerctl serve
      nerctl serve --model export --host 0.0.0.0 --token-file tokens.txt
    """
    from nerctl.serving.settings import ServerSettings, read_tokens

    tokens = read_tokens(token_file) if token_file is not None else ()
    settings = ServerSettings(
        model=str(the_model(model)),
        host=host,
        port=port,
        workers=workers,
        threads=threads,
        max_tokens=max_tokens,
        max_batch=max_batch,
        max_wait_ms=max_wait_ms,
        queue=queue,
        max_chars=max_chars,
        allow_blanks=allow_blanks,
        tokens=tokens,
        origins=tuple(allow_origin or ()),
        reload=RELOAD_SECONDS if reload else 0.0,
    )
    try:
        from nerctl.serving.server import run
    except ImportError as error:
        raise NerctlError(f"nerctl serve needs {error.name}: pip install 'nerctl[serve]'.") from error
    show_logs(access_log)
    run(settings, Said(settings))


def show_logs(access_log: bool) -> None:
    """Warnings of the server on standard error and, where it is wanted, a line a request."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    if access_log:
        from nerctl.serving.access import logger

        lines = logging.StreamHandler()
        lines.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        logger.addHandler(lines)
        logger.setLevel(logging.INFO)
        logger.propagate = False


class Said(Listener):
    """Says on standard error what is served and how to stop; the address alone goes to standard output."""

    def __init__(self, settings: Any) -> None:
        """`settings`: the server's `ServerSettings`."""
        self.settings = settings
        self.begun = time.monotonic()
        self.ready = 0
        self.digest = ""

    def listening(self, url: str) -> None:
        """Raises ModelError where the folder holds no model: nothing was announced then."""
        from nerctl.folder import ModelFolder

        settings = self.settings
        folder = ModelFolder.open(Path(settings.model))
        score = f", dev F1 {folder.weights.f1:.4f}" if folder.weights.f1 is not None else ""
        out.labelled("model", f"{settings.model}, step {folder.weights.step}{score}")
        out.labelled("engine", engine_of(folder))
        each = " each" if settings.workers > 1 else ""
        out.labelled("workers", f"{settings.workers}, with {counted(settings.worker_threads, 'thread')}{each}")
        out.labelled("stop", "Ctrl-C; requests under way are finished")
        on_one_screen = sys.stdout.isatty() and sys.stderr.isatty()
        out.labelled("address", "for a browser, or POST /v1/entities:" if on_one_screen else f"{url}, or POST /v1/entities")
        out.result(url)  # Where a program that asked for port 0 reads it.
        if not settings.tokens and settings.host not in ("127.0.0.1", "::1", "localhost"):
            out.warn(f"{settings.host} can be reached from outside: without --token-file anyone may use it.")

    def loaded(self, description: dict[str, Any], workers: int) -> None:
        """Says so of the first worker, of the last, and of one that loaded another model (--reload)."""
        wanted = self.settings.workers
        share = f" ({workers} of {wanted} workers)" if wanted > 1 else ""
        if not self.ready:
            labels = ", ".join(description["labels"])
            out.labelled("ready", f"after {time.monotonic() - self.begun:.1f} s{share}; finds {labels}")
        elif description["digest"] != self.digest:
            out.labelled("model", f"the folder's new one takes over; finds {', '.join(description['labels'])}")
        elif self.ready < workers == wanted:
            out.labelled("ready", f"after {time.monotonic() - self.begun:.1f} s{share}")
        self.ready, self.digest = max(self.ready, workers), description["digest"]

    def stopping(self, requests: int) -> None:
        """One line, with what is waited for."""
        if requests:
            out.say(f"Finishing {counted(requests, 'request')}, then stopping; press Ctrl-C again to leave at once.")
        else:
            out.say("Stopping; no request is under way.")


def engine_of(folder: Any) -> str:
    """What computes a `ModelFolder`'s emissions, in words: tensorflow; onnx; onnx, int8."""
    from nerctl.inference.onnx_file import is_int8

    int8 = folder.engine == "onnx" and is_int8(folder.path / folder.weights.folder / "model.onnx")
    return f"{folder.engine}, int8" if int8 else str(folder.engine)
