"""What bytes on a connection come to: requests of every form, half-closed connections, the end of the server."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor

TAG = b'POST /v1/entities HTTP/1.1\r\nHost: x\r\nContent-Length: 15\r\n\r\n{"text": "abc"}'
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


def to_the_end(client: socket.socket) -> bytes:
    """Everything that the server sends until it closes."""
    parts = []
    with client:
        while True:
            part = client.recv(65536)
            if not part:
                return b"".join(parts)
            parts.append(part)


def half_closed(server, sent: bytes) -> bytes:
    """The answer to a client that says that it sends no more."""
    client = server.socket(sent)
    client.shutdown(socket.SHUT_WR)
    return to_the_end(client)


def split(answer: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the bytes of one answer."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return int(status.split()[1]), headers, body


def error_of(answer: bytes) -> tuple[int, str]:
    """Status and sentence of a refusal, which is JSON."""
    status, headers, body = split(answer)
    assert headers["content-type"] == "application/json"
    assert int(headers["content-length"]) == len(body)
    error = json.loads(body)["error"]
    assert error["status"] == status
    assert error["message"].endswith(".")
    return status, error["message"]


def test_the_last_answers_say_that_the_connection_ends(serve):
    server = serve(name="slow-0.4", max_batch=4)
    clients = [server.connection() for _ in range(8)]
    for client in clients:
        client.request("POST", "/v1/entities", b'{"text": "abc"}')
    # All are there, however they fell into batches.
    server.until(lambda: server.metric("nerctl_batch_texts_sum") + server.metric("nerctl_queue_texts ") == 8)
    os.kill(server.process.pid, signal.SIGTERM)
    for client in clients:
        response = client.getresponse()
        assert (response.status, response.getheader("connection")) == (200, "close")
        assert response.read().startswith(b'{"text":"abc"')
        client.close()
    assert server.process.wait(timeout=10) == 0
    assert server.log() == ""


def test_a_request_that_crosses_the_signal_on_a_kept_connection_is_answered(serve):
    server = serve()
    kept = [server.connection() for _ in range(5)]
    for client in kept:
        client.request("GET", "/healthz")
        assert client.getresponse().read()
    os.kill(server.process.pid, signal.SIGTERM)
    time.sleep(0.2)
    for client in kept:
        client.request("POST", "/v1/entities", b'{"text": "abc"}')
        response = client.getresponse()
        assert (response.status, response.getheader("connection")) == (200, "close")
        client.close()
    assert server.process.wait(timeout=10) == 0


def test_a_client_loop_sees_no_reset_when_the_server_ends(serve):
    server = serve(name="slow-0.02", workers=2)
    go = time.monotonic() + 0.5

    def loop(number):
        """Requests over one connection until an answer says that it is the last."""
        client = server.connection()
        for _ in range(10_000):
            client.request("POST", "/v1/entities", b'{"text": "abc"}')
            response = client.getresponse()
            assert response.read().startswith(b'{"text":"abc"')
            if response.getheader("connection") == "close":
                return True

    with ThreadPoolExecutor(20) as clients:
        ended = [clients.submit(loop, number) for number in range(20)]
        time.sleep(max(0, go - time.monotonic()))
        os.kill(server.process.pid, signal.SIGTERM)
        assert all(one.result() for one in ended)
    assert server.process.wait(timeout=10) == 0


def test_requests_that_the_server_gives_up_at_its_end_are_answered_503_in_json(serve):
    server = serve(name="slow-5", drain_timeout=1)
    client = server.socket(TAG)
    server.until(lambda: server.metric("nerctl_batch_texts_count") == 1)
    os.kill(server.process.pid, signal.SIGTERM)
    assert error_of(to_the_end(client)) == (503, "The server ended before this request was answered.")
    assert server.process.wait(timeout=10) == 0


def test_a_complete_request_is_answered_to_a_client_that_sends_no_more(serve):
    server = serve(name="slow-0.2")
    status, _, body = split(half_closed(server, TAG))
    assert status == 200
    assert json.loads(body)["entities"][0]["text"] == "abc"
    three = half_closed(server, HEALTH + TAG + HEALTH)
    assert three.count(b"HTTP/1.1 200 ") == 3
    assert [three.count(part) for part in (b'"status": "ok"', b'"text":"abc"')] == [2, 2]
    assert server.metric('nerctl_requests_total{code="200",path="/v1/entities"}') == 2
    assert server.log() == ""


def test_a_long_answer_reaches_a_client_that_sends_no_more(serve):
    server = serve(name="slow-1.5")
    answer = half_closed(server, TAG)
    interim, _, final = answer.partition(b"\r\n\r\n")
    assert interim == b"HTTP/1.1 100 Continue", "sent to see whether anybody is there"
    assert split(final)[0] == 200
    old = half_closed(server, TAG.replace(b"HTTP/1.1", b"HTTP/1.0"))
    assert split(old)[0] == 200, "HTTP/1.0 knows no interim answers"


def test_a_request_that_ends_too_early_is_refused(serve):
    server = serve()
    chunked = b"POST /v1/entities HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"
    for sent, part in ((HEALTH[:-2], "header"), (TAG[:-5], "body"), (chunked, "body")):
        assert error_of(half_closed(server, sent)) == (400, f"The request ended before its {part} was complete.")
    assert half_closed(server, b"") == b""
    assert half_closed(server, HEALTH + TAG[:-5]).count(b"HTTP/1.1 ") == 2
    assert server.log() == ""


def test_bytes_that_are_not_a_request_are_refused_in_json(serve):
    server = serve()
    chunked = b"POST /v1/entities HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: %s\r\n\r\n"
    for sent, status, said in (
        (b"GET\r\n\r\n", 400, "(illegal request line)"),
        (b"\x16\x03\x01\x02\x00\r\n\r\n", 400, "(illegal request line)"),
        (b"GET / HTTP/1.1\r\n\r\n", 400, "(Missing mandatory Host: header)"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400, "Content-Length"),
        (chunked % b"chunked" + b"not a length\r\n", 400, "(illegal chunk header"),
        (chunked % b"gzip, chunked", 501, "Transfer-Encoding"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 300_000, 431, "header is longer"),
    ):
        found, message = error_of(to_the_end(server.socket(sent)))
        assert found == status
        assert said in message
        assert "bytearray" not in message
    assert "Traceback" not in server.log()
    assert server.is_ready()


def test_a_target_with_its_host_in_it_is_understood(serve):
    server = serve()
    for target, status in (
        (f"http://127.0.0.1:{server.port}/healthz", 200),
        ("HTTP://x/v1/model?a=http://y/", 200),
        ("http://x", 200),
        ("http://x/nothing", 404),
        ("/http://x/healthz", 404),
        ("http%3A//x/healthz", 404),
        ("*", 404),
    ):
        sent = f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
        assert split(to_the_end(server.socket(sent)))[0] == status, target


def test_a_request_for_another_protocol_is_answered_and_logs_nothing(serve):
    server = serve()
    for protocol in ("websocket", "h2c"):
        answer = server.get("/healthz", Connection="Upgrade", Upgrade=protocol)
        assert (answer.status, answer.json) == (200, {"status": "ok"})
    assert server.log() == ""


def test_a_refusal_is_readable_however_large_the_body_on_a_connection_that_closes(serve):
    server = serve(tokens=["secret"])
    for _ in range(5):
        assert server.tag(b" " * (5 << 20), Connection="close").status == 401
        assert server.tag(b" " * (5 << 20), Connection="close", Authorization="Bearer secret").status == 413


def test_a_body_is_asked_for_only_when_it_will_be_read(serve):
    server = serve(tokens=["secret"])
    head = b"POST /v1/entities HTTP/1.1\r\nHost: x\r\nContent-Length: 15\r\nExpect: 100-continue\r\n%s\r\n"
    for more in (b"", b"Connection: close\r\n"):
        with server.socket(head % more) as client:
            assert client.recv(1000).startswith(b"HTTP/1.1 401 ")
    with server.socket(head % b"Authorization: Bearer secret\r\n") as client:
        assert client.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(TAG[-15:])
        assert client.recv(1000).startswith(b"HTTP/1.1 200 ")
