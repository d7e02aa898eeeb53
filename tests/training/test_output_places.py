"""Where a result cannot be written, a command says so in one sentence before it computes anything."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import nerctl

from nerctl.training import session as session_room

NEEDS_NOTHING = ("quickstart --output-dir {}", "train --from-scratch --output-dir {}", "export --to {} --model output")
FILES = ("evaluate --data NERdata --predictions {}/x", "bench predict --output {}/x")


@pytest.mark.parametrize("command", [*NEEDS_NOTHING, *FILES])
@pytest.mark.parametrize("place", ["/proc/x", "model/vocab.txt/below"])
def test_a_place_that_cannot_be_made_is_one_sentence_and_nothing_is_written(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, command: str, place: str
) -> None:
    monkeypatch.setattr(session_room, "read_corpus", lambda *_: pytest.fail("the corpus was read"))
    before = sorted(workplace.rglob("*"))
    words = command.format(place).split()
    if words[0] == "export":
        words += ["--format", "saved-model"]  # ONNX is not there on every stack
    code, printed, said = nerctl(*words)
    option = next(word for word in ("--output-dir", "--to", "--predictions", "--output") if word in words)
    assert code == 2 and place in said and option in said and "\n" not in said.strip() and not printed
    assert sorted(workplace.rglob("*")) == before


def test_a_report_that_cannot_be_written_is_refused_before_anything_is_scored(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tempfile

    from nerctl.training import reporting

    Path("output").mkdir()
    Path("output/run.json").write_text('{"files": []}')

    def read_only(**_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(tempfile, "TemporaryFile", read_only)
    monkeypatch.setattr(reporting, "_scored", lambda *_: pytest.fail("scored"))
    code, _, said = nerctl("report", "--model", "output", "--data", "NERdata")
    assert code == 2 and "output: cannot be written to (Read-only file system); name another folder with --model" in said
