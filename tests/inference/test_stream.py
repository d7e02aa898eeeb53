"""nerctl predict on files: forms of input and output, bad lines, kills and --resume, bounded memory."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nerctl.errors import DataError, NerctlError
from nerctl.inference.part_file import PartFile
from nerctl.inference.stream import Listener, StreamOptions, predict_file, predict_stream
from nerctl.inference.tagger import Tagger

ROOT = Path(__file__).parents[2]


def predicted(tagger: Tagger, content: bytes, **options) -> str:
    blocks = predict_stream(tagger, io.BytesIO(content), "in", StreamOptions(**options))
    return b"".join(block.output for block in blocks).decode("utf-8")


def objects(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_line_a_text_in_order_empty_ones_included(tensorflow_tagger: Tagger) -> None:
    content = "\ufeff海钓\r\n\n在厦门\n末行".encode()
    assert [one["text"] for one in objects(predicted(tensorflow_tagger, content))] == ["海钓", "", "在厦门", "末行"]


def test_json_fields_pass_through_and_the_text_stays_in_its_field(tensorflow_tagger: Tagger) -> None:
    content = json.dumps({"id": 7, "body": "在厦门", "tags": ["a"]}, ensure_ascii=False).encode() + b"\n\n"
    [one] = objects(predicted(tensorflow_tagger, content, field="body"))
    assert (one["id"], one["body"], one["tags"]) == (7, "在厦门", ["a"])
    assert all(one["body"][e["start"] : e["end"]] == e["text"] for e in one["entities"])


def test_a_lone_surrogate_comes_back_as_it_came(tensorflow_tagger: Tagger) -> None:
    [one] = objects(predicted(tensorflow_tagger, b'{"text": "\\ud800\xe6\xb5\xb7\\udc00"}\n'))
    assert one["text"] == "\ud800海\udc00"


def test_columns_in_and_out_keep_their_tokens(tensorflow_tagger: Tagger) -> None:
    content = "海 O\n钓 B-LOC\nabc O\n O\n\n在\n厦\n".encode()
    out = predicted(tensorflow_tagger, content, output="conll")
    rows = [line.split("\t") for line in out.splitlines()]
    assert [row[0] for row in rows] == ["海", "钓", "abc", " ", "", "在", "厦", ""]
    assert all(row[1] == "O" or row[1][:2] in ("B-", "I-") for row in rows if row[0])


def test_inline_marks_what_jsonl_lists(tensorflow_tagger: Tagger) -> None:
    text = "海钓比赛地点在厦门与金门"
    line = predicted(tensorflow_tagger, text.encode(), output="inline")
    entities = tensorflow_tagger(text).entities
    assert entities and line.count("](") == len(entities)
    for entity in entities:
        assert f"[{entity.text}]({entity.type})" in line


BAD = '{"text": "海"}\nnot json\n{"text": 3}\n{"text": "钓"}\n'.encode()


def test_a_bad_line_stops_the_run_and_keeps_what_was_done(tensorflow_tagger: Tagger, tmp_path: Path) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(BAD)
    with pytest.raises(DataError, match=r"in\.jsonl:2: not JSON.*--skip-bad"):
        predict_file(tensorflow_tagger, str(source), PartFile(target, {}), StreamOptions())
    assert not target.exists()
    assert [one["text"] for one in objects(Path(f"{target}.part").read_text("utf-8"))] == ["海"]
    source.write_bytes(BAD.replace(b"not json", '{"text": "好"}'.encode()).replace(b"3", b'"4"'))
    done = predict_file(tensorflow_tagger, str(source), PartFile(target, {}), StreamOptions(), resume=True)
    assert [one["text"] for one in objects(target.read_text("utf-8"))] == ["海", "好", "4", "钓"]
    assert done.texts == 4 and sorted(os.listdir(tmp_path)) == ["in.jsonl", "out.jsonl"]


def test_bad_lines_are_named_and_left_out_when_asked(tensorflow_tagger: Tagger, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(BAD)
    told: list[int] = []

    class Heard(Listener):
        def skipped(self, line: int, reason: str) -> None:
            told.append(line)

    part = PartFile(tmp_path / "out", {})
    done = predict_file(tensorflow_tagger, str(tmp_path / "in"), part, StreamOptions(skip_bad=True), listener=Heard())
    assert told == [2, 3] and done.skipped == 2 and done.texts == 2


def test_an_output_in_the_way_and_a_resume_of_nothing_are_refused(tensorflow_tagger: Tagger, tmp_path: Path) -> None:
    (tmp_path / "in").write_text("海")
    (tmp_path / "there").write_text("x")
    with pytest.raises(NerctlError, match="in the way"):
        predict_file(tensorflow_tagger, str(tmp_path / "in"), PartFile(tmp_path / "there", {}), StreamOptions())
    with pytest.raises(NerctlError, match="nothing to resume"):
        predict_file(tensorflow_tagger, str(tmp_path / "in"), PartFile(tmp_path / "new", {}), StreamOptions(), True)
    assert (tmp_path / "there").read_text() == "x"


def test_another_model_cannot_resume(tensorflow_tagger: Tagger, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(BAD)
    with pytest.raises(DataError):
        predict_file(tensorflow_tagger, str(tmp_path / "in"), PartFile(tmp_path / "out", {"model": "a"}), StreamOptions())
    with pytest.raises(NerctlError, match="another model"):
        part = PartFile(tmp_path / "out", {"model": "b"})
        predict_file(tensorflow_tagger, str(tmp_path / "in"), part, StreamOptions(), True)


def test_a_killed_process_resumes_to_the_same_bytes(onnx_folder: Path, tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.write_text("".join("海钓比赛在厦门"[index % 6 :] * (index % 9) + "\n" for index in range(9000)), "utf-8")
    command = [sys.executable, "-m", "nerctl", "predict", "--model", str(onnx_folder), "--input", str(source)]
    subprocess.run([*command, "--output", str(tmp_path / "whole")], check=True, cwd=ROOT)
    process = subprocess.Popen([*command, "--output", str(tmp_path / "out")], cwd=ROOT)
    journal = tmp_path / "out.part.json"
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        if journal.exists() and (tmp_path / "out.part").stat().st_size > 100_000:
            process.send_signal(signal.SIGKILL)
            break
        time.sleep(0.005)
    process.wait()
    assert not (tmp_path / "out").exists(), "the process ended before it was killed"
    subprocess.run([*command, "--output", str(tmp_path / "out"), "--resume"], check=True, cwd=ROOT)
    assert (tmp_path / "out").read_bytes() == (tmp_path / "whole").read_bytes()


def test_the_command_answers_texts_and_refuses_what_makes_no_sense(onnx_folder: Path) -> None:
    def run(*arguments: str, piped: str = "") -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "nerctl", "-q", "predict", "--model", str(onnx_folder), *arguments]
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, encoding="utf-8", input=piped)

    answer = run("海钓比赛", "在厦门")
    assert [one["text"] for one in objects(answer.stdout)] == ["海钓比赛", "在厦门"]
    piped = run(piped="海钓比赛\n在厦门\n")
    assert piped.stdout == answer.stdout
    for arguments in ([], ["海", "--output", "x"], ["海", "--format", "xml"]):
        refused = run(*arguments)
        assert refused.returncode == 2 and refused.stderr.count("\n") == 1, refused.stderr
