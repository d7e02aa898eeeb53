"""A tagger in a process that was forked: ONNX answers, TensorFlow says at once why it cannot."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

PROGRAM = """
import os, sys
from nerctl import Tagger
folder = sys.argv[1]
tagger = Tagger.load(folder)
tagger("海钓")
for work in (lambda: tagger("海钓比赛在厦门"), lambda: Tagger.load(folder)("海钓")):
    child = os.fork()
    if not child:
        try:
            work()
            print("answered", flush=True)
        except Exception as error:
            print(type(error).__name__, error, flush=True)
        os._exit(0)
    os.waitpid(child, 0)
tagger("海钓")
print("parent goes on")
"""


def forked(folder: Path) -> list[str]:
    command = [sys.executable, "-c", PROGRAM, str(folder)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        command, stdout=subprocess.PIPE, timeout=60, check=True, cwd=ROOT, env=environment, encoding="utf-8"
    )
    return done.stdout.splitlines()


def test_a_tensorflow_tagger_loaded_before_a_fork_says_so_in_the_child(model_folder: Path) -> None:
    *children, parent = forked(model_folder)
    assert parent == "parent goes on" and len(children) == 2
    for said in children:
        assert said.startswith("NerctlError TensorFlow ran before this process was forked")
        assert "after the fork" in said and "--preload" in said and "ONNX" in said


def test_an_onnx_tagger_loaded_before_a_fork_answers_in_the_child(onnx_folder: Path) -> None:
    assert forked(onnx_folder) == ["answered", "answered", "parent goes on"]
