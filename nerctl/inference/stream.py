"""Tags an input of any size in bounded memory: blocks of lines in, lines out in the same order.

A block's bounds depend on the input (and on how much the engine computes at once), so a run that was stopped and
resumed gives the same bytes as one that was not; `nerctl.inference.part_file` keeps what is done.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO, Optional

from nerctl.data.first_bytes import HEAD, refuse_no_text
from nerctl.errors import DataError, FailedError, NerctlError
from nerctl.inference.emissions import BLOCK_CALLS
from nerctl.inference.input_form import LOOK_BYTES, LOOK_LINES, recognise
from nerctl.inference.part_file import Done, PartFile
from nerctl.inference.records import Bad, Item, Line, Record, read_items, write_record
from nerctl.inference.tagger import Result, Tagger

BLOCK_CHARACTERS = 1 << 15
"""Characters of the texts that are tagged together, at the least."""

SYNC_CHARACTERS = 1 << 18
"""Characters after which output and journal are synced."""

LONGEST_LINE = 1 << 26
"""Bytes; a longer line is refused, for it would not fit in memory with its windows."""


@dataclass(frozen=True)
class StreamOptions:
    """How an input is read and written."""

    form: str = "auto"
    """A `nerctl.inference.forms.InputForm`."""
    output: str = "jsonl"
    """A `nerctl.inference.forms.OutputForm`."""
    field: str = "text"
    """JSON field that holds the text."""
    skip_bad: bool = False
    """Leave out lines that cannot be read, and say so, instead of stopping."""

    def __post_init__(self) -> None:
        if self.field == "entities" and self.output == "jsonl":
            raise NerctlError('--field entities: that is where the answer goes; give the text\'s field another name')


class Listener:
    """Told of what is noticed on the way; does nothing by itself."""

    def recognised(self, form: str) -> None:
        """The form of the input, which was not named, is `form`."""

    def skipped(self, line: int, reason: str) -> None:
        """A line is left out, for it cannot be read."""

    def replaced(self, line: int) -> None:
        """A JSON line has "entities" of its own, which the answer replaces; told once a run."""

    def progressed(self, texts: float, input_bytes: float) -> None:
        """So many texts are tagged, of so many bytes of input; a part of a block, and of a text, counts as its share."""


@dataclass(frozen=True)
class Block:
    """Some lines of the input, answered."""

    output: bytes
    """What is written for them, UTF-8."""
    results: list[Result]
    """What was found in their texts."""
    done: Done
    """How far the run is once the output is written."""


def predict_file(
    tagger: Tagger,
    source: str,
    output: PartFile,
    options: StreamOptions,
    resume: bool = False,
    listener: Optional[Listener] = None,
) -> Done:
    """Tags a file (or "-", standard input) into a file.

    Args:
        tagger: the model.
        source: the input's path.
        output: the output; its target must not exist.
        options: forms of input and output.
        resume: go on after what an earlier run left.
        listener: told of what happens.

    Raises:
        DataError: a line cannot be read; what was done so far is kept for `--resume`.
        NerctlError: the output is in the way, or there is nothing to resume.
        FailedError: the disk refuses.
    """
    listener = listener or Listener()
    try:
        if resume:
            output.take_up()
        else:
            output.begin()
        if not output.complete:
            with open_input(source) as stream, output:
                _skip_input(stream, output.done.input_bytes)
                since = 0
                for block in predict_stream(tagger, stream, source, options, output.done, listener):
                    output.append(block.output, block.done)
                    since += sum(len(result.text) for result in block.results)
                    if since >= SYNC_CHARACTERS:
                        output.sync()
                        since = 0
        output.finish()
    except OSError as error:
        raise FailedError(
            f"{output.target}: cannot be written ({error.strerror or error}); go on with --resume"
        ) from None
    return output.done


def predict_stream(
    tagger: Tagger,
    stream: BinaryIO,
    name: str,
    options: StreamOptions,
    done: Done = Done(),
    listener: Optional[Listener] = None,
) -> Iterator[Block]:
    """Tags what a stream holds from where it stands, which is behind what is `done`.

    Yields:
        Each block in order.

    Raises:
        DataError: the input is of no form that is read, or a line cannot be read, after the block of all texts before.
    """
    listener = listener or Listener()
    form, lines = _form(_lines(stream, name, done), name, done.form or options.form)
    if options.form == "auto":
        listener.recognised(form)
    done = replace(done, form=form)
    most = max(BLOCK_CHARACTERS, BLOCK_CALLS * tagger.model.engine.max_tokens)
    told_of_entities = False
    for items in _blocks(read_items(lines, form, options.field, tagger.model.splitter), most):
        bad = [item for item in items if isinstance(item, Bad)]
        stop = bad[0] if bad and not options.skip_bad else None
        records = [item for item in items if isinstance(item, Record)]
        since, end = done, items[-1].end

        def told(share: float, since: Done = since, end: int = end, count: int = len(records)) -> None:
            listener.progressed(since.texts + share * count, since.input_bytes + share * (end - since.input_bytes))

        results = tagger.tag([record.document for record in records], told)
        for item in bad if stop is None else []:
            listener.skipped(item.line, item.reason)
        own = next((record for record in records if "entities" in record.extra), None)
        if own is not None and options.output == "jsonl" and not told_of_entities:
            listener.replaced(own.line)
            told_of_entities = True
        written = [write_record(record, result, options.output) for record, result in zip(records, results)]
        output = "".join(written).encode("utf-8")
        answered = [item for item in items if item is not stop]
        done = replace(
            done,
            input_bytes=answered[-1].end if answered else done.input_bytes,
            lines=answered[-1].last_line if answered else done.lines,
            output_bytes=done.output_bytes + len(output),
            texts=done.texts + len(records),
            entities=done.entities + sum(len(result.entities) for result in results),
            skipped=done.skipped + len(bad) - (stop is not None),
        )
        yield Block(output, results, done)
        if stop is not None:
            raise DataError(
                f"{name}:{stop.line}: {stop.reason}; correct the line, or leave out such lines with --skip-bad"
            )


def _blocks(items: Iterable[Item], most: int) -> Iterator[list[Item]]:
    """Items in order, about `most` characters at a time; a bad one ends its block, so that it can end the run."""
    block: list[Item] = []
    characters = 0
    for item in items:
        block.append(item)
        characters += 1 + (len(item.document.text) if isinstance(item, Record) else 0)
        if characters >= most or isinstance(item, Bad):
            yield block
            block, characters = [], 0
    if block:
        yield block


def _form(lines: Iterator[Line], name: str, wanted: str) -> tuple[str, Iterator[Line]]:
    """The form of the input, by its first lines if `wanted` is auto, and all its lines."""
    if wanted != "auto":
        return wanted, lines
    seen: list[Line] = []
    size = filled = 0
    for line in lines:
        seen.append(line)
        size += len(line[2]) + 1
        filled += bool(line[2].strip())
        # However long the blank beginning is, something must be seen of what follows.
        if filled and (size >= LOOK_BYTES or filled >= LOOK_LINES):
            break
    form = recognise(name, [(number, content) for number, _, content in seen])

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
