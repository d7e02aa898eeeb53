"""How `nerctl train` shares the cores out."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import nerctl

from nerctl.training import session


@pytest.mark.parametrize(
    ("asked", "together", "wanted"),
    [(None, 2, (4, 2)), (2, 2, (1, 2)), (1, 2, (1, 1)), (3, 1, (3, 2)), (None, 1, None)],
)
def test_parts_computed_together_share_the_cores(
    monkeypatch: pytest.MonkeyPatch, asked: int | None, together: int, wanted: tuple[int, int] | None
) -> None:
    calls: list[tuple[int, int]] = []
    monkeypatch.setattr(session, "available_cores", lambda: 8)
    monkeypatch.setattr(session, "set_threads", lambda *given: calls.append(given) or True)
    session.share_cores(asked, together)
    assert calls == ([] if wanted is None else [wanted])


def test_threads_asked_for_after_tensorflow_runs_is_one_sentence(workplace: Path) -> None:
    import tensorflow as tf

    tf.constant(1.0)
    other = tf.config.threading.get_intra_op_parallelism_threads() + 3  # a test before this one may have set any
    arguments = ["--device", "cpu", "--from-scratch", "--steps", "1", "--threads", str(other)]
    code, _, said = nerctl("train", *arguments)
    assert code == 2 and "--threads" in said and "new process" in said
    assert not Path("output", "steps.jsonl").exists()
