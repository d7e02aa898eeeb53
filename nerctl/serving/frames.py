"""What the front process and a worker say to each other over the worker's standard input and output.

A frame is a length of 4 bytes, big-endian, and that many bytes of UTF-8 lines. A batch is one JSON string a
line, a text. Its answer has the same number of lines in the same order: `+` and the JSON object of the text
as clients get it, or `-` and the reason, a JSON string, why this text has none. JSON escapes line breaks, so a line
never holds one. Before its first batch a worker sends two frames: which model the folder holds (`+` and an object with
its `digest`), and how loading it went (`+` and an object that describes the model). `-` and the reason may come in
place of either, and is the last frame.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from typing import Any, BinaryIO, Optional

from nerctl.data.json_text import COMPACT, json_bytes

_LENGTH = struct.Struct(">I")
HEADER_BYTES = _LENGTH.size


def pack(lines: Sequence[bytes]) -> bytes:
    """A frame of lines."""
    body = b"\n".join(lines)
    return _LENGTH.pack(len(body)) + body


def body_length(header: bytes) -> int:
    """Bytes of the frame that follow its header."""
    length: int = _LENGTH.unpack(header)[0]
    return length


def read(stream: BinaryIO) -> Optional[bytes]:
    """The body of the next frame; None at the end of the stream, also when that comes inside a frame."""
    header = _read_exactly(stream, HEADER_BYTES)
    return None if header is None else _read_exactly(stream, body_length(header))


def _read_exactly(stream: BinaryIO, count: int) -> Optional[bytes]:
    data = stream.read(count)
    return data if len(data) == count else None


def pack_texts(texts: Sequence[str]) -> bytes:
    """The frame of a batch of at least one text."""
    return pack([json_bytes(text) for text in texts])


def unpack_texts(body: bytes) -> list[str]:
    """The texts of a batch."""
    return [json.loads(line) for line in body.split(b"\n")]


def answer(value: Any) -> bytes:
    """The line of a text, or of a model, that went well."""
    return b"+" + json_bytes(value, COMPACT)


def failure(reason: str) -> bytes:
    """The line of a text, or of a model, that did not."""
    return b"-" + json_bytes(reason)


def split_answer(body: bytes) -> list[tuple[bool, bytes]]:
    """Of each line whether it went well, and its JSON."""
    return [(line[:1] == b"+", line[1:]) for line in body.split(b"\n")]


def reason(value: bytes) -> str:
    """The reason in the line of a text, or of a model, that did not go well."""
    return str(json.loads(value))
