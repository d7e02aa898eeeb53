"""Numbers and their nouns agree, in the messages that users read."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import nerctl

from nerctl.commands._train_screen import close
from nerctl.training.loop import Outcome
from nerctl.wording import counted, plural


@pytest.mark.parametrize(
    ("count", "words", "said"),
    [
        (0, ("step",), "0 steps"),
        (1, ("step",), "1 step"),
        (2, ("step",), "2 steps"),
        (20864, ("sentence",), "20,864 sentences"),
        (1, ("entity", "entities"), "1 entity"),
        (3, ("entity", "entities"), "3 entities"),
    ],
)
def test_one_is_singular_and_all_else_plural(count: int, words: tuple[str, ...], said: str) -> None:
    assert counted(count, *words) == said


def test_a_run_of_one_step_says_one_step_done(capsys: pytest.CaptureFixture) -> None:
    close(Outcome(1), "my run", 3.2)
    assert "1 step done in 3 s; the run is in my run" in capsys.readouterr().err


def test_the_command_that_goes_on_can_be_typed_as_it_is_printed(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(BaseException):  # noqa: B017 - click's Exit, which differs between the stacks
        close(Outcome(3, 2), "my run", 3.2)
    assert "nerctl train --resume --output-dir 'my run'" in capsys.readouterr().err


def test_a_score_of_one_sentence_says_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("李 B-PER B-PER\n", encoding="utf-8")
    code, printed, _ = nerctl("score", str(tmp_path / "one.txt"))
    assert code == 0 and "1 sentence, 1 token," in printed


def test_the_plural_is_that_of_the_first_noun():
    phrases = ("relation", "entity of several parts", "region without a label", "answer of another annotator")
    assert [plural(phrase) for phrase in phrases] == [
        "relations", "entities of several parts", "regions without a label", "answers of another annotator",
    ]  # fmt: skip
