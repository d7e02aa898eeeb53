"""archive: the right files in the right places, checked, continued, and never over something else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from misbehaving import Listener
from runs import LOGS, MODEL, Setting, tree, write_run

from nerctl.errors import FailedError, NerctlError, TransferError
from nerctl.transfer.archive import store, verify
from nerctl.transfer.archive_plan import PROJECT, plan_archive
from nerctl.transfer.run_files import read_run
from nerctl.transfer.targets import FolderTarget, open_target

NAME = PROJECT
CHECKPOINT = {
    *MODEL,
    "run.json",
    "checkpoints/20/model.ckpt.index",
    "checkpoints/20/model.ckpt.data-00000-of-00001",
}


def below(prefix: str, names: set[str]) -> set[str]:
    return {f"{prefix}/{name}" for name in {*names, "MANIFEST.json"}}


def test_flat_puts_the_three_parts_side_by_side(setting: Setting) -> None:
    setting.store()
    logs = {*LOGS, "loss+perf_cpu.txt", "run.json"}
    dataset = {"train.txt", "dev.txt", "test.txt"}
    assert tree(setting.to) == (below("dataset", dataset) | below("checkpoint", CHECKPOINT) | below("logs", logs))


def test_turing_puts_each_device_in_the_place_of_the_original_workflow(setting: Setting) -> None:
    expected = below(NAME, {"train.txt", "dev.txt", "test.txt"})
    for backend, folder, log in (("cpu", "CPU", "cpu"), ("cuda", "GPU", "gpu"), ("npu", "results", "npu")):
        for path in setting.output.glob("loss+perf_*"):
            path.unlink()
        write_run(setting.output, backend, f"run-{backend}")
        setting.store(layout="turing")
        expected |= below(f"{folder}/{NAME}", {*CHECKPOINT, *LOGS, f"loss+perf_{log}.txt"})
        assert tree(setting.to) == expected
    assert not verify(FolderTarget(setting.to)).faults
    assert len(verify(FolderTarget(setting.to)).manifests) == 4


@pytest.mark.parametrize("what", ["dataset", "checkpoint", "logs"])
def test_one_part_alone_is_archived_alone(setting: Setting, what: str) -> None:
    setting.store(what)
    assert {path.name for path in setting.to.iterdir()} == {what}


def test_the_parts_of_one_run_add_up_in_one_manifest(setting: Setting) -> None:
    setting.store("logs", "turing")
    setting.store("checkpoint", "turing")
    manifest = json.loads((setting.to / "CPU" / NAME / "MANIFEST.json").read_text())
    assert manifest["parts"] == ["checkpoint", "logs"]
    assert {item["file"] for item in manifest["files"]} == {*CHECKPOINT, *LOGS, "loss+perf_cpu.txt"}


def test_a_manifest_tells_run_device_versions_and_command(setting: Setting) -> None:
    setting.store("logs")
    manifest = json.loads((setting.to / "logs" / "MANIFEST.json").read_text())
    run = json.loads((setting.output / "run.json").read_text())
    for key in ("run_id", "device", "versions", "command"):
        assert manifest[key] == run[key]
    listed = {item["file"]: item["bytes"] for item in manifest["files"]}
    assert listed["steps.jsonl"] == (setting.output / "steps.jsonl").stat().st_size


def test_files_that_the_run_did_not_write_are_left_and_counted(setting: Setting) -> None:
    assert read_run(setting.output).left == 2
    setting.store()
    assert not any("notes" in name or "other.bin" in name for name in tree(setting.to))


def test_files_of_the_record_that_are_gone_are_told(setting: Setting) -> None:
    (setting.output / "report.html").unlink()
    assert read_run(setting.output).missing == ("report.html",)
    setting.store()


def test_a_second_time_writes_nothing(setting: Setting) -> None:
    setting.store()
    before = {path: path.stat().st_mtime_ns for path in setting.to.rglob("*") if path.is_file()}
    assert all(not place.sent for place in setting.store())
    assert {path: path.stat().st_mtime_ns for path in setting.to.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("layout", ["flat", "turing"])
def test_a_second_run_is_refused_or_takes_a_run_name(setting: Setting, layout: str) -> None:
    setting.store(layout=layout)
    before = {name: (setting.to / name).read_bytes() for name in tree(setting.to)}
    write_run(setting.output, run_id="run-2")
    with pytest.raises(NerctlError, match=r"holds the run run-1; .*--run-name.*--force"):
        setting.store(layout=layout)
    assert {name: (setting.to / name).read_bytes() for name in tree(setting.to)} == before
    setting.store(layout=layout, run_name="second")
    after = {name: (setting.to / name).read_bytes() for name in tree(setting.to)}
    assert before.items() <= after.items()
    assert {name for name in after.keys() - before.keys() if "/second/" in name} == after.keys() - before.keys()
    assert not verify(FolderTarget(setting.to)).faults


def test_force_puts_the_second_run_over_the_first(setting: Setting) -> None:
    setting.store()
    write_run(setting.output, run_id="run-2")
    setting.store(force=True)
    assert not verify(FolderTarget(setting.to)).faults
    assert json.loads((setting.to / "logs" / "MANIFEST.json").read_text())["run_id"] == "run-2"


def test_a_file_with_other_content_is_refused_before_anything_is_written(setting: Setting) -> None:
    (setting.to / "logs").mkdir(parents=True)
    (setting.to / "logs" / "steps.jsonl").write_text("another's")
    with pytest.raises(NerctlError, match=r"steps.jsonl: is there with other content"):
        setting.store()
    assert tree(setting.to) == {"logs/steps.jsonl"}
    setting.store(force=True)
    assert not verify(FolderTarget(setting.to)).faults


def test_another_data_set_is_refused_and_the_same_is_shared_by_runs(setting: Setting) -> None:
    setting.store()
    manifest = (setting.to / "dataset" / "MANIFEST.json").read_bytes()
    write_run(setting.output, run_id="run-2")
    setting.store(run_name="second")
    assert (setting.to / "dataset" / "MANIFEST.json").read_bytes() == manifest
    (setting.data / "dev.txt").write_text("南 O\n", "utf-8")
    with pytest.raises(NerctlError, match=r"dataset/dev.txt: is there with other content; name another --to"):
        setting.store("dataset")


class Breaking(FolderTarget):
    """A folder whose disk fails after so many bytes; keeps a list of what happened."""

    def __init__(self, root: Path, room: int) -> None:
        super().__init__(root)
        self.room = room
        self.written: list[tuple[str, int]] = []

    def write(self, path: str, blocks: Any, append: bool) -> None:
        def limited() -> Any:
            for block in blocks:
                part = block[: self.room]
                self.room -= len(part)
                self.written.append((path, len(part)))
                yield part
                if len(part) < len(block):
                    raise OSError(28, "No space left on device")

        super().write(path, limited(), append)


@pytest.mark.parametrize("room", [0, 100, 5_000, 15_000, 21_000])
def test_an_interrupted_archive_goes_on_where_it_stopped(setting: Setting, room: int) -> None:
    plan = plan_archive("all", "flat", setting.output, setting.data)
    first = Breaking(setting.to, room)
    with pytest.raises(FailedError, match="the disk is full"):
        store(plan, first)
    finals = {name for name in tree(setting.to) if not name.endswith(".part")}
    for name in finals:
        source = setting.data if name.startswith("dataset") else setting.output
        if not name.endswith("MANIFEST.json"):
            assert (setting.to / name).read_bytes() == (source / name.partition("/")[2]).read_bytes()
    second = Breaking(setting.to, 10**9)
    store(plan, second)
    assert not verify(FolderTarget(setting.to)).faults
    files = [path for path in setting.to.rglob("*") if path.is_file() and path.name != "MANIFEST.json"]
    written = [*first.written, *second.written]
    sent = sum(size for path, size in written if "MANIFEST" not in path)
    assert sent == sum(path.stat().st_size for path in files)  # no byte twice


def test_the_manifest_comes_last(setting: Setting) -> None:
    target = Breaking(setting.to, 10**9)
    store(plan_archive("logs", "flat", setting.output, setting.data), target)
    assert "MANIFEST" in target.written[-1][0]


@pytest.mark.parametrize("longer", [0, 1, 1000])
def test_a_wrong_beginning_of_a_file_is_found_when_it_is_read_back(setting: Setting, longer: int) -> None:
    plan = plan_archive("logs", "flat", setting.output, setting.data)
    with pytest.raises(FailedError):
        store(plan, Breaking(setting.to, 50))
    part = next(setting.to.rglob("*.part"))
    part.write_bytes(b"x" * (part.stat().st_size + longer))
    store(plan, FolderTarget(setting.to))
    assert not verify(FolderTarget(setting.to)).faults


def test_a_disk_that_reads_back_something_else_is_found(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FolderTarget, "read", lambda self, path: iter([b"something else"]))
    with pytest.raises(TransferError, match="read back is not what was written, twice"):
        setting.store("logs")
    assert not {name for name in tree(setting.to) if not name.endswith(".part")}


def test_a_file_that_changes_meanwhile_is_told(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    write = FolderTarget.write

    def change(self: FolderTarget, path: str, blocks: Any, append: bool) -> None:
        with (setting.output / "steps.jsonl").open("a") as stream:
            stream.write("more\n")
        write(self, path, blocks, append)

    monkeypatch.setattr(FolderTarget, "write", change)
    with pytest.raises(TransferError, match=r"steps.jsonl: changed while it was archived"):
        setting.store("logs")


@pytest.mark.parametrize("name", sorted({"logs/steps.jsonl", "checkpoint/labels.json", "logs/MANIFEST.json"}))
@pytest.mark.parametrize("place", [0, 0.5, -1])
def test_verify_finds_a_flipped_byte(setting: Setting, name: str, place: float) -> None:
    setting.store()
    path = setting.to / name
    content = bytearray(path.read_bytes())
    content[int(place * len(content)) if place >= 0 else -1] ^= 1
    path.write_bytes(content)
    faults = verify(FolderTarget(setting.to)).faults
    assert len(faults) == 1 and str(path) in faults[0]


def test_verify_finds_a_missing_and_a_short_file(setting: Setting) -> None:
    setting.store()
    (setting.to / "logs" / "steps.jsonl").unlink()
    (setting.to / "checkpoint" / "labels.json").write_bytes(b"short")
    faults = verify(FolderTarget(setting.to)).faults
    assert [fault.rpartition(": ")[2] for fault in faults] == [
        f"has 5 bytes instead of {(setting.output / 'labels.json').stat().st_size:,}",
        "missing",
    ]


def test_verify_without_a_manifest_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert "no MANIFEST.json below it" in verify(FolderTarget(tmp_path)).faults[0]
    with pytest.raises(NerctlError, match="no such folder"):
        verify(FolderTarget(tmp_path / "nowhere"))


def test_verify_tells_of_unfinished_files(setting: Setting) -> None:
    with pytest.raises(FailedError):
        store(plan_archive("logs", "flat", setting.output, setting.data), Breaking(setting.to, 50))
    assert len(verify(FolderTarget(setting.to)).unfinished) == 1


def test_a_memory_address_of_fsspec_is_a_target(setting: Setting) -> None:
    fsspec = pytest.importorskip("fsspec")
    target = open_target("memory://archive-test")
    plan = plan_archive("all", "turing", setting.output, setting.data)
    store(plan, target)
    assert all(not place.sent for place in store(plan, target))
    found = verify(target)
    assert not found.faults and len(found.manifests) == 2
    memory = fsspec.filesystem("memory")
    with memory.open(f"/archive-test/{NAME}/dev.txt", "r+b") as stream:
        stream.write(b"X")
    assert len(verify(target).faults) == 1
    with pytest.raises(NerctlError, match="is there with other content"):
        store(plan, target)
    with pytest.raises(NerctlError, match="no such folder"):
        verify(open_target("memory://nowhere"))


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        ("not json", "not the record of a run"),
        ("[]", "no JSON object"),
        ("[" * 100_000, "nested too deep"),
        ('{"run_id": "a", "device": {"backend": "cpu"}}', "lists no files"),
        ('{"run_id": "a", "device": {"backend": "tpu"}, "files": []}', "the device is one of cpu, cuda, npu"),
        ('{"run_id": "a", "device": {"backend": "cpu"}, "files": ["/etc/passwd"]}', "lies outside"),
        ('{"run_id": "a", "device": {"backend": "cpu"}, "files": ["../x"]}', "lies outside"),
        ('{"run_id": "a", "device": {"backend": "cpu"}, "files": ["link/passwd"]}', "lies outside"),
        ('{"run_id": "a", "device": {"backend": "cpu"}, "files": [5]}', "lists no files"),
        ('{"run_id": "a", "device": {"backend": "cpu"}, "files": ["a\\\\b"]}', "is no name of a file"),
    ],
)
def test_a_wrong_record_is_one_sentence(setting: Setting, record: str, sentence: str) -> None:
    (setting.output / "run.json").write_text(record)
    (setting.output / "link").symlink_to("/etc")
    with pytest.raises(NerctlError, match=sentence):
        setting.store("logs")
    assert not setting.to.exists()


def test_without_a_run_only_the_data_set_can_be_archived(setting: Setting) -> None:
    (setting.output / "run.json").unlink()
    with pytest.raises(NerctlError, match="holds no run; name the output folder of nerctl train"):
        setting.store("logs")
    setting.store("dataset")
    assert json.loads((setting.to / "dataset" / "MANIFEST.json").read_text())["run_id"] is None


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden", "line\nbreak", "a\\b"])
def test_a_name_that_is_no_folder_is_refused(setting: Setting, name: str) -> None:
    with pytest.raises(NerctlError, match="is no name for a folder"):
        plan_archive("all", "turing", setting.output, setting.data, name)


def test_progress_is_told(setting: Setting) -> None:
    heard = Listener()
    setting.store("logs", report=heard)
    assert ("run.json", *2 * [(setting.output / "run.json").stat().st_size]) in heard.steps
