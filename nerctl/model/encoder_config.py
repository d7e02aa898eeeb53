"""What fixes an encoder's network: the fields of `bert_config.json` and of a published folder's `config.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from nerctl.errors import ModelError
from nerctl.model.families import ACTIVATIONS, FAMILIES, Family

SIZES = (
    "hidden_size",
    "intermediate_size",
    "max_position_embeddings",
    "num_attention_heads",
    "num_hidden_layers",
    "type_vocab_size",
    "vocab_size",
    "task_type_vocab_size",
)
"""Fields that are sizes of tensors or their number."""

LARGEST = 1 << 31
"""No size is as large: TensorFlow counts positions and rows in 32 bits."""


@dataclass(frozen=True)
class BertConfig:
    """The fields of `bert_config.json` that the encoder uses."""

    vocab_size: int
    """Rows of the word-piece table."""
    hidden_size: int
    """H; a multiple of the number of heads."""
    num_hidden_layers: int
    """Transformer layers."""
    num_attention_heads: int
    """A."""
    intermediate_size: int
    """F, the inner size of the feed-forward part."""
    max_position_embeddings: int = 512
    """The longest window in word pieces, [CLS] and [SEP] included."""
    type_vocab_size: int = 2
    """Segment types; only the first is used here."""
    hidden_act: str = "gelu"
    """Activation of the feed-forward part, one of `ACTIVATIONS`."""
    hidden_dropout_prob: float = 0.1
    """Dropout after each block, in training."""
    attention_probs_dropout_prob: float = 0.1
    """Dropout of the attention weights, in training."""
    initializer_range: float = 0.02
    """Standard deviation of the truncated normal that random weights come from."""
    layer_norm_eps: float = 1e-12
    """Epsilon of LayerNorm; Google's code has 1e-12."""
    model_type: str = "bert"
    """The family, a key of `FAMILIES`."""
    embedding_size: int = 0
    """E, the width of the embedding tables in families that project it to H; 0: H."""
    use_task_id: bool = False
    """Whether an encoder of the family ernie has a table of task types; the first is used here."""
    task_type_vocab_size: int = 3
    """Rows of that table."""

    def __post_init__(self) -> None:
        if self.model_type not in FAMILIES:
            known = ", ".join(FAMILIES)
            raise ModelError(f'model_type is "{self.model_type}"; nerctl has encoders of the types {known}')
        for name in SIZES:
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < LARGEST:
                raise ModelError(f"{name} is {value!r} and should be a whole number above 0")
        if not isinstance(self.embedding_size, int) or not 0 <= self.embedding_size < LARGEST:
            raise ModelError(f"embedding_size is {self.embedding_size!r} and should be a whole number")
        if self.num_hidden_layers > 1000:
            raise ModelError(f"num_hidden_layers is {self.num_hidden_layers}, more than any encoder has")
        if self.hidden_size % self.num_attention_heads:
            raise ModelError(
                f"hidden_size {self.hidden_size} is no multiple of num_attention_heads {self.num_attention_heads}"
            )
        if self.hidden_act not in ACTIVATIONS:
            raise ModelError(f'hidden_act is "{self.hidden_act}"; nerctl has {", ".join(ACTIVATIONS)}')
        for name in ("hidden_dropout_prob", "attention_probs_dropout_prob", "initializer_range", "layer_norm_eps"):
            value = getattr(self, name)
            if not isinstance(value, (int, float)) or not 0 <= value <= 1:
                raise ModelError(f"{name} is {value!r} and should be a number from 0 to 1")

    @property
    def family(self) -> Family:
        """The row that says how an encoder of this type is built."""
        return FAMILIES[self.model_type]

    @property
    def width(self) -> int:
        """Columns of the embedding tables."""
        return (self.embedding_size if self.family.projects else 0) or self.hidden_size

    @property
    def projects(self) -> bool:
        """Whether embeddings are brought to H by a linear layer."""
        return self.family.projects and (self.family.always_projects or self.width != self.hidden_size)

    @classmethod
    def load(cls, path: Path) -> BertConfig:
        """Reads `bert_config.json`, or a `config.json` that names its `model_type`.

        Raises:
            ModelError: the file is missing, is not JSON, lacks a field, or asks for a network that is not built here.
        """
        return cls.of_values(path, read_json(path))

    @classmethod
    def of_values(cls, path: Path, values: Mapping[str, Any]) -> BertConfig:
        """The config in the fields of the file at `path`; other fields are not looked at.

        Raises:
            ModelError: as `load`; the message begins with the path.
        """
        known = {field.name for field in fields(cls)}
        family = FAMILIES.get(str(values.get("model_type", "bert")))
        taken = {**(family.defaults if family else {}), **values}
        for name, wanted in (family.only if family else {}).items():
            if values.get(name) not in (None, wanted):
                raise ModelError(f"{path}: {name} is {json.dumps(values[name])}; nerctl computes {json.dumps(wanted)} only")
        try:
            return cls(**{name: value for name, value in taken.items() if name in known})
        except TypeError as error:
            raise ModelError(f"{path}: {str(error).replace('BertConfig.', '').replace('__init__() ', '')}") from None
        except ModelError as error:
            raise ModelError(f"{path}: {error}") from None

    def as_dict(self) -> dict[str, Any]:
        """The fields as `bert_config.json` holds them."""
        return asdict(self)


def read_json(path: Path) -> dict[str, Any]:
    """The fields of a JSON file of an encoder's folder.

    Raises:
        ModelError: the file is missing or is not a JSON object.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file; nerctl fetch-bert puts an encoder in place") from None
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror or error})") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ModelError(f"{path}: not JSON ({error}); fetch the encoder again") from None
    except RecursionError:
        raise ModelError(f"{path}: not JSON that can be read (nested too deep); fetch the encoder again") from None
    if not isinstance(values, dict):
        raise ModelError(f"{path}: not a JSON object; fetch the encoder again")
    return values
