"""Exports: the same emissions and tags as the model, and nothing left behind when refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tiny_model import write_corpus, write_model_folder

from nerctl.errors import FailedError, NerctlError
from nerctl.evaluation.evaluate import evaluate_model
from nerctl.folder import ModelFolder
from nerctl.heads.chain.decoding import CrfScores, decode
from nerctl.inference.loading import load_model
from nerctl.inference.onnx_file import is_int8
from nerctl.inference.onnx_int8 import quantised
from nerctl.workflows.export import ExportOptions, compare, export_model


def test_the_onnx_graph_gives_the_models_emissions(model_folder: Path, onnx_folder: Path) -> None:
    model, exported = load_model(model_folder, device="cpu"), load_model(onnx_folder)
    comparison = compare(model, exported.engine)
    assert comparison.difference < 1e-3 and comparison.same_tags == comparison.tokens > 500
    np.testing.assert_allclose(model.decoder.crf.transitions, exported.decoder.crf.transitions)


@pytest.mark.parametrize("head", ["crf", "softmax"])
def test_every_head_is_exported(head: str, tmp_path: Path, onnx_folder: Path) -> None:
    folder = write_model_folder(tmp_path / "output", head)
    result = export_model(folder, tmp_path / "export", ExportOptions())
    assert result.comparison.difference < 1e-3


def test_an_export_scores_a_corpus_as_the_model_does(model_folder: Path, onnx_folder: Path, tmp_path: Path) -> None:
    write_corpus(tmp_path / "c.txt", [5, 40, 1, 70, 12])
    ours = evaluate_model(load_model(model_folder, device="cpu"), tmp_path / "c.txt")
    theirs = evaluate_model(load_model(onnx_folder), tmp_path / "c.txt", tmp_path / "predictions.txt")
    assert ours.scores == theirs.scores
    assert len((tmp_path / "predictions.txt").read_text("utf-8").splitlines()) == 128 + 5


def test_int8_is_near_and_its_loss_is_measured(model_folder: Path, onnx_folder: Path, tmp_path: Path) -> None:
    write_corpus(tmp_path / "c.txt", [5, 40, 1, 70, 12])
    options = ExportOptions(int8=True, data=tmp_path / "c.txt", max_f1_drop=100)
    result = export_model(model_folder, tmp_path / "export", options)
    assert result.comparison.same_tags > 0.9 * result.comparison.tokens
    assert result.f1_before is not None and result.f1_after is not None
    assert [is_int8(folder / "weights/model.onnx") for folder in (tmp_path / "export", onnx_folder)] == [True, False]
    onnx = pytest.importorskip("onnx")
    weights = onnx.load(str(result.folder / "weights" / "model.onnx")).graph.initializer
    kernels = [item for item in weights if item.name.startswith("bert/encoder/") and item.name.endswith("/kernel")]
    assert len(kernels) == 2 * 4 and {item.data_type for item in kernels} == {onnx.TensorProto.INT8}


def test_an_export_that_loses_too_much_is_refused_and_leaves_nothing(
    model_folder: Path, onnx_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_corpus(tmp_path / "c.txt", [30] * 20)
    # What the model itself predicts is gold: its F1 is 100, and that of weights rounded to nothing is not.
    evaluate_model(load_model(model_folder, device="cpu"), tmp_path / "c.txt", tmp_path / "gold.txt")
    columns = (tmp_path / "gold.txt").read_text("utf-8").replace(" ", "\t").replace("\u2423", " ")
    (tmp_path / "gold.txt").write_text(columns, encoding="utf-8")
    monkeypatch.setattr("nerctl.inference.onnx_int8.quantised", lambda kernel: quantised(0 * kernel))
    target = tmp_path / "made" / "export"
    with pytest.raises(FailedError, match=r"100\.00 to .* more than --max-f1-drop 0\.5; nothing was written"):
        export_model(model_folder, target, ExportOptions(int8=True, data=tmp_path / "gold.txt"))
    assert list(target.parent.iterdir()) == []


def test_an_fp32_export_that_differs_is_refused(
    model_folder: Path, onnx_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nerctl.inference import onnx_graph

    right = onnx_graph.lstm_parts
    monkeypatch.setattr(
        onnx_graph, "lstm_parts", lambda *given: [part[:, ::-1] if part.ndim == 3 else part for part in right(*given)]
    )
    with pytest.raises(FailedError, match="differs from the TensorFlow model"):
        export_model(model_folder, tmp_path / "export", ExportOptions())
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_the_way_is_refused(model_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    with pytest.raises(NerctlError, match="in the way"):
        export_model(model_folder, tmp_path, ExportOptions("saved-model"))


def test_quantised_kernels_are_off_by_half_a_step_at_most() -> None:
    kernel = np.random.default_rng(0).normal(size=(40, 9)).astype(np.float32)
    kernel[:, 3] = 0
    whole, scale = quantised(kernel)
    assert whole.dtype == np.int8 and np.abs(whole).max() <= 63
    assert (np.abs(whole * scale - kernel) <= scale / 2 + 1e-7).all()


def test_the_pointer_of_an_export_names_every_file(onnx_folder: Path) -> None:
    folder = ModelFolder.open(onnx_folder)
    named = {*folder.shared, "checkpoint.json", *(f"weights/{name}" for name in folder.weights.files)}
    assert {file.relative_to(onnx_folder).as_posix() for file in onnx_folder.rglob("*") if file.is_file()} == named
    assert json.loads((onnx_folder / "checkpoint.json").read_text())["engine"] == "onnx"


def test_an_export_removes_what_a_killed_one_left_and_nothing_of_one_that_runs(model_folder: Path, tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    kept = [f".e.{os.getppid()}.tmp", ".e.x.tmp", f".e2.{ended.pid}.tmp", f".eX{ended.pid}.tmp"]
    for name in [f".e.{ended.pid}.tmp", *kept]:
        (tmp_path / name / "weights").mkdir(parents=True)
    export_model(model_folder, tmp_path / "e", ExportOptions("saved-model"))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*kept, "e"])


def test_a_saved_model_gives_tags_and_their_probabilities(
    model_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from nerctl.data.sentence_windows import SentenceWindows, lay_windows
    from nerctl.heads.chain.marginals import passes
    from nerctl.inference.documents import Document, token_table
    from nerctl.inference.saved_model import SavedModelTagger

    export_model(model_folder, tmp_path / "export", ExportOptions("saved-model"))
    assert (tmp_path / "export" / "1" / "saved_model.pb").is_file()
    served = SavedModelTagger(tmp_path / "export" / "1")
    assert "custom gradients" not in caplog.text
    model = load_model(model_folder, device="cpu")
    documents = [Document.split(text, model.splitter) for text in ("海钓比赛地点", "在", "厦门与金门之间")]
    encoder = SentenceWindows(token_table(documents), model.tokenizer, 32)
    windows = lay_windows([encoder.rows(index)[0] for index in range(3)], 0)
    length = windows.pieces.shape[1]
    firsts = np.where(
        np.arange(windows.firsts.shape[1]) < windows.token_counts[:, None],
        windows.firsts - np.arange(3)[:, None] * length,
        -1,
    )
    found = served.run(windows.pieces, firsts)
    emissions = model.engine.emissions(windows)
    crf: CrfScores = model.decoder.crf
    for row, count in enumerate(windows.token_counts.tolist()):
        scores = emissions[row, :count]
        tags = decode([scores], crf)[0]
        np.testing.assert_array_equal(found["tags"][row, :count], tags)
        assert (found["tags"][row, count:] == -1).all() and (found["scores"][row, count:] == 0).all()
        sums = passes([scores], crf)[0]
        marginals = np.exp(sums.forward + sums.backward - sums.total)
        np.testing.assert_allclose(found["scores"][row, :count], marginals[np.arange(count), tags], atol=1e-4)
