"""Opens an encoder's folder, whichever form it has."""

from __future__ import annotations

from pathlib import Path

from nerctl.data.tokenizer import Vocabulary
from nerctl.encoders import folder as google
from nerctl.encoders import huggingface
from nerctl.encoders.folder import EncoderFolder, open_google
from nerctl.encoders.huggingface import open_huggingface
from nerctl.encoders.run_folder import is_run, open_run
from nerctl.encoders.tokenizer_files import read_tokenizer
from nerctl.errors import ModelError


def is_huggingface(folder: Path) -> bool:
    """Whether a folder is to be read in Hugging Face's form: where it has config.json and nothing of Google's form.

    Some publish Google's bert_config.json beside their weights; those count.
    """
    if not (folder / huggingface.CONFIG).is_file():
        return False
    if not (folder / google.CONFIG).is_file():
        return True
    published = any((folder / f"{name}{end}").is_file() for name in huggingface.FORMATS for end in ("", huggingface.INDEX))
    return published and not any(folder.glob("*.index"))


def open_encoder(folder: Path) -> EncoderFolder:
    """The encoder in a folder of Google's or of Hugging Face's form, or in a run's folder.

    Raises:
        ModelError: there is none, or its config or vocabulary does not fit; weights are looked at later.
    """
    if is_run(folder):
        return open_run(folder)
    if is_huggingface(folder):
        return open_huggingface(folder)
    if not (folder / google.CONFIG).is_file():
        raise ModelError(
            f"{folder}: neither {google.CONFIG} (Google's form) nor {huggingface.CONFIG} (Hugging Face's) in it; nerctl "
            "fetch-bert puts an encoder in place"
        )
    return open_google(folder)


def read_vocabulary(folder: Path) -> Vocabulary:
    """The vocabulary of an encoder's folder, whatever else is in it; raises ModelError."""
    if (folder / google.VOCABULARY).is_file() or not is_huggingface(folder):
        return Vocabulary.read(folder / google.VOCABULARY)
    return read_tokenizer(folder)[0]
