"""nerctl predict: entities of texts, with offsets and scores."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

import typer

from nerctl.backends import Device
from nerctl.commands._help import DATA, DEVICE, MODEL, OUTPUT, choices
from nerctl.commands._options import ALLOW_BLANKS_OPTION, MAX_TOKENS_OPTION, MODEL_OPTION
from nerctl.commands._progress import Progress
from nerctl.commands._stops import stops
from nerctl.console import out
from nerctl.errors import NerctlError
from nerctl.inference.forms import STREAMED, OutputForm
from nerctl.wording import counted

if TYPE_CHECKING:
    from nerctl.inference.inputs import StreamOptions
    from nerctl.inference.part_file import Done
    from nerctl.inference.stream import Listener
    from nerctl.inference.tagger import Result, Tagger


def predict(
    texts: Optional[list[str]] = typer.Argument(None, metavar="[TEXT]...", help="Texts to tag."),
    input: Optional[str] = typer.Option(
        None, "--input", "-i", metavar="FILE", help="File of texts; -, and a pipe: standard input.", rich_help_panel=DATA
    ),
    input_format: str = typer.Option(
        "auto",
        metavar="FORMAT",
        help="text (a line a text), jsonl, conll, or as nerctl convert --help lists them; auto: by content, and says so.",
        rich_help_panel=DATA,
    ),
    field: str = typer.Option(
        "text", metavar="NAME", help="Field of a JSON line that holds the text; others pass through.", rich_help_panel=DATA
    ),
    skip_bad: bool = typer.Option(
        False, "--skip-bad", help="Name lines that cannot be read and leave them out.", rich_help_panel=DATA
    ),
    model: Path = MODEL_OPTION,
    lexicon: Optional[Path] = typer.Option(
        None,
        metavar="FILE",
        help="File of mention TAB type: force them (longest from the left).",
        rich_help_panel=MODEL,
    ),
    block: Optional[Path] = typer.Option(
        None,
        metavar="FILE",
        help="File of mention [TAB type]: no entity is exactly that mention.",
        rich_help_panel=MODEL,
    ),
    allow_blanks: bool = ALLOW_BLANKS_OPTION,
    max_seq_length: Optional[int] = typer.Option(
        None,
        metavar="N",
        help="Longest window in word pieces; default: that of training. Longer texts take several.",
        rich_help_panel=MODEL,
    ),
    output: Optional[Path] = typer.Option(
        None, "--output", "-o", metavar="FILE", help="File to write, for brat a folder; default: standard output.",
        rich_help_panel=OUTPUT,
    ),
    format: Optional[OutputForm] = typer.Option(
        None,
        "--format",
        metavar=choices(OutputForm),
        help="label-studio, doccano, brat: to import there. Default: marked text on a terminal, jsonl elsewhere.",
        rich_help_panel=OUTPUT,
    ),
    resume: bool = typer.Option(
        False, "--resume", help="Go on where an earlier run to --output stopped.", rich_help_panel=OUTPUT
    ),
    device: Device = typer.Option(
        "auto", metavar=choices(Device), help="For TensorFlow; ONNX runs on the CPU.", rich_help_panel=DEVICE
    ),
    workers: int = typer.Option(
        0, min=0, metavar="N", help="Computing threads; 0: as many as cores.", rich_help_panel=DEVICE
    ),
    max_tokens: Optional[int] = MAX_TOKENS_OPTION,
    batch_size: int = typer.Option(
        0, min=0, metavar="N", help="Windows computed at once; 0: what runs best.", rich_help_panel=DEVICE
    ),
) -> None:
    """Find the entities of texts, of a file, or of what is piped in.

    On a terminal the text is shown with its entities, their types and scores. Elsewhere, and with --format, comes
    a line a text: {"text", "entities": [{"start", "end", "type", "text", "score"}]}. Offsets count code points,
    the end is exclusive. The score is the model's probability of exactly that entity, given the forced and
    forbidden mentions. For annotation tools come predictions with these scores and the model's version. Output
    keeps the order of the input, and memory does not grow with it. A line that cannot be read, Ctrl-C and SIGTERM
    end the run; what was done is kept, and --resume goes on there.

    \b
    Examples:
      nerctl predict 海钓比赛地点在厦门与金门之间的海域。
      echo 王小明在北京大学。 | nerctl predict --model export
      nerctl predict --input news.jsonl --field body --output entities.jsonl
      nerctl predict --input tasks.json --format label-studio --output import.json
    """
    piped = not texts and input is None and not _at_a_keyboard()
    if piped:
        input = "-"
    if bool(texts) == (input is not None):
        raise NerctlError("give texts as arguments, or --input FILE (- for standard input), or pipe them in")
    if texts and (output is not None or resume):
        raise NerctlError("--output and --resume go with --input; texts are answered on standard output")
    if resume and output is None:
        raise NerctlError("--resume needs --output, the file that the earlier run was to write")
    if format == "brat" and output is None:
        raise NerctlError("--format brat needs --input and --output, the folder to make")
    if format == "brat" and resume:
        raise NerctlError("--resume: a folder of brat is made as a whole; run the command without it")

    from nerctl.inference.inputs import StreamOptions
    from nerctl.inference.tagger import Tagger

    options = StreamOptions(input_format, format or "jsonl", field, skip_bad)
    with stops(lambda: "Stopped while the model was loaded; nothing is written."):
        tagger = Tagger.load(
            model,
            device=device,
            threads=workers,
            max_seq_length=max_seq_length,
            lexicon=lexicon,
            block=block,
            max_windows=batch_size,
            max_tokens=max_tokens,
            allow_blanks=allow_blanks,
        )
    shown = format is None and output is None and sys.stdout.isatty()
    if texts:
        _answer(tagger, texts, options, shown)
    elif output is None:
        assert input is not None
        answered = _to_stdout(tagger, input, options, shown)
        if piped and not answered:
            raise NerctlError("nothing came through the pipe; give texts as arguments, --input FILE, or pipe them in")
    elif format == "brat":
        assert input is not None
        _to_folder(tagger, input, output, options)
    else:
        assert input is not None
        _to_file(tagger, input, output, options, resume, (lexicon, block))


def _at_a_keyboard() -> bool:
    return sys.stdin is None or sys.stdin.closed or sys.stdin.isatty()


def _answer(tagger: Tagger, texts: list[str], options: StreamOptions, shown: bool) -> None:
    """Texts from the command line."""
    from nerctl.inference.answers import Answers
    from nerctl.inference.documents import Document
    from nerctl.inference.records import Record

    documents = [Document.split(text, tagger.model.splitter) for text in texts]
    answers = Answers(options.output, tagger.model.folder.version)
    for number, (document, result) in enumerate(zip(documents, tagger.tag(documents))):
        if shown:
            _show(tagger, result)
        else:
            answer = answers.of(Record(number + 1, number + 1, 0, document), result)
            _write(answers.joined([answer], number))
    if not shown:
        _write(answers.end(len(texts)))


def _write(output: bytes) -> None:
    sys.stdout.buffer.write(output)
    sys.stdout.buffer.flush()


def _show(tagger: Tagger, result: Result) -> None:
    from nerctl.commands._marked_text import marked

    out.show(marked(result, tagger.labels))


def _listener(name: str, progress: Progress, size: Optional[int]) -> Listener:
    """Says what is noticed in the input of that name and that size in bytes, and moves the bar."""
    from nerctl.data.formats.registry import named
    from nerctl.inference.stream import Listener

    class Said(Listener):
        def recognised(self, form: str) -> None:
            what = STREAMED[form] if form in STREAMED else named(form).what
            out.say(f"input: {what} (--input-format names another)")

        def skipped(self, line: int, reason: str) -> None:
            out.warn(f"{name}:{line}: {reason}; left out")

        def replaced(self, line: int, field: str) -> None:
            out.warn(f'{name}:{line}: has "{field}" of its own; the output has the model\'s in its place')

        def progressed(self, texts: float, input_bytes: float) -> None:
            guess = texts * size / input_bytes if size and input_bytes else None
            progress.advance(name, texts, guess)

    return Said()


def _size(source: str) -> Optional[int]:
    return os.path.getsize(source) if source != "-" and os.path.isfile(source) else None


def _to_stdout(tagger: Tagger, source: str, options: StreamOptions, shown: bool) -> int:
    """Answers what `source` holds; returns how many texts that were."""
    from nerctl.inference.inputs import open_texts
    from nerctl.inference.part_file import Done
    from nerctl.inference.stream import predict_texts

    done = Done()

    def answered() -> str:
        return f"Stopped; {counted(done.texts, 'text')} answered. With --output a run can be resumed."

    quiet = sys.stdout.isatty()  # a bar would stand between the answers
    splitter = tagger.model.splitter
    with stops(answered), Progress("texts", hidden=quiet) as progress, open_texts(source, options, splitter) as texts:
        listener = _listener(source, progress, _size(source))
        for block in predict_texts(tagger, texts, source, options, done, listener):
            if shown:
                for result in block.results:
                    _show(tagger, result)
            else:
                _write(block.output)
            done = block.done
    return done.texts


def _to_file(tagger: Tagger, source: str, target: Path, options: StreamOptions, resume: bool, rules: Any) -> None:
    from dataclasses import asdict

    from nerctl.files import sha256_of
    from nerctl.folder import POINTER
    from nerctl.inference.part_file import PartFile
    from nerctl.inference.stream import predict_file

    identity = {
        "input": source if source == "-" else str(Path(source).absolute()),
        "model": sha256_of(tagger.model.folder.path / POINTER),
        "window": tagger.model.max_seq_length,
        "allow_blanks": not tagger.model.decoder.bounded,
        "options": asdict(options),
        "rules": [sha256_of(path) if path else None for path in rules],
    }
    part = PartFile(target, identity)

    def kept() -> str:
        done = part.kept()
        if done is not None:
            return f"Stopped; {counted(done.texts, 'text')} kept. Go on with the same command and --resume."
        return f"Stopped; {target} is {'complete' if target.exists() else 'not begun'}."

    with stops(kept), Progress("texts") as progress:
        done = predict_file(tagger, source, part, options, resume, _listener(source, progress, _size(source)))
    _tell(target, done)
    if options.output == "label-studio":
        from nerctl.data.formats.label_studio import interface

        out.say(f"a labelling interface of Label Studio that takes it: {interface(tagger.labels)}")


def _to_folder(tagger: Tagger, source: str, target: Path, options: StreamOptions) -> None:
    from nerctl.inference.stream import predict_folder

    with stops(lambda: "Stopped; nothing is written."), Progress("texts") as progress:
        done = predict_folder(tagger, source, target, options, _listener(source, progress, _size(source)))
    _tell(target, done)


def _tell(target: Path, done: Done) -> None:
    left_out = f", {counted(done.skipped, 'line')} left out" if done.skipped else ""
    out.say(f"{target}: {counted(done.texts, 'text')}, {counted(done.entities, 'entity', 'entities')}{left_out}")
