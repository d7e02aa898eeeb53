"""Everything that a training run can be told, in one frozen dataclass, checked when it is made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, Optional, get_args

from nerctl.backends import DeviceOptions, cpu, cuda
from nerctl.backends.threads import available_cores
from nerctl.data.spans import Nested
from nerctl.errors import NerctlError, near_path
from nerctl.heads import names
from nerctl.model.families import FAMILIES

ENCODER_RATES = ((256, 1e-3), (512, 3e-4), (0, 2e-5))
"""Default encoder learning rates by hidden size up to (0: any larger). 2e-5 is what BERT's authors give for BERT-base
(Devlin et al. 2019, A.3: 2e-5 to 5e-5); the rates of smaller encoders were chosen on dev (docs/results.md)."""

HEAD_RATES = ((256, 8e-3), (512, 5e-3), (0, 1e-3))
"""Default learning rates of the head, by the encoder's hidden size likewise."""

BATCH_SIZES = ((512, 16), (0, 32))
"""Default sentences an update, by the encoder's hidden size likewise: the original's 32, and 16 for small encoders, which
gain from twice the updates (docs/results.md)."""

CrfStart = Literal["zero", "counts"]
"""What transition and start scores begin with."""


@dataclass(frozen=True)
class TrainConfig:
    """The options of `nerctl train`; each field is the option of the same name."""

    data_dir: str = "NERdata"
    """Folder with the train, dev and test files."""
    input_format: str = "auto"
    """Their format, by a name of `nerctl.data.formats.registry`; auto: each file's by its content."""
    nested: Nested = "keep"
    """What becomes of entities that overlap: keep (a head that cannot hold them refuses), outermost, innermost or refuse."""
    bert_dir: str = "model"
    """Folder with the encoder: bert_config.json, vocab.txt, bert_model.ckpt.*, or a Hugging Face folder."""
    init: Optional[str] = None
    """Folder of another run, whose encoder as it was trained takes the place of the one in `bert_dir`."""
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
    lower_case: Optional[bool] = None
    """Lower-case and strip accents before word pieces; None: as the encoder says, and yes where it does not, which is right
    for Google's Chinese BERT and other uncased encoders."""
    head: str = "bilstm-crf"
    """The name of a head (`nerctl.heads`)."""
    lstm_size: int = 128
    """LSTM units in each direction."""
    crf_start: CrfStart = "zero"
    """What the CRF's scores begin with: zero, or counts (log probabilities by the training tags)."""
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
        if self.head not in names():
            raise NerctlError(f"--head {self.head}: unknown; it takes {', '.join(names())}")
        if self.nested not in get_args(Nested):
            raise NerctlError(f"--nested {self.nested}: unknown; it takes {', '.join(get_args(Nested))}")
        if self.crf_start not in get_args(CrfStart):
            raise NerctlError(f"--crf-start {self.crf_start}: unknown; it takes {', '.join(get_args(CrfStart))}")
        if self.init is not None and self.from_scratch:
            raise NerctlError(f"--init {self.init} and --from-scratch exclude each other; leave one of them out")
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

    @property
    def encoder_dir(self) -> str:
        """Folder with the encoder that the run begins with."""
        return self.bert_dir if self.init is None else self.init

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

    def rates(self, hidden_size: int, model_type: str = "bert") -> tuple[float, float, float]:
        """Peak learning rates of encoder, head and CRF for an encoder of that hidden size and family."""
        encoder = self.learning_rate or _by_size(self.encoder_rates(model_type), hidden_size)
        head = self.head_learning_rate or _by_size(HEAD_RATES, hidden_size)
        return encoder, head, self.crf_learning_rate

    def encoder_rates(self, model_type: str) -> tuple[tuple[int, float], ...]:
        """The table of encoder rates for a family: its own where it was pretrained, else that by size alone."""
        family = FAMILIES.get(model_type)
        return ENCODER_RATES if self.from_scratch or family is None else family.rates or ENCODER_RATES

    def sentences_an_update(self, hidden_size: int) -> int:
        """The batch size for an encoder of that hidden size."""
        return self.batch_size or int(_by_size(BATCH_SIZES, hidden_size))

    def lower_cases(self, encoder: Optional[bool]) -> bool:
        """Whether text is lower-cased, for an encoder that asks for it, against it, or does not say (None)."""
        if self.lower_case is not None:
            return self.lower_case
        return encoder is not False

    def as_dict(self) -> dict[str, Any]:
        """The fields by name, as JSON and TOML take them."""
        return {**asdict(self), "npu_options": list(self.npu_options)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrainConfig:
        """The config that `as_dict` gave; fields that this version does not know are dropped."""
        known = {field.name for field in fields(cls)}
        kept = {name: value for name, value in values.items() if name in known}
        return cls(**{**kept, "npu_options": tuple(kept.get("npu_options", ()))})


@dataclass(frozen=True)
class Unset:
    """An option that nobody gave, and what a run takes for it."""

    value: Any
    """The value, if it is known before the run begins; else None."""
    why: str
    """The rule, or where the value comes from, in a few words."""


def unset_options(config: TrainConfig) -> dict[str, Unset]:
    """What a run with this config would take for each option that is None, by field name.

    The encoder's sizes decide some of them: they are read from its folder if it is there.
    """
    encoder = _encoder_fields(Path(config.encoder_dir))
    size = encoder.get("hidden_size")
    kind = str(encoder.get("model_type", "bert"))
    by_size = {"learning_rate": config.encoder_rates(kind), "head_learning_rate": HEAD_RATES, "batch_size": BATCH_SIZES}
    found = {
        "init": Unset(None, "the encoder as it was published"),
        "device_id": Unset(None, "the first card"),
        "xla": Unset(None, "what the device runs best: on for CUDA, off for the others"),
        "threads": Unset(available_cores(), "all cores"),
        "max_tokens": Unset(
            cpu.MAX_TOKENS if config.device == "cpu" else None,
            f"{cpu.MAX_TOKENS} on a CPU; a whole batch on an NPU, and on CUDA up to {cuda.MAX_TOKENS}",
        ),
        "lower_case": Unset(config.lower_cases(encoder.get("do_lower_case")), "as the encoder's files say, else true"),
        "steps": Unset(None, "all updates of the planned epochs"),
        "dropout": Unset(encoder.get("hidden_dropout_prob"), "the encoder's own rates"),
        "eval_every": Unset(None, "after each epoch"),
        "save_every": Unset(None, "at each evaluation, and at least every five minutes"),
        "patience": Unset(None, "no early stop"),
        "test": Unset(None, "after a whole epoch, where there is a test file"),
    }
    for name, table in by_size.items():
        if size is None:
            found[name] = Unset(None, size_rule(table))
        else:
            of_a_family = table not in (ENCODER_RATES, HEAD_RATES, BATCH_SIZES)
            whose = f"{kind} of hidden size {size}" if of_a_family else f"hidden size {size}"
            found[name] = Unset(_by_size(table, size), f"for {whose} ({config.encoder_dir})")
    return {name: unset for name, unset in found.items() if getattr(config, name) is None}


def size_rule(table: tuple[tuple[int, float], ...]) -> str:
    """A table of defaults by hidden size, in words."""
    parts = [f"{value:g} up to hidden size {limit}" for limit, value in table[:1]]
    parts += [f"{value:g} up to {limit}" if limit else f"{value:g} above" for limit, value in table[1:]]
    return ", ".join(parts)


def _encoder_fields(folder: Path) -> dict[str, Any]:
    """The encoder's sizes and rates and its treatment of case, as far as its folder tells them."""
    config = _fields(folder / "bert_config.json") or _fields(folder / "config.json")
    found = {name: config[name] for name in ("hidden_size", "hidden_dropout_prob") if _is_number(config.get(name))}
    if isinstance(config.get("model_type"), str):
        found["model_type"] = config["model_type"]
    lower = _fields(folder / "tokenizer_config.json").get("do_lower_case", _fields(folder / "config.json").get("lower_case"))
    return {**found, "do_lower_case": lower} if isinstance(lower, bool) else found


def _fields(path: Path) -> dict[str, Any]:
    """The fields of a JSON file; none where it cannot be read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


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
