"""`train --init RUN`: a run begins with the encoder that another run has trained, and with nothing else of it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from tiny_run import OPTIONS, DieAtStart, Killed, assert_same_run, run, weights

from nerctl.config import TrainConfig
from nerctl.errors import NerctlError
from nerctl.model.checkpoint import load_tensors
from nerctl.training.session import Session


@pytest.fixture
def first(tiny: Path) -> Path:
    """A run of four steps whose best weights are not its last."""
    run("first", steps=4, save_every=2)
    return tiny / "first"


def begun(**options: object) -> dict[str, np.ndarray]:
    """The variables with which a run with these options begins."""
    config = TrainConfig.from_dict({**OPTIONS, **options})
    session = Session(config, Path(config.encoder_dir), "random" if config.from_scratch else "checkpoint")
    return {name: item.numpy() for name, item in session.model.variables_by_name().items()}


def test_the_encoder_is_the_other_runs_bit_for_bit_and_the_head_is_new(first: Path) -> None:
    trained = weights("first")
    ours = begun(init="first", from_scratch=False, head="crf")
    fresh = begun(head="crf")
    assert any(name.startswith("bert/") for name in ours) and any(not name.startswith("bert/") for name in ours)
    for name, value in ours.items():
        expected = trained if name.startswith("bert/") else fresh
        assert np.array_equal(value, expected[name]), name
    assert not np.array_equal(ours["bert/embeddings/word_embeddings"], fresh["bert/embeddings/word_embeddings"])


def test_the_best_weights_are_taken_where_dev_chose_some(first: Path) -> None:
    pointer = json.loads((first / "checkpoint.json").read_text())
    older = {**pointer["last"], "step": 2, "folder": "checkpoints/00000002"}
    (first / "checkpoints" / "00000004").rename(first / "checkpoints" / "00000002")
    (first / "checkpoint.json").write_text(json.dumps({**pointer, "best": older}))
    best = load_tensors(first / "checkpoints" / "00000002" / "model.ckpt")
    name = "bert/embeddings/word_embeddings"
    assert np.array_equal(begun(init="first", from_scratch=False)[name], best[name])


def test_a_run_that_was_begun_so_says_it_resumes_and_leaves_the_other_as_it_was(first: Path) -> None:
    before = {path: path.read_bytes() for path in first.rglob("*") if path.is_file()}
    options = {"init": "first", "from_scratch": False}
    run("whole", steps=3, **options)
    with pytest.raises(Killed):
        run("killed", listener=DieAtStart(), steps=3, **options)
    run("killed", resume=True)
    assert_same_run("whole", "killed")
    record = json.loads(Path("whole/run.json").read_text())
    assert record["config"]["init"] == "first" and record["encoder"]["path"] == "first"
    assert record["encoder"]["run_id"] == json.loads((first / "run.json").read_text())["run_id"]
    assert {path: path.read_bytes() for path in first.rglob("*") if path.is_file()} == before


def test_case_is_treated_as_the_other_run_did(tiny: Path) -> None:
    run("cased", steps=1, lower_case=False)
    config = TrainConfig.from_dict({**OPTIONS, "init": "cased", "from_scratch": False})
    assert Session(config, Path("cased"), "checkpoint").config.lower_case is False


def test_what_holds_no_run_is_refused_in_one_sentence(first: Path) -> None:
    def refused(sentence: str, **options: object) -> None:
        with pytest.raises(NerctlError, match=sentence):
            run("other", **{"from_scratch": False, **options})
        assert not Path("other").exists()

    refused("frist: no such folder .--init.; did you mean first", init="frist")
    refused("model: holds no run .--init.; name a folder that nerctl train wrote", init="model")
    refused("--init first and --from-scratch exclude each other", init="first", from_scratch=True)
    pointer = json.loads((first / "checkpoint.json").read_text())
    weights_file = first / pointer["last"]["folder"] / "model.ckpt.data-00000-of-00001"
    weights_file.write_bytes(weights_file.read_bytes()[:-1] + b"x")
    refused(re.escape(str(weights_file.relative_to(Path.cwd()))) + ": its content is not what was saved", init="first")
    (first / "checkpoint.json").write_text(json.dumps({**pointer, "engine": "onnx"}))
    refused("first: is an export, which holds no weights to train on", init="first")
