"""Everything that a training run can be told, in one frozen dataclass, checked when it is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Optional

from nerctl.backends import DeviceOptions
from nerctl.errors import NerctlError, near_path

HEADS = ("bilstm-crf", "crf", "softmax")
"""What `--head` takes; the model room has the same names."""

ENCODER_RATES = ((256, 1e-3), (512, 3e-4), (0, 2e-5))
"""Default encoder learning rates by hidden size up to (0: any larger). 2e-5 is what BERT's authors give for BERT-base
(Devlin et al. 2019, A.3: 2e-5 to 5e-5); the rates of smaller encoders were chosen on dev (docs/results.md)."""

HEAD_RATES = ((256, 8e-3), (512, 5e-3), (0, 1e-3))
"""Default learning rates of the head, by the encoder's hidden size likewise."""

BATCH_SIZES = ((512, 16), (0, 32))
"""Default sentences an update, by the encoder's hidden size likewise: the original's 32, and 16 for small encoders, which
gain from twice the updates (docs/results.md)."""


@dataclass(frozen=True)
class TrainConfig:
    """The options of `nerctl train`; each field is the option of the same name."""

    data_dir: str = "NERdata"
    """Folder with the train, dev and test files."""
    bert_dir: str = "model"
    """Folder with the encoder: bert_config.json, vocab.txt, bert_model.ckpt.*."""
    output_dir: str = "output"
    """Folder that the run is written to."""
    device: str = "auto"
    """auto, cpu, cuda or npu."""
    device_id: Optional[int] = None
    """The card, from 0."""
    precision: str = "float32"
    """float32, mixed_bfloat16 or mixed_float16."""
    batch_shape: str = "auto"
    """auto, bucketed or fixed."""
    xla: Optional[bool] = None
    """Compile with XLA; None: what the device runs best."""
    npu_options: tuple[str, ...] = ()
    """NAME=VALUE options of the Ascend adapter."""
    threads: Optional[int] = None
    """Processor cores to use; None: all."""
    from_scratch: bool = False
    """Begin from random weights instead of the encoder's checkpoint."""
    lower_case: bool = True
    """Lower-case and strip accents before word pieces: right for Google's Chinese BERT and other uncased encoders."""
    head: str = "bilstm-crf"
    """bilstm-crf, crf or softmax."""
    lstm_size: int = 128
    """LSTM units in each direction."""
    max_seq_length: int = 202
    """The longest window in word pieces, [CLS] and [SEP] included; longer sentences take several windows."""
    batch_size: Optional[int] = None
    """Sentences an update; None: by the encoder's size."""
    max_tokens: Optional[int] = None
    """Bound on padded positions in memory at once; None: the device's default."""
    epochs: int = 3
    """Passes over the training corpus that the schedule plans for."""
    steps: Optional[int] = None
    """Stop after this many updates in all; the schedule stays that of `epochs`."""
    learning_rate: Optional[float] = None
    """Peak rate of the encoder; None: by the encoder's size."""
    head_learning_rate: Optional[float] = None
    """Peak rate of the LSTM and the projection; None: by the encoder's size."""
    crf_learning_rate: float = 1e-2
    """Peak rate of the CRF's scores."""
    warmup: float = 0.1
    """Share of the planned updates over which the rates rise."""
    weight_decay: float = 0.01
    """Decoupled weight decay."""
    clip_norm: float = 1.0
    """Global gradient norm that gradients are scaled down to."""
    dropout: Optional[float] = None
    """Dropout everywhere; None: the encoder's own rates, its hidden rate for the head."""
    seed: int = 1
    """Fixes first weights, data order and dropout."""
    eval_every: Optional[int] = None
    """Score dev after this many updates; None: after each epoch."""
    save_every: Optional[int] = None
    """Save after this many updates; None: at each evaluation and at least every five minutes."""
    patience: Optional[int] = None
    """Stop after this many evaluations without a better dev F1; None: never."""
    test: Optional[bool] = None
    """Score test at the end; None: when a whole epoch was trained and there is a test file."""

    def __post_init__(self) -> None:
        self.device_options()
        if self.head not in HEADS:
            raise NerctlError(f"--head {self.head}: unknown; it takes {', '.join(HEADS)}")
        for name in ("lstm_size", "batch_size", "epochs", "steps", "max_tokens", "eval_every", "save_every",
                     "patience", "threads"):  # fmt: skip
            value = getattr(self, name)
            if value is not None and value < 1:
                raise NerctlError(f"{_option(name)} {value}: must be at least 1")
        for name in ("learning_rate", "head_learning_rate", "crf_learning_rate", "clip_norm"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise NerctlError(f"{_option(name)} {value}: must be greater than 0")
        for name in ("dropout", "warmup", "weight_decay"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < 1:
                raise NerctlError(f"{_option(name)} {value}: must be at least 0 and under 1")
        if self.max_seq_length < 3:
            raise NerctlError(f"--max-seq-length {self.max_seq_length}: must be at least 3 ([CLS], a token, [SEP])")
        if not 0 <= self.seed < 2**31:
            raise NerctlError(f"--seed {self.seed}: must be from 0 to 2147483647")

    def device_options(self) -> DeviceOptions:
        """The part that a backend takes."""
        return DeviceOptions(
            device=self.device,
            device_id=self.device_id,
            precision=self.precision,
            batch_shape=self.batch_shape,
            xla=self.xla,
            npu_options=tuple(self.npu_options),
        )

    def rates(self, hidden_size: int) -> tuple[float, float, float]:
        """Peak learning rates of encoder, head and CRF for an encoder of that hidden size."""
        encoder = self.learning_rate or _by_size(ENCODER_RATES, hidden_size)
        head = self.head_learning_rate or _by_size(HEAD_RATES, hidden_size)
        return encoder, head, self.crf_learning_rate

    def sentences_an_update(self, hidden_size: int) -> int:
        """The batch size for an encoder of that hidden size."""
        return self.batch_size or int(_by_size(BATCH_SIZES, hidden_size))

    def as_dict(self) -> dict[str, Any]:
        """The fields by name, as JSON and TOML take them."""
        return {**asdict(self), "npu_options": list(self.npu_options)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrainConfig:
        """The config that `as_dict` gave; fields that this version does not know are dropped."""
        known = {field.name for field in fields(cls)}
        kept = {name: value for name, value in values.items() if name in known}
        return cls(**{**kept, "npu_options": tuple(kept.get("npu_options", ()))})


def _by_size(table: tuple[tuple[int, float], ...], hidden_size: int) -> float:
    return next(rate for limit, rate in table if hidden_size <= limit or limit == 0)


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")




def existing_folder(path: str, option: str, remedy: str) -> Path:
    """The folder as a path.

    Raises:
        NerctlError: it is not there; the message names the option and the remedy.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise NerctlError(f"{path}: no such folder ({option}); {near_path(folder)}{remedy}")
    return folder
