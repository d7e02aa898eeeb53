"""The three commands as they are typed: exit codes, one sentence for an error, results that a program can read."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path
from typing import Any, Callable

import pytest
from misbehaving import Misbehaving, page, status
from runs import write_dataset, write_run

from nerctl import cli
from nerctl.transfer import download as download_module
from nerctl.transfer.retry import RetryPolicy


class Typed:
    """Runs nerctl in this process, in a folder of its own."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.monkeypatch = monkeypatch
        self.capsys = capsys
        monkeypatch.chdir(folder)

    def __call__(self, *arguments: Any) -> tuple[int, str, str]:
        self.monkeypatch.setattr(sys, "argv", ["nerctl", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            cli.main()
        said = self.capsys.readouterr()
        return int(left.value.code or 0), said.out, said.err

    def fails(self, code: int, sentence: str, *arguments: Any) -> None:
        """The command ends with this code and one sentence, as the last line, without a traceback."""
        found, said, error = self(*arguments)
        last = error.strip().split("\n")[-1]
        assert (found, said) == (code, ""), error
        assert last.startswith("error: ") and sentence in last and "Traceback" not in error


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    no_sleep = (download_module.SILENT, RetryPolicy(read_timeout=0.4), lambda seconds: None)
    monkeypatch.setattr(download_module.download, "__defaults__", no_sleep)
    return Typed(tmp_path, monkeypatch, capsys)


ServerOf = Callable[[bytes], Misbehaving]


@pytest.mark.parametrize(
    ("answer", "code", "sentence"),
    [
        (page, 2, "answered with a web page"),
        (status(404), 1, "HTTP 404 Not Found"),
        (status(503), 1, "HTTP 503 Service Unavailable, 5 tries in a row"),
        (status(429, Retry_After="999"), 1, "asks to wait 999 s"),
    ],
)
@pytest.mark.parametrize("command", ["fetch-data", "fetch-bert"])
def test_a_failed_download_ends_with_its_code(
    typed: Typed, server_of: ServerOf, command: str, answer: Any, code: int, sentence: str
) -> None:
    server = server_of(b"")
    server.otherwise = answer
    typed.fails(code, sentence, command, "--to", "here", "--mirror", server.base)
    assert not (typed.folder / "here").exists()


def test_mirrors_can_come_from_the_environment(typed: Typed, server_of: ServerOf) -> None:
    first, second = server_of(b"x"), server_of(b"y")
    typed.monkeypatch.setenv("NERCTL_MIRROR", f"{first.base} {second.base}")
    typed.fails(2, second.base, "fetch-data", "--to", "here")
    assert first.requests and second.requests


def test_usage_errors_end_with_2(typed: Typed) -> None:
    typed.fails(2, "name it with --from", "fetch-data", "--unverified")
    typed.fails(2, "no encoder is called bert-large; write a hub's as OWNER/NAME", "fetch-bert", "bert-large")
    typed.fails(2, "give either --to", "archive")
    typed.fails(2, "give either --to", "archive", "--to", "a", "--verify", "b")
    typed.fails(2, "output/run.json: not there", "archive", "--to", "a")
    assert not list(typed.folder.iterdir())


def test_a_hostile_archive_ends_with_2_and_leaves_nothing(typed: Typed) -> None:
    with zipfile.ZipFile(typed.folder / "a.zip", "w") as opened:
        opened.writestr("../evil\n", b"evil")
    typed.fails(2, r"member '../evil\n'", "fetch-bert", "--from", "a.zip")
    typed.fails(2, r"member '../evil\n'", "fetch-data", "--from", "a.zip", "--unverified")
    assert [path.name for path in typed.folder.iterdir()] == ["a.zip"]


def test_another_corpus_is_taken_and_its_figures_are_shown(typed: Typed) -> None:
    write_dataset(typed.folder / "mine")
    code, said, _ = typed("fetch-data", "--from", "mine", "--unverified")
    assert code == 0
    assert "NERdata/train.txt: written, not verified, 1 sentence; O 1, B-LOC 1" in said
    code, said, _ = typed("fetch-data", "--from", "mine", "--unverified", "--json")
    first = json.loads(said)["files"][0]
    assert first == {
        "path": "NERdata/train.txt",
        "kept": True,
        "figures": {"sentences": 1, "tags": {"O": 1, "B-LOC": 1}},
    }


def test_an_archive_is_made_checked_and_refused_in_turn(typed: Typed) -> None:
    write_run(typed.folder / "output")
    write_dataset(typed.folder / "NERdata")
    code, said, told = typed("archive", "--to", "to")
    assert code == 0 and "to/checkpoint: 9 files written" in said
    assert "2 files are not archived, as the run did not write them" in told
    assert typed("archive", "--verify", "to")[1] == "to: 3 manifests, 18 files, 0.0 MB, all right\n"
    (typed.folder / "to" / "logs" / "steps.jsonl").unlink()
    typed.fails(2, "to/logs/steps.jsonl: missing", "archive", "--verify", "to")
    typed.fails(2, "no MANIFEST.json below it", "archive", "--verify", "NERdata")
    write_run(typed.folder / "output", run_id="run-2")
    typed.fails(2, "--run-name", "archive", "--to", "to")
    assert typed("archive", "--to", "to", "--run-name", "second")[0] == 0


def test_an_archive_that_lacks_something_ends_with_1_and_one_without_weights_with_2(typed: Typed) -> None:
    write_run(typed.folder / "output")
    write_dataset(typed.folder / "NERdata")
    (typed.folder / "output" / "report.html").unlink()
    code, said, told = typed("archive", "--to", "to")
    assert code == 1 and "to/logs: 5 files written" in said
    assert "error: output: 1 of the run's files is gone, so the archive lacks report.html; " in told
    assert json.loads(typed("archive", "--to", "to", "--json")[1])["missing"] == ["report.html"]
    typed.fails(2, "to/logs/report.html: was gone when the run was archived", "archive", "--verify", "to")
    (typed.folder / "output" / "checkpoints" / "20" / "model.ckpt.index").unlink()
    typed.fails(2, "so that the checkpoint is not whole", "archive", "--to", "other")
    assert not (typed.folder / "other").exists()


def test_the_corpus_of_an_archive_is_the_run_s_whatever_the_default(typed: Typed) -> None:
    write_run(typed.folder / "output")
    write_dataset(typed.folder / "mine")
    (write_dataset(typed.folder / "NERdata") / "train.txt").write_text("南 O\n", "utf-8")
    typed.fails(2, "NERdata/train.txt: is not the train file that the run in output has read", "archive", "--to", "to")
    assert not (typed.folder / "to").exists()
    assert typed("archive", "--to", "to", "--data-dir", "mine")[0] == 0


@pytest.mark.parametrize(
    ("to", "cause"),
    [
        ("file", "file is a file"),
        ("file/x", "file is a file"),
        ("link", "link is a link to gone, which is not there"),
        ("link/x", "link is a link to gone, which is not there"),
        ("/proc/x", "No such file or directory"),
    ],
)
def test_a_target_folder_that_cannot_be_made_is_one_sentence_before_anything_is_copied(
    typed: Typed, to: str, cause: str
) -> None:
    write_run(typed.folder / "output")
    write_dataset(typed.folder / "NERdata")
    (typed.folder / "file").write_text("mine")
    (typed.folder / "link").symlink_to("gone")
    typed.fails(2, f"{to}/dataset: no folder can be made there ({cause}); name another place", "archive", "--to", to)
    assert (typed.folder / "file").read_text() == "mine" and not (typed.folder / "gone").exists()


def test_a_tilde_that_no_shell_replaced_is_the_home_folder(typed: Typed) -> None:
    write_run(typed.folder / "output")
    typed.monkeypatch.setenv("HOME", str(typed.folder / "home"))
    assert typed("archive", "--to=~/a", "--what", "logs")[0] == 0
    assert (typed.folder / "home" / "a" / "logs" / "MANIFEST.json").is_file() and not (typed.folder / "~").exists()
    assert typed("archive", "--verify=~/a")[0] == 0
    assert f"-> {typed.folder}/home/a/logs/" in typed("archive", "--to=~/a", "--what", "logs", "--dry-run")[1]
    (typed.folder / "output").rename(typed.folder / "home" / "run")
    write_dataset(typed.folder / "home" / "mine")
    assert typed("archive", "--to=~/b", "--output-dir=~/run", "--data-dir=~/mine")[0] == 0
    typed.fails(2, "no user of that name; a folder that is called so is ./~no-one/a", "archive", "--verify=~no-one/a")


def test_a_dry_run_lists_and_does_not_contact_the_host(typed: Typed) -> None:
    write_run(typed.folder / "output", "npu")
    write_dataset(typed.folder / "NERdata")
    code, said, _ = typed("archive", "--to", "10.136.165.4:/turingDataset", "--layout", "turing", "--dry-run")
    name = "CarPeting_TF_BiLSTM_CRF"
    assert code == 0
    assert f"output/loss+perf_npu.txt -> 10.136.165.4:/turingDataset/results/{name}/loss+perf_npu.txt\n" in said
    assert f"NERdata/train.txt -> 10.136.165.4:/turingDataset/{name}/train.txt\n" in said


def test_without_a_terminal_progress_is_a_line_some_seconds_apart(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from nerctl.commands import _progress

    now = [0.0]
    monkeypatch.setattr(_progress.time, "monotonic", lambda: now[0])
    with _progress.Progress() as progress:
        for second in range(12):
            now[0] = float(second)
            progress.advance("file", second * 1_000_000, 11_000_000)
        now[0] = 20.0
        progress.advance("other", 3_000_000, None)
    assert capsys.readouterr().err.splitlines() == [
        "file: 5.0 of 11.0 MB (45 %), 1.0 MB/s",
        "file: 10.0 of 11.0 MB (91 %), 1.0 MB/s",
        "other: 3.0 MB",
    ]


def test_what_is_begun_anew_under_the_same_name_has_its_own_speed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from nerctl.commands import _progress

    now = [0.0]
    monkeypatch.setattr(_progress.time, "monotonic", lambda: now[0])
    with _progress.Progress("sentences") as progress:
        for second, done in ((0, 0), (60, 600), (61, 0), (71, 100)):
            now[0] = float(second)
            progress.advance("dev.txt", done, 600)
    assert capsys.readouterr().err.splitlines()[-1] == "dev.txt: 100 of 600 sentences (17 %), 10 sentences/s"


def test_on_a_terminal_progress_is_a_bar_that_begins_where_the_part_ends(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from nerctl.commands import _progress

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with _progress.Progress() as progress:
        progress.advance("file", 6_000_000, 10_000_000)
        assert progress.bar is not None and progress.bar.tasks[0].completed == 6_000_000
        progress.advance("file", 1_000_000, 10_000_000)  # begun anew
        assert progress.bar.tasks[0].completed == 1_000_000
        progress.note("a line above the bar")
        progress.advance("file", 10_000_000, 10_000_000)
        assert progress.bar is None
    assert "a line above the bar" in capsys.readouterr().err
