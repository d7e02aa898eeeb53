from __future__ import annotations

import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from nerctl.errors import NerctlError
from nerctl.serving import worker
from nerctl.serving.settings import ServerSettings, read_tokens

SERVE = (sys.executable, "-m", "nerctl", "serve")


def ended(*arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a server that is expected to end by itself."""
    done = subprocess.run([*SERVE, *arguments], capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def packages():
    for package in ("starlette", "uvicorn", "prometheus_client"):
        pytest.importorskip(package, reason=f"needs {package}: pip install 'nerctl[serve]'")


def test_help_ends_with_two_examples():
    done = subprocess.run([*SERVE, "--help"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0
    text = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)
    assert len(re.findall(r"^\s*nerctl serve", text, re.MULTILINE)) == 2
    assert [text.index(f"\n{title}:\n") for title in ("Model", "Server", "Device")] == sorted(
        text.index(f"\n{title}:\n") for title in ("Model", "Server", "Device")
    )
    options = "reload access-log allow-origin workers threads max-tokens max-batch max-wait-ms queue max-chars token-file"
    for option in options.split():
        assert f"--{option}" in text


def test_a_worker_is_told_what_it_computes_at_once(monkeypatch):
    given = {}

    class Loaded(Exception):
        pass

    def remember(model, **options):
        given.update(options, model=model)
        raise Loaded

    def run(argv, loader, *more):
        loader(argv[0], int(argv[1]))

    monkeypatch.setattr(worker, "run", run)
    monkeypatch.setattr("nerctl.Tagger.load", remember)
    for max_tokens, blanks in ((None, False), (9000, True)):
        settings = ServerSettings("output", threads=2, max_tokens=max_tokens, allow_blanks=blanks)
        with pytest.raises(Loaded):
            worker.main(["output", "2", settings.tagger_options])
        assert given == {"model": "output", "threads": 2, "max_tokens": max_tokens, "allow_blanks": blanks}


def test_a_taken_port_is_one_sentence_and_code_2(packages, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        code, out, error = ended("--model", str(tmp_path), "--port", port)
    assert (code, out) == (2, "")
    assert error.count("\n") == 1
    assert f"127.0.0.1:{port}" in error
    assert "--port" in error


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--model", "nowhere"], "nowhere"),
        (["--model", ".", "--host", "no.such.host.invalid"], "no.such.host.invalid"),
        (["--model", ".", "--port", "70000"], "--port 70000"),
        (["--model", ".", "--workers", "0"], "--workers 0"),
        (["--model", ".", "--max-tokens", "0"], "--max-tokens 0"),
        (["--model", ".", "--max-wait-ms", "-1"], "--max-wait-ms -1"),
        (["--model", ".", "--token-file", "nowhere"], "nowhere"),
    ],
)
def test_what_the_user_can_mend_is_one_sentence_and_code_2(packages, arguments, said):
    code, out, error = ended(*arguments)
    assert (code, out) == (2, "")
    assert error.count("\n") == 1
    assert said in error


def test_a_folder_without_a_model_is_refused_by_name(packages, tmp_path):
    code, _, error = ended("--model", str(tmp_path), "--port", "0")
    assert code == 2
    assert error.splitlines()[-1].startswith("error: ")
    assert str(tmp_path) in error
    assert "Traceback" not in error


def test_without_the_extra_the_command_says_what_to_install(tmp_path):
    (tmp_path / "starlette.py").write_text("raise ImportError('not here', name='starlette')")
    script = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from nerctl.cli import main; main()"
    command = [sys.executable, "-c", script, "serve", "--model", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert done.stderr == "error: nerctl serve needs starlette: pip install 'nerctl[serve]'.\n"


def test_tokens_are_read_one_a_line(tmp_path):
    file = tmp_path / "tokens"
    file.write_text("# for the crawler\nfirst\n\n  second  \n")
    assert read_tokens(file) == ("first", "second")


@pytest.mark.parametrize("content", [b"", b"# only a comment\n", b"two words\n", "秘密\n".encode(), b"\xff"])
def test_a_token_file_that_cannot_serve_is_refused_by_name(tmp_path, content):
    file = tmp_path / "tokens"
    file.write_bytes(content)
    with pytest.raises(NerctlError, match=re.escape(str(file))):
        read_tokens(file)


def test_a_longest_text_fits_into_the_largest_body():
    settings = ServerSettings(model="output", max_chars=1_000_000)
    body = '{"text": "' + "\\ud840\\udc00" * settings.max_chars + '"}'
    assert len(body) <= settings.max_body


def test_the_cores_are_shared_out_among_the_workers():
    assert ServerSettings(model="output", workers=1000).worker_threads == 1
    assert ServerSettings(model="output", workers=4, threads=3).worker_threads == 3


TINY = Path(__file__).parents[1] / "inference"


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory):
    pytest.importorskip("tensorflow", reason="needs TensorFlow")
    sys.path.insert(0, str(TINY))
    try:
        from tiny_model import write_model_folder
    finally:
        sys.path.remove(str(TINY))
    return write_model_folder(tmp_path_factory.mktemp("tiny") / "output")


def test_a_real_model_is_served_as_the_tagger_answers(packages, tiny_model):
    import json
    import signal
    import urllib.request

    from nerctl import Tagger
    from nerctl.folder import ModelFolder

    texts = ["王小明在北京大学。", "", "海钓比赛地点在厦门\t👩‍🚀与金门之间的海域。" * 20, "a\ud83d\u0000"]
    right = [result.as_dict() for result in Tagger.load(tiny_model).batch(texts)]
    assert any(one["entities"] for one in right)
    command = [*SERVE, "--model", str(tiny_model), "--port", "0", "--access-log"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        url = process.stdout.readline().strip()
        body = json.dumps({"texts": texts}).encode()
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        answer = json.load(opener.open(url + "/v1/entities", body, timeout=120))
        model = json.load(opener.open(url + "/v1/model", timeout=10))
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 0
    assert model["engine"] == "tensorflow"
    assert model["labels"] == ["LOC", "ORG", "PER"]
    assert "tensorflow" in model["versions"]
    assert model["digest"] == ModelFolder.open(tiny_model).digest("model.")
    said = re.findall(r"^(\w+) {3,}\S", errors, re.MULTILINE)
    assert said == ["model", "engine", "workers", "stop", "address", "ready"]
    assert re.findall(r" 127\.0\.0\.1 (\S+ \S+ 200) \d+\.\d ms\n", errors) == [
        "POST /v1/entities 200",
        "GET /v1/model 200",
    ]
    assert errors.endswith("Stopping; no request is under way.\n")
    assert errors.count("\n") == 9
    for given, wanted in zip(answer["results"], right):
        assert given["text"] == wanted["text"]
        assert len(given["entities"]) == len(wanted["entities"])
        for entity, other in zip(given["entities"], wanted["entities"]):
            assert entity["score"] == pytest.approx(other["score"], abs=1e-4)
            assert {**entity, "score": 0} == {**other, "score": 0}
