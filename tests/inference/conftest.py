"""Model folders that the tests of this room share; made once a run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tiny_model import write_model_folder

from nerctl.inference.tagger import Tagger


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model_folder(tmp_path_factory.mktemp("model") / "output")


@pytest.fixture(scope="session")
def onnx_folder(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if sys.version_info < (3, 10):
        pytest.skip("ONNX exports need Python 3.10")
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from nerctl.workflows.export import ExportOptions, export_model

    folder = tmp_path_factory.mktemp("export") / "onnx"
    export_model(model_folder, folder, ExportOptions())
    return folder


@pytest.fixture(scope="session", params=["tensorflow", pytest.param("onnx", marks=pytest.mark.current_stack)])
def tagger(request: pytest.FixtureRequest, model_folder: Path) -> Tagger:
    folder = model_folder if request.param == "tensorflow" else request.getfixturevalue("onnx_folder")
    return Tagger.load(folder, engine=request.param, device="cpu", threads=2)


@pytest.fixture(scope="session")
def tensorflow_tagger(model_folder: Path) -> Tagger:
    return Tagger.load(model_folder, device="cpu")
