"""brat's standoff: a folder of pairs, NAME.txt with the text and NAME.ann with its annotations.

https://brat.nlplab.org/standoff.html. Positions count the whole text, line ends included. Other kinds of lines than
text-bound annotations (T) cannot be held by a corpus: R relations, E events, A and M attributes, N normalisations, # notes.
A score is a note on its annotation, "#1 AnnotatorNotes T1 score 0.97", which is read again. The types of what is written
stand in annotation.conf (https://brat.nlplab.org/configuration.html), without which brat does not know them. It takes ASCII
names only: another type, 人名 for example, is written as Type1, and visual.conf has what it is called, which is read again.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator
from itertools import chain
from pathlib import Path

from nerctl.data.first_bytes import not_utf8, shown
from nerctl.data.formats.record import Mark, OnBad, Raw, Record, Unreadable, checked_type
from nerctl.data.splits import split_named
from nerctl.errors import DataError

KINDS = {
    "R": "relation",
    "*": "relation",
    "E": "event",
    "A": "attribute",
    "M": "attribute",
    "N": "normalisation",
    "#": "note",
}
"""Kinds of annotations that a corpus cannot hold, by the first character of their lines."""
_PLACES = re.compile(r"\d+ \d+(?:;\d+ \d+)*")
_SCORE = re.compile(r"#\d*\tAnnotatorNotes (T\d+)\tscore ([01]?\.\d+|[01])(?: .*)?")
CONFIGURATION, LABELS = "annotation.conf", "visual.conf"
_STORABLE = re.compile(r"[A-Za-z0-9_-]+")
"""A type that annotation.conf may name."""
_LABEL = re.compile(r"(Type\d+) \| (\S+)")
"""What such a type is called, in visual.conf."""
_RELATIONS = "<OVERLAP> Arg1:<ENTITY>, Arg2:<ENTITY>, <OVL-TYPE>:<ANY>"
"""Lets entities lie within each other."""


def texts_of(path: Path) -> list[Path]:
    """The texts of a folder of pairs, in the order of their names, 2 before 10; of a single .ann file its own text.

    Raises DataError where there are none, and where the folders in it are splits.
    """
    if not path.is_dir():
        if path.suffix != ".ann":
            raise DataError(f"{path}: brat has a folder of pairs, NAME.txt and NAME.ann; name that folder, or an .ann file")
        return [path.with_suffix(".txt")]
    found = sorted((one.with_suffix(".txt") for one in path.rglob("*.ann")), key=_in_order)
    splits = sorted({one.relative_to(path).parts[0] for one in found if one.parent != path})
    splits = [name for name in splits if split_named(name)]
    if splits:
        raise DataError(f"{path}: holds splits of brat ({', '.join(splits)}); name one of these folders")
    if not found:
        raise DataError(f"{path}: no .ann file in this folder")
    return found


def _in_order(path: Path) -> list[tuple[str, int]]:
    return [(name, int(digits or 0)) for name, digits in re.findall(r"(\D*)(\d*)", path.as_posix())]


def is_brat(path: Path) -> bool:
    """Is it such a folder, by what lies in it or in a folder in it, or an .ann file of one?"""
    if path.is_dir():
        return next(chain(path.glob("*.ann"), path.glob("*/*.ann")), None) is not None
    return path.suffix == ".ann"


def read_brat(path: Path, on_bad: OnBad) -> Iterator[Raw]:
    """The documents of a folder, each as one text.

    What is wrong in it is a DataError that names the file, for `on_bad` knows a line of one file only.
    """
    names = _labels(path if path.is_dir() else path.parent)
    for text_file in texts_of(path):
        name = text_file.relative_to(path).with_suffix("").as_posix() if path.is_dir() else text_file.stem
        annotations = text_file.with_suffix(".ann")
        text = _content(text_file)
        marks: dict[str, Mark] = {}
        lost = []
        for number, line in enumerate(_content(annotations).split("\n"), 1):
            line = line.rstrip("\r")
            try:
                scored = _SCORE.fullmatch(line)
                if line[:1] == "T":
                    mark = _mark(line, text)
                    marks[_name_of(line, marks)] = mark._replace(line=number, type=names.get(mark.type, mark.type))
                elif scored and scored[1] in marks:
                    marks[scored[1]] = marks[scored[1]]._replace(score=float(scored[2]))
                elif line.strip():
                    lost.append(KINDS.get(line[:1], "annotation"))
            except Unreadable as error:
                raise DataError(f"{annotations}:{number}: {error}.") from None
        yield Raw(Record(1, text, key=name, document=name), list(marks.values()), lost, annotations)


def _labels(folder: Path) -> dict[str, str]:
    """The types of a folder that have another name there, and what they are called."""
    try:
        content = (folder / LABELS).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    return {found[1]: found[2] for found in map(_LABEL.fullmatch, content.splitlines()) if found}


def _name_of(line: str, others: Collection[str]) -> str:
    """The name of an annotation, T1; one that another line has already is told apart by what no name holds."""
    name = line.partition("\t")[0]
    return name if name not in others else f"{name} {len(others)}"


def _content(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; brat's annotations need their text beside them") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise DataError(f"{path}:{line}: {not_utf8(raw.splitlines()[line - 1], str(path))}") from None


def _mark(line: str, text: str) -> Mark:
    parts = line.split("\t", 2)
    kind, _, where = parts[1].partition(" ") if len(parts) > 1 else ("", "", "")
    if not _PLACES.fullmatch(where):
        raise Unreadable(f"{shown(line)} is no annotation such as 'T1', a TAB, 'PER 0 3', a TAB and the mention")
    pieces = tuple((int(start), int(end)) for start, end in (one.split(" ") for one in where.split(";")))
    mention = parts[2] if len(parts) > 2 and parts[2] else None
    mark = Mark(pieces[0][0], pieces[-1][1], checked_type(kind), mention)
    if len(pieces) == 1:
        return mark
    # A mention over a line end is written as two parts that only the line end divides.
    between = [text[before[1] : after[0]] for before, after in zip(pieces, pieces[1:])]
    if all(re.fullmatch(r"[\r\n]+", gap) for gap in between):
        return mark if all(len(gap) == 1 for gap in between) else mark._replace(mention=None)
    return mark._replace(pieces=pieces)


class BratFolder:
    """Writes a folder of pairs.

    Args:
        path: the folder to make.
        told: what stands behind each score in its note.
    """

    def __init__(self, path: Path, told: str = "") -> None:
        self.path = path
        self.loss: Counter[str] = Counter()
        self._told = told
        self._names: Counter[str] = Counter()
        self._types: dict[str, str] = {}  # and what each is written as
        path.mkdir()

    def add(self, record: Record) -> None:
        """Writes one document."""
        name = self._name(record)
        lines = []
        for number, (kind, pieces) in enumerate(_pieces(record), 1):
            places = ";".join(f"{start} {end}" for start, end in pieces)
            lines.append(f"T{number}\t{self._type(kind)} {places}\t{_one_line(record.text, pieces)}\n")
        for number, span in enumerate(record.spans, 1):
            if span.score is not None:
                lines.append(f"#{number}\tAnnotatorNotes T{number}\tscore {span.score:.6f}{self._told}\n")
        (self.path / name).parent.mkdir(parents=True, exist_ok=True)
        (self.path / f"{name}.txt").write_bytes(_encoded(record.text))
        (self.path / f"{name}.ann").write_bytes(_encoded("".join(lines)))

    def _name(self, record: Record) -> str:
        wanted = record.key if record.key is not None else record.document
        name = re.sub(r"[^\w./-]+", "_", str(wanted)) if wanted is not None else ""
        name = "/".join(part for part in name.split("/") if part.strip("."))
        name = name or f"{sum(self._names.values()) + 1:06}"
        self._names[name] += 1
        name = name if self._names[name] == 1 else f"{name}-{self._names[name]}"
        self.loss["id changed, as the name of a file"] += wanted is not None and name != str(wanted)
        return name

    def _type(self, kind: str) -> str:
        """What a type is written as."""
        if kind not in self._types:
            odd = not _STORABLE.fullmatch(kind) or _LABEL.match(f"{kind} | {kind}")
            self._types[kind] = f"Type{len(self._types) + 1}" if odd else kind
        return self._types[kind]

    def close(self) -> None:
        """Writes the configuration, which names the types, and their labels where some have another name."""
        types = "".join(f"{name}\n" for name in sorted(self._types.values()))
        content = f"[entities]\n{types}\n[relations]\n{_RELATIONS}\n\n[events]\n\n[attributes]\n"
        (self.path / CONFIGURATION).write_bytes(_encoded(content))
        labels = "".join(f"{name} | {kind}\n" for kind, name in self._types.items() if name != kind)
        if labels:
            (self.path / LABELS).write_bytes(_encoded(f"[labels]\n{labels}\n[drawing]\n"))


def _encoded(text: str) -> bytes:
    """UTF-8; a lone surrogate, which that lacks, becomes a question mark, so that positions stay."""
    return text.encode("utf-8", "replace")


def _pieces(record: Record) -> Iterator[tuple[str, list[tuple[int, int]]]]:
    """The entities; one over a line end in parts, as brat wants it."""
    for start, end, kind, _ in record.spans:
        mention = record.text[start:end]
        parts = [(start + found.start(), start + found.end()) for found in re.finditer(r"[^\r\n]+", mention)]
        yield kind, parts if parts and mention == mention.strip("\r\n") else [(start, end)]
    for one in record.broken:
        yield one.type, list(one.pieces)


def _one_line(text: str, pieces: list[tuple[int, int]]) -> str:
    mention = " ".join(text[start:end] for start, end in pieces)
    return re.sub(r"[\r\n\t\x0b\x0c\x1c-\x1e\x85\u2028\u2029]", " ", mention)
