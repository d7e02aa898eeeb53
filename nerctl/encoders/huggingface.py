"""A Hugging Face folder as an encoder: config.json, a vocabulary, and weights in any of the formats that are published."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

import numpy as np

from nerctl.encoders.folder import EncoderFolder
from nerctl.encoders.h5_file import open_h5
from nerctl.encoders.safetensors_file import open_safetensors
from nerctl.encoders.tensor_file import TensorFile, refuse_pointer
from nerctl.encoders.tokenizer_files import read_tokenizer
from nerctl.encoders.torch_file import open_torch
from nerctl.errors import ModelError
from nerctl.model.encoder_config import BertConfig, read_json
from nerctl.model.families import FAMILIES, ROOT, WORDS, Variable, variables

if TYPE_CHECKING:
    from nerctl.model.bert import Initial

CONFIG = "config.json"
FORMATS: dict[str, Callable[[Path], TensorFile]] = {
    "model.safetensors": open_safetensors,
    "pytorch_model.bin": open_torch,
    "tf_model.h5": open_h5,
}
"""Files of weights, those that are read first first; NAME.index.json in place of NAME lists the files of a divided one."""
INDEX = ".index.json"

SPARE = 256
"""A table may have a row in so many that no piece uses: some are padded (ERNIE 1.0: 17,964 pieces, 18,000 rows)."""


def open_huggingface(folder: Path) -> EncoderFolder:
    """A Hugging Face folder as it was downloaded.

    Raises:
        ModelError: config or vocabulary is missing, damaged, of a kind that is not trained here, or of another encoder
            than its neighbour.
    """
    config = _config(folder / CONFIG)
    vocabulary, lower_case = read_tokenizer(folder)
    spare = config.vocab_size - len(vocabulary)
    if not 0 <= spare <= config.vocab_size // SPARE:
        raise ModelError(
            f"{folder}: its vocabulary has {len(vocabulary):,} pieces, vocab_size in {CONFIG} is {config.vocab_size:,}; the "
            "two do not belong together, so fetch the encoder again"
        )
    used = replace(config, vocab_size=len(vocabulary))

    def files() -> list[Path]:
        return _files(folder)[1]

    def initial(otherwise: Initial) -> Initial:
        sources = _sources(folder, config)

        def first(name: str, shape: tuple[int, ...]) -> np.ndarray:
            if name not in sources:
                return otherwise(name, shape)
            # Rows of the word table that no piece uses are left behind.
            return sources[name].values()[: shape[0]]

        return first

    # What a BertTokenizer does that was not told otherwise (Transformers: do_lower_case=True).
    return EncoderFolder(folder, used, vocabulary, lower_case is not False, files, initial)


def _config(path: Path) -> BertConfig:
    values = read_json(path)
    kind = values.get("model_type")
    if kind is None:  # old files: the class tells
        classes = values.get("architectures")
        name = str(classes[0]).lower() if isinstance(classes, list) and classes else ""
        kind = next((family for family in FAMILIES if name.startswith(family)), None)
    if kind not in FAMILIES:
        known = ", ".join(FAMILIES)
        raise ModelError(f"{path}: model_type is {json.dumps(kind)}; nerctl trains encoders of the types {known} only")
    return BertConfig.of_values(path, {**values, "model_type": kind})


def _files(folder: Path) -> tuple[str, list[Path]]:
    """The name of the format that is there, and its files."""
    for name in FORMATS:
        if (folder / name).is_file():
            return name, [folder / name]
        if (folder / f"{name}{INDEX}").is_file():
            return name, _listed(folder / f"{name}{INDEX}")
    *names, last = FORMATS
    raise ModelError(f"{folder}: no {', '.join(names)} or {last} in it; download the weights too, or use --from-scratch")


def _listed(index: Path) -> list[Path]:
    """The files of divided weights."""
    refuse_pointer(index)
    places = read_json(index).get("weight_map")
    if not isinstance(places, dict) or not places:
        raise ModelError(f"{index}: lists no files (weight_map); fetch the encoder again")
    paths = []
    for name in sorted({str(name) for name in places.values()}):
        if name != Path(name).name or "\\" in name or "\0" in name:
            raise ModelError(f"{index}: names a file outside of the folder ({name[:80]!r}); it is not read")
        if not (index.parent / name).is_file():
            raise ModelError(f"{index.parent / name}: missing, though {index.name} lists it; download it too")
        paths.append(index.parent / name)
    return paths


@dataclass(frozen=True)
class _Source:
    """Where the values of a variable are."""

    file: TensorFile
    """The file."""
    name: str
    """The tensor's name in it."""
    turned: bool
    """Whether the file has it transposed."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape that its values will have."""
        shape = self.file.shapes[self.name]
        return shape[::-1] if self.turned else shape

    def values(self) -> np.ndarray:
        """The values, float32."""
        values = self.file.read(self.name)
        if not np.isfinite(values).all():
            raise ModelError(f"{self.file.path}: {self.name} holds values that are no numbers; fetch the encoder again")
        return np.ascontiguousarray(values.T) if self.turned else values


def _sources(folder: Path, config: BertConfig) -> Mapping[str, _Source]:
    """Where each variable of the encoder is; raises ModelError for one that is missing or has another shape."""
    name, paths = _files(folder)
    files = {tensor: file for path in paths for file in [FORMATS[name](path)] for tensor in file.shapes}
    if not files:
        raise ModelError(f"{paths[0]}: holds no weights; fetch the encoder again")
    wanted = variables(config)
    before = _before(paths[0], files, wanted, config)
    sources = {}
    for one in wanted:
        names = [before + other for other in _names(one, files)]
        found = next((other for other in names if other in files), None)
        if found is None:
            raise ModelError(f"{paths[0]}: lacks the tensor {names[0]} that {folder / CONFIG} asks for")
        file = files[found]
        sources[one.name] = source = _Source(file, found, one.turned and not file.keras)
        if source.shape != one.shape:
            raise ModelError(
                f"{file.path}: {found} is {_by(source.shape)}, {folder / CONFIG} asks for {_by(one.shape)}; the two "
                "files do not belong together"
            )
    _refuse_more_layers(paths[0], files, before, config)
    return sources


def _names(one: Variable, files: Mapping[str, TensorFile]) -> tuple[str, ...]:
    return one.keras if _is_keras(files) else one.torch


def _is_keras(files: Mapping[str, TensorFile]) -> bool:
    return next(iter(files.values())).keras


def _before(path: Path, files: Mapping[str, TensorFile], wanted: Sequence[Variable], config: BertConfig) -> str:
    """What the file puts before the encoder's names: nothing, or what says which part of a larger model the encoder is."""
    (words,) = [one for one in wanted if one.name == f"{ROOT}/{WORDS}"]
    ends = _names(words, files)
    found = {name[: -len(end)] for name in files for end in ends if name.endswith(end)}
    found = {before for before in found if not before or before[-1] in "./"}

    def tensors(before: str) -> int:
        return sum(any(before + name in files for name in _names(one, files)) for one in wanted)

    # A head may hold the word table once more; the encoder is where all the rest is.
    ordered = sorted(found, key=tensors, reverse=True)
    if not ordered:
        raise ModelError(f"{path}: lacks {ends[0]}, so it holds no encoder of the type {config.model_type}")
    if len(ordered) > 1 and tensors(ordered[0]) == tensors(ordered[1]):
        names = " and ".join(name or "one without a name" for name in ordered)
        raise ModelError(f"{path}: holds several encoders ({names}); take a file with one")
    return ordered[0]


def _refuse_more_layers(path: Path, files: Mapping[str, TensorFile], before: str, config: BertConfig) -> None:
    layers = 1 if config.family.shared_layers else config.num_hidden_layers
    place = config.family.layer_place.format(layers) + "."
    beyond = place.replace(".", "/") if _is_keras(files) else place
    if any(name.startswith(before + beyond) for name in files):
        raise ModelError(f"{path}: has more layers than {CONFIG} says; the two files do not belong together")


def _by(shape: Sequence[Any]) -> str:
    return " x ".join(map(str, shape)) or "a single number"
