"""An encoder's folder, opened: config and vocabulary read and found to fit, weights ready to be read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Optional

from nerctl.data.tokenizer import Vocabulary
from nerctl.encoders.origin import check_origin
from nerctl.encoders.tokenizer_files import lower_case_of
from nerctl.errors import ModelError
from nerctl.files import sha256_of
from nerctl.model.encoder_config import BertConfig

if TYPE_CHECKING:
    from nerctl.model.bert import Initial

CONFIG, VOCABULARY = "bert_config.json", "vocab.txt"
"""Names in Google's form."""

WEIGHTS_END = ".data-00000-of-00001"
"""How the name of the file of weights ends."""


@dataclass(frozen=True)
class EncoderFolder:
    """An encoder in Google's form or in Hugging Face's; who trains need not know which."""

    folder: Path
    """Where it is."""
    config: BertConfig
    """Its shape."""
    vocabulary: Vocabulary
    """Its word pieces, as many as `config.vocab_size`."""
    lower_case: Optional[bool]
    """Whether its text is to be lower-cased; None: the folder does not say."""
    weight_files: Callable[[], list[Path]]
    """The files that its weights are in; raises ModelError."""
    initial: Callable[[Initial], Initial]
    """First values: the encoder's from its weights, all others from the ones given; raises ModelError for weights that are
    missing or do not fit the config."""

    def digest(self) -> str:
        """SHA-256 of the weights' file; of the files' SHA-256 one after the other where there are several."""
        digests = [sha256_of(path) for path in self.weight_files()]
        return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


def open_google(folder: Path) -> EncoderFolder:
    """A folder in Google's form: bert_config.json, vocab.txt, and bert_model.ckpt.* where weights are wanted.

    Raises:
        ModelError: config or vocabulary is missing, damaged, or of another encoder than its neighbour.
    """
    check_origin(folder, lambda name: not name.endswith(WEIGHTS_END))
    config = BertConfig.load(folder / CONFIG)
    vocabulary = Vocabulary.read(folder / VOCABULARY)
    if len(vocabulary) != config.vocab_size:
        raise ModelError(
            f"{folder}: vocab.txt has {len(vocabulary)} pieces, bert_config.json says {config.vocab_size}; the "
            "two files do not belong together"
        )

    def files() -> list[Path]:
        from nerctl.model.checkpoint import CHECKPOINT

        return sorted(folder.glob(f"{CHECKPOINT}.data-*"))

    def initial(otherwise: Initial) -> Initial:
        from nerctl.model.checkpoint import CHECKPOINT, google_initial

        check_origin(folder, lambda name: name.endswith(WEIGHTS_END))
        return google_initial(folder / CHECKPOINT, folder / CONFIG, otherwise)

    return EncoderFolder(folder, config, vocabulary, lower_case_of(folder), files, initial)
