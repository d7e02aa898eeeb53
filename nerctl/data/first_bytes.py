"""What a file is by its first bytes, where it is no UTF-8 text: one look, and one sentence, for every command."""

from __future__ import annotations

import codecs
import shlex
from pathlib import Path

from nerctl.errors import DataError

HEAD = 1 << 16
"""Bytes that are looked at."""

_UNPACK = "unpack it, and name the text file that was in it"
_AS_TEXT = "a corpus is a text file: save it with a token, a TAB and its tag a line, as UTF-8"
_SIGNATURES = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", f"an old Excel or Word document; {_AS_TEXT}"),
    (b"%PDF-", f"a PDF; {_AS_TEXT}"),
    (b"{\\rtf", f"an RTF document; {_AS_TEXT}"),
    (b"PAR1", "a Parquet file; write its rows as JSON lines (pandas: to_json(..., orient='records', lines=True))"),
    (b"ARROW1", "an Arrow file; write its rows as JSON lines"),
    (b"SQLite format 3", "an SQLite database; write its rows as JSON lines"),
    (b"\x1f\x8b", f"a gzip file; {_UNPACK}"),
    (b"BZh", f"a bzip2 file; {_UNPACK}"),
    (b"\xfd7zXZ", f"an xz file; {_UNPACK}"),
    (b"(\xb5/\xfd", f"a zstd file; {_UNPACK}"),
    (b"7z\xbc\xaf", f"a 7z file; {_UNPACK}"),
    (b"Rar!", f"a RAR file; {_UNPACK}"),
    (b"\x89PNG", "a picture; a text file is wanted"),
    (b"\xff\xd8\xff", "a picture; a text file is wanted"),
    (b"\x93NUMPY", "a NumPy file; a text file is wanted"),
    (b"\x89HDF", "an HDF5 file; a text file is wanted"),
)
_UTF = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)


def refuse_no_text(name: object, head: bytes) -> None:
    """Raises DataError when `head`, the first bytes of the input called `name`, is not UTF-8 text as a whole.

    A text with single lines that are not UTF-8 passes: whoever reads it names those.
    """
    reason = _binary(head, str(name))
    if reason:
        raise DataError(f"{name}: {reason}")
    line = _gbk_line(head)
    if line:
        raw = head.split(b"\n")[line - 1]
        raise DataError(f"{name}:{line}: {not_utf8(raw, str(name))}")


def refuse_file_of_no_text(path: Path) -> bytes:
    """Like `refuse_no_text` for a file; gives its first bytes. Raises OSError when it cannot be read."""
    with open(path, "rb") as stream:
        head = stream.read(HEAD)
    refuse_no_text(path, head)
    return head


def not_utf8(raw: bytes, name: str = "FILE") -> str:
    """Why the line `raw` is no UTF-8, what it may be, and how the file called `name` is converted."""
    for mark, encoding in _UTF:
        if raw.startswith(mark):
            return f"not UTF-8 but {encoding}; convert it: {iconv(encoding, name)}"
    try:
        as_gbk = shown(raw.decode("gb18030"))
    except UnicodeDecodeError:
        return "not UTF-8; save the file as UTF-8"
    return f"not UTF-8; as GBK it reads {as_gbk}; convert it: {iconv('GB18030', name)}"


def iconv(encoding: str, name: str = "FILE") -> str:
    """The command that converts a file to UTF-8."""
    return f"iconv -f {encoding} -t UTF-8 {shlex.quote(name) if Path(name).exists() else 'FILE'} > NEW"


def shown(text: str) -> str:
    """`text` quoted for a message, cut to 40 characters."""
    text = text.rstrip(" \t\r\v\f")
    return repr(text if len(text) <= 40 else text[:39] + "…")


def _binary(head: bytes, name: str) -> str:
    if head.startswith(b"PK\x03\x04"):
        return _zip(head)
    for mark, encoding in _UTF:
        if head.startswith(mark):
            return f"not UTF-8 but {encoding}; convert it: {iconv(encoding, name)}"
    for mark, reason in _SIGNATURES:
        if head.startswith(mark):
            return reason
    if head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return "a Python pickle, which nerctl does not read; write a text file"
    zeros = head.count(b"\0")
    if zeros < 4 or 20 * zeros <= len(head):
        return ""
    # UTF-16 has its line feeds and Latin letters as a zero and the character; which comes first tells the order.
    odd = head[1::2].count(b"\0")
    if head.count(b"\n") and max(odd, zeros - odd) > 20 * min(odd, zeros - odd):
        encoding = "UTF-16LE" if odd > zeros - odd else "UTF-16BE"
        return f"not UTF-8 but {encoding}; convert it: {iconv(encoding, name)}"
    return "not a text but binary data; a text file is wanted"


def _zip(head: bytes) -> str:
    for folder, program in ((b"xl/", "an Excel workbook"), (b"word/", "a Word document")):
        if folder in head:
            return f"{program}; {_AS_TEXT}"
    return f"a zip file; {_UNPACK}" if b"[Content_Types].xml" not in head else f"an Office document; {_AS_TEXT}"


def _gbk_line(head: bytes) -> int:
    """The first line, from 1, that is not UTF-8 in a text that is GBK as a whole; 0 for any other."""
    if head.isascii():
        return 0
    lines = head.split(b"\n")
    last = len(lines)  # it may be cut within a character
    strange = [number for number, line in enumerate(lines, 1) if not line.isascii()]
    bad = [number for number in strange if not _decodes(lines[number - 1], "utf-8", number < last)]
    # Two bytes of GBK can be UTF-8 by chance; many lines of UTF-8, or bytes that GBK lacks, mean another fault.
    if 2 * len(bad) <= len(strange) or not all(
        _decodes(lines[number - 1], "gb18030", number < last) for number in strange
    ):
        return 0
    return bad[0]


def _decodes(raw: bytes, encoding: str, whole: bool) -> bool:
    try:
        codecs.getincrementaldecoder(encoding)().decode(raw, whole)
    except UnicodeDecodeError:
        return False
    return True
