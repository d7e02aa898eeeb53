"""A model as a Hugging Face folder, which `transformers.pipeline("token-classification", model=FOLDER)` loads.

    config.json model.safetensors         the encoder under its published names, and the projection as the classifier
    tokenizer.json tokenizer_config.json  the corpus' tokens and word pieces; vocab.txt for who reads nothing else
    README.md                             the card

Such a classifier takes the best tag of each token by itself, so what a CRF knows of neighbours stays behind.
Names: Transformers 5.24.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Optional

import numpy as np

from nerctl.data import bio
from nerctl.data.spans import Span
from nerctl.errors import FailedError, NerctlError
from nerctl.files import write_json, write_text
from nerctl.inference.documents import Document
from nerctl.inference.loading import LoadedModel
from nerctl.model.encoder_config import BertConfig
from nerctl.model.families import variables
from nerctl.workflows.fast_tokenizer import fast_tokenizer, tokenizer_config

PROJECTION = "head/projection"
"""The linear layer that gives a token's emissions."""


class OneByOne:
    """Decodes as such a pipeline does: the best tag of each token by itself, and neighbours of one type joined.

    An I-X that nothing of its type stands before begins an entity.
    """

    bounded = False

    def __init__(self, types: Sequence[str]) -> None:
        self._names = np.array(bio.tag_names(types))

    def spans(self, emissions: Sequence[np.ndarray], *_: Any, **__: Any) -> list[list[Span]]:
        """The entities of each sentence; the rest is as `nerctl.model.head.Decoder` says, and not looked at."""
        return [bio.spans_of(self._names[one.argmax(1)].tolist()) for one in emissions]

    def save(self) -> dict[str, Any]:
        """Nothing is kept."""
        return {}


def one_by_one(model: LoadedModel) -> LoadedModel:
    """The model as it tags once it is exported so.

    Raises:
        NerctlError: its head is no linear layer over each token; the message says why.
    """
    model.head.classifier()
    return replace(model, decoder=OneByOne(model.labels.types))


def need_packages() -> None:
    """Raises NerctlError where a package is missing that such an export needs."""
    try:
        import safetensors  # noqa: F401
        import tokenizers  # noqa: F401
    except ImportError as error:
        raise NerctlError(f"nerctl export --format transformers needs {error.name}: pip install 'nerctl[hub]'") from None


def write_transformers(model: LoadedModel, tensors: dict[str, np.ndarray], config: BertConfig, part: Path) -> None:
    """Writes all files but the card.

    Args:
        model: with a head that `one_by_one` takes.
        tensors: the network's variables by name.
        config: its encoder's.
        part: an existing folder.
    """
    from safetensors.numpy import save_file

    state = {f"{config.model_type}.{name}": tensor for name, tensor in encoder_state(tensors, config).items()}
    state["classifier.weight"] = np.ascontiguousarray(tensors[f"{PROJECTION}/kernel"].T)  # [K, H]
    state["classifier.bias"] = tensors[f"{PROJECTION}/bias"]
    save_file(state, str(part / "model.safetensors"), metadata={"format": "pt"})
    vocabulary, lower_case = model.tokenizer.vocabulary, model.tokenizer.lower_case
    write_json(part / "config.json", published_config(config, bio.tag_names(model.labels.types), vocabulary.pad))
    write_json(part / "tokenizer_config.json", tokenizer_config(vocabulary, lower_case, config.max_position_embeddings))
    write_text(part / "vocab.txt", "".join(f"{piece}\n" for piece in vocabulary.pieces))
    fast_tokenizer(vocabulary, lower_case, model.splitter).save(str(part / "tokenizer.json"))


def encoder_state(tensors: dict[str, np.ndarray], config: BertConfig) -> dict[str, np.ndarray]:
    """The encoder's tensors under the names of a state dict without a head, linear kernels [out, in]."""
    state = {}
    for one in variables(config):
        tensor = tensors[one.name]
        state[one.torch[0]] = np.ascontiguousarray(tensor.T if one.turned else tensor)
    return state


def published_config(config: BertConfig, names: Sequence[str], pad: int) -> dict[str, Any]:
    """config.json of a token classifier with these tags."""
    fields = config.as_dict()
    if config.family.projects:
        fields["embedding_size"] = config.width
    else:
        del fields["embedding_size"]
    if not fields["use_task_id"]:
        del fields["use_task_id"], fields["task_type_vocab_size"]
    return {
        "architectures": [f"{config.model_type.capitalize()}ForTokenClassification"],
        **fields,
        **config.family.only,
        "id2label": {str(tag): name for tag, name in enumerate(names)},
        "label2id": {name: tag for tag, name in enumerate(names)},
        "pad_token_id": pad,
        "dtype": "float32",
    }


def check_written(model: LoadedModel, tensors: dict[str, np.ndarray], part: Path, documents: Sequence[Document]) -> None:
    """Reads what was written with what others would read it with.

    Raises:
        FailedError: a tensor, or the ids of a text, are not the model's.
    """
    from tokenizers import Tokenizer

    from nerctl.encoders.opening import open_encoder

    def other(name: str, shape: tuple[int, ...]) -> np.ndarray:
        raise FailedError(f"{part}: lacks {name}; nothing was written; please report it")

    opened = open_encoder(part)
    initial = opened.initial(other)
    for one in variables(opened.config):
        if not np.array_equal(initial(one.name, one.shape), tensors[one.name]):
            raise FailedError(f"{part}: {one.name} is not the model's; nothing was written; please report it")
    made = Tokenizer.from_file(str(part / "tokenizer.json"))
    vocabulary = model.tokenizer.vocabulary
    for document in documents:
        tokens = [document.text[start:end] for start, end in document.tokens]
        ids = [piece for token in tokens for piece in model.tokenizer.pieces(token)]
        if made.encode(document.text).ids != [vocabulary.cls, *ids, vocabulary.sep]:
            raise FailedError(
                f"{part}: tokenizer.json cuts {document.text[:20]!r} otherwise than the model; nothing was written; "
                "please report it"
            )


def write_card(
    model: LoadedModel, part: Path, exact: bool, data: Optional[Path], before: Optional[float], after: Optional[float]
) -> None:
    """README.md: what the folder is and how it is used, with the front matter of a hub; F1 is a fraction of 1."""
    scores = ""
    if data is not None and before is not None and after is not None:
        scores = f" Entity F1 on {data.name}: {100 * after:.2f} in this form, {100 * before:.2f} by nerctl."
    front = {
        "language": ["zh"],
        "license": "other",
        "license_name": "as-encoder-and-corpus",
        "library_name": "transformers",
        "pipeline_tag": "token-classification",
        "tags": ["named-entity-recognition", "nerctl"],
    }
    lines = [f"{name}: {json.dumps(value)}" for name, value in front.items()]  # JSON is YAML
    behind = (
        "Its head took each token by itself in training too; nerctl besides keeps an I- tag from standing alone."
        if exact
        else "It was trained with a CRF, whose scores of neighbouring tags this form cannot hold: the best tag of each "
        "token is taken by itself. nerctl on the folder that it was made of loses nothing."
    )
    types = ", ".join(f"`{name}`" for name in model.labels.types)
    longest = model.max_seq_length
    write_text(
        part / "README.md",
        "\n".join(["---", *lines, "---", ""])
        + f"""
# Chinese named-entity recognition: {", ".join(model.labels.types)}

Made by nerctl for Transformers. Entity types: {types}.

```python
from transformers import pipeline

tagger = pipeline("token-classification", model="FOLDER OR REPOSITORY", aggregation_strategy="first")
tagger("...")
```

{behind}{scores}

Texts are cut into tokens as the training corpus has them (tokenizer.json). Trained on windows of {longest} word
pieces; longer texts are better cut at sentence ends. The licence is that of the encoder and of the corpus.
""",
    )
