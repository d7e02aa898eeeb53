"""Who hears what a run does: the core tells, a command shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nerctl.progress import Silent

if TYPE_CHECKING:
    from nerctl.evaluation.scores import Scores
    from nerctl.training.session import Session
    from nerctl.training.steplog import StepRecord


class Listener(Silent):
    """A `nerctl.progress.Report` that hears what a run does besides; the base hears and says nothing.

    `note` is something the user should know, `advance` how many sentences of a split are tagged.
    """

    def started(self, session: Session, first_step: int, scores_test: bool) -> None:
        """Everything is ready; the next update is `first_step`, and test is going to be scored at the end or not."""

    def stepped(self, record: StepRecord) -> None:
        """One update was made."""

    def scored(self, split: str, step: int, scores: Scores, is_best: bool) -> None:
        """A split was scored."""
