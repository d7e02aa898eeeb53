"""A Python source as text with positions, edited in place: line ends, encoding and byte-order mark stay."""

from __future__ import annotations

import ast
import codecs
import io
import re
import tokenize
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

from nerctl.errors import DataError

_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class Edit:
    """A replacement of text[start:end]; its own line ends are written as `\\n` and become the file's."""

    start: int
    """Offset of the first character replaced, in characters."""
    end: int
    """Offset behind the last character replaced; equal to `start` for an insertion."""
    replacement: str
    """The new text."""


class SourceText:
    """The text of one source file, its syntax tree, and offsets for the tree's positions."""

    def __init__(self, raw: bytes, name: str) -> None:
        """Decodes and parses; raises DataError when the bytes are not a Python 3 source."""
        self._bom = codecs.BOM_UTF8 if raw.startswith(codecs.BOM_UTF8) else b""
        body = raw[len(self._bom) :]
        try:
            self.encoding = tokenize.detect_encoding(io.BytesIO(body).readline)[0]
            self.text = body.decode(self.encoding)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # escapes such as '\c' in old sources are not our business
                self.tree = ast.parse(self.text)
        except (SyntaxError, UnicodeDecodeError, ValueError, LookupError) as error:
            raise DataError(f"{name}: left untouched: it is not a Python 3 source ({error}).") from error
        ends = list(_LINE_END.finditer(self.text))
        self._starts = [0, *(end.end() for end in ends)]
        self._newline = ends[0].group() if ends else "\n"

    def offset(self, line: int, column: int) -> int:
        """Character offset of a tree position: `line` from 1, `column` in UTF-8 bytes, as `ast` counts."""
        start = self._starts[line - 1]
        return start + len(self.line(line).encode("utf-8")[:column].decode("utf-8"))

    def start(self, node: ast.AST) -> int:
        """Offset of the first character of a node."""
        return self.offset(node.lineno, node.col_offset)  # type: ignore[attr-defined]

    def end(self, node: ast.AST) -> int:
        """Offset behind the last character of a node."""
        return self.offset(node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]

    def code(self, node: ast.AST) -> str:
        """The text of a node."""
        return self.text[self.start(node) : self.end(node)]

    def line(self, line: int) -> str:
        """Line `line` (from 1) with its line end."""
        start = self._starts[line - 1]
        end = self._starts[line] if line < len(self._starts) else len(self.text)
        return self.text[start:end]

    def line_start(self, line: int) -> int:
        """Offset of the first character of a line (from 1); of the text's end for the line after the last."""
        return self._starts[line - 1] if line <= len(self._starts) else len(self.text)

    def indent(self, statement: ast.stmt) -> str:
        """White space before a statement that begins its line; raises DataError when it does not."""
        lead = self.text[self.line_start(statement.lineno) : self.start(statement)]
        if lead.strip():
            raise DataError(f"line {statement.lineno} holds another statement before the one to change")
        return lead

    def owns_its_lines(self, statement: ast.stmt) -> bool:
        """Whether a statement shares its lines with nothing but a comment."""
        last = statement.end_lineno or statement.lineno
        tail = self.text[self.end(statement) : self.line_start(last + 1)].strip()
        lead = self.text[self.line_start(statement.lineno) : self.start(statement)].strip()
        return not lead and (not tail or tail.startswith("#"))

    def comments(self) -> list[tuple[int, str]]:
        """The comments that have a line to themselves: line number (from 1) and text."""
        text = _LINE_END.sub("\n", self.text)
        tokens = tokenize.generate_tokens(io.StringIO(text).readline)
        return [
            (token.start[0], token.string)
            for token in tokens
            if token.type == tokenize.COMMENT and not token.line[: token.start[1]].strip()
        ]

    def indented(self, code: str, indent: str) -> str:
        """`code` (four blanks a level) moved to the right by `indent`, in tabs where the source uses them."""
        lines = []
        for line in code.splitlines():
            bare = line.lstrip(" ")
            level = (len(line) - len(bare)) // 4
            lines.append(indent + ("\t" if "\t" in indent else "    ") * level + bare if bare else "")
        return "".join(f"{line}\n" for line in lines)

    def edited(self, edits: Sequence[Edit]) -> bytes:
        """The file's new bytes; the edits do not overlap, and insertions at one place keep their order."""
        text = self.text
        ordered = sorted(edits, key=lambda edit: (edit.start, edit.end))
        for edit in reversed(ordered):
            new = edit.replacement.replace("\n", self._newline)
            text = text[: edit.start] + new + text[edit.end :]
        return self._bom + text.encode(self.encoding)
