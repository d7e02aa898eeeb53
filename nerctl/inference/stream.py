"""Tags an input of any size in bounded memory: blocks of lines in, lines out in the same order.

A block's bounds depend on the input (and on how much the engine computes at once), so a run that was stopped and
resumed gives the same bytes as one that was not; `nerctl.inference.part_file` keeps what is done.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Optional

from nerctl.data.formats.brat import BratFolder
from nerctl.errors import DataError, FailedError, NerctlError
from nerctl.files import disk_error, remove, remove_leftovers, take_name, temporary_name
from nerctl.inference.answers import Answers, annotated
from nerctl.inference.emissions import BLOCK_CALLS
from nerctl.inference.inputs import StreamOptions, Texts, open_texts, stream_texts
from nerctl.inference.part_file import Done, PartFile
from nerctl.inference.records import Bad, Item, Record
from nerctl.inference.tagger import Result, Tagger

BLOCK_CHARACTERS = 1 << 15
"""Characters of the texts that are tagged together, at the least."""

SYNC_CHARACTERS = 1 << 18
"""Characters after which output and journal are synced."""

TOOLS = ("label-studio", "doccano")
"""Forms of output that name the model's version."""

class Listener:
    """Told of what is noticed on the way; does nothing by itself."""

    def recognised(self, form: str) -> None:
        """The form of the input, which was not named, is `form`."""

    def skipped(self, line: int, reason: str) -> None:
        """A line is left out, for it cannot be read."""

    def replaced(self, line: int, field: str) -> None:
        """A JSON line has a field of its own, "entities" for example, which the answer replaces; told once a run."""

    def progressed(self, texts: float, input_bytes: float) -> None:
        """So many texts are tagged, of so many bytes of input; a part of a block, and of a text, counts as its share."""


@dataclass(frozen=True)
class Block:
    """Some lines of the input, answered."""

    output: bytes
    """What is written for them, UTF-8; nothing for a form that is no stream."""
    records: list[Record]
    """Their texts."""
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
            splitter = tagger.model.splitter
            with open_texts(source, options, splitter, output.done) as texts, output:
                since = 0
                for block in predict_texts(tagger, texts, source, options, output.done, listener):
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


def predict_folder(
    tagger: Tagger, source: str, target: Path, options: StreamOptions, listener: Optional[Listener] = None
) -> Done:
    """Tags a file (or "-") into a folder of brat's pairs, which gets its name when it is complete.

    Raises:
        DataError: a line cannot be read; nothing is written.
        NerctlError: the folder is there already, or cannot be made.
        FailedError: the disk refuses.
    """
    if target.exists():
        raise NerctlError(f"{target}: is in the way; move it or name another --output")
    done = Done()
    taken = temporary_name(target)
    try:
        remove_leftovers(target)
        with open_texts(source, options, tagger.model.splitter) as texts:
            folder = BratFolder(taken, f" {tagger.model.folder.version}")
            for block in predict_texts(tagger, texts, source, options, done, listener):
                for record, result in zip(block.records, block.results):
                    folder.add(annotated(record, result))
                done = block.done
        folder.close()
        take_name(taken, target)
    except OSError as error:
        raise disk_error(target, error) from error
    finally:
        remove(taken)
    return done


def predict_stream(
    tagger: Tagger,
    stream: BinaryIO,
    name: str,
    options: StreamOptions,
    done: Done = Done(),
    listener: Optional[Listener] = None,
) -> Iterator[Block]:
    """Tags what a stream holds from where it stands, which is behind what is `done`; as `predict_texts`."""
    texts = stream_texts(stream, name, options, tagger.model.splitter, done)
    yield from predict_texts(tagger, texts, name, options, done, listener)


def predict_texts(
    tagger: Tagger,
    texts: Texts,
    name: str,
    options: StreamOptions,
    done: Done = Done(),
    listener: Optional[Listener] = None,
) -> Iterator[Block]:
    """Tags the texts of an input, whose name is for messages.

    Yields:
        Each block in order; at last one of no text, where the form of the output has an end.

    Raises:
        DataError: a line cannot be read, after the block of all texts before.
    """
    listener = listener or Listener()
    if options.form == "auto":
        listener.recognised(texts.form)
    done = replace(done, form=texts.form)
    answers = Answers(options.output, tagger.model.folder.version if options.output in TOOLS else "")
    most = max(BLOCK_CHARACTERS, BLOCK_CALLS * tagger.model.engine.max_tokens)
    told_of_fields = False
    for items in _blocks(texts.items, most):
        bad = [item for item in items if isinstance(item, Bad)]
        stop = bad[0] if bad and not options.skip_bad else None
        records = [item for item in items if isinstance(item, Record)]
        since, end = done, items[-1].end

        def told(share: float, since: Done = since, end: int = end, count: int = len(records)) -> None:
            listener.progressed(since.texts + share * count, since.input_bytes + share * (end - since.input_bytes))

        results = tagger.tag([record.document for record in records], told)
        for item in bad if stop is None else []:
            listener.skipped(item.line, item.reason)
        for record in records if not told_of_fields else []:
            own = next((field for field in answers.own_fields if field in record.extra), None)
            if own is not None:
                listener.replaced(record.line, own)
                told_of_fields = True
                break
        output = b""
        if options.output != "brat":
            output = answers.joined([answers.of(*pair) for pair in zip(records, results)], done.texts)
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
        yield Block(output, records, results, done)
        if stop is not None:
            raise DataError(
                f"{name}:{stop.line}: {stop.reason}; correct the line, or leave out such lines with --skip-bad"
            )
    end_of_all = answers.end(done.texts)
    if end_of_all and not done.ended:
        yield Block(end_of_all, [], [], replace(done, output_bytes=done.output_bytes + len(end_of_all), ended=True))


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


