"""The access log: a line a request. Bodies, queries and headers, where texts and tokens are, are not in it."""

from __future__ import annotations

import logging
from typing import Any, Optional

from nerctl.serving.payload import shown

logger = logging.getLogger("nerctl.serving.access")
"""Its lines have the level INFO, which is not shown unless a command asks for it."""

REFUSED = "nerctl.refused"
"""Where the scope of a request has the status that its connection answered in place of the application."""


def log(client: Optional[Any], method: str, path: str, status: int, seconds: float) -> None:
    """One answered request.

    Args:
        client: host and port as ASGI has them; None: unknown.
        method: its method; "-" where what came was no request.
        path: its path without the query, as it was sent; "-" likewise.
        status: of the answer.
        seconds: from the end of its header to the end of its answer.
    """
    if logger.isEnabledFor(logging.INFO):
        logger.info("%s %s %s %d %.1f ms", _host(client), shown(method), shown(path), status, 1000 * seconds)


def _host(client: Optional[Any]) -> str:
    """The client's address; "-" for what a proxy made up that is none."""
    host = str(client[0]) if client else "-"
    return host if host.isascii() and host.isprintable() and " " not in host else "-"
