"""Folders that Transformers itself writes today: read as they are, with its values at all lengths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from published import PIECES, reference, write_bin

from nerctl.data.tokenizer import WordPieceTokenizer
from nerctl.encoders.opening import open_encoder
from nerctl.model.bert import Bert
from nerctl.model.tagger import NO_DROPOUT, random_initial

torch = pytest.importorskip("torch", reason="needs the oracle extra: pip install '.[oracle]'")
transformers = pytest.importorskip("transformers", reason="needs the oracle extra: pip install '.[oracle]'")

MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "bert": ("BertModel", {"hidden_act": "gelu_new"}),
    "bert for tokens": ("BertForTokenClassification", {"hidden_act": "relu", "layer_norm_eps": 1e-5}),
    "bert for masked words": ("BertForMaskedLM", {}),
    "ernie": ("ErnieModel", {"use_task_id": True, "task_type_vocab_size": 3}),
    "ernie without tasks": ("ErnieForMaskedLM", {"use_task_id": False, "type_vocab_size": 4}),
    "electra": ("ElectraForPreTraining", {"embedding_size": 8}),
    "electra of one width": ("ElectraModel", {"embedding_size": 16}),
    "albert": ("AlbertForMaskedLM", {"embedding_size": 8, "hidden_act": "gelu"}),
    "albert of one width": ("AlbertModel", {"embedding_size": 16}),
}


def made(name: str) -> Any:
    """A random model of Transformers, its weights far from 0 so that mistakes show."""
    kind, special = MODELS[name]
    maker = getattr(transformers, kind)
    sizes = {"vocab_size": len(PIECES), "hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 4,
             "intermediate_size": 24, "max_position_embeddings": 700}  # fmt: skip
    torch.manual_seed(1)
    model = maker(maker.config_class(**{**sizes, **special})).eval()
    with torch.no_grad():
        for place, parameter in model.named_parameters():
            parameter.normal_(0.7 if "orm.weight" in place else 0.0, 0.3)
    return model


def encoder_of(model: Any) -> Any:
    return getattr(model, model.base_model_prefix, model)


def assert_same_values(model: Any, folder: Path) -> None:
    opened = open_encoder(folder)
    ours = Bert(opened.config, opened.initial(random_initial(0)))
    draw = np.random.default_rng(0)
    for group in ([1, 2, 17, 65], [511, 700]):
        lengths = np.array(group)
        pieces = draw.integers(1, len(PIECES), (len(lengths), max(lengths)))
        mask = np.arange(max(lengths)) < lengths[:, None]
        with torch.no_grad():
            wanted = encoder_of(model)(torch.tensor(pieces), attention_mask=torch.tensor(mask).long())
        found = ours(
            tf.constant(pieces, tf.int32), tf.constant(mask, tf.float32), NO_DROPOUT.attention, NO_DROPOUT.hidden
        ).numpy()
        np.testing.assert_allclose(
            found.reshape(*pieces.shape, -1)[mask], wanted.last_hidden_state.numpy()[mask], atol=1e-4
        )


def write_tokenizer(folder: Path, **options: Any) -> Any:
    text = folder / "pieces.txt"
    text.write_text("\n".join(PIECES) + "\n", encoding="utf-8")
    tokenizer = transformers.BertTokenizer(str(text), **options)
    tokenizer.save_pretrained(folder)
    text.unlink()
    return tokenizer


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("form", ["safetensors", "divided", "bin", "float16"])
def test_a_folder_that_save_pretrained_wrote_has_transformers_values(tmp_path: Path, name: str, form: str) -> None:
    model = made(name)
    if form == "float16":
        model = model.half()
    model.save_pretrained(tmp_path, **({"max_shard_size": "4KB"} if form == "divided" else {}))
    if form == "bin":
        (tmp_path / "model.safetensors").unlink()
        torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    if form == "divided":
        assert (tmp_path / "model.safetensors.index.json").is_file()
    write_tokenizer(tmp_path)
    assert_same_values(model.float(), tmp_path)


@pytest.mark.parametrize("lower", [True, False])
def test_a_tokenizer_that_transformers_wrote_gives_its_pieces(tmp_path: Path, lower: bool) -> None:
    made("bert").save_pretrained(tmp_path)
    theirs = write_tokenizer(tmp_path, do_lower_case=lower)
    opened = open_encoder(tmp_path)
    assert opened.lower_case is lower and opened.vocabulary.pieces == PIECES
    ours = WordPieceTokenizer(opened.vocabulary, lower)
    for text in ("中国", "aBc", "北京x", "é", "f"):
        wanted = theirs.encode(text, add_special_tokens=False) or [opened.vocabulary.unk]
        assert ours.pieces(text) == wanted


def test_the_hand_made_bin_of_these_tests_is_one_that_torch_loads(tmp_path: Path) -> None:
    state = reference("bert")["w"]
    for kind in ("float32", "float16", "bfloat16"):
        loaded = torch.load(write_bin(tmp_path / "pytorch_model.bin", state, kind), weights_only=True)
        assert loaded.keys() == state.keys()
        for name, value in loaded.items():
            assert str(value.dtype) == f"torch.{kind}"
            np.testing.assert_array_equal(value.float().numpy(), state[name])
