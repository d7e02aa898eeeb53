"""The encoder of a run that nerctl train wrote: what it learnt is where another run begins."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nerctl.data.tokenizer import Vocabulary
from nerctl.encoders.folder import CONFIG, VOCABULARY, EncoderFolder
from nerctl.errors import ModelError
from nerctl.folder import POINTER, ModelFolder
from nerctl.model.encoder_config import BertConfig

if TYPE_CHECKING:
    from nerctl.model.bert import Initial

WEIGHTS = "model.ckpt"
"""The weights' name in a run's checkpoint folders."""


def is_run(folder: Path) -> bool:
    """Whether a folder is that of a run, or an export."""
    return (folder / POINTER).is_file()


def open_run(folder: Path) -> EncoderFolder:
    """The encoder of a run: its best weights, or the last where dev was not scored.

    Raises:
        ModelError: no run is there, or it is an export, or a file of it is damaged; weights are looked at when first values
            are asked for.
    """
    run = ModelFolder.open(folder)
    if run.engine != "tensorflow":
        raise ModelError(f"{folder}: is an export, which holds no weights to train on; name the run that it was made of")
    lower_case = run.read_json("config.json").get("lower_case")
    config = BertConfig.load(folder / CONFIG)
    prefix = folder / run.weights.folder / WEIGHTS

    def files() -> list[Path]:
        return sorted(prefix.parent.glob(f"{WEIGHTS}.data-*"))

    def initial(otherwise: Initial) -> Initial:
        from nerctl.model.checkpoint import google_initial

        run.verify(names=WEIGHTS)
        return google_initial(prefix, folder / CONFIG, otherwise)

    vocabulary = Vocabulary.read(folder / VOCABULARY)
    return EncoderFolder(folder, config, vocabulary, lower_case if isinstance(lower_case, bool) else None, files, initial)
