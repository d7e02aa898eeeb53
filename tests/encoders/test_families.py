"""Every family in every form that is published: the values that Transformers computes, and its gradients."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from published import KINDS, folder_of, old_names, reference, under, write_bin, write_h5, write_safetensors

from nerctl.encoders.opening import open_encoder
from nerctl.model.activations import FUNCTIONS
from nerctl.model.bert import Bert, variable_name
from nerctl.model.families import ACTIVATIONS, FAMILIES, variables
from nerctl.model.optimizer import decays, group_of
from nerctl.model.tagger import NO_DROPOUT, random_initial

HEADS = {"bert": "bert.", "ernie": "ernie.", "electra": "discriminator.electra.", "albert": "albert."}
FORMS = [
    (kind, form, headed, dtype, old)
    for kind in KINDS
    for form in ("safetensors", "bin", "h5")
    for headed in (False, True)
    for dtype in ("float32", "float16", "bfloat16")
    for old in (False, True)
    # There are no TensorFlow models of ERNIE; h5 has no bfloat16 and always gamma and beta.
    if form != "h5" or (kind != "ernie" and dtype != "bfloat16" and not old)
]


def write(folder: Path, kind: str, form: str, headed: bool, dtype: str, old: bool) -> Path:
    known = reference(kind)
    folder_of(folder, known["config"])
    if form == "h5":
        write_h5(folder / "tf_model.h5", kind, known["w"], headed, dtype)
        return folder
    state = under(HEADS[kind] if headed else "", old_names(known["w"]) if old else known["w"])
    if form == "bin":
        write_bin(folder / "pytorch_model.bin", state, dtype)
    else:
        write_safetensors(folder / "model.safetensors", state, dtype)
    return folder


def network(folder: Path) -> Bert:
    opened = open_encoder(folder)
    return Bert(opened.config, opened.initial(random_initial(0)))


def outputs(bert: Bert, known: dict[str, Any]) -> tf.Tensor:
    pieces = known["pieces"]
    mask = tf.sequence_mask(known["lengths"], pieces.shape[1], tf.float32)
    flat = bert(tf.constant(pieces, tf.int32), mask, NO_DROPOUT.attention, NO_DROPOUT.hidden)
    return tf.reshape(flat, [*pieces.shape, -1])


@pytest.mark.parametrize(("kind", "form", "headed", "dtype", "old"), FORMS)
def test_hidden_states_equal_transformers_in_every_form_at_ragged_lengths(
    tmp_path: Path, kind: str, form: str, headed: bool, dtype: str, old: bool
) -> None:
    known = reference(kind)
    found = outputs(network(write(tmp_path, kind, form, headed, dtype, old)), known).numpy()
    for row, length in enumerate(known["lengths"]):
        np.testing.assert_allclose(found[row, :length], known["hidden"][row, :length], atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_bin_that_torch_saved_gives_the_values_of_its_state_dict(tmp_path: Path, kind: str) -> None:
    known = reference(kind)
    (folder_of(tmp_path, known["config"]) / "pytorch_model.bin").write_bytes(known["bin"].tobytes())
    found = {variable_name(item): item.numpy() for item in network(tmp_path).variables}
    rows = variables(open_encoder(tmp_path).config)
    assert found.keys() == {row.name for row in rows}
    for row in rows:
        wanted = known["w"][row.torch[0]]
        np.testing.assert_array_equal(found[row.name], wanted.T if row.turned else wanted)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_equal_torchs(tmp_path: Path, kind: str) -> None:
    known = reference(kind)
    bert = network(write(tmp_path, kind, "safetensors", False, "float32", False))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(outputs(bert, known) * known["upstream"])
    ours = {variable_name(item): value for item, value in zip(bert.variables, tape.gradient(loss, bert.variables))}
    for row in variables(bert.config):
        wanted = known["g"][row.torch[0]]
        found = tf.convert_to_tensor(ours[row.name]).numpy()
        np.testing.assert_allclose(found, wanted.T if row.turned else wanted, atol=1e-4, err_msg=row.name)


@pytest.mark.parametrize("kind", KINDS)
def test_the_network_has_the_variables_of_its_rows_and_the_optimizer_knows_them(tmp_path: Path, kind: str) -> None:
    bert = network(write(tmp_path, kind, "safetensors", False, "float32", False))
    rows = {row.name: row.shape for row in variables(bert.config)}
    assert {variable_name(item): tuple(item.shape) for item in bert.variables} == rows
    assert {group_of(name) for name in rows} == {"encoder"}
    assert {len(shape) for name, shape in rows.items() if decays(name)} == {2}


def test_a_shared_layer_is_one_layer_whose_variables_are_there_once() -> None:
    known = reference("albert")
    config = known["config"]
    names = [row.name for row in variables(config_of(config))]
    assert len(names) == len(set(names)) and sum("layer_0" in name for name in names) == 16
    assert not any("layer_1" in name for name in names)


def config_of(values: dict[str, Any]) -> Any:
    from nerctl.model.encoder_config import BertConfig

    return BertConfig.of_values(Path("config.json"), values)


def test_every_activation_that_a_config_may_name_is_computed() -> None:
    assert set(FUNCTIONS) == set(ACTIVATIONS)
    assert set(FAMILIES) == set(KINDS)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_and_their_gradients_equal_their_formulas(name: str) -> None:
    formulas = {
        "gelu": lambda x: 0.5 * x * (1 + tf.math.erf(x / np.sqrt(2))),
        "gelu_new": lambda x: 0.5 * x * (1 + tf.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
        "relu": lambda x: tf.maximum(x, 0),
        "silu": lambda x: x / (1 + tf.exp(-x)),
    }
    x = tf.constant(np.linspace(-6, 6, 102))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        ours, formula = FUNCTIONS[name](x), formulas[name](x)
    np.testing.assert_allclose(ours, formula, atol=1e-12)
    np.testing.assert_allclose(tape.gradient(ours, x), tape.gradient(formula, x), atol=1e-12)
