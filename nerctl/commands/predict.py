"""nerctl predict: entities of texts, with offsets and scores."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Optional

import typer

from nerctl.console import out
from nerctl.errors import NerctlError
from nerctl.wording import counted

if TYPE_CHECKING:
    from nerctl.inference.stream import Done, StreamOptions
    from nerctl.inference.tagger import Tagger


def predict(
    texts: Optional[list[str]] = typer.Argument(None, metavar="[TEXT]...", help="Texts to tag."),
    model: Path = typer.Option(Path("output"), "--model", "-m", help="Training folder or exported folder."),
    input: Optional[str] = typer.Option(None, "--input", "-i", help="File of texts; - is standard input."),
    output: Optional[Path] = typer.Option(None, "--output", "-o", help="File to write; default: standard output."),
    format: str = typer.Option("jsonl", "--format", help="Output: jsonl, conll or inline."),
    input_format: str = typer.Option("auto", help="Input: auto, text (a line a text), jsonl, conll (a token a line)."),
    field: str = typer.Option("text", help="Field of a JSON line that holds the text; others pass through."),
    skip_bad: bool = typer.Option(False, "--skip-bad", help="Name lines that cannot be read and leave them out."),
    resume: bool = typer.Option(False, "--resume", help="Go on where an earlier run to --output stopped."),
    lexicon: Optional[Path] = typer.Option(None, help="File of mention TAB type: force them (longest from the left)."),
    block: Optional[Path] = typer.Option(None, help="File of mention [TAB type]: no entity is exactly that mention."),
    batch_size: int = typer.Option(0, min=0, help="Windows computed at once; 0: what runs best."),
    workers: int = typer.Option(0, min=0, help="Computing threads; 0: as many as cores."),
    max_seq_length: Optional[int] = typer.Option(
        None, help="Longest window in word pieces; default: that of training. Longer texts take several."
    ),
    device: str = typer.Option("auto", help="auto, cpu, cuda or npu."),
) -> None:
    """Find entities: {"text", "entities": [{"start", "end", "type", "text", "score"}]}, a line a text.

    Offsets count code points of the text as given; the end is exclusive. The score is the model's probability
    of exactly that entity, given the forced and forbidden mentions. Output keeps the order of the input, and
    memory does not grow with it. A line that cannot be read ends the run, what was done is kept, and --resume
    goes on there.

    \b
    Examples:
      nerctl predict --model output 海钓比赛地点在厦门与金门之间的海域。
      nerctl predict --model export --input news.jsonl --field body --output entities.jsonl
    """
    from nerctl.inference.records import INPUTS, OUTPUTS, Record, write_record

    for value, allowed, option in ((format, OUTPUTS, "--format"), (input_format, INPUTS, "--input-format")):
        if value not in allowed:
            raise NerctlError(f"{option} {value}: unknown; it takes {', '.join(allowed)}")
    if bool(texts) == (input is not None):
        raise NerctlError("give texts as arguments, or --input FILE (- for standard input)")
    if texts and (output is not None or resume):
        raise NerctlError("--output and --resume go with --input; texts are answered on standard output")
    if resume and output is None:
        raise NerctlError("--resume needs --output, the file that the earlier run was to write")

    from nerctl.inference.documents import Document
    from nerctl.inference.stream import StreamOptions
    from nerctl.inference.tagger import Tagger

    tagger = Tagger.load(
        model,
        device=device,
        threads=workers,
        max_seq_length=max_seq_length,
        lexicon=lexicon,
        block=block,
        max_windows=batch_size,
    )
    if texts:
        documents = [Document.split(text, tagger.model.splitter) for text in texts]
        for number, (document, result) in enumerate(zip(documents, tagger.tag(documents)), 1):
            record = Record(number, number, 0, document)
            out.result(write_record(record, result, format).rstrip("\n"))
        return
    assert input is not None
    options = StreamOptions(input_format, format, field, skip_bad)
    if output is None:
        _to_stdout(tagger, input, options)
    else:
        _to_file(tagger, input, output, options, resume, (lexicon, block))


def _skipped(name: str) -> Callable[[int, str], None]:
    return lambda line, reason: out.warn(f"{name}:{line}: {reason}; left out")


def _to_stdout(tagger: Tagger, source: str, options: StreamOptions) -> None:
    import sys

    from nerctl.inference.stream import Done, open_input, predict_stream

    with open_input(source) as stream:
        for text, _ in predict_stream(tagger, stream, source, options, Done(), _skipped(source)):
            sys.stdout.buffer.write(text)
            sys.stdout.buffer.flush()


def _to_file(tagger: Tagger, source: str, target: Path, options: StreamOptions, resume: bool, rules: Any) -> None:
    import os
    import sys
    from dataclasses import asdict

    from tqdm import tqdm

    from nerctl.folder import POINTER, sha256_of
    from nerctl.inference.stream import predict_file

    identity = {
        "input": source if source == "-" else str(Path(source).absolute()),
        "model": sha256_of(tagger.model.folder.path / POINTER),
        "window": tagger.model.max_seq_length,
        "options": asdict(options),
        "rules": [sha256_of(path) if path else None for path in rules],
    }
    total = os.path.getsize(source) if source != "-" and os.path.isfile(source) else None
    hidden = out.quiet or not sys.stderr.isatty()
    with tqdm(total=total, unit="B", unit_scale=True, disable=hidden, file=sys.stderr) as bar:

        def progress(now: Done) -> None:
            bar.update(now.input_bytes - bar.n)

        told = _skipped(source)
        done = predict_file(tagger, source, target, options, identity, resume, told, progress)
    left_out = f", {counted(done.skipped, 'line')} left out" if done.skipped else ""
    out.say(f"{target}: {counted(done.texts, 'text')}, {counted(done.entities, 'entity', 'entities')}{left_out}")
