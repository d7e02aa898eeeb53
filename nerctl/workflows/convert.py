"""A corpus of one format written in another: split, renamed, cut into sentences, and what was lost is told."""

from __future__ import annotations

import os
import random
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

from nerctl.data.corpus import source_of
from nerctl.data.formats.record import Record, Unreadable
from nerctl.data.formats.records import Records
from nerctl.data.formats.registry import FORMATS, Format, Writer, named
from nerctl.data.spans import Span, outermost
from nerctl.errors import DataError, NerctlError
from nerctl.files import disk_error, take_name
from nerctl.progress import SILENT, Report

NESTED = ("keep", "outermost", "innermost", "refuse")
"""What becomes of entities that overlap."""
SPLITS = ("train", "dev", "test")
_SENTENCE_END = re.compile(r"(?:[。！？!?…；;]+[”’」』）)\"']*|\n)\s*")
_BY_SUFFIX = {".jsonl": "jsonl", ".conll": "conll", ".bio": "conll", ".txt": "conll", ".spacy": "docbin",
              ".parquet": "parquet", ".conllu": "conllu"}  # fmt: skip


@dataclass(frozen=True)
class Conversion:
    """What is wanted."""

    source: Path
    """The corpus."""
    target: Path
    """The file, or the folder of a format that has one and of splits."""
    from_format: str = "auto"
    """Its format; auto: by its content."""
    to_format: str = ""
    """The format that is written; "": by the suffix of `target`."""
    shares: tuple[float, ...] = ()
    """Shares of train, dev and test, or of the first two; none: everything in one file."""
    seed: int = 1
    """Of the split."""
    by_document: bool = False
    """Does a document go into one split as a whole?"""
    renamed: Mapping[str, str] = field(default_factory=dict)
    """New names of types."""
    dropped: frozenset[str] = frozenset()
    """Types that are left out, by their old names."""
    sentences: bool = False
    """Cut documents at sentence ends?"""
    join: bool = False
    """Put the sentences of a document together again?"""
    nested: Optional[str] = None
    """One of NESTED; None: keep where the format can hold them, else outermost."""


@dataclass(frozen=True)
class Converted:
    """What came of it."""

    read_as: str
    """The format that was read, in words."""
    files: dict[str, int]
    """Texts in each file or folder that was written."""
    entities: int
    """Entities written."""
    notes: list[str]
    """What was unusual in the corpus and read all the same, a sentence each."""
    changes: dict[str, int]
    """What was changed or left out, a phrase each, and how often."""


def convert(wanted: Conversion, report: Report = SILENT) -> Converted:
    """Writes the corpus anew; `report` hears how many texts are written.

    Raises:
        DataError: a line cannot be read, or the options do not fit the corpus; nothing is written.
        FailedError: the disk refuses.
    """
    target = _target_format(wanted)
    source = source_of(wanted.source, wanted.from_format)
    records = Records(source)
    changes: Counter[str] = Counter()
    places = _places(wanted, target)
    _refuse_itself(wanted, places)
    shares = _assigned(wanted, records) if wanted.shares else None
    writers: dict[str, Writer] = {}
    temporary = {name: path.with_name(f".{path.name}.{os.getpid()}.tmp") for name, path in places.items()}
    written: Counter[str] = Counter()
    entities = 0
    try:
        for path in places.values():
            path.parent.mkdir(parents=True, exist_ok=True)
        for name, path in temporary.items():
            assert target.writer is not None
            writers[name] = target.writer(path)
        changes.clear()
        for number, record in enumerate(_transformed(wanted, target, records, changes)):
            name = next(iter(places)) if shares is None else shares[number]
            try:
                writers[name].add(_fitting(record, target, changes))
            except Unreadable as error:
                raise DataError(f"{wanted.source}:{record.line}: {error}.") from None
            written[name] += 1
            entities += len(record.spans) + len(record.broken) * target.broken
            if number % 1000 == 0:
                report.advance(wanted.source.name, number, None)
        for writer in writers.values():
            writer.close()
            changes.update(writer.loss)
        for name, path in places.items():
            take_name(temporary[name], path)
    except OSError as error:
        raise disk_error(wanted.target, error) from error
    finally:
        for path in temporary.values():
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    changes.update(records.lost)
    told = {what: count for what, count in changes.items() if count}
    files = {str(path): written[name] for name, path in places.items()}
    return Converted(source.format.what, files, entities, records.notes, told)


def _target_format(wanted: Conversion) -> Format:
    name = wanted.to_format or _BY_SUFFIX.get(wanted.target.suffix.lower(), "")
    if not name:
        raise DataError(f"{wanted.target}: its name tells no format; name one with --to: {', '.join(writable())}.")
    target = named(name)
    if target.writer is None:
        raise DataError(f"--to {name}: is only read; written are {', '.join(writable())}.")
    if wanted.nested is not None and wanted.nested not in NESTED:
        raise NerctlError(f"--nested {wanted.nested}: one of {', '.join(NESTED)}")
    if wanted.sentences and wanted.join:
        raise NerctlError("--sentences and --join undo each other; give one of them")
    return target


def writable() -> list[str]:
    """The names of the formats that can be written."""
    return [name for name, one in FORMATS.items() if one.writer is not None]


def _places(wanted: Conversion, target: Format) -> dict[str, Path]:
    if not wanted.shares:
        places = {"": wanted.target}
    else:
        if not 2 <= len(wanted.shares) <= 3 or min(wanted.shares) <= 0 or abs(sum(wanted.shares) - 1) > 1e-6:
            shares = ",".join(f"{share:g}" for share in wanted.shares)
            raise NerctlError(f"--split {shares}: two or three shares above 0 that make 1, such as 0.8,0.1,0.1")
        places = {name: wanted.target / (name + target.suffix) for name, _ in zip(SPLITS, wanted.shares)}
    for path in places.values():
        if path.is_dir() or (path.exists() and not target.suffix):
            raise DataError(f"{path}: is there already; name another place, or remove it.")
    return places


def _refuse_itself(wanted: Conversion, places: Mapping[str, Path]) -> None:
    for path in places.values():
        if path.exists() and path.samefile(wanted.source):
            raise DataError(f"{path}: is the corpus itself; name another file to write.")


# --- what becomes of a record ---


def _transformed(wanted: Conversion, target: Format, records: Iterable[Record], changes: Counter[str]) -> Iterator[Record]:
    found: Iterator[Record] = (_renamed(record, wanted, changes) for record in records)
    if wanted.sentences:
        found = (piece for record in found for piece in cut(record, changes))
    if wanted.join:
        found = joined_documents(found, wanted.source)
    return (_unnested(record, wanted, target, changes) for record in found)


def _renamed(record: Record, wanted: Conversion, changes: Counter[str]) -> Record:
    if not wanted.renamed and not wanted.dropped:
        return record
    spans = set()
    for span in record.spans:
        if span.type in wanted.dropped:
            changes[f"entity of type {span.type} left out (--drop)"] += 1
        elif span.type in wanted.renamed:
            changes[f"entity of type {span.type} named {wanted.renamed[span.type]} (--map)"] += 1
            spans.add(span._replace(type=wanted.renamed[span.type]))
        else:
            spans.add(span)
    broken = [
        one._replace(type=wanted.renamed.get(one.type, one.type)) for one in record.broken if one.type not in wanted.dropped
    ]
    ordered = sorted(spans, key=lambda one: (one.start, -one.end, one.type))
    return record._replace(spans=ordered, broken=broken)


def _unnested(record: Record, wanted: Conversion, target: Format, changes: Counter[str]) -> Record:
    flat = outermost(record.spans)
    if len(flat) == len(record.spans):
        return record
    choice = wanted.nested or ("keep" if target.nested else "outermost")
    inner = next(span for span in record.spans if span not in flat)
    where = f"{wanted.source}:{record.line}: {inner.type} at {inner.start} to {inner.end} overlaps another entity"
    if choice == "refuse":
        raise DataError(f"{where}; --nested outermost or innermost leaves one of them out.")
    if choice == "keep":
        if not target.nested:
            raise DataError(f"{where}, which {target.what} cannot hold; --nested outermost or innermost leaves one out.")
        return record
    kept = flat if choice == "outermost" else innermost(record.spans)
    changes[f"entity that overlaps another left out (--nested {choice})"] += len(record.spans) - len(kept)
    return record._replace(spans=kept)


def innermost(spans: Iterable[Span]) -> list[Span]:
    """The spans, the shortest first, that overlap none that was kept before; by start."""
    kept: list[Span] = []
    for span in sorted(spans, key=lambda one: (one.end - one.start, one.start, one.type)):
        if all(span.end <= one.start or one.end <= span.start for one in kept):
            kept.append(span)
    return sorted(kept)


def _fitting(record: Record, target: Format, changes: Counter[str]) -> Record:
    """The record less what the format cannot hold, which is counted."""
    if record.broken and not target.broken:
        changes["entity of several parts left out"] += len(record.broken)
        record = record._replace(broken=())
    if record.tokens is not None and not target.tokens:
        changes["text whose tokens of several characters are not kept"] += 1
        record = record._replace(tokens=None)
    if not target.scores and any(span.score is not None for span in record.spans):
        changes["score left out"] += sum(span.score is not None for span in record.spans)
    if record.key is not None and not target.keys:
        changes["id left out"] += 1
    if record.extra and not target.extra:
        for name in record.extra:
            changes[f"field {name} left out"] += 1
    if record.document is not None and not target.documents and not (target.name == "brat" and not record.begin):
        changes["place in a document left out"] += 1
    return record


def cut(record: Record, changes: Counter[str]) -> Iterator[Record]:
    """The sentences of a record, with the document and their offset in it; no entity is cut."""
    held = [(span.start, span.end) for span in record.spans]
    held += [(one.pieces[0][0], one.pieces[-1][1]) for one in record.broken]
    inside = {place for start, end in held for place in range(start + 1, end)}
    ends = {start for start, _ in record.tokens} | {len(record.text)} if record.tokens is not None else None
    cuts = [0]
    for found in _SENTENCE_END.finditer(record.text):
        end = found.end()
        if end in inside or (ends is not None and end not in ends):
            changes["sentence end within an entity not cut at"] += end in inside
        elif end < len(record.text):
            cuts.append(end)
    document = record.document if record.document is not None else str(record.line if record.key is None else record.key)
    for number, (start, end) in enumerate(zip(cuts, [*cuts[1:], len(record.text)]), 1):
        yield record._replace(
            text=record.text[start:end],
            spans=[span._replace(start=span.start - start, end=span.end - start)
                   for span in record.spans if start <= span.start and span.end <= end],
            broken=[one._replace(pieces=tuple((a - start, b - start) for a, b in one.pieces))
                    for one in record.broken if start <= one.pieces[0][0] and one.pieces[-1][1] <= end],
            tokens=[(a - start, b - start) for a, b in record.tokens if start <= a and b <= end]
            if record.tokens is not None else None,
            key=record.key if len(cuts) == 1 else f"{document}#{number}",
            document=document,
            begin=record.begin + start,
        )  # fmt: skip


def joined_documents(records: Iterable[Record], source: Path) -> Iterator[Record]:
    """The documents of which `records` are the sentences, in their order; raises DataError where one is missing."""
    parts: list[Record] = []
    for record in records:
        if parts and (record.document is None or record.document != parts[0].document):
            yield _whole_document(parts)
            parts = []
        wanted = parts[-1].begin + len(parts[-1].text) if parts else 0
        if record.document is not None and record.begin != wanted:
            raise DataError(
                f"{source}:{record.line}: this sentence of document {record.document} begins at {record.begin}, "
                f"and the one at {wanted} is missing; --join needs all of them in order."
            )
        parts.append(record)
    if parts:
        yield _whole_document(parts)


def _whole_document(parts: list[Record]) -> Record:
    if len(parts) == 1:
        return parts[0]
    first = parts[0]
    tokens = None
    if any(part.tokens is not None for part in parts):
        tokens = [(a + part.begin, b + part.begin) for part in parts for a, b in part.places()]
    return first._replace(
        text="".join(part.text for part in parts),
        spans=[span._replace(start=span.start + part.begin, end=span.end + part.begin)
               for part in parts for span in part.spans],
        broken=[one._replace(pieces=tuple((a + part.begin, b + part.begin) for a, b in one.pieces))
                for part in parts for one in part.broken],
        tokens=tokens,
        key=first.document,
        document=None,
    )  # fmt: skip


# --- splits ---


def _assigned(wanted: Conversion, records: Records) -> list[str]:
    """The split of each record that will be written, in order: chosen by the seed, in numbers true to the shares."""
    groups: list[int] = []
    known: dict[str, int] = {}
    for record in _transformed(wanted, FORMATS["jsonl"], records, Counter()):
        if not wanted.by_document:
            groups.append(len(groups))
            continue
        if record.document is None:
            raise DataError(f"{wanted.source}:{record.line}: no document is named, and --by document was asked for.")
        groups.append(known.setdefault(record.document, len(known)))
    count = max(groups, default=-1) + 1
    if count < len(wanted.shares):
        what = "document" if wanted.by_document else "text"
        raise DataError(f"{wanted.source}: {count} {what}s for {len(wanted.shares)} splits; each needs one.")
    order = list(range(count))
    random.Random(wanted.seed).shuffle(order)
    split_of = [""] * count
    begin = total = 0.0
    for number, (name, share) in enumerate(zip(SPLITS, wanted.shares)):
        total += share
        left = len(wanted.shares) - 1 - number
        end = min(max(round(total * count), int(begin) + 1), count - left)
        for group in order[int(begin) : end]:
            split_of[group] = name
        begin = end
    return [split_of[group] for group in groups]
