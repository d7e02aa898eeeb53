"""A training run from the first step to the last: steps, dev scores, saves, an orderly stop, and the test score."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

from nerctl.config import TrainConfig, existing_folder
from nerctl.data.batches import Batch, Encoder
from nerctl.data.corpus import Corpus, read_corpus
from nerctl.errors import FailedError, NerctlError
from nerctl.evaluation.errors import ScoredSentence, scores_of
from nerctl.evaluation.scores import Scores
from nerctl.folder import SHARED, sha256_of
from nerctl.training.record import RunRecord, claim, listed, now, versions
from nerctl.training.reporting import finish_reports
from nerctl.training.session import Session, corpus_facts, encoder_facts, write_shared
from nerctl.training.state import Progress, RunState
from nerctl.training.step import StepResult
from nerctl.training.steplog import StepLog, StepRecord
from nerctl.training.warm_up import warm_up

if TYPE_CHECKING:
    from nerctl.inference.engine import TensorFlowEngine

SAVE_SECONDS = 300.0
"""A run without --save-every saves at least this often."""


class Listener:
    """Hears what a run does; the base hears and says nothing."""

    def started(self, session: Session, first_step: int) -> None:
        """Everything is ready; the next update is `first_step`."""

    def note(self, message: str) -> None:
        """Something the user should know."""

    def stepped(self, record: StepRecord) -> None:
        """One update was made."""

    def scored(self, split: str, step: int, scores: Scores, is_best: bool) -> None:
        """A split was scored."""


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
    run = Run(config, command, listener, resume, overwrite)
    try:
        return run.go(stop)
    finally:
        run.close()


class Run:
    """One run, prepared: its session, its record and its place in the schedule."""

    def __init__(
        self, config: TrainConfig, command: str, listener: Listener, resume: bool, overwrite: bool
    ) -> None:
        self.began = time.perf_counter()
        self.folder = Path(config.output_dir)
        self.listener = listener
        if resume:
            record = RunRecord.load(self.folder)
            has_weights = (self.folder / "checkpoint.json").exists()
            encoder = self.folder if has_weights else Path(record.content["encoder"]["path"])
            weights = "later" if has_weights else "random" if config.from_scratch else "checkpoint"
            self.session = Session(config, encoder, weights)
            self.record = record
            self._check_same_data()
            self._check_test_file()
        else:
            encoder = existing_folder(
                config.bert_dir, "--bert-dir", "nerctl fetch-bert puts an encoder there, or name your own folder"
            )
            if (self.folder / "run.json").exists() and not overwrite:
                claim(self.folder, (), overwrite=False)
            self.session = Session(config, encoder, "random" if config.from_scratch else "checkpoint")
            self._check_test_file()
            self.record = RunRecord.begin(self.folder, command, self._facts(encoder))
            claim(self.folder, [*SHARED, *self._log_names()], overwrite)
            write_shared(self.folder, encoder, self.session)
        self.log = StepLog(self.folder, self.session.backend.log_name)
        shared = {name: sha256_of(self.folder / name) for name in SHARED}
        self.state = RunState(self.folder, self.session.model, self.session.optimizer, shared)
        self.progress = self.state.restore() if resume else Progress()
        self.saved_at = time.monotonic()
        self._dev: Encoder | None = None
        self._made_engine: TensorFlowEngine | None = None

    def go(self, stop: Callable[[], int | None]) -> Outcome:
        """Runs to the last step, an early stop, or a signal."""
        session, listener = self.session, self.listener
        self.log.open(self.progress.step)
        self._save_record("running")
        for note in session.notes:
            listener.note(note)
        first = self.progress.step + 1
        listener.started(session, first)
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
            self._save_record("interrupted")
            return Outcome(self.progress.step, signal, self.progress.best_f1)
        test = self._finish()
        return Outcome(self.progress.step, None, self.progress.best_f1, test)

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
        record = _step_record(step, parts, result, seconds, rates[0])
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
        dev = self.session.data.dev
        assert dev is not None
        if self._dev is None:
            self._dev = self.session.encode(dev)
        scores = self._scores(self._dev)
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

    def _scores(self, encoder: Encoder) -> Scores:
        from nerctl.inference.engine import crf_scores
        from nerctl.inference.predict import score_corpus

        session = self.session
        crf = crf_scores(session.model, session.data.labels)
        return score_corpus(self._engine(), crf, session.data.labels, encoder)

    def _engine(self) -> TensorFlowEngine:
        """The model as it is now; made once, for its compiled functions."""
        if self._made_engine is None:
            from nerctl.inference.engine import TensorFlowEngine

            session = self.session
            self._made_engine = TensorFlowEngine(
                session.model,
                session.backend,
                session.config.max_seq_length,
                session.shapes.max_tokens,
                session.backend.together,
            )
        return self._made_engine

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
        path = self._test_file()
        if path is not None:
            corpus: Corpus = read_corpus(path)
            step = self.state.load_best() or self.progress.step
            sentences = self._analysed(self.session.encode(corpus))
            scores = scores_of(sentences)
            self.record.content["test"] = scores.as_dict()
            self.record.content["corpus"]["test"] = corpus_facts(path, corpus)
            self.listener.scored("test", step, scores, False)
        self._save_record("finished")
        finish_reports(self.folder, sentences, "test" if sentences is not None else "")
        return scores

    def _test_file(self) -> Path | None:
        """The test file, if it is to be scored."""
        wanted = self.session.config.test
        if wanted is None:
            wanted = self.progress.step >= self.session.batches.steps_per_epoch
        return self.session.data.test if wanted else None

    def _analysed(self, encoder: Encoder) -> list[ScoredSentence]:
        from nerctl.inference.engine import crf_scores
        from nerctl.inference.scored import scored_sentences

        session = self.session
        crf = crf_scores(session.model, session.data.labels)
        return scored_sentences(self._engine(), crf, session.data.labels, encoder)

    def _facts(self, encoder: Path) -> dict[str, Any]:
        session = self.session
        return {
            "device": session.backend.describe(),
            "versions": versions(),
            "config": session.saved_config(),
            "encoder": encoder_facts(encoder, session, session.config.from_scratch),
            "corpus": session.data.facts,
            "problems": session.notes,
            "schedule": {
                "total_steps": session.total_steps,
                "steps_per_epoch": session.batches.steps_per_epoch,
                "warmup": session.config.warmup,
            },
            "evaluations": [],
            "best": None,
            "test": None,
            "warmup": None,
        }

    def _check_same_data(self) -> None:
        before = self.record.content["corpus"]["train"]
        if before["sha256"] != self.session.data.facts["train"]["sha256"]:
            raise NerctlError(
                f"{self.session.data.facts['train']['path']}: not the corpus that the run in {self.folder} was begun "
                "with; put it back, or start another run with another --output-dir"
            )

    def _check_test_file(self) -> None:
        session = self.session
        wanted, path = session.config.test, session.data.test
        if wanted and path is None:
            raise NerctlError(f"--test: {session.config.data_dir} has no test file; leave the option out")
        if wanted is None:
            wanted = session.last_step >= session.batches.steps_per_epoch
        if wanted and path is not None:
            # What cannot be read is to stop the run now, not after its last step.
            session.notes += read_corpus(path).notes

    def _log_names(self) -> list[str]:
        return ["steps.jsonl", f"loss+perf_{self.session.backend.log_name}.txt"]

    def _save_record(self, state: str) -> None:
        content = self.record.content
        content["state"] = state
        content["finished"] = None if state == "running" else now()
        content["config"] = self.session.saved_config()
        content["step"] = self.progress.step
        content["evaluations"] = self.progress.evaluations
        if self.state.best is not None:
            content["best"] = {"step": self.state.best.step, "f1": self.state.best.f1}
        content["seconds"] = round(time.perf_counter() - self.began, 1)
        content["peak_memory_bytes"] = peak_memory()
        own = listed(self.folder, [*SHARED, *self._log_names(), "checkpoint.json"])
        earlier = listed(self.folder, content["files"])
        earlier = [name for name in earlier if not name.startswith("checkpoints/")]
        self.record.save([*own, *earlier, *self.state.files()])


def _step_record(step: int, parts: list[Batch], result: StepResult, seconds: float, rate: float) -> StepRecord:
    positions = sum(part.positions for part in parts)
    return StepRecord(
        step=step,
        loss=result.loss,
        seconds=round(seconds, 6),
        sentences=round(sum(float(part.begins.sum()) for part in parts)),
        tokens=sum(part.tokens for part in parts),
        positions=positions,
        padding=round(1 - sum(part.pieces for part in parts) / positions, 4),
        learning_rate=rate,
        norm=result.norm,
        parts=len(parts),
        compiled=result.compiled,
    )


def peak_memory() -> int | None:
    """Peak resident memory of this process in bytes, where the system tells it."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if os.uname().sysname == "Darwin" else peak * 1024

