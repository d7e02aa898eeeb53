"""Files that are no UTF-8 text: every command that reads texts or corpora says the same of them."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nerctl.data.corpus import read_corpus
from nerctl.data.first_bytes import HEAD, refuse_no_text
from nerctl.data.rules import Rules
from nerctl.data.tags import Labels
from nerctl.data.validation import check_data
from nerctl.errors import DataError
from nerctl.evaluation.conlleval import conlleval_report
from nerctl.evaluation.predictions import score_file
from nerctl.inference.inputs import open_input

GOOD = "王 B-PER\n明 I-PER\n在 O\n\n北 B-LOC\n京 I-LOC\n"


def archive(*names: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name in names:
            file.writestr(name, "<x/>")
    return content.getvalue()


FILES = {
    "xlsx": (archive("[Content_Types].xml", "xl/workbook.xml"), "an Excel workbook; a corpus is a text file"),
    "docx": (archive("[Content_Types].xml", "word/document.xml"), "a Word document"),
    "zip": (archive("train.txt"), "a zip file; unpack it"),
    "xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), "an old Excel or Word document"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n", "a PDF"),
    "gzip": (b"\x1f\x8b\x08\x00" + bytes(20), "a gzip file; unpack it"),
    "arrow": (b"ARROW1\0\0", "an Arrow file"),
    "pickle": (b"\x80\x04\x95\x10\x00", "a Python pickle"),
    "UTF-16": (GOOD.encode("utf-16"), "not UTF-8 but UTF-16; convert it: iconv -f UTF-16 -t UTF-8"),
    "UTF-16LE": (GOOD.encode("utf-16-le"), "not UTF-8 but UTF-16LE; convert it: iconv -f UTF-16LE -t UTF-8"),
    "UTF-16BE": (GOOD.encode("utf-16-be"), "not UTF-8 but UTF-16BE; convert it: iconv -f UTF-16BE -t UTF-8"),
    "UTF-32": (GOOD.encode("utf-32"), "not UTF-8 but UTF-32"),
    "GBK": (GOOD.encode("gbk"), "not UTF-8; as GBK it reads '王 B-PER'; convert it: iconv -f GB18030 -t UTF-8"),
    "GBK text": ("他们都来自北京。\n后来去了上海。\n".encode("gbk"), "as GBK it reads '他们都来自北京。'; convert"),
    "binary": (bytes(range(256)) * 3 + bytes(100), "not a text but binary data"),
}


@pytest.mark.parametrize("kind", FILES)
def test_every_reader_says_the_same_helpful_sentence(tmp_path, kind):
    content, says = FILES[kind]
    path = tmp_path / "train.txt"
    path.write_bytes(content)
    told = set()
    readers = (
        read_corpus,
        lambda path: open_input(str(path)),
        score_file,
        conlleval_report,
        lambda path: Rules.read(Labels(("PER",)), path, None),
    )
    for read in readers:
        with pytest.raises(DataError) as caught:
            read(path)
        told.add(str(caught.value))
    (problem,) = check_data(path).problems
    (sentence,) = told | {problem.message}
    assert sentence.startswith(f"{path}:") and says in sentence and "\n" not in sentence
    assert "skip-bad" not in sentence


def test_a_text_with_single_lines_of_another_encoding_is_read_line_by_line():
    refuse_no_text("a.txt", (GOOD * 3).encode() + "北 O\n".encode("gbk"))
    refuse_no_text("a.txt", b"caf\xe9 O\n" * 5)  # Latin-1: GBK has no such bytes
    refuse_no_text("a.txt", b"")
    refuse_no_text("a.txt", b"a\0b O\n")


@given(text=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60), cut=st.integers(0, 8))
def test_no_utf8_text_is_refused_wherever_the_first_bytes_are_cut(text, cut):
    content = (text * 3).encode()
    if content.startswith((b"%PDF-", b"PK\x03\x04", b"{\\rtf", b"Rar!", b"BZh", b"PAR1", b"ARROW1")):
        return
    refuse_no_text("a.txt", content[: len(content) - cut])


@given(text=st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=2, max_size=30), cut=st.booleans())
def test_a_gbk_text_is_named_wherever_it_is_cut(text, cut):
    content = "".join(f"{mark} O\n" for mark in text).encode("gbk")
    lines = [line for line in content.split(b"\n") if line]
    decodes = sum(_is_utf8(line) for line in lines)
    if 2 * decodes >= len(lines) - 2:
        return  # two bytes of GBK are UTF-8 by chance, and the last line may be cut
    with pytest.raises(DataError, match="GB18030"):
        refuse_no_text("a.txt", content[:-4] if cut else content)


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def test_looking_at_standard_input_takes_nothing_from_it():
    """In a process of its own, for it is the file descriptor that is read."""
    code = (
        "import sys; from nerctl.inference.inputs import open_input\n"
        "with open_input('-') as stream: sys.stdout.buffer.write(stream.read())"
    )
    for content in (("北京。\n" * 40_000).encode(), b"", b"x"):
        done = subprocess.run([sys.executable, "-c", code], input=content, capture_output=True, check=True)
        assert done.stdout == content
    gbk = subprocess.run([sys.executable, "-c", code], input="他来自北京。\n".encode("gbk"), capture_output=True)
    assert b"standard input:1: not UTF-8; as GBK it reads" in gbk.stderr
    assert b"iconv -f GB18030 -t UTF-8 FILE > NEW" in gbk.stderr


def test_a_slow_pipe_is_not_waited_for_until_it_is_full(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    arrived = threading.Event()

    def write() -> None:
        with open(path, "wb", buffering=0) as pipe:
            pipe.write("北京。\n".encode())
            arrived.wait(20)
            pipe.write("上海。\n".encode())

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with open_input(str(path)) as stream:
            assert stream.readline().decode() == "北京。\n"
            arrived.set()
            assert stream.readline().decode() == "上海。\n"
    finally:
        arrived.set()
        writer.join()


def test_the_whole_input_is_still_there_after_the_look(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"a O\n" * HEAD)
    with open_input(str(path)) as stream:
        assert stream.tell() == 0 and stream.read() == path.read_bytes()


def test_a_name_with_blanks_is_quoted_in_the_command(tmp_path):
    path = tmp_path / "my train.txt"
    path.write_bytes(GOOD.encode("gbk"))
    with pytest.raises(DataError, match=f"iconv -f GB18030 -t UTF-8 '{path}' > NEW"):
        read_corpus(Path(path))
