"""The encoder against Transformers' BertModel: live where torch is installed, from a file elsewhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from nerctl.errors import ModelError
from nerctl.model.activations import gelu
from nerctl.model.bert import Bert, BertConfig, attend, layer_norm
from nerctl.model.checkpoint import CHECKPOINT, google_initial, save_tensors
from nerctl.model.tagger import NO_DROPOUT, random_initial

REFERENCE = Path(__file__).parents[1] / "data" / "bert_reference.npz"


def hidden(bert: Bert, pieces: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    mask = tf.sequence_mask(lengths, pieces.shape[1], tf.float32)
    flat = bert(tf.constant(pieces, tf.int32), mask, NO_DROPOUT.attention, NO_DROPOUT.hidden)
    return flat.numpy().reshape(*pieces.shape, -1)


def test_outputs_equal_those_that_transformers_wrote_for_a_small_encoder() -> None:
    """Made by tests/data/make_bert_reference.py with Transformers' BertModel on the same weights."""
    with np.load(REFERENCE) as reference:
        config = BertConfig(*(int(value) for value in reference["config"]))
        weights = {name[2:]: reference[name] for name in reference.files if name.startswith("w:")}
        bert = Bert(config, lambda name, shape: weights[name].astype(np.float32))
        found = hidden(bert, reference["pieces"], reference["lengths"])
        for row, length in enumerate(reference["lengths"]):
            np.testing.assert_allclose(found[row, :length], reference["hidden"][row, :length], atol=1e-4)


def test_outputs_equal_transformers_on_the_real_encoder_at_all_lengths(shared: Path, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="needs the oracle extra: pip install '.[oracle]'")
    transformers = pytest.importorskip("transformers", reason="needs the oracle extra: pip install '.[oracle]'")
    import zipfile

    with zipfile.ZipFile(shared / "weights" / "e5-small-zh_L-12_H-384_A-12.zip") as archive:
        archive.extractall(tmp_path)
    (folder,) = tmp_path.iterdir()
    config = BertConfig.load(folder / "bert_config.json")
    ours = Bert(config, google_initial(folder / CHECKPOINT, folder / "bert_config.json", random_initial(0)))
    theirs = transformers.BertModel(
        transformers.BertConfig(**config.as_dict()), add_pooling_layer=False
    ).eval()
    with torch.no_grad():
        for name, parameter in theirs.named_parameters():
            google, turned = google_name(name)
            value = tf.train.load_variable(str(folder / "bert_model.ckpt"), google)
            parameter.copy_(torch.tensor(value.T if turned else value))
    draw = np.random.default_rng(0)
    for group in ([1, 2, 3, 17, 64, 65, 128], [202, 333], [510]):
        lengths = np.array(group) + 2
        pieces = draw.integers(106, config.vocab_size, (len(lengths), max(lengths)))
        pieces[:, 0] = 101
        mask = np.arange(max(lengths)) < lengths[:, None]
        with torch.no_grad():
            wanted = theirs(torch.tensor(pieces), attention_mask=torch.tensor(mask).long()).last_hidden_state.numpy()
        np.testing.assert_allclose(hidden(ours, pieces, lengths)[mask], wanted[mask], atol=1e-4)


def google_name(name: str) -> tuple[str, bool]:
    """Google's tensor name of a parameter of Transformers' BertModel, and whether it is transposed there."""
    turned = name.endswith(".weight") and "LayerNorm" not in name and "embeddings" not in name
    name = name.replace("encoder.layer.", "encoder.layer_")
    name = name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
    if "_embeddings.weight" in name:
        name = name[: -len(".weight")]
    return "bert/" + name.replace(".weight", ".kernel").replace(".", "/"), turned


def test_gelu_and_its_gradient_equal_the_erf_formula() -> None:
    x = tf.constant(np.linspace(-6, 6, 101))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        ours, formula = gelu(x), 0.5 * x * (1 + tf.math.erf(x / np.sqrt(2)))
    np.testing.assert_allclose(ours, formula, atol=1e-12)
    np.testing.assert_allclose(tape.gradient(ours, x), tape.gradient(formula, x), atol=1e-12)


def test_attention_with_dropout_and_its_gradients_equal_the_formula() -> None:
    draw = np.random.default_rng(0)
    query, key, value, weights = (tf.constant(draw.normal(size=(2, 3, 5, 4))) for _ in range(4))
    bias = tf.constant(np.where([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]], 0.0, -1e4)[:, None, None], tf.float32)
    kept = tf.constant((draw.random((2, 3, 5, 5)) > 0.3) / 0.7)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([query, key, value])
        scores = tf.cast(tf.matmul(query, key, transpose_b=True), tf.float32) + bias
        formula = tf.matmul(tf.cast(tf.nn.softmax(scores), tf.float64) * kept, value)
        ours = attend(query, key, value, bias, lambda x: x * kept)
        losses = [tf.reduce_sum(result * weights) for result in (ours, formula)]
    np.testing.assert_allclose(ours, formula, atol=1e-6)
    for one, other in zip(tape.gradient(losses[0], [query, key, value]), tape.gradient(losses[1], [query, key, value])):
        assert np.abs(other).max() > 0.1
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_attention_in_bfloat16_has_float32_softmax_and_gradients_close_to_it() -> None:
    draw = np.random.default_rng(0)
    inputs = [tf.constant(draw.normal(size=(2, 3, 5, 4)), tf.float32) for _ in range(3)]
    found = {}
    for dtype in (tf.float32, tf.bfloat16):
        cast = [tf.cast(item, dtype) for item in inputs]
        with tf.GradientTape() as tape:
            tape.watch(cast)
            result = attend(*cast, tf.zeros([2, 1, 1, 5]), lambda x: x)
        gradients = tape.gradient(result, cast, output_gradients=tf.cast(inputs[0], dtype))
        assert {item.dtype for item in [result, *gradients]} == {dtype}
        found[dtype] = [tf.cast(item, tf.float32).numpy() for item in [result, *gradients]]
    for one, other in zip(found[tf.float32], found[tf.bfloat16]):
        np.testing.assert_allclose(one, other, atol=0.05)


def test_layer_norm_and_its_gradients_equal_the_formula() -> None:
    draw = np.random.default_rng(0)
    x, gamma, beta = (tf.constant(draw.normal(size=size)) for size in ((5, 8), 8, 8))
    weights = draw.normal(size=(5, 8))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([x, gamma, beta])
        mean, variance = tf.nn.moments(x, [1], keepdims=True)
        formula = (x - mean) / tf.sqrt(variance + 1e-12) * gamma + beta
        ours = layer_norm(x, gamma, beta, 1e-12)
        losses = [tf.reduce_sum(value * weights) for value in (ours, formula)]
    np.testing.assert_allclose(ours, formula, atol=1e-10)
    for one, other in zip(tape.gradient(losses[0], [x, gamma, beta]), tape.gradient(losses[1], [x, gamma, beta])):
        np.testing.assert_allclose(one, other, atol=1e-10)


def tiny(folder: Path, leave_out: str = "", misshape: str = "") -> BertConfig:
    config = BertConfig(7, 4, 1, 2, 8, 16)
    bert = Bert(config, random_initial(0))
    tensors = {item.name.split(":")[0]: item.numpy() for item in bert.variables}
    tensors.pop(leave_out, None)
    if misshape:
        tensors[misshape] = tensors[misshape][..., :-1]
    save_tensors(folder / "bert_model.ckpt", tensors)
    return config


def test_a_missing_tensor_is_named(tmp_path: Path) -> None:
    config = tiny(tmp_path, leave_out="bert/encoder/layer_0/output/dense/kernel")
    with pytest.raises(ModelError, match="bert/encoder/layer_0/output/dense/kernel is missing"):
        Bert(config, google_initial(tmp_path / CHECKPOINT, tmp_path / "bert_config.json", random_initial(0)))


def test_a_misshapen_tensor_is_named_with_both_shapes(tmp_path: Path) -> None:
    config = tiny(tmp_path, misshape="bert/embeddings/LayerNorm/gamma")
    with pytest.raises(ModelError, match=r"LayerNorm/gamma is \[3\].*\[4\]"):
        Bert(config, google_initial(tmp_path / CHECKPOINT, tmp_path / "bert_config.json", random_initial(0)))


def test_a_truncated_checkpoint_is_an_error_not_a_crash(tmp_path: Path) -> None:
    config = tiny(tmp_path)
    data = tmp_path / "bert_model.ckpt.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:100])
    with pytest.raises(ModelError, match="fetch"):
        Bert(config, google_initial(tmp_path / CHECKPOINT, tmp_path / "bert_config.json", random_initial(0)))


@pytest.mark.parametrize(
    ("content", "word"),
    [("{", "not JSON"), ("{}", "vocab_size"), ('{"hidden_act": "relu"', "not JSON")],
)
def test_a_damaged_bert_config_is_one_sentence_with_the_file(tmp_path: Path, content: str, word: str) -> None:
    (tmp_path / "bert_config.json").write_text(content)
    with pytest.raises(ModelError, match=f"bert_config.json.*{word}"):
        BertConfig.load(tmp_path / "bert_config.json")
