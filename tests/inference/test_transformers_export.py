"""export --format transformers: Transformers' pipeline finds what nerctl finds, token by token and place by place."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_line import nerctl
from hypothesis import given
from hypothesis import strategies as st
from tiny_model import CHARACTERS, bert_config, vocabulary, write_corpus, write_model_folder

from nerctl.data.sentence_windows import SentenceWindows
from nerctl.data.spans import Span
from nerctl.data.text_splitter import TextSplitter
from nerctl.data.tokenizer import Vocabulary, WordPieceTokenizer
from nerctl.errors import FailedError, NerctlError
from nerctl.inference.documents import Document, token_table
from nerctl.inference.emissions import emissions_of
from nerctl.inference.loading import load_model
from nerctl.workflows.export import ExportOptions, export_model
from nerctl.workflows.fast_tokenizer import fast_tokenizer
from nerctl.workflows.transformers_export import OneByOne, one_by_one

ENCODERS = {
    "bert": {"hidden_act": "silu", "layer_norm_eps": 1e-5},
    "ernie": {"hidden_act": "relu", "use_task_id": True},
    "electra": {"hidden_act": "gelu_new", "embedding_size": 4},
    "albert": {"hidden_act": "gelu_new", "embedding_size": 6, "num_hidden_layers": 3},
}

pytestmark = pytest.mark.filterwarnings("ignore")


def made(folder: Path, head: str, encoder: str = "bert") -> Path:
    return write_model_folder(folder, head=head, bert=replace(bert_config(), model_type=encoder, **ENCODERS[encoder]))


@pytest.mark.parametrize("encoder", ENCODERS)
def test_a_pipeline_finds_the_best_tag_of_each_token_at_the_same_places(tmp_path: Path, encoder: str) -> None:
    pytest.importorskip("torch", reason="the oracle needs torch")
    transformers = pytest.importorskip("transformers", reason="the oracle needs transformers")
    source = made(tmp_path / "output", "softmax", encoder)
    export_model(source, tmp_path / "hub", ExportOptions(format="transformers"))
    theirs = transformers.pipeline("token-classification", model=str(tmp_path / "hub"), aggregation_strategy="first")
    draw = random.Random(1)
    texts = ["".join(draw.choice(CHARACTERS + "\n3é") for _ in range(draw.randint(1, 14))) for _ in range(40)]
    found = [[(one["start"], one["end"], one["entity_group"]) for one in theirs(text)] for text in texts]
    assert sum(map(len, found)) > 100
    ours = one_by_one(load_model(source, device="cpu"))
    windows = SentenceWindows(
        token_table([Document.split(text, ours.splitter) for text in texts]), ours.tokenizer, ours.max_seq_length
    )
    spans = ours.decoder.spans(emissions_of(ours.engine, windows.all_rows(), windows.pad))
    assert [[tuple(span[:3]) for span in one] for one in spans] == found


def test_a_crf_needs_data_and_both_f1_are_told_and_too_great_a_loss_is_refused(tmp_path: Path) -> None:
    source = made(tmp_path / "output", "crf")
    corpus = tmp_path / "c.txt"
    write_corpus(corpus, [5, 40, 1, 20, 12])
    with pytest.raises(NerctlError, match=r"its CRF scores neighbouring tags.*measure what that loses with --data"):
        export_model(source, tmp_path / "hub", ExportOptions(format="transformers"))
    result = export_model(source, tmp_path / "hub", ExportOptions(format="transformers", data=corpus, max_f1_drop=100))
    assert result.f1_before is not None and result.f1_after is not None and result.f1_before != result.f1_after
    card = (tmp_path / "hub" / "README.md").read_text(encoding="utf-8")
    assert f"{100 * result.f1_after:.2f} in this form, {100 * result.f1_before:.2f} by nerctl" in card
    drop = 100 * (result.f1_before - result.f1_after)
    if drop > 0:
        with pytest.raises(FailedError, match="the export loses"):
            options = ExportOptions(format="transformers", data=corpus, max_f1_drop=drop / 2)
            export_model(source, tmp_path / "other", options)
        assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(("head", "reason"), [("bilstm-crf", "no form for the LSTM"), ("pointer", "entities may overlap")])
def test_what_has_no_such_form_is_refused_with_the_reason(tmp_path: Path, head: str, reason: str) -> None:
    source = made(tmp_path / "output", head)
    ran = nerctl("export", "--model", str(source), "--to", str(tmp_path / "hub"), "--format", "transformers")
    assert ran.code == 2 and reason in " ".join(ran.said.split()) and not (tmp_path / "hub").exists()


def test_the_encoder_of_an_export_is_read_again_bit_for_bit(tmp_path: Path) -> None:
    from nerctl.encoders.opening import open_encoder
    from nerctl.encoders.run_folder import open_run

    source = made(tmp_path / "output", "softmax", "electra")
    export_model(source, tmp_path / "hub", ExportOptions(format="transformers"))
    one, other = open_run(source), open_encoder(tmp_path / "hub")
    assert other.vocabulary.pieces == one.vocabulary.pieces and other.config.width == 4
    name, shape = "bert/embeddings/projection/kernel", (4, 8)
    sides = [side.initial(lambda name, shape: np.zeros(shape))(name, shape) for side in (one, other)]
    assert np.array_equal(*sides) and sides[0].any()
    config = json.loads((tmp_path / "hub" / "config.json").read_text())
    assert config["id2label"]["0"] == "O" and config["label2id"]["I-LOC"] == 2


@given(
    st.text("海在ab12BC３ é\u0301ー。-\n\u200bがＡ½㎡"),
    st.builds(TextSplitter, st.just("word"), st.booleans(), st.booleans(), st.booleans(), st.booleans())
    | st.just(TextSplitter()),
    st.booleans(),
)
def test_the_fast_tokenizer_gives_a_text_the_ids_that_the_model_gives_it(
    text: str, splitter: TextSplitter, lower: bool
) -> None:
    pieces = Vocabulary([*vocabulary().pieces, "3", "##3", "B", "##C", "e", "##B", "３", "½"])
    tokens = [text[start:end] for start, end in splitter.split(text)]
    ids = [piece for token in tokens for piece in WordPieceTokenizer(pieces, lower).pieces(token)]
    assert fast_tokenizer(pieces, lower, splitter).encode(text).ids == [pieces.cls, *ids, pieces.sep]


def test_tags_by_themselves_are_joined_as_a_pipeline_joins_them() -> None:
    emissions = np.eye(5)[[2, 2, 3, 0, 4, 1, 1]]
    assert OneByOne(["A", "B"]).spans([emissions]) == [
        [Span(0, 2, "A"), Span(2, 3, "B"), Span(4, 5, "B"), Span(5, 6, "A"), Span(6, 7, "A")]
    ]
