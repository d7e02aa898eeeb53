"""`nerctl train` on a tiny corpus: its files, its log, what it refuses, what it never deletes."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from command_line import nerctl
from made_corpus import made_sentences, write_columns

from nerctl.config import TrainConfig
from nerctl.data.batches import TrainingData
from nerctl.folder import ModelFolder
from nerctl.training.listener import Listener
from nerctl.training.loop import train
from nerctl.training.session import Session

SMALL = ["--device", "cpu", "--from-scratch", "--batch-size", "8", "--lstm-size", "8"]
STEP = re.compile(r"^step: \d+, cost time: \d+\.\d{3}s, losses: \d+\.\d{3}$")


def test_five_steps_give_five_lines_on_standard_output_and_the_same_in_the_log(workplace: Path) -> None:
    code, printed, _ = nerctl("train", *SMALL, "--steps", "5")
    assert code == 0
    lines = printed.splitlines()
    assert len(lines) == 5 and all(STEP.match(line) for line in lines)
    assert Path("output/loss+perf_cpu.txt").read_text().splitlines() == lines
    records = [json.loads(line) for line in Path("output/steps.jsonl").read_text().splitlines()]
    assert [record["step"] for record in records] == [1, 2, 3, 4, 5]


def test_a_run_within_the_first_epoch_scores_nothing_and_leaves_a_loadable_model(workplace: Path) -> None:
    nerctl("train", *SMALL, "--steps", "5")
    record = json.loads(Path("output/run.json").read_text())
    assert record["evaluations"] == [] and record["test"] is None and record["state"] == "finished"
    folder = ModelFolder.open(Path("output"))
    folder.verify(folder.last)
    assert folder.best is None and folder.last.step == 5


def test_whole_epochs_score_dev_keep_the_best_and_score_test(workplace: Path) -> None:
    code, _, _ = nerctl("train", *SMALL, "--epochs", "6", "--learning-rate", "3e-3", "--head-learning-rate", "2e-2")
    assert code == 0
    record = json.loads(Path("output/run.json").read_text())
    f1 = [one["scores"]["f1"] for one in record["evaluations"]]
    assert len(f1) == 6
    assert record["best"]["f1"] == max(f1)
    assert record["best"]["step"] == 8 * (1 + f1.index(max(f1)))
    assert record["test"]["f1"] > 0.9, "PER 在 LOC is learnt by the smallest network"


def test_patience_stops_early(workplace: Path) -> None:
    nerctl("train", *SMALL, "--epochs", "30", "--learning-rate", "1e-9", "--head-learning-rate", "1e-9",
           "--crf-learning-rate", "1e-9", "--patience", "2")  # fmt: skip
    record = json.loads(Path("output/run.json").read_text())
    assert len(record["evaluations"]) == 3 and record["step"] == 24


def in_one_part(session: Session) -> TrainingData:
    """The session's batches as on a device that computes one part at a time."""
    shapes = replace(session.shapes, together=1)
    batches = session.batches
    return TrainingData(batches.corpus, batches.windows, session.head, shapes, session.config.seed)


def test_the_loss_is_the_same_split_or_whole_and_so_are_the_gradients(workplace: Path) -> None:
    write_columns(workplace / "NERdata" / "train.txt", [*made_sentences(40, 5), [*chain(*made_sentences(12, 6))]])
    config = TrainConfig(
        device="cpu", from_scratch=True, batch_size=41, lstm_size=8, dropout=0.0, max_seq_length=40, max_tokens=10_000
    )
    whole = Session(config, Path("model"), "random")
    split = Session(replace(config, max_tokens=100), Path("model"), "random")
    (part,) = in_one_part(whole).step(1)
    assert len(split.batches.step(1)) > 2
    loss, gradients = whole.stepper.gradients(1, [part])
    other_loss, other = split.stepper.gradients(1, split.batches.step(1))
    # The long sentence alone is over 100 positions and is then scored in the parts that its windows own.
    assert float(loss) == pytest.approx(float(other_loss), rel=2e-2)
    short = replace(config, batch_size=8)
    whole, split = Session(short, Path("model"), "random"), Session(replace(short, max_tokens=60), Path("model"), "random")
    step = next(
        number for number in range(1, 6)
        if len(split.batches.step(number)) > 2 and max(part.positions for part in whole.batches.step(number)) < 400
    )  # fmt: skip
    loss, gradients = whole.stepper.gradients(step, in_one_part(whole).step(step))
    other_loss, other = split.stepper.gradients(step, split.batches.step(step))
    assert float(loss) == pytest.approx(float(other_loss), rel=1e-5)
    for one, two in zip(gradients, other):
        np.testing.assert_allclose(one.numpy(), two.numpy(), atol=1e-5)


def test_two_parts_of_a_batch_are_computed_at_the_same_time(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = TrainConfig(device="cpu", from_scratch=True, batch_size=8, lstm_size=8)
    session = Session(config, Path("model"), "random")
    parts = session.batches.step(1)
    assert len(parts) == 2
    meeting = threading.Barrier(2)

    def compute(*_: object) -> tuple[float, bool, float]:
        meeting.wait(timeout=20)  # breaks where the second part begins after the first has ended
        return 1.0, True, 2.0

    monkeypatch.setattr(session.stepper, "_function", lambda *_: compute)
    assert session.stepper.gradients(1, parts) == (2.0, [4.0])


def test_bucketed_and_fixed_shapes_give_equal_losses(workplace: Path) -> None:
    losses = {}
    for shape in ("bucketed", "fixed"):
        config = TrainConfig(
            device="cpu", from_scratch=True, batch_size=8, lstm_size=8, dropout=0.0, max_seq_length=40,
            batch_shape=shape, steps=5, output_dir=shape,
        )  # fmt: skip
        train(config, "nerctl train", Listener())
        rows = [json.loads(line) for line in Path(shape, "steps.jsonl").read_text().splitlines()]
        losses[shape] = [row["loss"] for row in rows]
    np.testing.assert_allclose(losses["bucketed"], losses["fixed"], rtol=1e-4)


def test_the_gradient_reaches_the_last_token_of_a_sentence_of_many_windows(workplace: Path) -> None:
    rows = [("在", "O")] * 150 + [("静", "B-PER")]
    write_columns(workplace / "NERdata" / "train.txt", [rows, [("北", "B-LOC"), ("京", "I-LOC")]])
    config = TrainConfig(device="cpu", from_scratch=True, batch_size=1, lstm_size=8, dropout=0.0, max_seq_length=30)
    session = Session(config, Path("model"), "random")
    parts = session.batches.batches([0])
    assert sum(part["pieces"].shape[0] for part in parts) > 5
    _, gradients = session.stepper.gradients(1, parts)
    names = [item.name.split(":")[0] for item in session.optimizer.trained]
    table = gradients[names.index("bert/embeddings/word_embeddings")].numpy()
    piece = session.data.tokenizer.vocabulary.ids["静"]
    assert np.abs(table[piece]).max() > 0, "only the last token of the sentence has this piece"


def test_an_output_folder_with_another_run_is_refused_naming_every_way_on(workplace: Path) -> None:
    nerctl("train", *SMALL, "--steps", "1")
    before = Path("output/steps.jsonl").read_bytes()
    code, _, said = nerctl("train", *SMALL, "--steps", "1")
    assert code == 2
    for way in ("--output-dir", "--resume", "--overwrite", "archive"):
        assert way in said
    assert Path("output/steps.jsonl").read_bytes() == before


def test_overwrite_removes_the_old_runs_files_only(workplace: Path) -> None:
    nerctl("train", *SMALL, "--steps", "3")
    Path("output/notes.txt").write_text("mine")
    Path("output/checkpoints/mine.txt").write_text("mine")
    code, printed, _ = nerctl("train", *SMALL, "--steps", "1", "--overwrite")
    assert code == 0 and len(printed.splitlines()) == 1
    assert Path("output/notes.txt").read_text() == "mine"
    assert sorted(entry.name for entry in Path("output/checkpoints").iterdir()) == ["00000001", "mine.txt"]


def test_a_file_of_the_user_under_one_of_our_names_is_never_overwritten(workplace: Path) -> None:
    Path("output").mkdir()
    Path("output/labels.json").write_text("mine")
    code, _, said = nerctl("train", *SMALL, "--steps", "1", "--overwrite")
    assert code == 2 and "labels.json" in said
    assert Path("output/labels.json").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--steps", "0"], "--steps"),
        (["--head", "lstm"], "bilstm-crf"),
        (["--device", "tpu"], "npu"),
        (["--data-dir", "nowhere"], "nowhere"),
        (["--bert-dir", "nowhere"], "fetch-bert"),
        (["--dropout", "1"], "--dropout"),
        (["--max-seq-length", "2"], "--max-seq-length"),
        (["--resume"], "output"),
        (["--config", "nowhere.toml"], "nowhere.toml"),
    ],
)
def test_bad_options_are_one_sentence_and_nothing_is_written(
    workplace: Path, arguments: list[str], word: str
) -> None:
    code, _, said = nerctl("train", *SMALL, *arguments)
    assert code == 2
    assert word in said
    assert not Path("output").exists()


def test_a_checkpoint_is_asked_for_unless_from_scratch(workplace: Path) -> None:
    code, _, said = nerctl("train", "--device", "cpu", "--steps", "1")
    assert code == 2 and "bert_model.ckpt" in said and "fetch-bert" in said
    assert not Path("output").exists()


def test_the_run_record_says_from_scratch_and_what_was_computed_on(workplace: Path) -> None:
    nerctl("train", *SMALL, "--steps", "1")
    record = json.loads(Path("output/run.json").read_text())
    assert record["encoder"]["from_scratch"] is True
    assert record["device"]["backend"] == "cpu"
    assert record["corpus"]["train"]["sentences"] == 60
    assert set(record["files"]) >= {"run.json", "steps.jsonl", "labels.json", "checkpoint.json"}
    for name in record["files"]:
        assert Path("output", name).is_file(), name


def test_options_come_from_a_toml_file_and_the_command_line_wins(workplace: Path) -> None:
    Path("run.toml").write_text('[train]\nbatch-size = 4\nlstm_size = 8\nsteps = 2\nfrom_scratch = true\n')
    code, printed, _ = nerctl("train", "--config", "run.toml", "--device", "cpu", "--steps", "3")
    assert code == 0 and len(printed.splitlines()) == 3
    saved = json.loads(Path("output/run.json").read_text())["config"]
    assert (saved["batch_size"], saved["lstm_size"], saved["steps"]) == (4, 8, 3)


def test_a_mistyped_option_in_the_toml_file_suggests_the_near_one(workplace: Path) -> None:
    Path("run.toml").write_text("batchsize = 4\n")
    code, _, said = nerctl("train", "--config", "run.toml")
    assert code == 2 and "batch_size" in said


def test_resume_refuses_another_seed_and_another_corpus(workplace: Path) -> None:
    nerctl("train", *SMALL, "--steps", "2")
    code, _, said = nerctl("train", "--resume", "--seed", "7")
    assert code == 2 and "--seed" in said
    write_columns(workplace / "NERdata" / "train.txt", made_sentences(30, 9))
    code, _, said = nerctl("train", "--resume", "--steps", "4")
    assert code == 2 and "train.txt" in said


def test_a_test_file_that_cannot_be_read_stops_the_run_before_its_first_step(workplace: Path) -> None:
    (workplace / "NERdata" / "test.txt").write_text("坏行\n", encoding="utf-8")
    code, printed, output = nerctl("train", *SMALL, "--epochs", "1")
    assert code == 2 and "test.txt:1" in output and not printed
    assert not Path("output").exists()
    assert nerctl("train", *SMALL, "--epochs", "1", "--steps", "1")[0] == 0, "a run that does not score test needs no test"
