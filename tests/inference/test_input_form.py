"""The form of an input: found by many lines, said, and what somebody annotated in another shape is refused."""

from __future__ import annotations

import io
import json
import os
import threading
from pathlib import Path

import pytest
from fake_tagger import FakeTagger

from nerctl.data.corpus import read_corpus
from nerctl.errors import DataError, NerctlError
from nerctl.evaluation.predictions import prediction_lines
from nerctl.inference import stream as stream_module
from nerctl.inference.input_form import LOOK_BYTES, LOOK_LINES, recognise
from nerctl.inference.stream import Listener, StreamOptions, predict_stream

CASES = Path(__file__).parents[3] / "shared" / "cases" / "corpora"


def form_of(content: str) -> str:
    return recognise("in", list(enumerate(content.encode().split(b"\n"), 1)))


def answered(content: str, **options) -> list[dict]:
    blocks = predict_stream(FakeTagger(), io.BytesIO(content.encode()), "in", StreamOptions(**options))
    return [json.loads(line) for block in blocks for line in block.output.splitlines()]


@pytest.mark.parametrize(
    ("content", "form"),
    [
        ("", "text"), ("海钓比赛", "text"), ("{不是", "text"), ("[1] 见前文", "text"), ("[图片] 你好", "text"),
        ("go to O", "text"), ("我的血型是 O", "text"), ("我的血型是 O\n他的血型是 AB\n她在北京\n", "text"),
        ("苹果 0\n香蕉 0\n", "text"), ("用 and/or 连接", "text"), ("他坐 B-52 轰炸机\n一台 E-MAIL 服务器\n", "text"),
        ('{"text": "a"}', "jsonl"), ('\n\n{"text": "a"}\nnot json\n{"text": "b"}\n', "jsonl"), ('{"text": "a', "jsonl"),
        ('{"text": "a"},\n{"text": "b"},\n', "jsonl"),
        ("海 O", "conll"), (" O", "conll"), ("海\tB-LOC", "conll"), ("海 O\n钓 O\n\n在 O", "conll"),
        ("海钓 O\n" * 10, "conll"), ("王 b-per\n明 i-per\n在 o", "conll"), ("王 PER-B\n明 PER-I\n", "conll"),
        ("EU NNP B-NP B-ORG\nrejects VBZ B-VP O\n", "conll"),
    ],
)  # fmt: skip
def test_the_form_is_that_of_most_lines(content: str, form: str) -> None:
    assert form_of(content) == form


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ('[{"text": "在厦门"}]', r"in:1: a JSON array.*jq -c '\.\[\]'"),
        ('[\n  {\n    "text": "在厦门"\n  }\n]\n', "in:1: a JSON array"),
        ('["在厦门",\n"在金门"]\n', "in:1: a JSON array"),
        ('["在厦门", {"entities": [[1, 3, "LOC"]]}]\n', r"in an array.*text: \.\[0\]"),
        ('{\n "text": "在厦门",\n "entities": []\n}\n', "in:1: an object over several lines.*jq -c \\."),
        ("王/B-PER 明/I-PER 在/O\n", "in:1: tags are mixed with the text"),
        ("text,label\n王,B-PER\n明,I-PER\n", "in:2: tags are mixed with the text"),
        ("王 明 在\tB-PER I-PER O\n", "tags are mixed"), ("王\x02明\tB-PER\x02I-PER\n", "tags are mixed"),
        ("B-PER 王\nI-PER 明\nO 在\n", "tags are mixed"),
        ("# text = 王明\n1\t王\t_\tB-PER\n2\t明\t_\tI-PER\n", r"in:1: CoNLL-U.*cut -f 2,4"),
        ("当/o 希望工程/nt 救助/o\n", "in:1: each word has a tag behind it"),
        ("王 B-PER\r明 I-PER\r\r", "in:1: its line ends are CR alone"),
    ],
)  # fmt: skip
def test_what_was_annotated_in_another_shape_is_refused_in_one_sentence(content: str, what: str) -> None:
    with pytest.raises(DataError, match=what) as error:
        form_of(content)
    assert "\n" not in str(error.value)
    if "CoNLL-U" not in what:
        assert "--input-format text" in str(error.value)
        assert len(answered(content, form="text")) == content.count("\n") + (not content.endswith("\n"))


def test_the_files_that_evaluate_writes_are_columns() -> None:
    content = prediction_lines("海钓 x", ["O", "B-LOC", "O", "O"], ["O", "O", "O", "B-ORG"]) * 3
    assert [one["text"] for one in answered(content)] == ["海钓␣x"] * 3


def test_columns_are_read_whatever_their_tags_are_written_as() -> None:
    content = "王 b-per\n明 i-per\n 0\n\u200b\n李 B_PER\n四 O\n\ufeff\n"
    assert [one["text"] for one in answered(content, form="conll")] == ["王明 ", "李四"]


@pytest.mark.parametrize("odd", ["\u200b", "\u3000", "\u00ad", "\ufe0f", "\u202e"])
def test_a_line_with_nothing_to_be_seen_ends_a_sentence_as_in_a_corpus(odd: str, tmp_path: Path) -> None:
    content = f"王 B-PER\n明 I-PER\n{odd}\n李 B-PER\n四 I-PER\n"
    (tmp_path / "corpus").write_text(content, encoding="utf-8")
    sentences = ["".join(sentence.tokens) for sentence in read_corpus(tmp_path / "corpus")]
    assert [one["text"] for one in answered(content, form="conll")] == sentences == ["王明", "李四"]


@pytest.mark.parametrize("tags", [("B-PER", "I-PER"), ("b-per", "i-per"), ("PER-B", "PER-I")])
@pytest.mark.parametrize("token", ["👩\u200d👧", "\u200b王", "क्\u200c", "王\u00ad"])
@pytest.mark.parametrize("mark", ["\t", " "])
def test_a_token_stays_as_it_is_however_its_tag_is_written(tags: tuple[str, str], token: str, mark: str) -> None:
    content = f"{token}{mark}{tags[0]}\n明{mark}{tags[1]}\u200b\n"
    for form in ("conll", "auto"):
        assert [one["text"] for one in answered(content, form=form)] == [f"{token}明"]


def test_the_form_is_said_when_it_was_not_named() -> None:
    said: list[str] = []

    class Heard(Listener):
        def recognised(self, form: str) -> None:
            said.append(form)

    for form in ("auto", "text"):
        list(predict_stream(FakeTagger(), io.BytesIO("海 O".encode()), "in", StreamOptions(form), listener=Heard()))
    assert said == ["conll"]


@pytest.mark.parametrize(
    ("line", "count"), [("海" * 1000, LOOK_BYTES // 3000 + 9), ("海", LOOK_LINES + 9)], ids=["bytes", "lines"]
)
def test_a_pipe_is_read_ahead_within_bounds_only(line: str, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_module, "BLOCK_CHARACTERS", 1)
    reader, writer = os.pipe()
    go_on = threading.Event()

    def write() -> None:
        with os.fdopen(writer, "wb") as pipe:
            pipe.write(f"{line}\n".encode() * count)
            pipe.flush()
            go_on.wait(10)

    thread = threading.Thread(target=write)
    thread.start()
    with os.fdopen(reader, "rb") as stream:
        blocks = predict_stream(FakeTagger(), stream, "-", StreamOptions())
        assert next(blocks).done.texts > 0
        assert thread.is_alive()  # so the writer still holds the pipe open
        go_on.set()
        assert list(blocks)[-1].done.texts == count
    thread.join()


def test_a_lines_own_entities_are_said_to_be_replaced_once() -> None:
    said: list[tuple[int, str]] = []

    class Heard(Listener):
        def replaced(self, line: int, field: str) -> None:
            said.append((line, field))

    content = '{"text": "海"}\n' + '{"text": "在厦门", "entities": [], "id": 4}\n' * 2
    [block] = predict_stream(FakeTagger(), io.BytesIO(content.encode()), "in", StreamOptions(), listener=Heard())
    assert said == [(2, "entities")]
    assert json.loads(block.output.splitlines()[1])["id"] == 4
    with pytest.raises(NerctlError, match="--field entities"):
        StreamOptions(field="entities")


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ('{"text": "王明", "text": "李四"}', 'in:1: "text" stands twice in one object'),
        ('{"originalText": "王明", "id": 3}', "its fields: originalText, id"),
    ],
)
def test_a_json_line_that_is_no_text_says_what_it_is(line: str, what: str) -> None:
    with pytest.raises(DataError, match=what):
        answered(line)


@pytest.mark.skipif(not CASES.is_dir(), reason="needs ../shared/cases")
def test_no_annotated_file_is_tagged_as_text() -> None:
    forms = {}
    for path in sorted(CASES.iterdir()):
        try:
            forms[path.name] = recognise(path.name, list(enumerate(path.read_bytes().split(b"\n"), 1)))
        except DataError:
            forms[path.name] = "refused"
    assert "text" not in forms.values() and len(forms) > 40
    assert forms["cluener_test.json"] == "jsonl"
