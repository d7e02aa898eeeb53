"""`nerctl patch-hooks` on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import original_sources as sources
import pytest
from typer.testing import CliRunner

from nerctl.cli import app
from nerctl.errors import NerctlError
from nerctl.upstream.patch_files import apply_patch


def call(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["patch-hooks", *map(str, arguments)])


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A source of the original's structure."""
    path = tmp_path / "bert_base" / "train" / "bert_lstm_ner.py"
    path.parent.mkdir(parents=True)
    path.write_bytes(sources.source().encode())
    return path


def test_patch_and_revert_by_command(source: Path, tmp_path: Path) -> None:
    before = source.read_bytes()
    shown = call(tmp_path, "--dry-run")
    assert (
        shown.exit_code == 0
        and "+        myHook = MyHook()" in shown.stdout
        and source.read_bytes() == before
    )
    done = json.loads(call(tmp_path, "--steps", 7, "--device", "npu", "--json").stdout)
    assert done["status"] == "patched" and Path(done["script"]).is_file()
    assert "StopAtStepHook(7)" in source.read_text(encoding="utf-8")
    assert (
        json.loads(call(tmp_path, "--steps", 7, "--device", "npu", "--json").stdout)["status"] == "unchanged"
    )
    reverted = json.loads(call(tmp_path, "--revert", "--json").stdout)
    assert reverted["sha256"] == done["original_sha256"] and source.read_bytes() == before


@pytest.mark.parametrize("options", [["--device", "tpu"], ["--steps", "0"], ["--revert"], ["nowhere"]])
def test_wrong_use_is_refused_and_changes_nothing(source: Path, options: list[str]) -> None:
    before = source.read_bytes()
    arguments = options if options == ["nowhere"] else [source, *options]
    done = call(*arguments)
    refused = isinstance(done.exception, NerctlError) and done.exception.exit_code == 2
    assert refused or done.exit_code == 2
    assert source.read_bytes() == before and len(list(source.parent.iterdir())) == 1


def test_a_device_that_it_cannot_be_patched_for_is_refused_in_python_too(source: Path) -> None:
    before = source.read_bytes()
    with pytest.raises(NerctlError, match="--device cpu: the original is patched for cuda or npu"):
        apply_patch(source, device="cpu", steps=5)
    assert source.read_bytes() == before


def test_help_ends_with_two_examples() -> None:
    for command in ("patch-hooks", "compare"):
        text = CliRunner().invoke(app, [command, "--help"]).stdout
        assert "Examples:" in text and text.count(f"nerctl {command} ") >= 2
