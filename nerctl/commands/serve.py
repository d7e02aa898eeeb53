"""nerctl serve: answer over HTTP, with a page to try the model on."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Optional

import typer

from nerctl.commands._model_options import MAX_TOKENS_HELP
from nerctl.console import out
from nerctl.errors import NerctlError

RELOAD_SECONDS = 2.0
"""How often --reload looks at the model's folder."""


def serve(
    model: Path = typer.Option(..., "--model", "-m", help="Training folder or exported folder."),
    host: str = typer.Option("127.0.0.1", help="Address to listen on; 0.0.0.0: all of this machine."),
    port: int = typer.Option(8000, help="Port to listen on; 0 picks a free one. The address is printed."),
    workers: int = typer.Option(1, help="Model processes; each loads its own copy."),
    threads: int = typer.Option(0, help="Computing threads of a worker; 0: the cores, shared out."),
    max_tokens: Optional[int] = typer.Option(None, help=MAX_TOKENS_HELP),
    max_batch: int = typer.Option(32, help="Texts that go through the model at once, at the most."),
    max_wait_ms: float = typer.Option(5.0, help="Longest wait of a text for others to fill a batch."),
    queue: int = typer.Option(1024, help="Texts that may wait; more are answered 429."),
    max_chars: int = typer.Option(20_000, help="Longest text, in characters; a longer one is answered 413."),
    reload: bool = typer.Option(
        False, "--reload", help="When the folder holds another model, load it and replace the workers in turn."
    ),
    allow_blanks: bool = typer.Option(
        False, "--allow-blanks", help="Let entities begin and end with blanks, and cut joined characters."
    ),
    token_file: Optional[Path] = typer.Option(
        None, help="File of bearer tokens, one a line; /v1/* then asks for one of them."
    ),
    allow_origin: Optional[list[str]] = typer.Option(
        None, metavar="<origin>", help="Origin whose pages may read answers in a browser; may be repeated; *: all."
    ),
) -> None:
    """Answer over HTTP: POST /v1/entities, GET /v1/model /healthz /readyz /metrics /openapi.json, a page: /.

    Texts of many clients are tagged together, those of like length in one batch. SIGTERM finishes the
    requests under way and ends with code 0.

    \b
    nerctl serve --model output
    nerctl serve --model export --host 0.0.0.0 --port 0 --workers 2 --token-file tokens.txt
    """
    from nerctl.serving.settings import ServerSettings, read_tokens

    tokens = read_tokens(token_file) if token_file is not None else ()
    settings = ServerSettings(
        model=str(model),
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
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")

    def announce(url: str) -> None:
        out.result(url)  # On standard output, where a program that asked for port 0 reads it.
        if not tokens and host not in ("127.0.0.1", "::1", "localhost"):
            out.warn(f"{host} can be reached from outside: without --token-file anyone may use it.")

    run(settings, announce)
