"""The download function against a server that misbehaves: the right file, or one clear sentence."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path
from typing import Optional

import misbehaving as script
import pytest
from fetching import CONTENT, DIGEST, QUICK, Fetch, ServerOf

from nerctl.errors import FailedError, NerctlError, TransferError
from nerctl.transfer import download as module
from nerctl.transfer.digest import Digest
from nerctl.transfer.download import CHUNK
from nerctl.transfer.partfile import PartFile


def test_a_good_server_gives_the_file_and_nothing_else_is_left(server_of: ServerOf, fetch: Fetch) -> None:
    server = server_of(CONTENT)
    fetch(server.url(), size=len(CONTENT))
    assert fetch.target.read_bytes() == CONTENT
    assert fetch.left == {"file.bin"}
    assert fetch.heard.steps[-1] == ("file.bin", len(CONTENT), len(CONTENT))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("polite", [True, False], ids=["closed", "reset"])
def test_a_connection_cut_at_a_random_byte_goes_on_where_it_stopped(
    server_of: ServerOf, fetch: Fetch, seed: int, polite: bool
) -> None:
    server = server_of(CONTENT)
    cut = random.Random(seed).randrange(1, len(CONTENT))
    server.scripts = [script.cut_at(cut, polite)]
    fetch(server.url())
    assert fetch.target.read_bytes() == CONTENT
    _, second = server.requests
    # what came after the cut may be lost in a buffer of ours, never more than one chunk; a reset may drop more on
    # the way, which was then not fetched
    assert second.first >= (cut - CHUNK if polite else 0)
    assert second.first <= cut
    assert second.sent == len(CONTENT) - second.first
    if second.first:
        assert second.range == f"bytes={second.first}-" and second.if_range == '"one"'
    assert fetch.left == {"file.bin"}


def test_a_line_that_breaks_every_40000_bytes_still_gives_the_whole_file(server_of: ServerOf, fetch: Fetch) -> None:
    server = server_of(CONTENT)
    server.otherwise = script.cut_at(40_000)
    fetch(server.url())
    assert fetch.target.read_bytes() == CONTENT
    assert len(server.requests) > QUICK.tries  # new bytes start the count anew


def test_a_server_without_range_is_asked_for_the_whole_file_again(server_of: ServerOf, fetch: Fetch) -> None:
    server = server_of(CONTENT)
    server.scripts = [script.no_range_cut_at(200_000), script.no_range_cut_at(100_000), script.no_range]
    fetch(server.url())
    assert fetch.target.read_bytes() == CONTENT


def test_without_validator_and_checksum_a_part_is_not_continued(server_of: ServerOf, fetch: Fetch) -> None:
    server = server_of(CONTENT)
    server.scripts = [script.no_range_cut_at(200_000)]
    fetch(server.url(), digest=None)
    assert fetch.target.read_bytes() == CONTENT
    assert server.requests[1].range is None


def test_a_content_length_that_is_too_long_ends_in_one_sentence(server_of: ServerOf, fetch: Fetch) -> None:
    server = server_of(CONTENT)
    server.otherwise = script.length_off_by(10)
    sentence = fetch.fails(TransferError, server.url(), digest=None)
    assert server.url() in sentence and f"{QUICK.tries} tries" in sentence


def test_a_content_length_that_is_too_short_never_takes_the_name(server_of: ServerOf, fetch: Fetch) -> None:
    server = server_of(CONTENT)
    server.otherwise = script.length_off_by(-10)
    assert "another content" in fetch.fails(NerctlError, server.url())


def test_a_wrong_length_is_refused_before_the_file_is_fetched(server_of: ServerOf, fetch: Fetch) -> None:
    server = server_of(CONTENT)
    assert "300,000 bytes long instead of 299,999" in fetch.fails(NerctlError, server.url(), size=299_999)


def test_a_file_without_a_length_is_taken_by_its_checksum(server_of: ServerOf, fetch: Fetch) -> None:
    server = server_of(CONTENT)
    server.otherwise = script.no_length
    fetch(server.url())
    assert fetch.target.read_bytes() == CONTENT


@pytest.mark.parametrize("digest", [DIGEST, None], ids=["checksum", "zip"])
def test_a_web_page_in_place_of_the_file_is_refused(server_of: ServerOf, fetch: Fetch, digest: Optional[Digest]) -> None:
    server = server_of(CONTENT)
    server.otherwise = script.page
    sentence = fetch.fails(NerctlError, server.url(), digest=digest, begins_with=b"" if digest else b"PK")
    assert "web page" in sentence


def test_404_is_not_tried_again_and_names_the_address(server_of: ServerOf, fetch: Fetch) -> None:
    server = server_of(CONTENT)
    server.otherwise = script.status(404)
    assert f"{server.url()}: HTTP 404 Not Found" in fetch.fails(TransferError, server.url())
    assert len(server.requests) == 1 and not fetch.slept


def test_429_waits_as_long_as_the_server_asks(server_of: ServerOf, fetch: Fetch) -> None:
    server = server_of(CONTENT)
    server.scripts = [script.status(429, Retry_After="7")]
    fetch(server.url())
    assert fetch.target.read_bytes() == CONTENT and fetch.slept == [7.0]


def test_429_that_asks_for_an_hour_is_left_for_the_next_mirror(server_of: ServerOf, fetch: Fetch) -> None:
    busy, mirror = server_of(CONTENT), server_of(CONTENT)
    busy.otherwise = script.status(429, Retry_After="3600")
    fetch(busy.url(), mirror.url())
    assert fetch.target.read_bytes() == CONTENT and not fetch.slept
    assert any("asks to wait 3600 s" in note for note in fetch.heard.notes)


def test_503_twice_then_fine_gives_the_file_after_growing_waits(server_of: ServerOf, fetch: Fetch) -> None:
    server = server_of(CONTENT)
    server.scripts = [script.status(503), script.status(503)]
    fetch(server.url())
    assert fetch.target.read_bytes() == CONTENT and fetch.slept == [1.0, 2.0]


def test_503_for_ever_ends_after_five_tries(server_of: ServerOf, fetch: Fetch) -> None:
    server = server_of(CONTENT)
    server.otherwise = script.status(503)
    assert "HTTP 503" in fetch.fails(TransferError, server.url())
    assert len(server.requests) == 5 and fetch.slept == [1.0, 2.0, 4.0, 8.0]


def test_a_stalled_stream_is_left_and_gone_on_with(server_of: ServerOf, fetch: Fetch) -> None:
    server = server_of(CONTENT)
    server.scripts = [script.stalled_after(150_000)]
    fetch(server.url())
    assert fetch.target.read_bytes() == CONTENT
    assert server.requests[1].first >= 150_000 - CHUNK
    assert any("no byte came in time" in note for note in fetch.heard.notes)


def test_a_wrong_checksum_is_refused_and_leaves_nothing(server_of: ServerOf, fetch: Fetch) -> None:
    server = server_of(CONTENT[:-1] + b"!")
    assert "another content than its checksum says" in fetch.fails(NerctlError, server.url())
    assert not fetch.left


def test_a_wrong_checksum_falls_to_the_next_mirror(server_of: ServerOf, fetch: Fetch) -> None:
    wrong, right = server_of(CONTENT[:-1] + b"!"), server_of(CONTENT)
    fetch(wrong.url(), right.url())
    assert fetch.target.read_bytes() == CONTENT


def test_a_redirect_to_another_mirror_is_followed(server_of: ServerOf, fetch: Fetch) -> None:
    first, mirror = server_of(b"nothing"), server_of(CONTENT)
    first.otherwise = script.redirect_to(mirror.url())
    mirror.scripts = [script.cut_at(100_000)]
    fetch(first.url())
    assert fetch.target.read_bytes() == CONTENT
    assert mirror.requests[1].first > 0


def test_a_redirect_to_itself_ends(server_of: ServerOf, fetch: Fetch) -> None:
    server = server_of(CONTENT)
    server.otherwise = script.redirect_to(server.url())
    assert "redirects without end" in fetch.fails(TransferError, server.url())


def test_a_part_is_continued_from_another_mirror_where_a_checksum_decides(server_of: ServerOf, fetch: Fetch) -> None:
    broken, mirror = server_of(CONTENT), server_of(CONTENT)
    broken.scripts = [script.cut_at(200_000)]
    broken.otherwise = script.status(404)
    fetch(broken.url(), mirror.url())
    assert fetch.target.read_bytes() == CONTENT
    assert mirror.requests[0].first > 100_000 and mirror.requests[0].if_range is None


def test_pieces_of_two_versions_are_found_and_fetched_anew(server_of: ServerOf, fetch: Fetch) -> None:
    other, right = server_of(b"x" * len(CONTENT)), server_of(CONTENT)
    other.scripts = [script.cut_at(200_000)]
    other.otherwise = script.status(404)
    fetch(other.url(), right.url())
    assert fetch.target.read_bytes() == CONTENT
    assert [seen.range is None for seen in right.requests] == [False, True]


def test_a_file_that_changes_on_the_server_is_begun_anew(server_of: ServerOf, fetch: Fetch) -> None:
    server = server_of(b"old" * 100_000)

    def change(answer: script.Answer) -> None:
        script.cut_at(100_000)(answer)
        server.content, server.etag = CONTENT, '"two"'

    server.scripts = [change]
    fetch(server.url(), digest=None)
    assert fetch.target.read_bytes() == CONTENT
    assert server.requests[1].if_range == '"one"' and server.requests[1].first == 0


def test_a_server_that_answers_another_part_is_not_believed(server_of: ServerOf, fetch: Fetch) -> None:
    server = server_of(CONTENT)
    server.scripts = [script.cut_at(100_000), script.wrong_part]
    fetch(server.url())
    assert fetch.target.read_bytes() == CONTENT


def test_an_older_file_stays_until_the_new_one_is_whole(server_of: ServerOf, fetch: Fetch) -> None:
    server = server_of(CONTENT)
    server.otherwise = script.cut_at(0)
    fetch.target.write_bytes(b"older")
    with pytest.raises(TransferError):
        fetch(server.url())
    assert fetch.target.read_bytes() == b"older"


def test_nobody_listening_is_one_sentence(fetch: Fetch, server_of: ServerOf) -> None:
    server = server_of(CONTENT)
    server.shutdown()
    server.server_close()
    assert "the connection was refused, 5 tries in a row" in fetch.fails(TransferError, server.url())


def test_an_unknown_host_is_one_sentence(fetch: Fetch) -> None:
    assert "name is not known" in fetch.fails(TransferError, "http://no-such-host.invalid/file")


@pytest.mark.parametrize("url", ["nonsense", "ftp://127.0.0.1/file", "http://", "http://[broken/"])
def test_what_is_no_web_address_is_said_to_be_none(fetch: Fetch, url: str) -> None:
    assert "no http or https address" in fetch.fails(NerctlError, url)


def test_all_mirrors_are_named_when_all_fail(server_of: ServerOf, fetch: Fetch) -> None:
    missing, wrong = server_of(CONTENT), server_of(b"other")
    missing.otherwise = script.status(404)
    sentence = fetch.fails(NerctlError, missing.url(), wrong.url())
    assert missing.url() in sentence and wrong.url() in sentence


def test_a_disk_too_small_is_seen_before_the_download(server_of: ServerOf, small_disk: Path) -> None:
    server = server_of(CONTENT)
    with pytest.raises(TransferError, match=r"0\.3 MB are needed and 0\.3 MB are free"):
        Fetch(small_disk)(server.url())


def test_a_disk_that_fills_up_keeps_the_part_and_the_next_run_goes_on(server_of: ServerOf, small_disk: Path) -> None:
    content = CONTENT[:200_000]
    server = server_of(content)
    server.scripts = [script.no_length]
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(100_000))
    fetch = Fetch(small_disk)
    digest = Digest("sha256", hashlib.sha256(content).hexdigest())
    with pytest.raises(FailedError, match="the disk is full"):
        fetch(server.url(), digest=digest)
    assert not fetch.target.exists() and "file.bin.part" in fetch.left
    ballast.unlink()
    fetch(server.url(), digest=digest)
    assert fetch.target.read_bytes() == content and server.requests[1].first > 0


def test_a_write_that_the_disk_refuses_is_one_sentence(
    server_of: ServerOf, fetch: Fetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "_write_all", refuse)
    with pytest.raises(FailedError, match="the disk is full; free some space"):
        fetch(server_of(CONTENT).url())
    assert not fetch.target.exists()


def test_a_second_command_does_not_write_the_same_part(fetch: Fetch) -> None:
    with PartFile(fetch.target).locked(), pytest.raises(NerctlError, match="another command"):
        fetch("http://127.0.0.1:9/")


def test_the_proxy_of_the_environment_is_used(server_of: ServerOf, fetch: Fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = server_of(CONTENT)
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.delenv("no_proxy", raising=False)
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, proxy.base)
    fetch("http://files.invalid/file")
    assert fetch.target.read_bytes() == CONTENT
    assert proxy.requests[0].path == "http://files.invalid/file"
