"""One function that fetches a file over HTTP and can be trusted on a bad network.

A download grows in FILE.part. It is continued by Range and If-Range (RFC 9110, sections 13.1.5 and 14), tried
again after what may pass, taken from the next address after what will not, and gets its name when its length
and checksum are right.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Optional

from nerctl import __version__
from nerctl.errors import NerctlError, TransferError
from nerctl.files import disk_error
from nerctl.progress import SILENT, Report
from nerctl.transfer.digest import Digest
from nerctl.transfer.partfile import PartFile, PartState
from nerctl.transfer.retry import RETRIED_STATUS, RetryPolicy, retry_after_seconds

if TYPE_CHECKING:
    import requests

CHUNK = 1 << 15
"""Bytes taken from the connection at a time: what a cut connection can cost twice."""
LARGEST = 4 << 30
"""Bytes after which a stream of unknown length is given up."""


@dataclass(frozen=True)
class Resource:
    """A file to fetch."""

    name: str
    """What to call it in messages."""
    urls: tuple[str, ...]
    """Addresses in the order in which they are tried."""
    digest: Optional[Digest] = None
    """Its published checksum; None when there is none, and the caller checks the content."""
    size: Optional[int] = None
    """Its published number of bytes."""
    begins_with: bytes = b""
    """The first bytes of every file of its kind, such as PK for a zip."""


class _Broken(Exception):
    """This try failed in a way that may pass."""

    def __init__(self, cause: str, retry_after: Optional[float] = None) -> None:
        super().__init__(cause)
        self.retry_after = retry_after


class _Refused(Exception):
    """This address will not give the file."""

    def __init__(self, cause: str, wrong_content: bool = False) -> None:
        super().__init__(cause)
        self.wrong_content = wrong_content


def download(
    resource: Resource,
    target: Path,
    report: Report = SILENT,
    policy: RetryPolicy = RetryPolicy(),
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Fetches a file to `target`, replacing what is there only by what is whole and right.

    Raises:
        TransferError: no address gave the file, or the disk refused it; what came stays in FILE.part.
        NerctlError: an address gave another content than the checksum says, or is no address.
    """
    import requests

    part = PartFile(target)
    causes: list[tuple[str, _Refused]] = []
    with part.locked(), requests.Session() as session:
        session.headers.update({"Accept-Encoding": "identity", "User-Agent": f"nerctl/{__version__}"})
        for url in resource.urls:
            try:
                _from_address(_Request(session, url, resource, part, report, policy), sleep)
            except _Refused as refused:
                causes.append((url, refused))
                if url != resource.urls[-1]:
                    report.note(f"{url}: {refused}; trying the next address")
                continue
            part.finish()
            return
    raise _failure(resource, causes)


def _failure(resource: Resource, causes: list[tuple[str, _Refused]]) -> NerctlError:
    reasons = "; ".join(f"{url}: {refused}" for url, refused in causes) or "no address is known for it"
    kind = NerctlError if any(refused.wrong_content for _, refused in causes) else TransferError
    return kind(
        f"{resource.name} could not be fetched ({reasons}): name another address with --mirror, or a local copy with --from"
    )


@dataclass(frozen=True)
class _Request:
    """Everything that one try of one address needs."""

    session: requests.Session
    url: str
    resource: Resource
    part: PartFile
    report: Report
    policy: RetryPolicy


def _from_address(request: _Request, sleep: Callable[[float], None]) -> None:
    """Tries one address until the part file is whole and right. Raises _Refused."""
    policy, part = request.policy, request.part
    failures, most, restarted, may_be_stale = 0, part.size, False, True
    while True:
        before = part.size
        try:
            if not _whole(request):
                _fetch(request)
            cause = _wrong(request)
            if cause is None:
                return
            state = part.state()
            part.discard()
            if restarted or state is None or not state.continued:
                raise _Refused(cause, wrong_content=True)
            restarted, most = True, 0  # pieces that do not fit together: once more, in one piece
            request.report.note(f"{request.url}: {cause}; fetching it again from the beginning")
        except _Broken as broken:
            if may_be_stale and part.size < before:
                # What was there was no part of this file: nothing is to be surpassed. Once only, or a server that
                # takes back what it gave would never be left.
                may_be_stale, most = False, 0
            if part.size > most:
                failures, most = 0, part.size
            failures += 1
            if failures >= policy.tries:
                raise _Refused(f"{broken}, {failures} tries in a row") from broken
            if broken.retry_after is not None and broken.retry_after > policy.longest_retry_after:
                raise _Refused(f"{broken}, asks to wait {broken.retry_after:.0f} s") from broken
            seconds = policy.wait(failures, broken.retry_after)
            request.report.note(f"{request.url}: {broken}; next try in {seconds:.0f} s")
            sleep(seconds)


def _whole(request: _Request) -> bool:
    """Whether an earlier command left a part that only lacks its name."""
    state = _continuable(request)
    return state is not None and state.total == request.part.size


def _continuable(request: _Request) -> Optional[PartState]:
    """The state of a part file that this address may continue; None to begin anew.

    Bytes of the same address and version go on under If-Range. Without that, or from another mirror, they go
    on only where a checksum decides in the end.
    """
    state = request.part.state()
    identity = request.resource.digest.value if request.resource.digest else ""
    if state is None or state.identity != identity:
        return None
    if state.total is not None and request.part.size > state.total:
        return None
    if identity or (state.url == request.url and state.validator):
        return state
    return None


def _fetch(request: _Request) -> None:
    """One request, its answer written behind what is there. Raises _Broken, _Refused or TransferError."""
    import requests

    state, headers, policy = _continuable(request), {}, request.policy
    if state is not None:
        headers["Range"] = f"bytes={request.part.size}-"
        if state.validator and state.url == request.url:
            headers["If-Range"] = state.validator
    timeouts = (policy.connect_timeout, policy.read_timeout)
    try:
        with request.session.get(request.url, headers=headers, stream=True, timeout=timeouts) as response:
            _check_status(response, request)
            total = _prepare(response, request, state)
            _receive(response, request, total)
    except requests.RequestException as error:
        raise _network_cause(error) from error


def _check_status(response: requests.Response, request: _Request) -> None:
    status = response.status_code
    if status in (200, 206):
        return
    if status == 416:  # the part is longer than the file, or is all of it and its length was never said
        request.part.discard()
        raise _Broken("the part does not fit the file, which is fetched anew")
    cause = f"HTTP {status} {response.reason}".strip()
    if status in RETRIED_STATUS:
        raise _Broken(cause, retry_after_seconds(response.headers.get("Retry-After")))
    raise _Refused(cause)


def _prepare(response: requests.Response, request: _Request, state: Optional[PartState]) -> Optional[int]:
    """Readies the part file for the answer's bytes; returns the bytes of the whole file, where known."""
    part, resource = request.part, request.resource
    encoded = response.headers.get("Content-Encoding", "identity") != "identity"
    if response.status_code == 206:
        first, total = _content_range(response.headers.get("Content-Range", ""))
        other = state is not None and None not in (total, state.total) and total != state.total
        if state is None or first != part.size or other or encoded:
            part.discard()
            raise _Broken("the server sent another part than was asked for")
        part.mark_continued(state)
        return total if total is not None else state.total
    total = None if encoded else _number(response.headers.get("Content-Length", ""))
    if total is not None and resource.size is not None and total != resource.size:
        raise _Refused(f"is {total:,} bytes long instead of {resource.size:,}", wrong_content=True)
    _check_room(part.path, total)
    identity = resource.digest.value if resource.digest else ""
    part.begin(PartState(identity, request.url, "" if encoded else _validator(response), total))
    return total


def _content_range(header: str) -> tuple[Optional[int], Optional[int]]:
    """First byte and total of "bytes 5-9/10"; None for what is missing or unreadable."""
    unit, _, rest = header.strip().partition(" ")
    span, _, total = rest.partition("/")
    first = span.partition("-")[0]
    return (_number(first), _number(total)) if unit.lower() == "bytes" else (None, None)


def _number(text: str) -> Optional[int]:
    """A number of bytes in a header; None when it is none."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None


def _validator(response: requests.Response) -> str:
    """A strong ETag, else the Last-Modified date; a weak ETag does not promise equal bytes (RFC 9110,
    13.1.5)."""
    etag: str = response.headers.get("ETag", "")
    if etag.startswith('"'):
        return etag
    return str(response.headers.get("Last-Modified", ""))


def _check_room(path: Path, total: Optional[int]) -> None:
    free = shutil.disk_usage(path.parent).free
    if total is not None and total > free + (path.stat().st_size if path.exists() else 0):
        raise TransferError(
            f"{path.parent}: {total / 1e6:,.1f} MB are needed and {free / 1e6:,.1f} MB are free; free some "
            f"space and "
            "run the same command again"
        )


def _receive(response: requests.Response, request: _Request, total: Optional[int]) -> None:
    """Appends the answer's bytes to the part file. Raises _Broken when it ends early."""
    part, resource = request.part, request.resource
    largest = resource.size or total or LARGEST
    done = part.size
    try:
        stream = part.path.open("ab", buffering=0)
    except OSError as error:
        raise disk_error(part.path, error) from error
    with stream:
        for block in response.iter_content(CHUNK):
            if done == 0 and not block.startswith(resource.begins_with[: len(block)]):
                part.discard()
                raise _Refused(_what_came(block), wrong_content=True)
            try:
                _write_all(stream.write, block)
            except OSError as error:
                raise disk_error(part.path, error) from error
            done += len(block)
            if done > largest:
                part.discard()
                raise _Refused(f"is longer than {largest:,} bytes", wrong_content=True)
            request.report.advance(resource.name, done, total)
    if total is not None and done < total:
        raise _Broken(f"the connection ended at {done:,} of {total:,} bytes")


def _write_all(write: Callable[[memoryview], Optional[int]], block: bytes) -> None:
    """An unbuffered write may take less than it was given; the rest follows, or the disk says why not."""
    rest = memoryview(block)
    while rest:
        rest = rest[write(rest) or 0 :]


def _wrong(request: _Request) -> Optional[str]:
    """What is wrong with the finished part file; None when nothing is."""
    part, resource = request.part, request.resource
    if resource.digest is None:
        if part.size:
            return None
        return "the answer was empty"
    if resource.size is not None and part.size != resource.size:
        return f"is {part.size:,} bytes long instead of {resource.size:,}"
    if part.size and resource.digest.matches(part.path):
        return None
    with part.path.open("rb") as stream:
        return _what_came(stream.read(256))


def _what_came(beginning: bytes) -> str:
    text = beginning.lstrip().lower()
    if text.startswith((b"<!doctype html", b"<html")):
        return "answered with a web page instead of the file"
    return "has another content than its checksum says" if beginning else "the answer was empty"


def _network_cause(error: requests.RequestException) -> Exception:
    """Sorts what requests raises into what may pass and what will not."""
    from requests import exceptions as raised

    for kinds, cause in (
        (raised.SSLError, "its certificate was not accepted"),
        (raised.TooManyRedirects, "redirects without end"),
    ):
        if isinstance(error, kinds):
            return _Refused(cause)
    if isinstance(error, (raised.InvalidURL, raised.MissingSchema, raised.InvalidSchema)):
        return _Refused("is no http or https address", wrong_content=True)
    text = str(error)
    if isinstance(error, raised.ProxyError):
        return _Broken("the proxy could not be reached")
    if isinstance(error, raised.ConnectTimeout):
        return _Broken("no connection in time")
    if isinstance(error, raised.Timeout) or "timed out" in text.lower():
        return _Broken("no byte came in time")
    if isinstance(error, raised.ChunkedEncodingError):
        return _Broken("the connection broke off")
    if "NameResolution" in text or "getaddrinfo" in text or "Name or service not known" in text:
        return _Broken("the host's name is not known here")
    return _Broken("the connection was refused" if "refused" in text else "the connection failed")
