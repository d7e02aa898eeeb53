"""What `nerctl serve` says on a screen, and which model it takes when none is named."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nerctl.commands import _options, serve
from nerctl.commands._options import the_model
from nerctl.console import out
from nerctl.errors import ModelError, NerctlError
from nerctl.folder import ModelFolder, Weights
from nerctl.inference.onnx_file import INT8_PRODUCT
from nerctl.serving.settings import ServerSettings

MODEL = {"digest": "1", "labels": ["LOC", "ORG", "PER"]}


def make_model(folder: Path, engine: str = "onnx", f1: float | None = 0.86775, graph: bytes = b"") -> Path:
    """A folder with a pointer, and a graph's file that holds these bytes."""
    (folder / "weights").mkdir(parents=True)
    (folder / "weights/model.onnx").write_bytes(b"\x08\x0a" + graph)
    ModelFolder(folder, engine, {}, None, Weights(1304, "weights", {}, f1)).write()
    return folder


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ["export", "output"])
def test_the_only_folder_that_holds_a_model_is_taken(here, name):
    for other in ("export", "output"):
        (here / other).mkdir()
    (here / name).rmdir()
    make_model(here / name)
    assert the_model(None) == Path(name)
    assert the_model(Path("elsewhere")) == Path("elsewhere"), "what is named is taken"


def test_no_model_or_two_is_one_sentence_that_says_what_to_name(here):
    with pytest.raises(NerctlError, match="neither export nor output holds a model; name its folder with --model") as caught:
        the_model(None)
    assert caught.value.exit_code == 2
    make_model(here / _options.QUICKSTART_MODEL)
    with pytest.raises(NerctlError, match="; quickstart/output does: --model quickstart/output"):
        the_model(None)
    make_model(here / "export")
    make_model(here / "output")
    with pytest.raises(NerctlError, match="export and output both hold a model; say which with --model"):
        the_model(None)


def test_serve_without_a_model_ends_with_one_sentence_and_code_2(here):
    command = [sys.executable, "-m", "nerctl", "serve"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("error: neither export nor output ")


@pytest.fixture
def said(here, capsys, monkeypatch):
    """Makes the command's listener; its second part gives standard output and error since the last call."""
    monkeypatch.setattr(out, "quiet", False)

    def start(model="export", **settings):
        settings.setdefault("threads", 2)
        return serve.Said(ServerSettings(model=model, **settings))

    return start, lambda: tuple(capsys.readouterr())


def test_the_screen_names_model_engine_workers_stop_and_address(said, here):
    start, read = said
    make_model(here / "export", graph=INT8_PRODUCT.encode())
    server = start()
    server.begun -= 1.91
    server.listening("http://127.0.0.1:8000")
    server.loaded(MODEL, 1)
    assert read() == (
        "http://127.0.0.1:8000\n",
        "model     export, step 1304, dev F1 0.8678\n"
        "engine    onnx, int8\n"
        "workers   1, with 2 threads\n"
        "stop      Ctrl-C; requests under way are finished\n"
        "address   http://127.0.0.1:8000, or POST /v1/entities\n"
        "ready     after 1.9 s; finds LOC, ORG, PER\n",
    )


def test_a_terminal_of_50_columns_holds_every_line_and_shows_the_address_once(said, here, monkeypatch):
    start, read = said
    make_model(here / "export", graph=INT8_PRODUCT.encode())
    for stream in (sys.stdout, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: True)
    server = start(workers=16)
    server.listening("http://127.0.0.1:8000")
    server.loaded(MODEL, 16)
    printed, errors = read()
    assert printed == "http://127.0.0.1:8000\n"
    assert "\naddress   for a browser, or POST /v1/entities:\n" in errors
    assert all(len(line) <= 50 for line in errors.splitlines() if not line.startswith("ready"))


@pytest.mark.parametrize(("engine", "words"), [("tensorflow", "tensorflow"), ("onnx", "onnx")])
def test_the_engine_is_that_of_the_folder_and_a_score_is_shown_where_there_is_one(said, here, engine, words):
    start, read = said
    make_model(here / "output", engine, f1=None)
    start("output", workers=2, threads=1).listening("http://127.0.0.1:8000")
    lines = read()[1].splitlines()
    assert lines[:3] == ["model     output, step 1304", f"engine    {words}", "workers   2, with 1 thread each"]


def test_quiet_leaves_the_address_alone_and_the_warning(said, here, monkeypatch):
    start, read = said
    make_model(here / "export")
    monkeypatch.setattr(out, "quiet", True)
    server = start(host="0.0.0.0")
    server.listening("http://0.0.0.0:8000")
    server.loaded(MODEL, 1)
    server.stopping(0)
    printed, errors = read()
    assert printed == "http://0.0.0.0:8000\n"
    assert errors.count("\n") == 1 and errors.startswith("warning: 0.0.0.0 can be reached from outside")


def test_a_folder_without_a_model_is_refused_before_its_address_is_announced(said, here):
    start, read = said
    (here / "export").mkdir()
    with pytest.raises(ModelError, match="holds no model"):
        start().listening("http://127.0.0.1:8000")
    assert read() == ("", "")


def test_the_first_worker_and_the_last_are_said_and_a_replaced_one_is_not(said, here):
    start, read = said
    server = start(workers=3)
    counts = []
    for workers in (1, 2, 3, 2, 3):
        server.loaded(MODEL, workers)
        counts.append(read()[1])
    assert [bool(words) for words in counts] == [True, False, True, False, False]
    assert "(1 of 3 workers); finds LOC" in counts[0] and counts[2].endswith("(3 of 3 workers)\n")
    server.loaded({"digest": "2", "labels": ["PER"]}, 3)
    server.loaded({"digest": "2", "labels": ["PER"]}, 3)
    assert read()[1] == "model     the folder's new one takes over; finds PER\n"


def test_a_stop_says_in_one_line_what_is_waited_for(said):
    start, read = said
    for requests in (0, 1, 3):
        start().stopping(requests)
    assert read()[1].splitlines() == [
        "Stopping; no request is under way.",
        "Finishing 1 request, then stopping; press Ctrl-C again to leave at once.",
        "Finishing 3 requests, then stopping; press Ctrl-C again to leave at once.",
    ]


def test_a_server_tells_its_listener_of_the_model_and_of_the_requests_under_way(serve):
    server = serve(name="slow-0.5", tells=True)
    server.until(lambda: "loaded fake 1\n" in server.log())
    client = server.connection()
    client.request("POST", "/v1/entities", b'{"text": "abc"}')
    server.until(lambda: server.metric("nerctl_batch_texts_count") == 1)
    server.process.send_signal(signal.SIGINT)
    assert client.getresponse().status == 200
    assert server.process.wait(timeout=10) == 0
    assert server.log() == "loaded fake 1\nstopping 1\n"
