"""Published folders as they are given to train, check-data and fetch-bert: what is read, and one sentence a fault."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest
from command_line import nerctl
from published import PIECES, folder_of, reference, write_bin, write_h5, write_safetensors

from nerctl.config import TrainConfig
from nerctl.encoders.opening import open_encoder, read_vocabulary
from nerctl.errors import ModelError, NerctlError
from nerctl.files import sha256_of
from nerctl.model.families import variables
from nerctl.transfer.encoder import fetch_encoder

KNOWN = reference("bert")
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:0000\nsize 400000000\n"


@pytest.fixture
def published(tmp_path: Path) -> Path:
    folder = folder_of(tmp_path / "published", KNOWN["config"])
    write_safetensors(folder / "model.safetensors", KNOWN["w"])
    return folder


def tokenizer_json(model: str = "WordPiece", **normaliser: Any) -> dict[str, Any]:
    return {
        "added_tokens": [{"id": index, "content": piece, "special": True} for index, piece in enumerate(PIECES[:5])],
        "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None,
                       "lowercase": True, **normaliser},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "model": {
            "type": model,
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": {piece: index for index, piece in enumerate(PIECES)},
        },
    }  # fmt: skip


def change(folder: Path, name: str, **values: Any) -> None:
    path = folder / name
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**content, **values}), encoding="utf-8")


def bpe(folder: Path) -> None:
    (folder / "vocab.txt").unlink()
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer_json("BPE")), encoding="utf-8")


def gpt(folder: Path) -> None:
    change(folder, "config.json", model_type="gpt2", architectures=["GPT2LMHeadModel"])


def sentencepiece(folder: Path) -> None:
    (folder / "vocab.txt").unlink()
    (folder / "spiece.model").write_bytes(b"\n\x0e")


BROKEN: dict[str, tuple[Callable[[Path], Any], str]] = {
    "no vocabulary": (lambda folder: (folder / "vocab.txt").unlink(), "no vocab.txt and no tokenizer.json in it; take the"),
    "vocabulary of another model": (
        lambda folder: (folder / "vocab.txt").write_text("\n".join([*PIECES, "更", "多"]) + "\n", encoding="utf-8"),
        "its vocabulary has 33 pieces, vocab_size in config.json is 31",
    ),
    "vocabulary of a smaller model": (
        lambda folder: (folder / "vocab.txt").write_text("\n".join(PIECES[:-1]) + "\n", encoding="utf-8"),
        "its vocabulary has 30 pieces, vocab_size in config.json is 31",
    ),
    "config of another width": (
        lambda folder: change(folder, "config.json", hidden_size=16),
        "embeddings.word_embeddings.weight is 31 x 8, * asks for 31 x 16; the two files do not belong together",
    ),
    "config of more layers": (
        lambda folder: change(folder, "config.json", num_hidden_layers=4),
        "lacks the tensor encoder.layer.3.attention.self.query.weight",
    ),
    "config of fewer layers": (
        lambda folder: change(folder, "config.json", num_hidden_layers=2), "has more layers than config.json says",
    ),
    "a BPE tokenizer.json": (bpe, "its model is BPE; nerctl reads WordPiece vocabularies only"),
    "SentencePiece": (sentencepiece, "a vocabulary of the kind SentencePiece; nerctl reads WordPiece"),
    "a GPT folder": (gpt, 'model_type is "gpt2"; nerctl trains encoders of the types bert, ernie, electra, albert only'),
    "a git-lfs pointer": (
        lambda folder: (folder / "model.safetensors").write_text(POINTER), "a git-lfs pointer in place of the weights",
    ),
    "no weights": (
        lambda folder: (folder / "model.safetensors").unlink(),
        "no model.safetensors, pytorch_model.bin or tf_model.h5 in it",
    ),
    "a decoder": (
        lambda folder: change(folder, "config.json", is_decoder=True), "is_decoder is true; nerctl computes false only",
    ),
    "relative positions": (
        lambda folder: change(folder, "config.json", position_embedding_type="relative_key"),
        'position_embedding_type is "relative_key"; nerctl computes "absolute" only',
    ),
    "an unknown activation": (lambda folder: change(folder, "config.json", hidden_act="tanh"), 'hidden_act is "tanh"'),
    "a size that is text": (lambda folder: change(folder, "config.json", hidden_size="8"), "hidden_size is '8' and should"),
    "a config that is no JSON": (lambda folder: (folder / "config.json").write_text("{"), "config.json: not JSON"),
    "a tensor that is missing": (
        lambda folder: write_safetensors(folder / "model.safetensors", without("encoder.layer.1.output.dense.bias")),
        "lacks the tensor encoder.layer.1.output.dense.bias",
    ),
    "weights that are no numbers": (
        lambda folder: write_safetensors(folder / "model.safetensors", {**KNOWN["w"], **nan("embeddings.LayerNorm.bias")}),
        "embeddings.LayerNorm.bias holds values that are no numbers",
    ),
    "another family's weights": (
        lambda folder: write_safetensors(folder / "model.safetensors", reference("albert")["w"]), "31 x 4",
    ),
    "a divided file that is not there": (
        lambda folder: (
            (folder / "model.safetensors").rename(folder / "one.safetensors"),
            (folder / "model.safetensors.index.json").write_text('{"weight_map": {"x": "two.safetensors"}}'),
        ),
        "two.safetensors: missing, though model.safetensors.index.json lists it",
    ),
}  # fmt: skip


def without(name: str) -> dict[str, np.ndarray]:
    return {other: value for other, value in KNOWN["w"].items() if other != name}


def nan(name: str) -> dict[str, np.ndarray]:
    return {name: np.full_like(KNOWN["w"][name], np.nan)}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_folder_is_one_sentence_before_anything_is_written(
    workplace: Path, published: Path, what: str
) -> None:
    breaking, sentence = BROKEN[what]
    breaking(published)
    code, _, said = nerctl("train", "--bert-dir", str(published), "--device", "cpu", "--steps", "1")
    assert code == 2 and not (workplace / "output").exists()
    assert str(published) in said and "Traceback" not in said
    for part in sentence.split("*"):
        assert part in said
    with pytest.raises(NerctlError):
        fetch_encoder(None, workplace / "fetched", local=published)
    assert not (workplace / "fetched").exists()


def test_a_folder_of_neither_form_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"neither bert_config.json .* nor config.json"):
        open_encoder(tmp_path)


def test_train_begins_from_a_published_folder_and_the_run_is_complete_in_its_own_form(
    workplace: Path, published: Path
) -> None:
    options = ("--device", "cpu", "--steps", "2", "--max-seq-length", "20")
    code, _, said = nerctl("train", "--bert-dir", str(published), *options)
    assert code == 0, said
    shutil.rmtree(published)
    assert json.loads((workplace / "output" / "bert_config.json").read_text())["model_type"] == "bert"
    assert json.loads((workplace / "output" / "config.json").read_text())["lower_case"] is True
    code, _, said = nerctl("train", "--resume", "--steps", "3", "--output-dir", "output")
    assert code == 0, said


def test_the_record_of_a_run_has_the_checksum_of_the_weights(workplace: Path, published: Path) -> None:
    nerctl("train", "--bert-dir", str(published), "--device", "cpu", "--steps", "1", "--max-seq-length", "20")
    record = json.loads((workplace / "output" / "run.json").read_text(encoding="utf-8"))
    assert record["encoder"]["sha256"] == sha256_of(published / "model.safetensors")


def losses(output: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (output / "steps.jsonl").read_text().splitlines()]


@pytest.mark.one_stack
def test_every_form_of_an_encoder_trains_to_the_same_losses_bit_for_bit(workplace: Path, published: Path) -> None:
    forms = {"safetensors": published}
    for name, write in (
        ("half", lambda folder: write_safetensors(folder / "model.safetensors", KNOWN["w"], "float16")),
        ("bin", lambda folder: write_bin(folder / "pytorch_model.bin", KNOWN["w"])),
        ("h5", lambda folder: write_h5(folder / "tf_model.h5", "bert", KNOWN["w"], True)),
    ):
        write(folder_of(workplace / name, KNOWN["config"]))
        forms[name] = workplace / name
    fetch_encoder(None, workplace / "google", local=published)
    forms["google"] = workplace / "google"
    found = {}
    for name, folder in forms.items():
        code, _, said = nerctl(
            "train", "--bert-dir", str(folder), "--output-dir", f"out-{name}", "--device", "cpu", "--steps", "3",
            "--max-seq-length", "20",
        )  # fmt: skip
        assert code == 0, said
        found[name] = losses(workplace / f"out-{name}")
    assert len(found["google"]) == 3 and all(values == found["google"] for values in found.values())


def test_fetch_converts_a_published_folder_and_it_opens_as_the_same_encoder(published: Path, tmp_path: Path) -> None:
    (published / "README.md").write_text("---\nlicense: mit\n---\n", encoding="utf-8")
    fetched = fetch_encoder(None, tmp_path / "model", local=published)
    assert set(fetched.placed) == {
        "README.md", "bert_config.json", "bert_model.ckpt.data-00000-of-00001", "bert_model.ckpt.index", "vocab.txt",
        "tokenizer_config.json",
    }  # fmt: skip
    ours, theirs = open_encoder(tmp_path / "model"), open_encoder(published)
    assert ours.config == theirs.config and ours.vocabulary.pieces == theirs.vocabulary.pieces
    assert ours.lower_case is theirs.lower_case is True
    values = [one.initial(lambda name, shape: np.zeros(0)) for one in (ours, theirs)]
    for row in variables(ours.config):
        np.testing.assert_array_equal(*[value(row.name, row.shape) for value in values])


def test_fetch_takes_an_archive_of_a_published_folder(published: Path, tmp_path: Path) -> None:
    shutil.make_archive(str(tmp_path / "packed"), "zip", published.parent, "published")
    fetch_encoder(None, tmp_path / "model", local=tmp_path / "packed.zip")
    assert open_encoder(tmp_path / "model").config.hidden_size == 8


def test_fetch_of_the_same_folder_again_keeps_what_is_there(published: Path, tmp_path: Path) -> None:
    fetch_encoder(None, tmp_path / "model", local=published)
    assert not fetch_encoder(None, tmp_path / "model", local=published).placed


def test_a_part_of_a_sentence_encoder_is_no_second_encoder(published: Path, tmp_path: Path) -> None:
    (published / "1_Pooling").mkdir()
    (published / "1_Pooling" / "config.json").write_text('{"word_embedding_dimension": 8}', encoding="utf-8")
    fetch_encoder(None, tmp_path / "model", local=published.parent)
    assert (tmp_path / "model" / "bert_config.json").exists()


def test_divided_weights_are_read_from_all_their_files(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, KNOWN["config"])
    names = sorted(KNOWN["w"])
    parts = {"model-00001-of-00002.safetensors": names[::2], "model-00002-of-00002.safetensors": names[1::2]}
    for file, some in parts.items():
        write_safetensors(folder / file, {name: KNOWN["w"][name] for name in some})
    places = {name: file for file, some in parts.items() for name in some}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}), encoding="utf-8")
    opened = open_encoder(folder)
    initial = opened.initial(lambda name, shape: np.zeros(0))
    np.testing.assert_array_equal(
        initial("bert/embeddings/word_embeddings", (31, 8)), KNOWN["w"]["embeddings.word_embeddings.weight"]
    )
    assert len(opened.weight_files()) == 2 and len(opened.digest()) == 64


def test_a_table_that_was_padded_is_cut_to_its_vocabulary(tmp_path: Path) -> None:
    pieces = [*PIECES, *(f"字{index}" for index in range(1000 - len(PIECES)))]
    table = np.arange(1003 * 8, dtype=np.float32).reshape(1003, 8)
    folder = folder_of(tmp_path, {**KNOWN["config"], "vocab_size": 1003}, pieces)
    write_safetensors(folder / "model.safetensors", {**KNOWN["w"], "embeddings.word_embeddings.weight": table})
    opened = open_encoder(folder)
    assert opened.config.vocab_size == 1000
    initial = opened.initial(lambda name, shape: np.zeros(0))
    np.testing.assert_array_equal(initial("bert/embeddings/word_embeddings", (1000, 8)), table[:1000])


@pytest.mark.parametrize("lower", [True, False])
def test_tokenizer_json_gives_vocabulary_and_case_where_there_is_no_vocab_txt(published: Path, lower: bool) -> None:
    (published / "vocab.txt").unlink()
    (published / "tokenizer_config.json").unlink()
    (published / "tokenizer.json").write_text(json.dumps(tokenizer_json(lowercase=lower)), encoding="utf-8")
    opened = open_encoder(published)
    assert opened.vocabulary.pieces == PIECES and opened.lower_case is lower
    assert read_vocabulary(published).pieces == PIECES


@pytest.mark.parametrize(
    ("said", "option", "wanted"),
    [(True, None, True), (False, None, False), (None, None, True), (False, True, True), (True, False, False)],
)
def test_case_is_the_encoders_unless_an_option_says_otherwise(
    published: Path, said: Any, option: Any, wanted: bool
) -> None:
    content = {} if said is None else {"do_lower_case": said}
    (published / "tokenizer_config.json").write_text(json.dumps(content), encoding="utf-8")
    opened = open_encoder(published)
    assert TrainConfig(lower_case=option).lower_cases(opened.lower_case) is wanted


def test_a_cased_encoder_stays_cased_when_it_is_fetched_and_another_takes_its_place_whole(
    published: Path, tmp_path: Path
) -> None:
    change(published, "tokenizer_config.json", do_lower_case=False)
    fetch_encoder(None, tmp_path / "model", local=published)
    assert open_encoder(tmp_path / "model").lower_case is False
    shutil.copytree(tmp_path / "model", tmp_path / "plain")
    (tmp_path / "plain" / "tokenizer_config.json").unlink()
    with pytest.raises(NerctlError, match="--force"):
        fetch_encoder(None, tmp_path / "model", local=tmp_path / "plain")
    fetch_encoder(None, tmp_path / "model", local=tmp_path / "plain", force=True)
    assert open_encoder(tmp_path / "model").lower_case is None


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"strip_accents": False}, "strip_accents is false beside another value for lower case"),
        ({"handle_chinese_chars": False}, "handle_chinese_chars is false"),
        ({"type": "NFKC"}, "normalizer is 'NFKC' and BERT's is 'BertNormalizer'"),
    ],
)
def test_a_tokenizer_that_treats_text_in_another_way_is_refused(
    published: Path, changes: dict[str, Any], sentence: str
) -> None:
    (published / "vocab.txt").unlink()
    (published / "tokenizer.json").write_text(json.dumps(tokenizer_json(**changes)), encoding="utf-8")
    with pytest.raises(ModelError, match=sentence):
        open_encoder(published)


def test_check_data_takes_the_vocabulary_of_a_published_folder(workplace: Path, published: Path) -> None:
    (published / "vocab.txt").unlink()
    (published / "tokenizer.json").write_text(json.dumps(tokenizer_json()), encoding="utf-8")
    code, _, said = nerctl("check-data", "NERdata", "--bert-dir", str(published))
    assert code == 0, said


def test_config_shows_the_rates_and_the_case_of_a_published_folder(workplace: Path, published: Path) -> None:
    change(published, "tokenizer_config.json", do_lower_case=False)
    code, printed, _ = nerctl("config", "--bert-dir", str(published), "--json")
    shown = json.loads(printed)
    assert code == 0 and shown["lower_case"]["effective"] is False
    assert shown["learning_rate"]["effective"] == 0.001
