"""How answers are written, and what the access log says of them."""

from __future__ import annotations

import re
import socket

LINE = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (\S+) (\S+) (\S+) (\d+) (\d+\.\d) ms"


def test_chinese_is_not_escaped_in_an_answer(serve):
    server = serve()
    one = server.tag({"text": "山水，厦门𠀀"})
    assert one.body.startswith('{"text":"山水，厦门𠀀","entities":[{"start":0,'.encode())
    assert "厦门".encode() in server.tag({"texts": ["厦门", "abc"]}).body
    refused = server.tag({"text": "abc", "语言": "zh"})
    assert (refused.status, refused.json["error"]["field"]) == (422, "语言")
    assert "语言".encode() in refused.body


def test_a_lone_surrogate_is_the_only_escape_beside_chinese(serve):
    body = serve().tag(rb'{"text": "\u53a6\ud83d \u95e8"}').body
    assert body.startswith('{"text":"厦\\ud83d 门"'.encode())


def test_a_client_that_asks_gets_ascii(serve):
    server = serve()
    asked, plain = (server.request("POST", "/v1/entities" + query, {"text": "山𠀀"}) for query in ("?ascii=1", ""))
    assert asked.body.isascii() and rb'"\u5c71\ud840\udc00"' in asked.body
    assert not plain.body.isascii()
    assert asked.json == plain.json
    for answer in (asked, plain):
        assert int(answer.headers["content-length"]) == len(answer.body)
    assert not server.request("POST", "/v1/entities?ascii=0", {"text": "山"}).body.isascii()
    refused = server.request("POST", "/v1/entities?ascii=1", {"语言": 1})
    assert refused.status == 422 and refused.body.isascii() and refused.json["error"]["field"] == "语言"
    connection = server.connection()
    connection.request("HEAD", "/v1/model?ascii=1")
    assert connection.getresponse().status == 200
    document = server.get("/openapi.json?ascii=1").json
    for methods in document["paths"].values():
        for operation in methods.values():
            in_json = "application/json" in operation["responses"]["200"]["content"]
            assert ("parameters" in operation) == in_json
    assert document["components"]["parameters"]["ascii"]["in"] == "query"
    page = server.get("/?ascii=1").body
    assert "命名实体识别" in page.decode("utf-8"), "the page is not JSON"


def lines(server, count):
    """Client, method, path, status and milliseconds of the log's lines, once there are so many."""
    server.until(lambda: server.log().count(" ms\n") >= count)
    found = [re.fullmatch(LINE, line) for line in server.log().splitlines() if " WARNING " not in line]
    assert all(found), server.log()
    return [match.groups() for match in found]


def test_the_access_log_has_a_line_a_request_and_nothing_of_what_was_sent(serve):
    server = serve(name="slow-0.2", ready=False, access_log=True, tokens=["secret"])
    bearer = {"Authorization": "Bearer secret"}
    server.tag({"text": "山水abc"}, **bearer)
    server.request("POST", "/v1/entities?text=hidden&ascii=1", {"text": "abc"})
    server.get("/nothing/%E5%8E%A6" + "x" * 500)
    server.request("DELETE", "/healthz")
    got = lines(server, 4)
    assert [line[:4] for line in got[:2]] == [
        ("127.0.0.1", "POST", "/v1/entities", "200"),
        ("127.0.0.1", "POST", "/v1/entities", "401"),
    ]
    assert got[2][2].startswith("/nothing/%E5%8E%A6xxx") and len(got[2][2]) == 64 and got[2][3] == "404"
    assert got[3][1:4] == ("DELETE", "/healthz", "405")
    assert float(got[0][4]) >= 200
    for word in ("山水", "abc", "hidden", "secret"):
        assert word not in server.log()


def test_the_access_log_names_what_never_became_a_request_and_each_request_once(serve):
    server = serve(ready=False, access_log=True)
    for sent in (b"GET\r\n\r\n", b'POST /v1/entities HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n{"te'):
        client = server.socket(sent)
        client.shutdown(socket.SHUT_WR)
        assert b" 400 " in client.recv(1000)
        client.close()
    got = lines(server, 2)
    assert [line[:4] for line in got] == [
        ("127.0.0.1", "-", "-", "400"),
        ("127.0.0.1", "POST", "/v1/entities", "400"),
    ]


def test_the_access_log_believes_no_address_that_is_none(serve):
    server = serve(ready=False, access_log=True)
    server.get("/healthz", **{"X-Forwarded-For": "192.0.2.7"})
    server.get("/healthz", **{"X-Forwarded-For": "x POST /\x9b 200"})
    assert [line[0] for line in lines(server, 2)] == ["192.0.2.7", "-"]


def test_without_the_option_there_is_no_access_log(serve):
    server = serve()
    server.tag({"text": "abc"})
    assert server.log() == ""
