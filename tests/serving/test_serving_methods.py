"""Methods beside the one that an address is for, encodings of a body, and pages of other origins."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys

import pytest

from nerctl.errors import NerctlError
from nerctl.serving.settings import ServerSettings

PAGE = "https://example.org"


def test_head_is_answered_as_get_without_the_body(serve):
    server = serve()
    connection = server.connection()
    for path in ("/", "/healthz", "/readyz", "/metrics", "/openapi.json", "/v1/model", "/nothing"):
        whole = server.get(path)
        connection.request("HEAD", path)
        response = connection.getresponse()
        assert (response.status, response.read()) == (whole.status, b"")
        assert response.getheader("content-type") == whole.headers["content-type"]
        if path != "/metrics":
            assert response.getheader("content-length") == whole.headers["content-length"]
    assert server.request("HEAD", "/v1/entities").status == 405


def test_options_lists_the_methods_without_a_token(serve):
    server = serve(tokens=["secret"])
    readable = "GET, HEAD, OPTIONS"
    for path, methods in (("/v1/entities", "OPTIONS, POST"), ("/v1/model", readable), ("/", readable)):
        answer = server.request("OPTIONS", path)
        assert (answer.status, answer.headers["allow"], answer.body) == (204, methods, b"")
    assert server.tag({"text": "abc"}).status == 401


def test_a_compressed_body_is_refused_by_its_encoding(serve):
    server = serve()
    body = gzip.compress(json.dumps({"text": "abc"}).encode())
    answer = server.tag(body, **{"Content-Encoding": "gzip"})
    assert answer.status == 415
    assert answer.headers["accept-encoding"] == "identity"
    assert answer.json["error"]["message"] == "The body has the Content-Encoding gzip; send it as it is, without one."
    assert server.tag({"text": "abc"}, **{"Content-Encoding": "identity"}).status == 200


def test_a_page_of_an_allowed_origin_may_ask_and_read(serve):
    server = serve(tokens=["secret"], origins=[PAGE, "http://localhost:3000"])
    asks = {
        "Origin": PAGE,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    preflight = server.request("OPTIONS", "/v1/entities", **asks)
    assert preflight.status == 204
    assert preflight.headers["access-control-allow-origin"] == PAGE
    assert "POST" in preflight.headers["access-control-allow-methods"]
    assert preflight.headers["access-control-allow-headers"] == "authorization, content-type"
    assert int(preflight.headers["access-control-max-age"]) > 0
    right = {"Origin": PAGE, "Authorization": "Bearer secret"}
    answers = [server.tag({"text": "abc"}, **right), server.tag(b"{", **right), server.tag(b"{", Origin=PAGE)]
    assert [answer.status for answer in answers] == [200, 422, 401]
    for answer in [*answers, server.get("/nothing", Origin=PAGE)]:
        assert answer.headers["access-control-allow-origin"] == PAGE, "a page must be able to read what is wrong"
        assert answer.headers["vary"] == "Origin"
        assert "retry-after" in answer.headers["access-control-expose-headers"]
    other = server.get("/healthz", Origin="https://example.org.evil.test")
    assert "access-control-allow-origin" not in other.headers
    assert other.headers["vary"] == "Origin"


def test_every_page_may_read_with_a_star_and_none_without_the_option(serve):
    headers = serve(origins=["*"]).get("/v1/model", Origin=PAGE).headers
    assert headers["access-control-allow-origin"] == "*"
    assert "vary" not in headers
    closed = serve(name="closed").request("OPTIONS", "/v1/entities", Origin=PAGE)
    assert not [name for name in closed.headers if name.startswith("access-control")]


@pytest.mark.parametrize("origin", ["example.org", "https://example.org/", "https://a b", "HTTPS://x", "", "null"])
def test_what_is_no_origin_is_refused_by_name(origin):
    with pytest.raises(NerctlError, match="scheme://host") as caught:
        ServerSettings(model="m", origins=("*", origin))
    assert str(caught.value).startswith(f"--allow-origin {origin}: ")


def test_the_option_may_be_repeated_and_each_origin_is_checked(tmp_path):
    command = [sys.executable, "-m", "nerctl", "serve", "--model", str(tmp_path), "--allow-origin", "*"]
    done = subprocess.run([*command, "--allow-origin", "x.org"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert "--allow-origin x.org: an origin is scheme://host" in " ".join(done.stderr.split())
