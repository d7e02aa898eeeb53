"""A training run from the first step to the last: steps, dev scores, saves, an orderly stop, and the test score."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Callable

from nerctl.config import TrainConfig, existing_folder
from nerctl.encoders.run_folder import is_run
from nerctl.errors import FailedError, NerctlError
from nerctl.evaluation.errors import ScoredSentence, scores_of
from nerctl.evaluation.report import write_report
from nerctl.evaluation.scores import Scores
from nerctl.files import check_output_folder, sha256_of
from nerctl.folder import POINTER, SHARED
from nerctl.run_record import RunRecord, now
from nerctl.training.facts import changing_facts, corpus_facts, encoder_facts, own_files, run_facts
from nerctl.training.listener import Listener
from nerctl.training.record import check_free, claim, listed
from nerctl.training.resume import nothing_left
from nerctl.training.scoring import Scorer
from nerctl.training.session import Session, read_split, write_shared
from nerctl.training.state import RunState
from nerctl.training.steplog import StepLog, StepRecord
from nerctl.training.warm_up import warm_up

SAVE_SECONDS = 300.0
"""A run without --save-every saves at least this often."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    step: int
    """Updates made in all."""
    interrupted: int | None = None
    """The signal that stopped it, if one did."""
    dev_f1: float | None = None
    """Best dev F1, a fraction of 1."""
    test: Scores | None = None
    """Scores of test by the best weights, if they were wanted."""
    planned: int = 0
    """Updates that the schedule plans for."""
    nothing_left: str | None = None
    """Why nothing was left to do, in words; then nothing was computed or written."""


def train(
    config: TrainConfig,
    command: str,
    listener: Listener,
    resume: bool = False,
    overwrite: bool = False,
    stop: Callable[[], int | None] = lambda: None,
) -> Outcome:
    """Trains a tagger as the config says.

    Args:
        config: the options; those of `resumed_config` to go on with a run.
        command: the command line, for the record.
        listener: hears what happens.
        resume: go on with the run in the output folder.
        overwrite: replace the run in the output folder.
        stop: asked after each update; a signal number ends the run in order.

    Raises:
        NerctlError: something that is asked for is wrong or missing; nothing was written or removed.
        FailedError: the loss is no number any more.
    """
    folder = Path(config.output_dir)
    check_output_folder(folder, "--output-dir")
    record = RunRecord.load(folder) if resume else None
    if record is not None:
        reason = nothing_left(record, config)
        if reason is not None:
            return Outcome(record.content["step"], nothing_left=reason)
    run = Run(config, command, listener, record, overwrite)
    try:
        return run.go(stop)
    finally:
        run.close()


class Run:
    """One run, prepared: its session, its record and its place in the schedule.

    `before` is the record of the run that goes on; None for a new one.
    """

    def __init__(
        self, config: TrainConfig, command: str, listener: Listener, before: RunRecord | None, overwrite: bool
    ) -> None:
        self.began = time.perf_counter()
        self.folder = Path(config.output_dir)
        self.command = command
        self.listener = listener
        if before is not None:
            self.record = before
            self.session = self._opened_again(config)
        else:
            self.record, self.session = self._opened(config, overwrite)
        self.seconds_before = float(self.record.content.get("seconds") or 0)
        self.log = StepLog(self.folder, self.session.backend.log_name)
        shared = {name: sha256_of(self.folder / name) for name in SHARED}
        self.state = RunState(self.folder, self.session.model, self.session.optimizer, shared)
        self.progress = self.state.restore()
        self.scorer = Scorer(self.session)
        self.saved_at = time.monotonic()

    def _opened(self, config: TrainConfig, overwrite: bool) -> tuple[RunRecord, Session]:
        """A new run: its record, already in the folder, and its session."""
        check_free(self.folder, overwrite)
        encoder = _encoder_folder(config)
        session = Session(config, encoder, "random" if config.from_scratch else "checkpoint")
        self._check_test_file(session)
        record = RunRecord.begin(self.folder, self.command, run_facts(session, encoder))
        claim(record, own_files(session), overwrite)
        write_shared(self.folder, session)
        return record, session

    def _opened_again(self, config: TrainConfig) -> Session:
        """The session of a run that goes on; its record then says what may have changed."""
        content = self.record.content
        has_weights = (self.folder / POINTER).exists()
        encoder = self.folder if has_weights else _encoder_folder(config)
        weights = "later" if has_weights else "random" if config.from_scratch else "checkpoint"
        session = Session(config, encoder, weights)
        self._check_same_data(session)
        self._check_test_file(session)
        if not has_weights:  # stopped before its first save, perhaps before its first file
            facts = encoder_facts(encoder, session)
            if facts["sha256"] != content["encoder"]["sha256"]:
                raise NerctlError(
                    f"{encoder}: not the encoder that the run in {self.folder} was begun with; put it back, or start "
                    "another run with another --output-dir"
                )
            content["encoder"] = facts
            write_shared(self.folder, session)
        content.update(changing_facts(session))
        content.setdefault("resumed", []).append({"time": now(), "command": self.command, "step": content["step"]})
        return session

    def go(self, stop: Callable[[], int | None]) -> Outcome:
        """Runs to the last step, an early stop, or a signal."""
        session, listener = self.session, self.listener
        if self.progress.step < session.last_step:
            self.record.content["test"] = None  # what was scored before is not what will be
        self._save_record("running")
        self.log.open(self.progress.step)
        first = self.progress.step + 1
        listener.started(session, first, session.scores_test(session.last_step))
        for note in session.notes:
            listener.note(note)
        if first <= session.last_step:
            self.record.content["warmup"] = warm_up(session.stepper, session.batches, listener.note)
        signal: int | None = None
        if self._evaluation_is_due() and not self._evaluated():
            self._evaluate()
        while self.progress.step < session.last_step and not self._out_of_patience():
            self._step()
            signal = stop()
            if signal is None and self._evaluation_is_due():
                self._evaluate()
            elif signal is not None or self._save_is_due():
                self._save()
            if signal is not None:
                break
        if self.state.last is None or self.state.last.step != self.progress.step:
            self._save()
        if signal is not None:
            self._save_record("interrupted", now())
            return Outcome(self.progress.step, signal, self.progress.best_f1)
        test = self._finish()
        return Outcome(self.progress.step, None, self.progress.best_f1, test, session.total_steps)

    def close(self) -> None:
        """Closes logs and device."""
        self.log.close()
        self.session.backend.close()

    def _step(self) -> None:
        step = self.progress.step + 1
        begin = time.perf_counter()
        parts = self.session.batches.step(step)
        rates = self.session.schedule.at(step)
        result = self.session.stepper.run(step, parts, rates)
        seconds = time.perf_counter() - begin
        record = StepRecord.of(step, parts, result, seconds, rates[0])
        self.log.add(record)
        self.listener.stepped(record)
        if not result.loss < float("inf"):
            raise FailedError(
                f"step {step}: the loss is {result.loss}; lower --learning-rate (and --head-learning-rate). "
                f"What {self.folder} holds was saved before"
            )
        self.progress = replace(self.progress, step=step)

    def _evaluation_is_due(self) -> bool:
        step, per_epoch = self.progress.step, self.session.batches.steps_per_epoch
        if self.session.data.dev is None or step == 0:
            return False
        every = self.session.config.eval_every
        if every is not None:
            return step % every == 0
        return step % per_epoch == 0 or (step == self.session.last_step and step > per_epoch)

    def _evaluated(self) -> bool:
        return any(one["step"] == self.progress.step for one in self.progress.evaluations)

    def _evaluate(self) -> None:
        begin = time.perf_counter()
        scores = self.scorer.dev(self.listener)
        best = self.progress.best_f1
        is_best = best is None or scores.f1 > best
        step = self.progress.step
        evaluation = {
            "step": step,
            "epoch": step / self.session.batches.steps_per_epoch,
            "split": "dev",
            "scores": scores.as_dict(),
            "seconds": time.perf_counter() - begin,
        }
        self.progress = replace(
            self.progress,
            best_f1=scores.f1 if is_best else best,
            since_best=0 if is_best else self.progress.since_best + 1,
            evaluations=[*self.progress.evaluations, evaluation],
        )
        self.listener.scored("dev", step, scores, is_best)
        self._save(is_best)

    def _out_of_patience(self) -> bool:
        patience = self.session.config.patience
        return patience is not None and self.progress.since_best >= patience

    def _save_is_due(self) -> bool:
        every = self.session.config.save_every
        if every is not None:
            return self.progress.step % every == 0
        return time.monotonic() - self.saved_at >= SAVE_SECONDS

    def _save(self, is_best: bool = False) -> None:
        self.log.sync()
        self.state.save(self.progress, is_best)
        self._save_record("running")
        self.saved_at = time.monotonic()

    def _finish(self) -> Scores | None:
        """Scores the best weights on test, where that is wanted, and writes the reports."""
        sentences: list[ScoredSentence] | None = None
        scores: Scores | None = None
        path = self.session.data.test
        if path is not None and self.session.scores_test(self.progress.step):
            corpus = read_split(path, self.session.config)
            step = self.state.load_best() or self.progress.step
            sentences = self.scorer.analysed(corpus, self.listener)
            scores = scores_of(sentences)
            self.record.content["test"] = scores.as_dict()
            self.record.content["corpus"]["test"] = corpus_facts(path, corpus)
            self.listener.scored("test", step, scores, False)
        # The reports read the record; a run that is stopped while they are written is not finished yet.
        self._save_record("running", now())
        paths = write_report(self.folder, sentences, "test" if sentences is not None else "")
        self.record.content["files"] += [path.name for path in paths]
        self._save_record("finished", self.record.content["finished"])
        return scores

    def _check_same_data(self, session: Session) -> None:
        before = self.record.content["corpus"]["train"]
        if before["sha256"] != session.data.facts["train"]["sha256"]:
            raise NerctlError(
                f"{session.data.facts['train']['path']}: not the corpus that the run in {self.folder} was begun "
                "with; put it back, or start another run with another --output-dir"
            )

    def _check_test_file(self, session: Session) -> None:
        path = session.data.test
        if session.config.test and path is None:
            raise NerctlError(f"--test: {session.config.data_dir} has no test file; leave the option out")
        if path is not None and session.scores_test(session.last_step):
            # What cannot be read is to stop the run now, not after its last step.
            session.notes += read_split(path, session.config).notes

    def _save_record(self, state: str, finished: str | None = None) -> None:
        content = self.record.content
        content["state"] = state
        content["finished"] = finished
        content["config"] = self.session.saved_config()
        content["step"] = self.progress.step
        content["evaluations"] = self.progress.evaluations
        if self.state.best is not None:
            content["best"] = {"step": self.state.best.step, "f1": self.state.best.f1}
        content["seconds"] = round(self.seconds_before + time.perf_counter() - self.began, 1)
        content["peak_memory_bytes"] = peak_memory()
        earlier = listed(self.folder, content["files"])
        earlier = [name for name in earlier if not name.startswith("checkpoints/")]
        self.record.save([*own_files(self.session), *earlier, *self.state.files()])


def _encoder_folder(config: TrainConfig) -> Path:
    if config.init is not None:
        folder = existing_folder(config.init, "--init", "name the folder of a run that nerctl train wrote")
        if not is_run(folder):
            raise NerctlError(f"{folder}: holds no run (--init); name a folder that nerctl train wrote, or use --bert-dir")
        return folder
    return existing_folder(
        config.bert_dir, "--bert-dir", "nerctl fetch-bert puts an encoder there, or name your own folder"
    )


def peak_memory() -> int | None:
    """Peak resident memory of this process in bytes, where the system tells it."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if os.uname().sysname == "Darwin" else peak * 1024
