"""The encoder families: a row says which parts a family has, how large they are, and what each is called where.

One row is all that a family is: the network, the ONNX graph, the fit check and the reading of published folders look
here. Own names are those of Google's BERT checkpoints (modeling.py of google-research/bert); what BERT lacks is named in
their manner. Names of published files: Transformers 5.24, its TensorFlow ones up to 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nerctl.model.encoder_config import BertConfig

ROOT = "bert"
"""What the own names of every family's variables begin with; the optimizer's group "encoder" goes by it."""

ACTIVATIONS = ("gelu", "gelu_new", "relu", "silu")
"""Activations of the feed-forward part; gelu is the erf form, gelu_new the tanh form."""


@dataclass(frozen=True)
class Ending:
    """One variable of a part: the endings of its names."""

    own: str
    """In checkpoints of Google's form and in run folders."""
    torch: tuple[str, ...]
    """In a state dict; where there are two, the second is that of old files."""
    keras: tuple[str, ...]
    """In tf_model.h5, likewise."""
    turned: bool = False
    """Whether a state dict has it transposed, [out, in]."""


TABLE = (Ending("", ("weight",), ("weight", "embeddings")),)
"""An embedding table [rows, width]."""
DENSE = (Ending("/kernel", ("weight",), ("kernel",), turned=True), Ending("/bias", ("bias",), ("bias",)))
"""A linear layer, kernel [in, out] and bias [out]."""
NORM = (Ending("/gamma", ("weight", "gamma"), ("gamma",)), Ending("/beta", ("bias", "beta"), ("beta",)))
"""A LayerNorm over [width]."""


@dataclass(frozen=True)
class Part:
    """A table, a linear layer or a LayerNorm of an encoder."""

    own: str
    """Its own name, below the encoder or below its layer."""
    torch: str
    """Its name in a state dict, likewise."""
    sizes: tuple[str, ...]
    """The fields of the config that are its sizes."""
    kind: tuple[Ending, ...]
    """TABLE, DENSE or NORM."""
    when: str = ""
    """The field of the config that says whether an encoder has it; empty: each has."""


@dataclass(frozen=True)
class Variable:
    """One variable of an encoder."""

    name: str
    """Its own name."""
    shape: tuple[int, ...]
    """Its own shape."""
    torch: tuple[str, ...]
    """Its names in a state dict, today's first, without what a model with a head puts before."""
    keras: tuple[str, ...]
    """Its names in tf_model.h5, likewise, with plain slashes."""
    turned: bool
    """Whether a state dict has it transposed."""


@dataclass(frozen=True)
class Family:
    """How the encoders of one `model_type` are built and named."""

    model_type: str
    """Its name in config.json."""
    embeddings: tuple[Part, ...]
    """The parts below the layers: words, positions, tables whose first row is added to every position, the LayerNorm, and
    the projection from the width of the tables to that of the layers."""
    layer: tuple[Part, ...]
    """The parts of a layer."""
    layer_place: str = "encoder.layer.{}"
    """Where a state dict has the layer of a number."""
    shared_layers: bool = False
    """Whether one layer is used again and again."""
    always_projects: bool = False
    """Whether the projection is there even between equal widths."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """What fields mean that its config.json leaves out, where that is not `BertConfig`'s default."""
    only: Mapping[str, Any] = field(default_factory=dict)
    """Fields of config.json that change the network and the one value of each that is computed here."""
    rates: tuple[tuple[int, float], ...] = ()
    """Peak learning rates at which those who pretrained it tune it, by hidden size up to (0: any larger); none: what is
    right for its size in general."""

    @property
    def projects(self) -> bool:
        """Whether its encoders may have tables of another width than the layers'."""
        return any(part.own == PROJECTION for part in self.embeddings)


WORDS, POSITIONS, PROJECTION = (
    "embeddings/word_embeddings",
    "embeddings/position_embeddings",
    "embeddings/projection",
)
"""Own names that the network knows; every other table is one whose first row is added to every position."""

_H, _F = "hidden_size", "intermediate_size"

BERT = Family(
    "bert",
    embeddings=(
        Part(WORDS, "embeddings.word_embeddings", ("vocab_size", "width"), TABLE),
        Part(POSITIONS, "embeddings.position_embeddings", ("max_position_embeddings", "width"), TABLE),
        Part("embeddings/token_type_embeddings", "embeddings.token_type_embeddings", ("type_vocab_size", "width"), TABLE),
        Part("embeddings/LayerNorm", "embeddings.LayerNorm", ("width",), NORM),
    ),
    layer=(
        Part("attention/self/query", "attention.self.query", (_H, _H), DENSE),
        Part("attention/self/key", "attention.self.key", (_H, _H), DENSE),
        Part("attention/self/value", "attention.self.value", (_H, _H), DENSE),
        Part("attention/output/dense", "attention.output.dense", (_H, _H), DENSE),
        Part("attention/output/LayerNorm", "attention.output.LayerNorm", (_H,), NORM),
        Part("intermediate/dense", "intermediate.dense", (_H, _F), DENSE),
        Part("output/dense", "output.dense", (_F, _H), DENSE),
        Part("output/LayerNorm", "output.LayerNorm", (_H,), NORM),
    ),
    only={"is_decoder": False, "add_cross_attention": False, "position_embedding_type": "absolute"},
)
"""Devlin et al. 2019 (arXiv:1810.04805), and all that share its network: RoBERTa-wwm, MacBERT, LERT, PERT, bge, ..."""

_TASKS = Part(
    "embeddings/task_type_embeddings", "embeddings.task_type_embeddings", ("task_type_vocab_size", "width"), TABLE,
    when="use_task_id",
)  # fmt: skip

ERNIE = replace(
    BERT, model_type="ernie", embeddings=(*BERT.embeddings, _TASKS), rates=((512, 3e-4), (768, 5e-5), (0, 2e-5))
)
"""Sun et al. 2021 (arXiv:2107.02137): a table of task types besides; task 0 is used. 5e-5 for the base size is that of its
authors' script for MSRA's entities (PaddlePaddle/ERNIE, run_msra_ner.sh); the others are those of `nerctl.config`."""


def _projection(torch: str) -> Part:
    return Part(PROJECTION, torch, ("width", _H), DENSE, when="projects")


ELECTRA = replace(
    BERT,
    model_type="electra",
    embeddings=(*BERT.embeddings, _projection("embeddings_project")),
    defaults={"embedding_size": 128},
    rates=((512, 3e-4), (768, 1e-4), (0, 5e-5)),
)
"""Clark et al. 2020 (arXiv:2003.10555): tables may be narrower than the layers. A discriminator wants more than a masked
language model: 3e-4 (small), 1e-4 (base) and 5e-5 (large) are its authors' and those of its Chinese weights
(google-research/electra, configure_finetuning.py; ymcui/Chinese-ELECTRA)."""

_ALBERT_NAMES = {
    "attention.self.query": "attention.query",
    "attention.self.key": "attention.key",
    "attention.self.value": "attention.value",
    "attention.output.dense": "attention.dense",
    "attention.output.LayerNorm": "attention.LayerNorm",
    "intermediate.dense": "ffn",
    "output.dense": "ffn_output",
    "output.LayerNorm": "full_layer_layer_norm",
}

ALBERT = replace(
    BERT,
    model_type="albert",
    embeddings=(*BERT.embeddings, _projection("encoder.embedding_hidden_mapping_in")),
    layer=tuple(replace(part, torch=_ALBERT_NAMES[part.torch]) for part in BERT.layer),
    layer_place="encoder.albert_layer_groups.0.albert_layers.{}",
    shared_layers=True,
    always_projects=True,
    defaults={
        "embedding_size": 128,
        "hidden_act": "gelu_new",
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
    },
    only={**BERT.only, "num_hidden_groups": 1, "inner_group_num": 1},
)
"""Lan et al. 2020 (arXiv:1909.11942): narrow tables, and one layer that is used `num_hidden_layers` times."""

FAMILIES = {family.model_type: family for family in (BERT, ERNIE, ELECTRA, ALBERT)}
"""Every family by its `model_type`."""


def variables(config: BertConfig) -> list[Variable]:
    """Every variable of an encoder of this config, without pooler and pre-training heads."""
    family = config.family
    found = [one for part in family.embeddings for one in _of_part(part, ROOT, "", config)]
    for name, place in zip(dict.fromkeys(layer_names(config)), range(config.num_hidden_layers)):
        torch = family.layer_place.format(place) + "."
        found += [one for part in family.layer for one in _of_part(part, name, torch, config)]
    return found


def layer_names(config: BertConfig) -> list[str]:
    """The own name of each layer in the order of use; a shared layer comes as often as it is used."""
    numbers = range(config.num_hidden_layers)
    return [f"{ROOT}/encoder/layer_{0 if config.family.shared_layers else number}" for number in numbers]


def first_row_tables(config: BertConfig) -> list[str]:
    """Own names of the tables whose first row is added to every position: all but words and positions."""
    return [
        f"{ROOT}/{part.own}"
        for part in config.family.embeddings
        if part.kind is TABLE and part.own not in (WORDS, POSITIONS) and _has(config, part)
    ]


def _has(config: BertConfig, part: Part) -> bool:
    return not part.when or bool(getattr(config, part.when))


def _of_part(part: Part, place: str, torch_place: str, config: BertConfig) -> list[Variable]:
    if not _has(config, part):
        return []
    sizes = tuple(int(getattr(config, size)) for size in part.sizes)
    torch = torch_place + part.torch
    return [
        Variable(
            name=f"{place}/{part.own}{ending.own}",
            shape=sizes if ending.own in ("", "/kernel") else sizes[-1:],
            torch=tuple(f"{torch}.{last}" for last in ending.torch),
            keras=tuple(f"{torch.replace('.', '/')}/{last}" for last in ending.keras),
            turned=ending.turned,
        )
        for ending in part.kind
    ]
