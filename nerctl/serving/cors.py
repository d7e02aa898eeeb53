"""What lets a page of another origin read the answers (CORS, part of the Fetch standard)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from nerctl.errors import NerctlError

ANY = "*"
"""In place of an origin: every page may read the answers."""
ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/?#@,]+")
"""Scheme, host and maybe a port, as browsers send them."""
READABLE = b"retry-after, www-authenticate"
"""Headers of an answer that a script may read, beside those that it may always read."""
PREFLIGHT = (
    (b"access-control-allow-methods", b"GET, HEAD, POST"),
    (b"access-control-allow-headers", b"authorization, content-type"),
    (b"access-control-max-age", b"600"),
)
"""What a browser asks before a request that is not a plain one; ours is not, as its body is JSON."""
Headers = list[tuple[bytes, bytes]]


def check_origins(origins: Iterable[str]) -> None:
    """Raises NerctlError for what no browser would send as its origin."""
    for origin in origins:
        if origin != ANY and not ORIGIN.fullmatch(origin):
            raise NerctlError(
                f"--allow-origin {origin}: an origin is scheme://host or scheme://host:port in small letters without a "
                "path, such as https://example.org; * allows every page."
            )


def cors_headers(origins: tuple[str, ...], request: Mapping[bytes, bytes]) -> Headers:
    """The headers that an answer gets beside its own.

    Args:
        origins: the origins that may read answers, or `*`; none: no headers.
        request: the request's headers, names in small letters.
    """
    if not origins:
        return []
    origin = request.get(b"origin")
    vary: Headers = [] if ANY in origins else [(b"vary", b"Origin")]
    if origin is None or (vary and origin.decode("latin-1") not in origins):
        return vary
    allowed = (b"access-control-allow-origin", origin if vary else b"*")
    more = PREFLIGHT if b"access-control-request-method" in request else ((b"access-control-expose-headers", READABLE),)
    return [*vary, allowed, *more]
