"""Converts a Hugging Face folder to Google's form, the one in which encoders are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Optional

from nerctl.encoders.opening import is_huggingface, open_encoder
from nerctl.errors import ModelError
from nerctl.files import write_bytes, write_json
from nerctl.model.encoder_config import read_json
from nerctl.model.families import variables
from nerctl.transfer.encoder_fit import CONFIG, EXTRA_BYTES, EXTRAS, PREFIX, SETTINGS, VOCABULARY, Encoder, find_encoder
from nerctl.transfer.placing import copy_as, make_folder
from nerctl.transfer.small_encoder import write_checkpoint


def find_huggingface(folder: Path) -> Optional[Path]:
    """The one Hugging Face folder at `folder` or anywhere below it; None where there is none, or one of Google's form.

    Raises:
        ModelError: there are several.
    """
    if is_huggingface(folder):
        return folder
    if any(folder.rglob(CONFIG)):
        return None
    found = sorted(path.parent for path in folder.rglob("config.json") if _is_encoder(path))
    if len(found) > 1:
        places = ", ".join(str(path.relative_to(folder)) for path in found[:3])
        raise ModelError(f"{folder}: holds more than one encoder ({places}); name the folder of one")
    return found[0] if found else None


def _is_encoder(config: Path) -> bool:
    """Whether a config.json is that of a whole model, not of a part (sentence-transformers has 1_Pooling/config.json)."""
    if not config.is_file():
        return False
    try:
        values = read_json(config)
    except ModelError:
        return False
    return "model_type" in values or "architectures" in values


def converted(source: Path, target: Path) -> Encoder:
    """The encoder of a Hugging Face folder in Google's form, in the new folder `target`.

    Raises:
        ModelError: what does not fit, before anything is written.
        TransferError: the disk refused a write.
    """
    opened = open_encoder(source)

    def never(name: str, shape: tuple[int, ...]) -> Any:
        raise ModelError(f"{source}: lacks the tensor {name}")  # `initial` has checked that it has each

    initial = opened.initial(never)
    tensors = {one.name: initial(one.name, one.shape) for one in variables(opened.config)}
    make_folder(target)
    write_checkpoint(target / PREFIX, tensors)
    write_bytes(target / VOCABULARY, ("\n".join(opened.vocabulary.pieces) + "\n").encode("utf-8"))
    write_json(target / SETTINGS, {"do_lower_case": opened.lower_case})
    for path in sorted(source.iterdir()):
        if path.is_file() and path.name.upper().startswith(EXTRAS) and path.stat().st_size <= EXTRA_BYTES:
            copy_as(path, target / path.name)
    write_json(target / CONFIG, opened.config.as_dict())
    return find_encoder(target)
