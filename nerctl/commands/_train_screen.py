"""What `nerctl train` and `nerctl quickstart` show of a run: its opening, a bar or a line a step, and the end."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Optional

import typer

from nerctl.backends.cuda_parts import missing_part
from nerctl.backends.threads import available_cores
from nerctl.console import out
from nerctl.training.listener import Listener
from nerctl.wording import counted

if TYPE_CHECKING:
    from rich.progress import Progress, Task

    from nerctl.evaluation.scores import Scores
    from nerctl.training.loop import Outcome
    from nerctl.training.session import Session
    from nerctl.training.steplog import StepRecord


def opening(session: Session, first_step: int, scores_test: bool) -> list[tuple[str, str]]:
    """What is going to happen, as labels and their lines: corpus, encoder, device, recipe, plan."""
    config, data, batches = session.config, session.data, session.batches
    sizes = [f"train {len(data.train):,}", *([f"dev {len(data.dev):,}"] if data.dev is not None else [])]
    types = ", ".join(data.labels.types[:12]) + (" ..." if len(data.labels.types) > 12 else "")
    bert = session.bert
    weights = "random weights" if config.from_scratch else "pretrained"
    rates = ", ".join(f"{name} {rate:g}" for name, rate in zip(("encoder", "head", "CRF"), session.rates))
    last = session.last_step
    span = f"updates {first_step:,} to {last:,}" if first_step <= last else "no update left"
    planned = f" of {session.total_steps:,}" if last < session.total_steps else ""
    epochs = f"{counted(config.epochs, 'epoch')} of {batches.steps_per_epoch:,}"
    return [
        ("corpus", f"{config.data_dir}: {', '.join(sizes)} sentences; {types}"),
        ("encoder", f"{config.bert_dir}: {counted(bert.num_hidden_layers, 'layer')} x {bert.hidden_size}, {weights}"),
        ("device", _device(session)),
        ("recipe", f"{config.head}, {counted(batches.shapes.batch_size, 'sentence')} an update; rates: {rates}"),
        ("plan", f"{span}{planned} ({epochs}); test is {'scored at the end' if scores_test else 'not scored'}"),
    ]


def _device(session: Session) -> str:
    facts = session.backend.describe()
    precision = "" if facts["precision"] == "float32" else f", {facts['precision']}"
    if facts["backend"] != "cpu":
        return f"{facts['backend']}: {facts['name']}{precision}"
    cores = counted(session.config.threads or available_cores(), "core")
    reason = f"; no GPU: {missing_part().split(';')[0]}" if session.config.device == "auto" else ""
    return f"cpu: {facts['name']}, {cores}{precision}{reason}"


class Lines(Listener):
    """Says a line a step on standard output, as the original project does; all else on standard error."""

    def started(self, session: Session, first_step: int, scores_test: bool) -> None:
        for label, line in opening(session, first_step, scores_test):
            out.labelled(label, line)

    def note(self, message: str) -> None:
        out.labelled("note", message)

    def stepped(self, record: StepRecord) -> None:
        print(record.line(), flush=True)

    def scored(self, split: str, step: int, scores: Scores, is_best: bool) -> None:
        best = " (best so far)" if is_best else ""
        out.say(
            f"{split} at step {step}: precision {scores.precision:.4f} recall {scores.recall:.4f} "
            f"F1 {scores.f1:.4f}{best}"
        )


class Epochs(Lines):
    """Says one line an epoch instead of one a step, apart from the result."""

    def stepped(self, record: StepRecord) -> None:
        """Says nothing."""

    def scored(self, split: str, step: int, scores: Scores, is_best: bool) -> None:
        out.say(f"{split} at step {step}: F1 {scores.f1:.4f}")


class Bar(Lines):
    """Shows one bar instead of the lines: what is under way with a clock, loss, speed, time left, best dev F1."""

    def __init__(self, bar: Progress) -> None:
        self.bar = bar
        self.task: Any = None
        self.best: Optional[float] = None

    def started(self, session: Session, first_step: int, scores_test: bool) -> None:
        super().started(session, first_step, scores_test)
        what = "compiling the first step"
        self.task = self.bar.add_task(what, total=session.last_step, completed=first_step - 1, facts="")

    def stepped(self, record: StepRecord) -> None:
        best = f", best dev F1 {self.best:.4f}" if self.best is not None else ""
        facts = f"loss {record.loss:.2f}, {record.tokens / record.seconds:,.0f} tokens/s{best}"
        self.bar.update(self.task, description="training", completed=record.step, facts=facts)

    def advance(self, name: str, done: int, total: Optional[int]) -> None:
        self.bar.update(self.task, description=f"scoring {name}", facts=f"{done:,} of {total:,} sentences")

    def scored(self, split: str, step: int, scores: Scores, is_best: bool) -> None:
        super().scored(split, step, scores, is_best)
        if is_best:
            self.best = scores.f1


@contextmanager
def listening(lines: Listener) -> Iterator[Listener]:
    """The listener that fits standard output: a bar for a terminal, `lines` for a file or a pipe."""
    if not sys.stdout.isatty() or out.quiet:
        yield lines
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        ProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as RichProgress

    class Clock(ProgressColumn):
        """The time left, or the time that passes while nothing is known of it."""

        left, passed = TimeRemainingColumn(), TimeElapsedColumn()

        def render(self, task: Task) -> Any:
            return (self.left if task.speed else self.passed).render(task)

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=12),
        MofNCompleteColumn(),
        Clock(),
        TextColumn("{task.fields[facts]}"),
    )
    with RichProgress(*columns, console=out.rich(), transient=True) as bar:
        yield Bar(bar)


def close(outcome: Outcome, folder: str, seconds: float) -> None:
    """Says what came of a run, and what one would do next.

    Raises:
        typer.Exit: a signal stopped the run; the code is 128 and its number.
    """
    named = shlex.quote(folder)
    if outcome.interrupted is not None:
        out.say(f"Stopped after step {outcome.step} and saved. Go on with: nerctl train --resume --output-dir {named}")
        raise typer.Exit(128 + outcome.interrupted)
    if outcome.nothing_left is not None:
        out.say(f"Nothing left to do: {outcome.nothing_left}. The run is in {folder}, as it was")
        return
    best = f", best dev F1 {outcome.dev_f1:.4f}" if outcome.dev_f1 is not None else ""
    out.say(f"{counted(outcome.step, 'step')} done in {span(seconds)}{best}; the run is in {folder}")
    out.labelled("try it", f"nerctl predict --model {named} 王小明在北京大学。")
    out.labelled("errors", f"{folder}/report.html, in a browser")
    if outcome.step < outcome.planned:
        more = min(outcome.planned, 2 * outcome.step)
        out.labelled("go on", f"nerctl train --resume --output-dir {named} --steps {more}")
    else:
        out.labelled("export", f"nerctl export --model {named} --to export")


def span(seconds: float) -> str:
    """A time as people say it: 41 s, 15 min 22 s, 2 h 5 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
