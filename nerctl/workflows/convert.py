"""A corpus of one format written in another: split, renamed, cut into sentences, and what was lost is told."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from nerctl.data.corpus import source_of
from nerctl.data.formats.record import Record, Unreadable
from nerctl.data.formats.records import Records
from nerctl.data.formats.registry import FORMATS, Format, named
from nerctl.data.spans import innermost, outermost
from nerctl.errors import DataError
from nerctl.files import disk_error, make_folders, remove, remove_empty, remove_leftovers, take_name, temporary_name
from nerctl.progress import SILENT, Report
from nerctl.workflows.convert_options import SPLITS, Conversion

_SENTENCE_END = re.compile(r"(?:[。！？!?…；;]+[”’」』）)\"']*|\n)\s*")
_BY_SUFFIX = {".jsonl": "jsonl", ".conll": "conll", ".bio": "conll", ".txt": "conll", ".spacy": "docbin",
              ".parquet": "parquet", ".conllu": "conllu"}  # fmt: skip


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
    places = _places(wanted, target)
    records = Records(source)
    shares = _assigned(wanted, records) if wanted.shares else None
    changes: Counter[str] = Counter()
    written: Counter[str] = Counter()
    made: list[Path] = []
    temporary = {name: temporary_name(path) for name, path in places.items()}
    entities = 0
    try:
        make_folders(next(iter(places.values())).parent, made)
        for path in places.values():
            remove_leftovers(path)
        assert target.writer is not None
        writers = {name: target.writer(path) for name, path in temporary.items()}
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
            remove(path)
        remove_empty(made)
    changes.update(records.lost)
    unmet = [kind for kind in (*wanted.renamed, *sorted(wanted.dropped)) if not changes[_fate(wanted, kind)]]
    notes = [*records.notes, *(f"{wanted.source}: no entity of type {kind}, which --map or --drop names" for kind in unmet)]
    told = {what: count for what, count in changes.items() if count}
    files = {str(path): written[name] for name, path in places.items()}
    return Converted(source.format.what, files, entities, notes, told)


def _target_format(wanted: Conversion) -> Format:
    name = wanted.to_format or _BY_SUFFIX.get(wanted.target.suffix.lower(), "")
    if not name:
        raise DataError(f"{wanted.target}: its name tells no format; name one with --to: {', '.join(writable())}.")
    target = named(name)
    if target.writer is None:
        raise DataError(f"--to {name}: is only read; written are {', '.join(writable())}.")
    return target


def writable() -> list[str]:
    """The names of the formats that can be written."""
    return [name for name, one in FORMATS.items() if one.writer is not None]


def _places(wanted: Conversion, target: Format) -> dict[str, Path]:
    """What is written, by split; refuses what is there and would be lost."""
    places = {"": wanted.target}
    if wanted.shares:
        places = {name: wanted.target / (name + target.suffix) for name, _ in zip(SPLITS, wanted.shares)}
    for path in places.values():
        if path.is_dir() or (path.exists() and not target.suffix):
            raise DataError(f"{path}: is there already; name another place, or remove it.")
        if path.exists() and path.samefile(wanted.source):
            raise DataError(f"{path}: is the corpus itself; name another file to write.")
    return places


# --- what becomes of a record ---


def _transformed(wanted: Conversion, target: Format, records: Iterable[Record], changes: Counter[str]) -> Iterator[Record]:
    found: Iterator[Record] = (_renamed(record, wanted, changes) for record in records)
    if wanted.sentences:
        found = (piece for record in found for piece in cut(record, changes))
    if wanted.join:
        found = joined_documents(found, wanted.source)
    return (_unnested(record, wanted, target, changes) for record in found)


def _fate(wanted: Conversion, kind: str) -> str:
    """What becomes of the entities of a type, as a phrase; "" when nothing does."""
    if kind in wanted.dropped:
        return f"entity of type {kind} left out (--drop)"
    return f"entity of type {kind} named {wanted.renamed[kind]} (--map)" if kind in wanted.renamed else ""


def _renamed(record: Record, wanted: Conversion, changes: Counter[str]) -> Record:
    if not wanted.renamed and not wanted.dropped:
        return record
    kinds = [*(span.type for span in record.spans), *(one.type for one in record.broken)]
    changes.update(filter(None, (_fate(wanted, kind) for kind in kinds)))
    name, dropped = wanted.renamed.get, wanted.dropped
    spans = {one._replace(type=name(one.type, one.type)) for one in record.spans if one.type not in dropped}
    broken = [one._replace(type=name(one.type, one.type)) for one in record.broken if one.type not in dropped]
    return record._replace(spans=sorted(spans, key=lambda one: (one.start, -one.end, one.type)), broken=broken)


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
    is_its_id = target.keys and record.key == record.document and not record.begin
    if record.document is not None and not target.documents and not is_its_id:
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
        if wanted.by == "text":
            groups.append(len(groups))
            continue
        if record.document is None:
            raise DataError(f"{wanted.source}:{record.line}: no document is named, and --by document was asked for.")
        groups.append(known.setdefault(record.document, len(known)))
    count = max(groups, default=-1) + 1
    if count < len(wanted.shares):
        what = "document" if wanted.by == "document" else "text"
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
