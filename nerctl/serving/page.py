"""The page at `/`: one HTML file, with a policy that lets it load nothing and run only its own script."""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from pathlib import Path

_FILE = Path(__file__).with_name("page.html")


@functools.lru_cache(maxsize=1)
def page_html() -> str:
    """The page."""
    return _FILE.read_text(encoding="utf-8")


@functools.lru_cache(maxsize=1)
def page_headers() -> dict[str, str]:
    """Headers of the page. Its style and script are allowed by their hash, so that no other runs."""
    policy = {
        "default-src": "'none'",
        "style-src": _hash_of("style"),
        "script-src": _hash_of("script"),
        "connect-src": "'self'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return {
        "content-security-policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-cache",
    }


def _hash_of(element: str) -> str:
    """The source expression of the page's only `<element>` (Content Security Policy Level 3, 2.3.1)."""
    found = re.findall(f"<{element}>(.*?)</{element}>", page_html(), re.DOTALL)
    assert len(found) == 1, element
    digest = hashlib.sha256(found[0].encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
