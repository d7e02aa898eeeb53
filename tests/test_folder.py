"""Output places are tried before anything is computed, and the trial leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from nerctl.errors import NerctlError
from nerctl.files import check_output_file, check_output_folder


def everything(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize("name", ["new", "a/b/c", ".", "there"])
def test_a_folder_that_can_be_made_is_not_made_by_the_check(tmp_path: Path, name: str) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "mine.txt").write_text("mine")
    before = everything(tmp_path)
    check_output_folder(tmp_path / name, "--output-dir")
    assert everything(tmp_path) == before


def test_a_relative_folder_is_tried_where_the_process_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    check_output_folder(Path("one/two"), "--output-dir")
    check_output_file(Path("one.json"), "--output")
    assert everything(tmp_path) == []


def test_a_folder_that_cannot_be_made_is_one_sentence_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    before = everything(tmp_path)
    for place, reason in (
        (tmp_path / "file", "a file of that name is there"),
        (tmp_path / "file" / "below" / "it", "a file of that name is there"),
        (tmp_path / "link", "a link to nothing is there"),
        (tmp_path / "new" / ("x" * 300), "too long"),
        (Path("/proc/x/y"), "/proc/x"),
    ):
        with pytest.raises(NerctlError) as caught:
            check_output_folder(place, "--to")
        said = str(caught.value)
        assert said.startswith(f"{place}: cannot be written to (") and reason in said and "--to" in said
        assert caught.value.exit_code == 2 and "\n" not in said
    assert everything(tmp_path) == before


def test_a_file_that_cannot_be_written_is_one_sentence_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    before = everything(tmp_path)
    check_output_file(tmp_path / "file", "--output")
    check_output_file(tmp_path / "new", "--output")
    for place in (tmp_path, tmp_path / "missing" / "x", tmp_path / "file" / "x"):
        with pytest.raises(NerctlError, match="--output"):
            check_output_file(place, "--output")
    assert everything(tmp_path) == before and (tmp_path / "file").read_text() == "mine"
