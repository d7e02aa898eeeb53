"""The examples of docs/serving.md are run as they stand, against a server at another port."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "serving.md"


def examples(kind: str, server) -> list[str]:
    if not PAGE.is_file():
        pytest.skip("needs docs/serving.md")
    found = re.findall(rf"```{kind}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    return [example.replace("http://127.0.0.1:8000", server.url) for example in found]


def test_the_curl_examples_work(serve):
    if shutil.which("curl") is None:
        pytest.skip("needs curl")
    server = serve(tokens=["TOKEN"])
    for example in examples("sh", server):
        done = subprocess.run(["sh", "-c", example], capture_output=True, text=True, timeout=120)
        answer = json.loads(done.stdout)
        if "Authorization" in example:
            assert len(answer["results"]) == 1
        else:
            assert answer["error"]["status"] == 401
    open_server = serve(name="open")
    first = examples("sh", open_server)[0]
    done = subprocess.run(["sh", "-c", first], capture_output=True, text=True, timeout=120)
    assert json.loads(done.stdout)["text"] == "王小明在北京大学。"


def test_the_python_example_works(serve):
    (example,) = examples("python", serve())
    example = example.replace("海钓", "山水abc👩‍🚀")
    environment = {**os.environ, "NO_PROXY": "*", "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-c", example]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, env=environment, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].startswith("NATURE 山水 0.3")


def test_every_option_and_status_of_the_server_is_documented(serve):
    text = PAGE.read_text(encoding="utf-8") if PAGE.is_file() else pytest.skip("needs docs/serving.md")
    document = serve(tokens=["x"]).get("/openapi.json").json
    for path, methods in document["paths"].items():
        assert f"{path}`" in text or f"{path} " in text or path in text, path
        for operation in methods.values():
            for status in operation["responses"]:
                assert status == "200" or re.search(rf"^\| {status}", text, re.MULTILINE), status
    help_text = subprocess.run(
        [sys.executable, "-m", "nerctl", "serve", "--help"], capture_output=True, text=True, timeout=120
    ).stdout
    for option in set(re.findall(r"--[a-z][a-z-]+", help_text)) - {"--help"}:
        assert option in text, option
