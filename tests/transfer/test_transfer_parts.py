"""A part of a download that an earlier command left: gone on with, or thrown away."""

from __future__ import annotations

from dataclasses import replace

import misbehaving as script
import pytest
from fetching import CONTENT, DIGEST, QUICK, Fetch, ServerOf

from nerctl.errors import TransferError
from nerctl.transfer.partfile import PartFile, PartState


def test_a_part_of_another_version_is_not_continued(server_of: ServerOf, fetch: Fetch) -> None:
    server = server_of(CONTENT)
    part = PartFile(fetch.target)
    part.begin(PartState("another checksum", server.url(), '"one"', len(CONTENT)))
    part.path.write_bytes(b"old" * 1000)
    fetch(server.url())
    assert fetch.target.read_bytes() == CONTENT
    assert server.requests[0].range is None


def test_a_part_without_a_journal_is_not_continued(server_of: ServerOf, fetch: Fetch) -> None:
    server = server_of(CONTENT)
    PartFile(fetch.target).path.write_bytes(CONTENT[:1000])
    fetch(server.url())
    assert server.requests[0].range is None


def test_a_whole_part_only_takes_its_name(server_of: ServerOf, fetch: Fetch) -> None:
    server = server_of(CONTENT)
    part = PartFile(fetch.target)
    part.begin(PartState(DIGEST.value, server.url(), "", len(CONTENT)))
    part.path.write_bytes(CONTENT)
    fetch(server.url())
    assert fetch.target.read_bytes() == CONTENT and not server.requests


def test_a_part_longer_than_the_file_is_thrown_away(server_of: ServerOf, fetch: Fetch) -> None:
    server = server_of(CONTENT)
    part = PartFile(fetch.target)
    part.begin(PartState(DIGEST.value, server.url(), "", None))
    part.path.write_bytes(CONTENT + b"more")
    fetch(server.url())
    assert fetch.target.read_bytes() == CONTENT


STALE = {
    "longer than the file, which is answered with 416": (CONTENT + b"more", PartState(DIGEST.value, "here", "", None)),
    "of another file": (CONTENT[:-1], PartState("another checksum", "here", '"one"', None)),
    "of an older version": (CONTENT[:-1], PartState("", "here", '"older"', None)),
    "whole and wrong": (b"x" * len(CONTENT), PartState(DIGEST.value, "here", "", len(CONTENT), continued=True)),
}


@pytest.mark.parametrize("kind", STALE)
def test_after_a_stale_part_each_try_that_brings_bytes_starts_the_count_anew(
    server_of: ServerOf, fetch: Fetch, kind: str
) -> None:
    server = server_of(CONTENT)
    server.otherwise = script.cut_at(40_000)
    content, state = STALE[kind]
    part = PartFile(fetch.target)
    part.begin(replace(state, url=server.url()))
    part.path.write_bytes(content)
    fetch(server.url(), digest=DIGEST if state.identity else None)
    assert fetch.target.read_bytes() == CONTENT and len(server.requests) > QUICK.tries


def test_a_server_that_takes_back_what_it_gave_is_left(server_of: ServerOf, fetch: Fetch) -> None:
    server = server_of(CONTENT)
    server.scripts = [script.cut_at(40_000), script.status(416)] * 20
    assert "5 tries in a row" in fetch.fails(TransferError, server.url())
    server.scripts = [script.no_range_cut_at(size) for size in range(200_000, 0, -10_000)]
    assert "5 tries in a row" in fetch.fails(TransferError, server.url())
