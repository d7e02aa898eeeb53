"""Tags an input of any size in bounded memory: blocks of lines in, lines out in the same order.

A file is written as FILE.part beside a journal, FILE.part.json, and takes its name when it is complete. After each
block the output is synced, then the journal says how many bytes of input are done and how many of output they
gave. `--resume` cuts the output back to that, and goes on: the bytes are the same as without a stop, for a block's
bounds depend on the input alone.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Callable, Optional

from nerctl.data.first_bytes import HEAD, refuse_no_text
from nerctl.errors import DataError, FailedError, NerctlError
from nerctl.folder import write_json
from nerctl.inference.records import Bad, Item, Line, Record, form_of, read_items, write_record
from nerctl.inference.tagger import Tagger

BLOCK_CHARACTERS = 1 << 15
"""Characters of the texts that are tagged together."""

SYNC_CHARACTERS = 1 << 18
"""Characters after which output and journal are synced."""

LONGEST_LINE = 1 << 26
"""Bytes; a longer line is refused, for it would not fit in memory with its windows."""

Told = Callable[[int, str], None]
"""Told of a line that is skipped: its number and why."""


@dataclass(frozen=True)
class StreamOptions:
    """How an input is read and written."""

    form: str = "auto"
    """One of `nerctl.inference.records.INPUTS`."""
    output: str = "jsonl"
    """One of `nerctl.inference.records.OUTPUTS`."""
    field: str = "text"
    """JSON field that holds the text."""
    skip_bad: bool = False
    """Leave out lines that cannot be read, and say so, instead of stopping."""


@dataclass
class Done:
    """How far a run has come; this is what the journal holds."""

    form: str = ""
    """The form that the input was found to have."""
    input_bytes: int = 0
    """Bytes of input read and answered."""
    lines: int = 0
    """Line number of the last one among them."""
    output_bytes: int = 0
    """Bytes of output they gave."""
    texts: int = 0
    """Texts tagged."""
    entities: int = 0
    """Entities found."""
    skipped: int = 0
    """Lines left out."""


def predict_file(
    tagger: Tagger,
    source: str,
    target: Path,
    options: StreamOptions,
    identity: dict[str, Any],
    resume: bool = False,
    on_skip: Optional[Told] = None,
    on_progress: Optional[Callable[[Done], None]] = None,
) -> Done:
    """Tags a file (or "-", standard input) into a file.

    Args:
        tagger: the model.
        source: the input's path.
        target: the output; it must not exist.
        options: forms of input and output.
        identity: what must be the same when the run is resumed, as JSON.
        resume: go on after what an earlier run left.
        on_skip: told of each line that is left out.
        on_progress: told after each block.

    Raises:
        DataError: a line cannot be read; what was done so far is kept for `--resume`.
        NerctlError: the output is in the way, or there is nothing to resume.
        FailedError: the disk refuses.
    """
    part = target.with_name(target.name + ".part")
    journal = target.with_name(target.name + ".part.json")
    done = _begin(target, part, journal, identity, resume)
    try:
        with open_input(source) as stream, open(part, "r+b" if resume else "xb") as output:
            _skip_input(stream, done.input_bytes)
            output.truncate(done.output_bytes)
            output.seek(done.output_bytes)

            def sync() -> None:
                output.flush()
                os.fsync(output.fileno())
                write_json(journal, {**identity, "done": asdict(done)})

            sync()
            try:
                since = 0
                for text, size in predict_stream(tagger, stream, source, options, done, on_skip):
                    output.write(text)
                    done.output_bytes += len(text)
                    since += size
                    if since >= SYNC_CHARACTERS:
                        sync()
                        since = 0
                    if on_progress is not None:
                        on_progress(done)
            finally:
                sync()
        os.replace(part, target)
        journal.unlink()
    except OSError as error:
        raise FailedError(f"{target}: cannot be written ({error.strerror or error}); go on with --resume") from None
    return done


def _begin(target: Path, part: Path, journal: Path, identity: dict[str, Any], resume: bool) -> Done:
    if target.exists():
        raise NerctlError(f"{target}: is in the way; move it or name another --output")
    if not resume:
        if part.exists():
            raise NerctlError(f"{part}: an earlier run was not finished; go on with --resume, or remove it")
        if not target.parent.is_dir():
            raise NerctlError(f"{target.parent}: no such folder; make it or name another --output")
        return Done()
    try:
        content = json.loads(journal.read_text(encoding="utf-8"))
        done = Done(**content.pop("done"))
        size = part.stat().st_size
    except (OSError, ValueError, TypeError, KeyError):
        raise NerctlError(f"{journal}: nothing to resume there; leave out --resume") from None
    if content != identity:
        other = sorted(name for name in identity if content.get(name) != identity[name])
        raise NerctlError(f"{journal}: belongs to a run with another {', '.join(other)}; resume with the same")
    if size < done.output_bytes:
        raise NerctlError(f"{part}: shorter than its journal says; remove both and begin again")
    return done


def predict_stream(
    tagger: Tagger,
    stream: BinaryIO,
    name: str,
    options: StreamOptions,
    done: Done,
    on_skip: Optional[Told] = None,
) -> Iterator[tuple[bytes, int]]:
    """Tags what a stream holds from where it stands; `done` is kept up to date, but for its `output_bytes`.

    Yields:
        The output of each block in order, UTF-8, and the characters of its texts.

    Raises:
        DataError: a line cannot be read, after the output of all texts before it.
    """
    lines = _lines(stream, name, done)
    done.form, lines = _form(lines, done.form or options.form)
    items = read_items(lines, done.form, options.field, tagger.model.splitter)
    for block in _blocks(items):
        records = [item for item in block if isinstance(item, Record)]
        results = tagger.tag([record.document for record in records])
        written = [write_record(record, result, options.output) for record, result in zip(records, results)]
        for item in block:
            if isinstance(item, Bad) and options.skip_bad:
                done.skipped += 1
                if on_skip is not None:
                    on_skip(item.line, item.reason)
        bad = next((item for item in block if isinstance(item, Bad)), None)
        stop = bad is not None and not options.skip_bad
        kept = [item for item in block if not (stop and item is bad)]
        if kept:
            done.input_bytes, done.lines = kept[-1].end, kept[-1].last_line
        done.texts += len(records)
        done.entities += sum(len(result.entities) for result in results)
        yield "".join(written).encode("utf-8"), sum(len(record.document.text) for record in records)
        if stop and bad is not None:
            raise DataError(f"{name}:{bad.line}: {bad.reason}; correct the line, or leave out such lines with --skip-bad")


def _blocks(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Items in order, some at a time; a bad one ends its block, so that it can end the run."""
    block: list[Item] = []
    characters = 0
    for item in items:
        block.append(item)
        characters += 1 + (len(item.document.text) if isinstance(item, Record) else 0)
        if characters >= BLOCK_CHARACTERS or isinstance(item, Bad):
            yield block
            block, characters = [], 0
    if block:
        yield block


def _form(lines: Iterator[Line], wanted: str) -> tuple[str, Iterator[Line]]:
    """The form of the input, by its first line that is not blank if `wanted` is auto, and its lines."""
    if wanted != "auto":
        return wanted, lines
    seen: list[Line] = []
    for line in lines:
        seen.append(line)
        if line[2].strip():
            break
    form = form_of(seen[-1][2]) if seen else "text"

    def all_lines() -> Iterator[Line]:
        yield from seen
        yield from lines

    return form, all_lines()


def _lines(stream: BinaryIO, name: str, done: Done) -> Iterator[Line]:
    """The lines from where the stream stands, which is behind what is done."""
    number, end = done.lines, done.input_bytes
    while True:
        raw = stream.readline(LONGEST_LINE + 1)
        if not raw:
            return
        number += 1
        if len(raw) > LONGEST_LINE:
            raise DataError(f"{name}:{number}: longer than {LONGEST_LINE >> 20} MiB; cut the line")
        end += len(raw)
        content = raw[3:] if end == len(raw) and raw.startswith(b"\xef\xbb\xbf") else raw
        content = content[:-1] if content.endswith(b"\n") else content
        yield number, end, content[:-1] if content.endswith(b"\r") else content


def open_input(source: str) -> BinaryIO:
    """The input as bytes; "-" is standard input.

    Raises:
        DataError: it cannot be opened, or its first bytes are those of something else than UTF-8 text.
    """
    try:
        stream = io.BufferedReader(io.FileIO(os.dup(sys.stdin.fileno()) if source == "-" else source), HEAD)
        try:
            # A peek takes nothing away, which matters for a pipe; of one it sees what has arrived.
            refuse_no_text("standard input" if source == "-" else source, stream.peek(HEAD))
        except BaseException:
            stream.close()
            raise
    except OSError as error:
        reason = error.strerror or error
        raise DataError(f"{source}: cannot be read ({reason}); name a file, or - for standard input") from None
    return stream


def _skip_input(stream: BinaryIO, count: int) -> None:
    if stream.seekable():
        stream.seek(count)
        return
    while count:
        block = stream.read(min(count, 1 << 20))
        if not block:
            raise DataError("standard input is shorter than what was done before; give the same input to --resume")
        count -= len(block)
