"""Makes an exported folder of a training folder, and compares the two before the folder takes its name."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

import numpy as np

from nerctl.data import bio
from nerctl.data.sentence_windows import SentenceWindows
from nerctl.data.spans import Span
from nerctl.errors import FailedError, NerctlError
from nerctl.evaluation.evaluate import evaluate_model
from nerctl.files import check_output_folder, remove_leftovers, sha256_of, sync, temporary_name
from nerctl.folder import ModelFolder, Weights
from nerctl.inference.documents import Document, token_table
from nerctl.inference.emissions import emissions_of
from nerctl.inference.engine import Engine, TensorFlowEngine
from nerctl.inference.loading import LoadedModel, load_model
from nerctl.inference.sample_check import FILE as SAMPLE
from nerctl.inference.sample_check import differing, sample_documents, write_sample
from nerctl.progress import SILENT, Report
from nerctl.workflows.export_options import ExportOptions
from nerctl.workflows.transformers_export import (
    check_written,
    need_packages,
    one_by_one,
    write_card,
    write_transformers,
)

WEIGHTS = "weights"
"""Where an exported folder has its weights."""

TOLERANCE = 1e-3
"""Greatest difference of a float32 export's emissions from the TensorFlow model's."""


@dataclass(frozen=True)
class Comparison:
    """An export beside the model that it came from."""

    texts: int
    """Sample texts that both tagged."""
    tokens: int
    """Their tokens."""
    same_tags: int
    """Tokens with the same tag from both."""
    difference: float
    """Greatest difference of an emission."""


@dataclass(frozen=True)
class Export:
    """What came of an export."""

    folder: Path
    """The exported folder."""
    comparison: Comparison
    """On sample texts."""
    bytes: int
    """Size of the folder's files."""
    f1_before: Optional[float] = None
    """F1 of the TensorFlow model on the data given, a fraction of 1."""
    f1_after: Optional[float] = None
    """F1 of the export on the same data."""


def export_model(source: Path, target: Path, options: ExportOptions, report: Report = SILENT) -> Export:
    """Writes `target`, complete in itself; nothing is left of it when a check fails or a signal ends it.

    `report` hears what is under way and, with `options.data`, how many sentences are scored.

    Raises:
        NerctlError: `target` is in the way, or a package is missing.
        ModelError: `source` is no training folder.
        FailedError: the export differs from the model, or loses too much F1.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise NerctlError(f"{target}: is in the way; name a folder that does not exist or is empty (--to)")
    check_output_folder(target, "--to")
    if options.format == "onnx":
        _need_onnx()
    elif options.format == "transformers":
        need_packages()
    report.note(f"reading {source}")
    model = load_model(source, engine="tensorflow", device="cpu")
    if options.format == "transformers" and not model.head.classifier() and options.data is None:
        raise NerctlError(
            f"{source}: its CRF scores neighbouring tags, which --format transformers leaves behind; measure what that "
            "loses with --data FILE"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(target)
    part = temporary_name(target)
    try:
        report.note(f"writing {target}, then comparing it with the model")
        write, check = FORMS[options.format]
        write(model, part, options)
        result = check(model, part, options, report)
        if target.is_dir():
            target.rmdir()
        os.replace(part, target)
        sync(target.parent)
    except OSError as error:
        raise FailedError(f"{target}: cannot be written ({error.strerror or error})") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    size = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
    return Export(target, result.comparison, size, result.f1_before, result.f1_after)


def _need_onnx() -> None:
    import sys

    if sys.version_info < (3, 10):
        raise NerctlError("nerctl export --format onnx needs Python 3.10 or later; run it there on the same folder")
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise NerctlError(f"nerctl export --format onnx needs {error.name}: pip install 'nerctl[onnx]'") from None


def _write_onnx(model: LoadedModel, part: Path, options: ExportOptions) -> None:
    import onnx

    from nerctl.inference.onnx_engine import OnnxEngine
    from nerctl.inference.onnx_graph import Builder, Graph, Products, as_model
    from nerctl.inference.onnx_int8 import Int8Products

    tagger = _network(model)
    tensors = _tensors(model)
    products = Int8Products(Graph()) if options.int8 else Products(Graph())
    Builder(tensors, tagger.bert.config, products).emissions(model.head)
    weights = part / WEIGHTS
    weights.mkdir(parents=True)
    onnx.save(as_model(products.graph), str(weights / "model.onnx"))
    if options.int8:
        write_sample(model, OnnxEngine(weights / "model.onnx"), weights / SAMPLE)
    (weights / model.head.file).write_text(json.dumps(model.decoder.save()), encoding="utf-8")
    _finish(model, part, "onnx")


def _write_saved_model(model: LoadedModel, part: Path, options: ExportOptions) -> None:
    from nerctl.inference.saved_model import write_saved_model

    (part / WEIGHTS).mkdir(parents=True)
    write_saved_model(_network(model), model.head, part / "1")
    shutil.rmtree(part / WEIGHTS)
    _copy_shared(model, part)


def _network(model: LoadedModel) -> Any:
    assert isinstance(model.engine, TensorFlowEngine)
    return model.engine.model


def _tensors(model: LoadedModel) -> dict[str, np.ndarray]:
    return {name: item.numpy() for name, item in _network(model).variables_by_name().items()}


def _copy_shared(model: LoadedModel, part: Path) -> dict[str, str]:
    """Copies the files beside the weights; their checksums by name."""
    for name in model.folder.shared:
        shutil.copyfile(model.folder.path / name, part / name)
    return {name: sha256_of(part / name) for name in model.folder.shared}


def _finish(model: LoadedModel, part: Path, engine: str) -> None:
    """Adds the shared files and the pointer that makes a model folder, and syncs them."""
    shared = _copy_shared(model, part)
    origin = model.folder.weights
    files = {file.name: sha256_of(file) for file in sorted((part / WEIGHTS).iterdir())}
    weights = Weights(origin.step, WEIGHTS, files, origin.f1)
    ModelFolder(path=part, engine=engine, shared=shared, best=None, last=weights).write()
    for file in part.rglob("*"):
        sync(file)


def _write_transformers(model: LoadedModel, part: Path, options: ExportOptions) -> None:
    part.mkdir(parents=True)
    write_transformers(model, _tensors(model), _network(model).bert.config, part)


def _check_saved_model(model: LoadedModel, part: Path, options: ExportOptions, report: Report) -> Export:
    """The export's figures; FailedError where a tag differs."""
    from nerctl.inference.saved_model import SavedModelTagger

    texts = sample_documents(model, longest=model.max_seq_length // 2)  # each fits one window
    tags = SavedModelTagger(part / "1").tags(model, texts)
    spans = [bio.spans_of_ids(one, model.labels.types) for one in tags]
    comparison = _compared(texts, _sample_spans(model, model.engine, texts)[0], spans)
    if comparison.same_tags < comparison.tokens:
        raise FailedError(_differs(part, comparison))
    return Export(part, comparison, 0)


def _check_onnx(model: LoadedModel, part: Path, options: ExportOptions, report: Report) -> Export:
    """The export's figures; FailedError where it differs from the model by more than is allowed."""
    exported = load_model(part, engine="onnx")
    comparison = compare(model, exported.engine)
    if not options.int8 and (comparison.difference > TOLERANCE or comparison.same_tags < comparison.tokens):
        raise FailedError(_differs(part, comparison))
    return Export(part, comparison, 0, *_scores(model, exported, options, report))


def _check_transformers(model: LoadedModel, part: Path, options: ExportOptions, report: Report) -> Export:
    """The export's figures; FailedError where a weight or a word piece differs, or too much F1 is lost."""
    documents = sample_documents(model, longest=model.max_seq_length // 2)
    check_written(model, _tensors(model), part, documents)
    exported = one_by_one(model)
    spans, emissions = _sample_spans(model, model.engine, documents)
    comparison = _compared(documents, spans, exported.decoder.spans(emissions))
    before, after = _scores(model, exported, options, report)
    write_card(model, part, model.head.classifier(), options.data, before, after)
    for file in part.rglob("*"):
        sync(file)
    return Export(part, comparison, 0, before, after)


def _scores(
    model: LoadedModel, exported: LoadedModel, options: ExportOptions, report: Report
) -> tuple[Optional[float], Optional[float]]:
    """F1 before and after on the data given, if any was; FailedError where too much is lost."""
    if options.data is None:
        return None, None
    before = evaluate_model(model, options.data, report=report).scores.f1
    after = evaluate_model(exported, options.data, report=report).scores.f1
    drop = 100 * (before - after)
    if drop > options.max_f1_drop:
        raise FailedError(
            f"the export loses {drop:.2f} points of F1 on {options.data} ({100 * before:.2f} to {100 * after:.2f}), "
            f"more than --max-f1-drop {options.max_f1_drop:g}; nothing was written"
        )
    return before, after


FORMS = {
    "onnx": (_write_onnx, _check_onnx),
    "saved-model": (_write_saved_model, _check_saved_model),
    "transformers": (_write_transformers, _check_transformers),
}
"""What writes each of `nerctl.workflows.export_options.FORMATS` into a folder, and what compares it with the model."""


def _differs(part: Path, comparison: Comparison) -> str:
    other = comparison.tokens - comparison.same_tags
    return (
        f"the export differs from the TensorFlow model on {comparison.texts} sample texts: {other} of "
        f"{comparison.tokens} tags, emissions by up to {comparison.difference:.2g}; nothing was written; please report it"
    )


def compare(model: LoadedModel, other: Engine) -> Comparison:
    """The engine of a model beside another, on sample texts, decoded by the model."""
    documents = [document for document in sample_documents(model, 2 * model.max_seq_length) if document.tokens]
    ours, theirs = (_sample_spans(model, engine, documents) for engine in (model.engine, other))
    difference = max(float(np.abs(a - b).max()) for a, b in zip(ours[1], theirs[1]))
    return _compared(documents, ours[0], theirs[0], difference)


def _sample_spans(
    model: LoadedModel, engine: Engine, documents: Sequence[Document]
) -> tuple[list[list[Span]], list[np.ndarray]]:
    """Entities and emissions of texts, by an engine."""
    windows = SentenceWindows(token_table(documents), model.tokenizer, model.max_seq_length)
    emissions = emissions_of(engine, windows.all_rows(), windows.pad)
    return model.decoder.spans(emissions, scored=False), emissions


def _compared(
    documents: Sequence[Document], ours: list[list[Span]], theirs: list[list[Span]], difference: float = 0.0
) -> Comparison:
    lengths = [len(document.tokens) for document in documents]
    other = sum(map(differing, ours, theirs, lengths))
    return Comparison(len(documents), sum(lengths), sum(lengths) - other, difference)
