"""The command line as a whole: light help, one sentence an error, near names suggested."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import re
import subprocess
import sys
import unicodedata
from io import StringIO
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
from made_corpus import write_encoder

from nerctl.cli import COMMANDS, run
from nerctl.config import TrainConfig

HEAVY = ("tensorflow", "numpy", "matplotlib", "jinja2", "onnxruntime", "starlette", "requests", "rich", "torch")


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


def test_help_and_a_command_load_no_other_command() -> None:
    code = (
        "import sys, json\n"
        "from nerctl.cli import run\n"
        "sys.stdout = sys.stderr\n"
        "run({arguments!r})\n"
        "loaded = [name.split('.')[-1] for name in sys.modules if name.startswith('nerctl.commands.')]\n"
        "print(json.dumps(loaded), file=sys.__stdout__)\n"
    )
    for arguments, wanted in ((["--help"], set()), ([], set()), (["score", "--help"], {"score"})):
        loaded = json.loads(in_new_process(code.format(arguments=arguments)))
        assert {name for name in loaded if not name.startswith("_")} == wanted


def test_every_command_is_there_and_its_help_ends_with_two_examples() -> None:
    printed = in_new_process(
        "import json\n"
        "from typer.main import get_command\n"
        "from nerctl.cli import app\n"
        "print(json.dumps({name: one.help for name, one in get_command(app).commands.items()}))\n"
    )
    helps = json.loads(printed)
    assert set(helps) == set(COMMANDS)
    for name, text in helps.items():
        examples = [line for line in text.split("Examples:")[-1].splitlines() if f"nerctl {name}" in line]
        assert len(examples) >= 2, name


def nerctl(*arguments: str, folder: Path, **variables: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "nerctl", *arguments],
        capture_output=True, text=True, check=False, cwd=folder, env={**os.environ, **variables},
    )  # fmt: skip


def test_a_mistyped_command_and_option_suggest_the_near_one(tmp_path: Path) -> None:
    command = nerctl("trian", folder=tmp_path)
    assert command.returncode == 2 and "train" in command.stderr
    option = nerctl("train", "--epoch", "3", folder=tmp_path)
    assert option.returncode == 2 and "--epochs" in option.stderr


@pytest.mark.parametrize("arguments", [["trian"], ["train", "--epoch", "3"], ["serve", "--port", "x"], ["score"]])
def test_a_wrong_command_line_gets_one_line_that_begins_with_error_and_exit_code_2(
    tmp_path: Path, arguments: list[str]
) -> None:
    found = nerctl(*arguments, folder=tmp_path)
    assert found.returncode == 2 and found.stdout == ""
    assert re.fullmatch(r"error: .*nerctl.* --help shows what it takes\n", found.stderr)


def test_debug_shows_the_traceback_and_keeps_the_exit_code(tmp_path: Path) -> None:
    plain = nerctl("score", "nowhere.txt", folder=tmp_path)
    debug = nerctl("--debug", "score", "nowhere.txt", folder=tmp_path)
    assert "Traceback" not in plain.stderr and "Traceback" in debug.stderr
    assert debug.returncode == plain.returncode == 2
    assert debug.stderr.endswith(plain.stderr)


@pytest.mark.parametrize("name", ["NERCTL_VERSION", "NERCTL_SHOW_COMPLETION", "NERCTL_INSTALL_COMPLETION"])
@pytest.mark.parametrize("value", ["0.1.0", "1"])
def test_an_environment_variable_is_no_option_that_prints_and_leaves(tmp_path: Path, name: str, value: str) -> None:
    found = nerctl("config", "--json", folder=tmp_path, **{name: value})
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout)["epochs"]["value"] == 3
    assert ("warning" in found.stderr) == (name != "NERCTL_VERSION")


def test_a_mistyped_environment_variable_is_named_with_the_near_one(tmp_path: Path) -> None:
    found = nerctl("config", folder=tmp_path, NERCTL_TRAIN_EPOCH="7", NERCTL_MIRROR="x", NERCTL_TRAIN_SEED="2")
    assert found.returncode == 0
    assert found.stderr.splitlines() == [
        "warning: NERCTL_TRAIN_EPOCH in the environment sets no option; did you mean NERCTL_TRAIN_EPOCHS?"
    ]
    assert "seed = 2" in found.stdout


@pytest.mark.parametrize(
    ("word", "given"),
    [
        ("--model=~/m", "--model=/home/me/m"),
        ("--model=~", "--model=/home/me"),
        ("--model=a~b", "--model=a~b"),
        ("~/m", "~/m"),
        ("--field", "--field"),
        ("a=~b", "a=~b"),
    ],
)
def test_a_tilde_behind_an_equals_sign_is_the_home_folder(word: str, given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from nerctl.cli import with_home

    monkeypatch.setenv("HOME", "/home/me")
    assert with_home(word) == given


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_has_no_line_over_80_columns_and_cuts_no_sentence(command: str) -> None:
    printed = StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
        patch.setenv("COLUMNS", "80")
        assert run([command, "--help"] if command else []) == 0
    assert command or "..." not in printed.getvalue().replace("[ARGS]...", "")
    assert "env var: NERCTL_TRAIN" not in printed.getvalue()
    for line in printed.getvalue().splitlines():
        assert sum(1 + (unicodedata.east_asian_width(letter) in "WF") for letter in line) <= 80, line



def parameters(command: str) -> list[Any]:
    from typer.main import get_command

    from nerctl.cli import app

    found: Any = get_command(app)
    return [one for one in found.commands[command].params if one.name != "context"]


def closed_choices(command: str) -> dict[str, tuple[str, ...]]:
    """What the function's annotations allow, for the parameters that take one of a few words."""
    name = command.replace("-", "_")
    hints = get_type_hints(getattr(importlib.import_module(f"nerctl.commands.{name}"), name))
    kinds = [(one, kind) for one, hint in hints.items() for kind in (hint, *get_args(hint))]  # (of an Optional too)
    return {one: get_args(kind) for one, kind in kinds if get_origin(kind) is Literal}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_names_what_it_takes_and_stands_in_a_group(command: str) -> None:
    from nerctl.commands._help import PANELS

    closed = closed_choices(command)
    for one in parameters(command):
        if one.name in closed:
            assert one.metavar.strip("[]") in ("NAME", "|".join(closed[one.name]))
        else:
            named = re.fullmatch(r"\[?[A-Z]+\]?(\.{3})?|[A-Z]+=[A-Z]+|[A-Z]+\.toml", one.metavar or "")
            assert named or getattr(one, "is_flag", False), f"{one.name}: {one.metavar}"
        assert one.param_type_name == "argument" or "--config" in one.opts or one.rich_help_panel in PANELS


@pytest.mark.parametrize("command", COMMANDS)
def test_a_choice_that_there_is_not_is_refused_by_one_line_that_lists_them(command: str) -> None:
    kinds = {one.name: one.param_type_name for one in parameters(command)}
    for name, values in closed_choices(command).items():
        words = ["other"] if kinds[name] == "argument" else [f"--{name.replace('_', '-')}", "other"]
        with contextlib.redirect_stderr(StringIO()) as said:
            assert run([command, *words]) == 2
        line = said.getvalue()
        assert line.count("\n") == 1 and "'other'" in line and all(f"'{value}'" in line for value in values)


def test_an_argument_that_is_missing_gets_one_line_with_the_choices() -> None:
    with contextlib.redirect_stderr(StringIO()) as said:
        assert run(["bench"]) == 2
    assert said.getvalue().count("\n") == 1 and "Choose from: train, predict;" in said.getvalue()


def test_choices_are_completed_in_a_shell(tmp_path: Path) -> None:
    words = {"COMP_WORDS": "nerctl doctor --precision mixed", "COMP_CWORD": "3", "_NERCTL_COMPLETE": "complete_bash"}
    completed = nerctl(folder=tmp_path, **words)
    assert completed.stdout.split() == ["mixed_bfloat16", "mixed_float16"]


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


def test_config_shows_what_an_option_that_nobody_gave_will_be_and_why(tmp_path: Path) -> None:
    rule = nerctl("config", folder=tmp_path).stdout
    assert re.search(r"# learning_rate +# 0.001 up to hidden size 256, 0.0003 up to 512, 2e-05 above", rule)
    write_encoder(tmp_path / "model")  # of hidden size 16
    shown = nerctl("config", folder=tmp_path).stdout
    assert re.search(r"# learning_rate = 0.001 +# for hidden size \d+ \(model\)", shown)
    assert re.search(r"# batch_size = 16 ", shown) and re.search(r"# dropout = 0.\d+ ", shown)
    assert not re.search("= *#|= *$", shown, re.MULTILINE)
    (tmp_path / "run.toml").write_text(shown)
    again = json.loads(nerctl("config", "--config", "run.toml", "--json", folder=tmp_path).stdout)
    assert again["learning_rate"]["value"] is None and again["learning_rate"]["effective"] == 0.001


@pytest.mark.parametrize(
    ("kind", "hidden_size", "options", "rate"),
    [
        ("electra", 256, [], 3e-4), ("electra", 768, [], 1e-4), ("electra", 1024, [], 5e-5), ("ernie", 768, [], 5e-5),
        ("bert", 768, [], 2e-5), ("albert", 768, [], 2e-5), ("unheard-of", 768, [], 2e-5),
        ("electra", 256, ["--from-scratch"], 1e-3), ("electra", 256, ["--learning-rate", "0.5"], 0.5),
    ],
)  # fmt: skip
def test_the_rate_of_an_encoder_is_that_of_its_family_and_size(
    tmp_path: Path, kind: str, hidden_size: int, options: list[str], rate: float
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text(json.dumps({"model_type": kind, "hidden_size": hidden_size}))
    shown = json.loads(nerctl("config", *options, "--json", folder=tmp_path).stdout)["learning_rate"]
    assert shown.get("effective", shown["value"]) == rate
    assert options or (f"{kind} of hidden size" in shown["rule"]) == (kind in ("electra", "ernie"))
    config = TrainConfig(from_scratch="--from-scratch" in options, learning_rate=0.5 if "0.5" in options else None)
    assert config.rates(hidden_size, kind)[0] == rate


@pytest.mark.parametrize("width", [40, 50, 80])
def test_a_table_of_scores_cuts_no_figure_and_drops_counts_where_there_is_no_room(tmp_path: Path, width: int) -> None:
    (tmp_path / "scored.txt").write_text("厦 B-LOC B-LOC\n门 I-LOC O\n\n" * 1234)
    printed = nerctl("score", "scored.txt", folder=tmp_path, COLUMNS=str(width)).stdout
    assert "…" not in printed and printed.count("0.0000") == 6
    assert all(len(line) <= width for line in printed.splitlines())
    assert ("1,234" in printed.split("type")[1]) == (width >= 50) and ("predicted" in printed) == (width == 80)


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
