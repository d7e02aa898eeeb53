"""When a failed request is tried again, and how long to wait before. Pure: the caller sleeps."""

from __future__ import annotations

import email.utils
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Optional

RETRIED_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
"""HTTP answers that may be different a moment later (RFC 9110, sections 15.5.9, 15.6; RFC 6585, section
4)."""


@dataclass(frozen=True)
class RetryPolicy:
    """How stubborn a download is. Times in seconds."""

    tries: int = 5
    """Tries of one address that bring nothing new before the next address is taken; new bytes start the count
    anew."""
    first_wait: float = 1.0
    """Wait after the first failed try; each further one waits twice as long."""
    longest_wait: float = 30.0
    """No wait of our own choice is longer."""
    longest_retry_after: float = 120.0
    """A server that asks for a longer wait is left for the next address."""
    connect_timeout: float = 10.0
    """Time for a connection to come about."""
    read_timeout: float = 30.0
    """Time without a single byte after which a connection counts as broken."""

    def wait(self, failures: int, retry_after: Optional[float] = None) -> float:
        """Seconds to wait after this many failures in a row (1 or more); the server's own wish comes
        first."""
        if retry_after is not None:
            return retry_after
        return min(self.longest_wait, self.first_wait * 2.0 ** min(failures - 1, 30))


def retry_after_seconds(header: Optional[str], now: Optional[datetime] = None) -> Optional[float]:
    """Seconds asked for by a Retry-After header, a number or an HTTP date (RFC 9110, 10.2.3); None when
    unreadable."""
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit() and len(text) < 12:
        return float(text)
    try:
        date = email.utils.parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    if date is None:  # Python 3.9 answers None where 3.10 raises
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=timezone.utc)
    return max(0.0, (date - (now or datetime.now(timezone.utc))).total_seconds())
