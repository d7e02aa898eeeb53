"""Every encoder family after training: the engines agree, exports are near, and the server's path takes it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_model import bert_config, write_corpus, write_model_folder

from nerctl.inference.loading import load_model
from nerctl.inference.tagger import Tagger
from nerctl.model.encoder_config import BertConfig
from nerctl.workflows.export import ExportOptions, export_model

ENCODERS = {
    "bert": {"hidden_act": "silu", "layer_norm_eps": 1e-5},
    "ernie": {"hidden_act": "relu", "use_task_id": True},
    "electra": {"hidden_act": "gelu_new", "embedding_size": 4},
    "electra of one width": {"model_type": "electra", "embedding_size": 8},
    "albert": {"hidden_act": "gelu_new", "embedding_size": 6, "num_hidden_layers": 3},
    "albert of one width": {"model_type": "albert", "embedding_size": 8, "num_hidden_layers": 3},
}


def encoder(name: str) -> BertConfig:
    return replace(bert_config(), **{"model_type": name, **ENCODERS[name]})


@pytest.fixture(scope="module", params=ENCODERS)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model_folder(tmp_path_factory.mktemp("family") / "output", bert=encoder(request.param))


@pytest.mark.current_stack
def test_an_onnx_export_gives_the_emissions_and_tags_of_the_model(folder: Path, tmp_path: Path) -> None:
    result = export_model(folder, tmp_path / "onnx", ExportOptions())
    assert result.comparison.difference < 1e-3
    assert result.comparison.same_tags == result.comparison.tokens > 500
    text = "王小明在北京大学，海钓比赛地点在厦门与金门之间。"
    ours, theirs = (Tagger.load(place, device="cpu")(text).entities for place in (folder, tmp_path / "onnx"))
    spans = [[(one.type, one.start, one.end) for one in entities] for entities in (ours, theirs)]
    assert spans[0] == spans[1]


@pytest.mark.current_stack
def test_an_int8_export_is_near(folder: Path, tmp_path: Path) -> None:
    write_corpus(tmp_path / "c.txt", [5, 40, 1, 70, 12])
    options = ExportOptions(int8=True, data=tmp_path / "c.txt", max_f1_drop=100)
    result = export_model(folder, tmp_path / "int8", options)
    assert result.comparison.same_tags > 0.9 * result.comparison.tokens


@pytest.mark.current_stack
def test_a_shared_layer_is_once_in_an_export(folder: Path, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    export_model(folder, tmp_path / "onnx", ExportOptions())
    weights = onnx.load(str(tmp_path / "onnx" / "weights" / "model.onnx")).graph.initializer
    kernels = [item.name for item in weights if "layer_" in item.name and "kernel" in item.name]
    assert len(kernels) == 4 * (1 if load_model(folder, device="cpu").engine.model.bert.config.family.shared_layers else 2)


def test_a_saved_model_gives_the_tags_of_the_model(folder: Path, tmp_path: Path) -> None:
    result = export_model(folder, tmp_path / "saved", ExportOptions("saved-model"))
    assert result.comparison.same_tags == result.comparison.tokens


def test_a_run_loads_with_the_weights_that_it_saved(folder: Path) -> None:
    tensors = load_model(folder, device="cpu").engine.model.variables_by_name()
    assert len(tensors) > 20 and all(np.isfinite(item.numpy()).all() for item in tensors.values())
