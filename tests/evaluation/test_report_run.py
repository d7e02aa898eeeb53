"""nerctl report on a real (tiny) run: what it scores, what it keeps, and what it enters in the record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from nerctl.cli import app
from nerctl.training import reporting


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["--quiet", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def report_json() -> Any:
    return json.loads(Path("output/report.json").read_text(encoding="utf-8"))


@pytest.fixture
def trained(workplace: Path) -> Path:
    run("train", "--device", "cpu", "--from-scratch", "--max-seq-length", "64", "--epochs", "1", "--no-test")
    for left in ("report.json", "report.html", "README.md", "curves.png"):
        Path("output", left).unlink(missing_ok=True)
    return workplace


def test_report_scores_the_runs_own_file_once_keeps_the_analysis_and_takes_other_files(
    trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [Path(line) for line in run("report", "--model", "output").split()]
    assert Path("output/report.html") in files and all(file.is_file() for file in files)
    first = report_json()
    evaluated = json.loads(run("evaluate", "--model", "output", "--data", "NERdata/test.txt", "--json"))
    assert first["split"] == "test" and first["analysis"]["scores"] == evaluated == first["scores"]["test"]
    listed = json.loads(Path("output/run.json").read_text())["files"]
    assert {file.name for file in files} <= set(listed)
    if first["analysis"]["calibration"]:
        assert first["analysis"]["calibration"]["count"] == evaluated["predicted"]

    def no_scoring(*arguments: Any) -> None:
        raise AssertionError("the analysis is there")

    with monkeypatch.context() as patched:
        patched.setattr(reporting, "_scored", no_scoring)
        kept = json.loads(run("report", "--model", "output", "--json"))["files"]
    assert kept == [str(file) for file in files] and report_json()["analysis"] == first["analysis"]

    # A split is known by its content, any other file goes by its name.
    run("report", "--model", "output", "--data", "NERdata/dev.txt")
    assert report_json()["split"] == "dev"
    Path("other.txt").write_text("<b> B-PER\n　 O\n\n𠮷 B-NEW\n", encoding="utf-8")
    run("report", "--model", "output", "--data", "other.txt")
    report = report_json()
    assert report["split"] == "other.txt" and "other.txt" not in report["scores"]
    assert report["analysis"]["scores"]["tokens"] == 3 and report["analysis"]["unknown"]["with"]["gold"] == 2


def test_report_of_a_folder_that_holds_no_run_is_one_sentence(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["report", "--model", str(tmp_path)])
    assert result.exit_code != 0 and str(tmp_path / "run.json") in str(result.exception)
    assert not list(tmp_path.iterdir())
