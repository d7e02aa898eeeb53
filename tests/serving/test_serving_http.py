from __future__ import annotations

import json
import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from fake_worker import result_of

RARE = "山水👩‍🚀𠀀abc\tx\u0000 é\n水"


def entities_of(text):
    return [entity.__dict__ for entity in result_of(text).entities]


def test_one_text_gets_one_object_and_several_a_list_in_order(serve):
    server = serve()
    answer = server.tag({"text": RARE})
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json == {"text": RARE, "entities": entities_of(RARE)}
    texts = ["水" * n + "a" for n in (40, 1, 400, 2)] + [""]
    answer = server.tag({"texts": texts})
    assert answer.json == {"results": [{"text": text, "entities": entities_of(text)} for text in texts]}
    assert server.tag({"texts": []}).json == {"results": []}
    assert server.tag(json.dumps({"text": RARE}, ensure_ascii=False).encode()).json["text"] == RARE


def test_offsets_are_code_points_of_the_text_as_sent(serve):
    server = serve()
    for entity in server.tag({"text": RARE}).json["entities"]:
        assert RARE[entity["start"] : entity["end"]] == entity["text"]


def test_a_lone_surrogate_comes_back_as_an_escape(serve):
    answer = serve().tag(rb'{"text": "\ud83d a\udc00"}')
    assert answer.status == 200
    assert answer.body.isascii()
    assert answer.json["text"] == "\ud83d a\udc00"
    assert answer.json["entities"][0]["start"] == 2


def test_what_is_wrong_with_a_request_is_said_in_json(serve):
    server = serve(max_chars=50, queue=10)
    cases = [
        (server.tag(b"{"), 422, ""),
        (server.tag(b"\xff\xfe"), 422, ""),
        (server.tag({"texts": ["a", 5]}), 422, "texts[1]"),
        (server.tag({"text": "a", "other": 1}), 422, "other"),
        (server.tag({"text": "x" * 51}), 413, "text"),
        (server.tag({"texts": ["x"] * 11}), 413, "texts"),
        (server.tag(b" " * (5 << 20)), 413, None),
        (server.get("/v1/entities"), 405, None),
        (server.request("DELETE", "/"), 405, None),
        (server.request("OPTIONS", "/nothing"), 404, None),
        (server.tag(b"\x1f\x8b", **{"Content-Encoding": "gzip"}), 415, None),
        (server.get("/nothing"), 404, None),
        (server.get("/healthz/"), 404, None),
    ]
    for answer, status, field in cases:
        assert answer.status == status
        assert answer.headers["content-type"] == "application/json"
        error = answer.json["error"]
        assert error["status"] == status
        assert error.get("field") == field
        assert error["message"].endswith(".")
    wrong = server.get("/v1/entities")
    assert wrong.headers["allow"] == "OPTIONS, POST"
    assert wrong.json["error"]["message"] == "GET does not work here; what works is POST."
    assert server.tag({"text": "abc"}).status == 200


def test_a_body_without_a_length_is_held_to_the_same_limit(serve):
    server = serve()
    connection = server.connection()
    connection.request("POST", "/v1/entities", iter([b" " * 1_000_000] * 6), encode_chunked=True)
    assert connection.getresponse().status == 413
    connection = server.connection()
    connection.request("POST", "/v1/entities", iter([b'{"te', b'xt": "abc"}']), encode_chunked=True)
    assert connection.getresponse().status == 200


def test_a_body_that_does_not_come_is_given_up(serve):
    server = serve(body_timeout=0.3)
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(b'POST /v1/entities HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n{"te')
        assert b" 408 " in client.recv(1000)


def test_connections_that_do_not_send_a_header_are_closed_and_hold_up_nobody(serve):
    server = serve(header_timeout=2.0)
    idle = [socket.create_connection(("127.0.0.1", server.port), timeout=10) for _ in range(200)]
    for number, client in enumerate(idle):
        client.sendall(b"POST /v1/entities HTTP/1.1\r\nHost: x\r\nX-Slow: "[: number % 50])
    assert server.tag({"text": "abc"}).status == 200
    for client in idle:
        assert client.recv(100) == b"", "closed without a word"
        client.close()
    assert server.tag({"text": "abc"}).status == 200


def test_a_long_answer_is_waited_for_however_short_the_patience_with_headers(serve):
    server = serve(name="slow-0.5", header_timeout=0.2)
    connection = server.connection()
    for _ in range(2):
        connection.request("POST", "/v1/entities", b'{"text": "abc"}')
        assert connection.getresponse().read().startswith(b'{"text":"abc"')


def test_bytes_that_are_not_http_disturb_nobody(serve):
    server = serve()
    for garbage in (
        b"\x16\x03\x01\x02\x00",
        b"GET\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"A" * 200_000,
    ):
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
            try:
                client.sendall(garbage)
                client.shutdown(socket.SHUT_WR)
                client.recv(1000)
            except ConnectionError:
                pass
    assert server.tag({"text": "abc"}).status == 200
    assert "Traceback" not in server.log()


def test_a_full_queue_answers_429_with_retry_after_and_forgets_nobody(serve):
    server = serve(name="slow-0.3", queue=4, max_batch=2)
    with ThreadPoolExecutor(20) as clients:
        answers = list(clients.map(lambda n: server.tag({"text": "a" * (n + 1)}), range(20)))
    statuses = [answer.status for answer in answers]
    assert set(statuses) == {200, 429}
    for number, answer in enumerate(answers):
        if answer.status == 200:
            assert answer.json["entities"][0]["end"] == number + 1
        else:
            assert 1 <= int(answer.headers["retry-after"]) <= 30
            assert answer.json["error"]["status"] == 429
    assert server.metric('nerctl_requests_total{code="429"') == statuses.count(429)


def test_a_client_that_goes_away_frees_its_place(serve):
    server = serve(name="slow-2", queue=4, max_batch=1)
    head = b"POST /v1/entities HTTP/1.1\r\nHost: x\r\nContent-Length: 24\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(head + b'{"texts":["a","b","c"]} ')
        server.until(lambda: server.metric("nerctl_queue_texts ") == 2)
        assert server.tag({"texts": ["a", "b", "c"]}).status == 429
    server.until(lambda: server.metric("nerctl_queue_texts ") == 0)
    assert server.metric("nerctl_texts_total") <= 1, "freed by the hang-up, not by the worker"
    assert server.tag({"text": "a"}).status == 200


def test_texts_of_several_clients_share_a_batch(serve):
    server = serve(name="slow-0.2", max_batch=32, max_wait_ms=200)
    with ThreadPoolExecutor(16) as clients:
        started = time.monotonic()
        answers = list(clients.map(lambda n: server.tag({"text": "abc" + "水" * n}), range(16)))
        took = time.monotonic() - started
    assert [answer.status for answer in answers] == [200] * 16
    assert server.metric("nerctl_batch_texts_count") <= 4
    assert took < 16 * 0.2


def test_health_readiness_and_model(serve):
    server = serve(name="load-1.0", ready=False, threads=3)
    assert server.get("/healthz").json == {"status": "ok"}
    early = server.get("/readyz")
    assert early.status == 503
    assert early.headers["retry-after"] == "1"
    assert server.get("/v1/model").status == 503
    assert server.tag({"text": "abc"}).status == 200  # waits for the model
    assert server.get("/readyz").json == {"status": "ready", "workers": 1}
    model = server.get("/v1/model").json
    assert model["labels"] == ["WORD", "NATURE", "RARE"]
    assert model["engine"] == "fake"
    assert model["versions"]["threads"] == "3"


def test_metrics_count_requests_texts_batches_and_time(serve):
    server = serve()
    server.tag({"texts": ["a", "b", "c"]})
    server.tag(b"{")
    text = server.get("/metrics").body.decode()
    assert 'nerctl_requests_total{code="200",path="/v1/entities"} 1.0' in text
    assert 'nerctl_requests_total{code="422",path="/v1/entities"} 1.0' in text
    assert "nerctl_texts_total 3.0" in text
    assert "nerctl_queue_texts 0.0" in text
    assert "nerctl_batch_texts_sum 3.0" in text
    assert "nerctl_request_seconds_count 1.0" in text
    assert "nerctl_worker_deaths_total 0.0" in text
    assert "nerctl_ready_workers 1.0" in text


def test_a_token_is_asked_for_under_v1_and_nowhere_else(serve):
    server = serve(tokens=["first", "second"])
    for headers in (
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Basic first"},
        {"Authorization": "Bearer"},
    ):
        answer = server.tag({"text": "abc"}, **headers)
        assert answer.status == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert server.get("/v1/model", **headers).status == 401
    for token in ("first", "second"):
        assert server.tag({"text": "abc"}, Authorization=f"Bearer {token}").status == 200
    assert server.tag({"text": "abc"}, Authorization="bearer first").status == 200
    assert server.tag({"text": "abc"}, Authorization="Bearer caf\u00e9").status == 401
    for path in ("/", "/healthz", "/readyz", "/metrics", "/openapi.json"):
        assert server.get(path).status == 200


def test_the_page_may_load_nothing_and_run_only_its_own_script(serve):
    answer = serve().get("/")
    assert answer.status == 200
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    html = answer.body.decode()
    assert not re.search(r"""(src|href)=["'](?!data:)|https?://|@import|url\(""", html)
    assert not re.search(r"""\s(style|on[a-z]+)=["']""", html), "the policy would block it"


def conforms(value, schema, document, where="answer"):
    """Checks a JSON value against the parts of JSON Schema that the document uses."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    if "oneOf" in schema:
        errors = []
        for choice in schema["oneOf"]:
            try:
                conforms(value, choice, document, where)
            except AssertionError as error:
                errors.append(str(error))
        assert len(errors) == len(schema["oneOf"]) - 1, (where, errors)
        return
    kinds = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float)}
    if "type" in schema:
        assert isinstance(value, kinds[schema["type"]]), where
    if "const" in schema:
        assert value == schema["const"], where
    assert not set(schema) - {
        *("type", "const", "required", "properties", "items", "additionalProperties"),
        *("minimum", "maximum", "description", "maxLength", "maxItems"),
    }, "a keyword that this check does not know"
    if "minimum" in schema:
        assert value >= schema["minimum"], where
    if "maximum" in schema:
        assert value <= schema["maximum"], where
    for name in schema.get("required", ()):
        assert name in value, f"{where}.{name}"
    if isinstance(value, dict) and "properties" in schema:
        for name, inner in value.items():
            assert name in schema["properties"] or schema.get("type") != "object", (
                f"{where}.{name} is not documented"
            )
            conforms(inner, schema["properties"][name], document, f"{where}.{name}")
    for inner in value if isinstance(value, list) else ():
        conforms(inner, schema["items"], document, f"{where}[]")


@pytest.mark.parametrize("tokens", [[], ["secret"]])
def test_every_answer_is_what_the_openapi_document_says(serve, tokens):
    server = serve(tokens=tokens, max_chars=50, queue=3)
    document = server.get("/openapi.json").json
    bearer = {"Authorization": "Bearer secret"} if tokens else {}
    seen = set()

    def check(method, path, answer):
        said = document["paths"][path][method.lower()]["responses"]
        assert str(answer.status) in said, (path, answer.status)
        content = said[str(answer.status)]["content"]
        kind = answer.headers["content-type"].partition(";")[0]
        assert kind in content
        if kind == "application/json" and path != "/openapi.json":
            conforms(answer.json, content[kind]["schema"], document)
        seen.add((path, answer.status))

    for path, methods in document["paths"].items():
        for method in methods:
            if path != "/v1/entities":
                check(method, path, server.request(method.upper(), path, **bearer))
    bodies = [
        {"text": "abc 山"},
        {"texts": ["abc", ""]},
        {"text": 1},
        {},
        b"{",
        {"text": "x" * 51},
        {"texts": ["a"] * 4},
    ]
    for body in [*bodies, {"text": "RAISE!"}]:
        check("POST", "/v1/entities", server.tag(body, **bearer))
    if tokens:
        check("POST", "/v1/entities", server.tag({"text": "a"}))
        check("GET", "/v1/model", server.get("/v1/model"))
    expected = {("/v1/entities", status) for status in (200, 413, 422, 500)} | {
        ("/v1/model", 200),
        ("/", 200),
    }
    assert expected <= seen
    assert (("/v1/model", 401) in seen) == bool(tokens)
    body_schema = document["paths"]["/v1/entities"]["post"]["requestBody"]["content"]["application/json"][
        "schema"
    ]
    for body in ({"text": "a"}, {"texts": ["a"]}):
        conforms(body, body_schema, document)
    assert document["components"]["schemas"]["Request"]["oneOf"][0]["properties"]["text"]["maxLength"] == 50
