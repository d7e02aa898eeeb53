"""The command line as a whole: light help, one sentence an error, near names suggested."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from made_corpus import write_encoder

from nerctl.cli import COMMANDS

HEAVY = ("tensorflow", "numpy", "matplotlib", "onnxruntime", "starlette", "requests", "rich", "torch")


def in_new_process(code: str) -> str:
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_load_nothing_heavy(option: str) -> None:
    printed = in_new_process(
        "import sys, json\n"
        "from nerctl.cli import app\n"
        f"try: app([{option!r}])\n"
        "except SystemExit: pass\n"
        f"print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))\n"
    )
    assert json.loads(printed.splitlines()[-1]) == []


def test_every_command_is_there_and_its_help_ends_with_two_examples() -> None:
    printed = in_new_process(
        "import json\n"
        "from typer.main import get_command\n"
        "from nerctl.cli import app\n"
        "print(json.dumps({name: one.help for name, one in get_command(app).commands.items()}))\n"
    )
    helps = json.loads(printed)
    assert set(helps) == {name.replace("_", "-") for name in COMMANDS}
    for name, text in helps.items():
        examples = [line for line in text.split("Examples:")[-1].splitlines() if f"nerctl {name}" in line]
        assert len(examples) >= 2, name


def nerctl(*arguments: str, folder: Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "nerctl", *arguments], capture_output=True, text=True, check=False, cwd=folder
    )


def test_a_mistyped_command_and_option_suggest_the_near_one(tmp_path: Path) -> None:
    command = nerctl("trian", folder=tmp_path)
    assert command.returncode == 2 and "train" in command.stderr
    option = nerctl("train", "--epoch", "3", folder=tmp_path)
    assert option.returncode == 2 and "--epochs" in option.stderr


def test_an_error_is_one_line_without_a_traceback_and_debug_shows_it(tmp_path: Path) -> None:
    plain = nerctl("config", "--config", "nowhere.toml", folder=tmp_path)
    assert plain.returncode == 2
    assert plain.stdout == "" and len(plain.stderr.splitlines()) == 1 and "nowhere.toml" in plain.stderr
    debug = nerctl("--debug", "config", "--config", "nowhere.toml", folder=tmp_path)
    assert debug.returncode != 0 and "Traceback" in debug.stderr


def test_config_says_where_each_value_comes_from_and_its_output_is_a_config(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text("epochs = 7\n")
    found = nerctl("config", "--config", "run.toml", "--seed", "5", "--json", folder=tmp_path)
    options = json.loads(found.stdout)
    assert options["epochs"] == {"value": 7, "origin": "run.toml"}
    assert options["seed"] == {"value": 5, "origin": "command line"}
    assert options["head"]["origin"] == "default"
    (tmp_path / "whole.toml").write_text(nerctl("config", "--config", "run.toml", folder=tmp_path).stdout)
    again = json.loads(nerctl("config", "--config", "whole.toml", "--json", folder=tmp_path).stdout)
    assert again["epochs"] == {"value": 7, "origin": "whole.toml"}


def test_a_mistyped_path_suggests_the_near_one(tmp_path: Path) -> None:
    (tmp_path / "NERdata").mkdir()
    (tmp_path / "output").mkdir()
    write_encoder(tmp_path / "model")
    data = nerctl("train", "--data-dir", "NERdta", "--from-scratch", folder=tmp_path)
    assert data.returncode == 2 and "did you mean NERdata?" in data.stderr
    model = nerctl("predict", "--model", "ouput", "text", folder=tmp_path)
    assert model.returncode == 2 and "did you mean output?" in model.stderr
    far = nerctl("predict", "--model", "elsewhere", "text", folder=tmp_path)
    assert far.returncode == 2 and "did you mean" not in far.stderr
