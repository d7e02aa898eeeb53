"""Texts in, entities out: offsets, scores, rules, threads, and folders that are damaged."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nerctl.data.text_splitter import TextSplitter
from nerctl.errors import DataError, ModelError
from nerctl.inference import tagger as tagger_module
from nerctl.inference.documents import Document
from nerctl.inference.tagger import Tagger

ODD = [
    "海钓比赛地点在厦门",
    "ＡＢＣ１２３　全角",
    "👩‍👩‍👧‍👦在北京🇨🇳",
    "e\u0301a\u0308o\u0302海\u200b\u200d",
    "\x00\x01\x7f\u0085控制\r\n\t行",
    "半个\ud83d代理\udc00",
    "Beijing 2022 冬奥会",
    " ",
    "\u3000\u3000",
]
SPEED = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def check_offsets(tagger: Tagger, texts: list[str]) -> int:
    count = 0
    for text, result in zip(texts, tagger.batch(texts)):
        assert result.text == text
        reached = 0
        for entity in result.entities:
            assert reached <= entity.start < entity.end <= len(text)
            assert text[entity.start : entity.end] == entity.text
            assert entity.type in tagger.labels
            assert 0 <= entity.score <= 1
            reached = entity.end
            count += 1
    return count


@SPEED
@given(texts=st.lists(st.one_of(st.text(st.characters()), st.sampled_from(ODD), st.text("海钓b1 在")), max_size=6))
def test_offsets_are_those_of_the_text_as_given(tagger: Tagger, texts: list[str]) -> None:
    check_offsets(tagger, texts)


def test_odd_and_long_texts_are_tagged(tagger: Tagger) -> None:
    assert check_offsets(tagger, [*ODD, "海钓比赛" * 700, "".join(ODD) * 10]) > 20


def test_an_empty_text_has_no_entities(tagger: Tagger) -> None:
    assert tagger("").entities == ()
    assert [len(result.entities) for result in tagger.batch(["", ""])] == [0, 0]
    assert tagger.batch([]) == []


def test_a_text_is_tagged_the_same_alone_and_among_others(tagger: Tagger) -> None:
    texts = [text * (1 + index) for index, text in enumerate(ODD)]
    for text, together in zip(texts, tagger.batch(texts)):
        alone = tagger(text)
        assert [(e.start, e.end, e.type) for e in alone.entities] == [(e.start, e.end, e.type) for e in together.entities]
        for one, other in zip(alone.entities, together.entities):
            assert one.score == pytest.approx(other.score, abs=1e-3)


def test_threads_may_share_a_tagger(tagger: Tagger) -> None:
    texts = [text * 2 for text in ODD]
    expected = [[e.type for e in tagger(text).entities] for text in texts]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda text: [e.type for e in tagger(text).entities], texts * 4))
    assert found == expected * 4


def test_both_engines_agree(tensorflow_tagger: Tagger, onnx_folder: Path) -> None:
    onnx = Tagger.load(onnx_folder)
    assert onnx.engine == "onnx" and tensorflow_tagger.engine == "tensorflow"
    texts = [*ODD, "海钓比赛地点在厦门" * 30]
    for ours, theirs in zip(tensorflow_tagger.batch(texts), onnx.batch(texts)):
        assert [e[:4] for e in map(_fields, ours.entities)] == [e[:4] for e in map(_fields, theirs.entities)]
        for one, other in zip(ours.entities, theirs.entities):
            assert one.score == pytest.approx(other.score, abs=1e-3)


def _fields(entity) -> tuple:
    return entity.start, entity.end, entity.type, entity.text, entity.score


def test_a_model_of_words_keeps_words_whole(tensorflow_tagger: Tagger) -> None:
    splitter = TextSplitter("word", joins_letters=True, joins_digits=True, blank_tokens=False)
    text = "abc 12 海b"
    document = Document.split(text, splitter)
    assert [text[start:end] for start, end in document.tokens] == ["abc", "12", "海", "b"]
    begins = {start for start, _ in document.tokens}
    for entity in tensorflow_tagger.tag([document])[0].entities:
        assert entity.start in begins


def rules_tagger(folder: Path, tmp_path: Path, lexicon: str = "", block: str = "") -> Tagger:
    (tmp_path / "lexicon").write_text(lexicon, encoding="utf-8")
    (tmp_path / "block").write_text(block, encoding="utf-8")
    return Tagger.load(folder, device="cpu", lexicon=tmp_path / "lexicon", block=tmp_path / "block")


def found(tagger: Tagger, text: str) -> set[tuple[str, str]]:
    return {(entity.text, entity.type) for entity in tagger(text).entities}


def test_a_listed_mention_is_forced_longest_from_the_left(model_folder: Path, tmp_path: Path) -> None:
    lexicon = "# mine\n厦门\tLOC\n厦门大学\tORG\n大学公司\tPER\n"
    tagger = rules_tagger(model_folder, tmp_path, lexicon)
    entities = {(e.text, e.type): e for e in tagger("在厦门大学公司与厦门").entities}
    assert ("厦门大学", "ORG") in entities and ("厦门", "LOC") in entities
    assert ("大学公司", "PER") not in entities
    assert entities["厦门大学", "ORG"].score == pytest.approx(1)


def test_a_blocked_mention_is_no_entity(model_folder: Path, tmp_path: Path) -> None:
    text = "海钓比赛地点在厦门与金门"
    plain = Tagger.load(model_folder, device="cpu")
    first = plain(text).entities[0]
    tagger = rules_tagger(model_folder, tmp_path, block=f"{first.text}\t{first.type}\n")
    assert (first.text, first.type) not in found(tagger, text)
    tagger = rules_tagger(model_folder, tmp_path, block=f"{first.text}\n")
    assert first.text not in {entity for entity, _ in found(tagger, text)}


@pytest.mark.parametrize(
    ("lexicon", "complaint"),
    [
        ("厦门\n", "lexicon:1: a mention, a TAB and a type"),
        ("\n厦门\tGAME\n", "lexicon:2: the model has no type GAME"),
        ("厦门\tLOC\n厦门\tORG\n", "lexicon:2: 厦门 has another type"),
    ],
)
def test_a_lexicon_that_does_not_fit_is_refused_with_its_line(
    model_folder: Path, tmp_path: Path, lexicon: str, complaint: str
) -> None:
    with pytest.raises(DataError, match=complaint):
        rules_tagger(model_folder, tmp_path, lexicon)


FILES = ["labels.json", "vocab.txt", "bert_config.json", "config.json", "weights"]


@pytest.mark.parametrize("engine", ["tensorflow", "onnx"])
@pytest.mark.parametrize("damage", ["missing", "truncated", "altered"])
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_folder_is_refused_with_the_files_name(
    request: pytest.FixtureRequest, tmp_path: Path, engine: str, damage: str, name: str
) -> None:
    source = request.getfixturevalue("model_folder" if engine == "tensorflow" else "onnx_folder")
    folder = tmp_path / "copy"
    shutil.copytree(source, folder)
    weights = "model.ckpt.data*" if engine == "tensorflow" else "model.onnx"
    file = next(folder.rglob(weights)) if name == "weights" else folder / name
    content = file.read_bytes()
    if damage == "missing":
        file.unlink()
    elif damage == "truncated":
        file.write_bytes(content[: len(content) // 2])
    else:
        file.write_bytes(content[:-2] + bytes([content[-2] ^ 1]) + content[-1:])
    with pytest.raises(ModelError, match=file.name):
        Tagger.load(folder, device="cpu")


def test_a_folder_of_a_newer_format_is_refused(model_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(model_folder, folder)
    pointer = folder / "checkpoint.json"
    content = json.loads(pointer.read_text())
    pointer.write_text(json.dumps({**content, "format": content["format"] + 1}))
    with pytest.raises(ModelError, match=r"checkpoint\.json: format \d+ is newer"):
        Tagger.load(folder)


def test_an_export_is_read_without_tensorflow(onnx_folder: Path) -> None:
    program = (
        "import sys; from nerctl import Tagger; "
        f"print(len(Tagger.load({str(onnx_folder)!r})('海钓比赛').entities)); "
        "assert not {'tensorflow', 'onnx', 'torch', 'rich'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[2])


@pytest.mark.parametrize("limit", [2, 65])
def test_a_window_that_the_encoder_cannot_read_is_refused(model_folder: Path, limit: int) -> None:
    with pytest.raises(ModelError, match="--max-seq-length"):
        Tagger.load(model_folder, device="cpu", max_seq_length=limit)


class DataFrame(dict):
    """Iterates over its columns' names, as pandas' does."""

    columns = ("text",)


@pytest.mark.parametrize(
    ("texts", "complaint"),
    [
        ("海钓比赛", r"not str '海钓比赛'; for one text write tagger\(text\)"),
        (None, "not None"), (b"abc", "not bytes"), (3, "not int 3"),
        ({"a": 1}, r"not a dict; put them in order: list"), ({"a"}, "not a set"), (DataFrame(text=1), r"texts\[NAME\]"),
        (["海", None], r"texts\[1\] must be a str, not None; leave it out"),
        (["海", "钓", float("nan")], r"texts\[2\] must be a str, not float nan; leave it out"),
        ([b"abc"], r"texts\[0\] must be a str, not bytes b'abc'; decode it"),
        ([["海"]], r"texts\[0\] must be a str, not list"), ([7], r"texts\[0\] .* write str\(value\)"),
    ],
)  # fmt: skip
def test_a_batch_of_anything_but_texts_is_a_type_error_with_what_to_write(
    tensorflow_tagger: Tagger, texts: object, complaint: str
) -> None:
    with pytest.raises(TypeError, match=complaint):
        tensorflow_tagger.batch(texts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (["海"], r"not list \['海'\]; for several texts write tagger.batch\(texts\)"), (b"abc", "decode it"),
        (None, "not None"), (float("nan"), "leave it out"), (3, r"write str\(value\)"),
    ],
)  # fmt: skip
def test_one_text_that_is_none_is_a_type_error_with_what_to_write(
    tensorflow_tagger: Tagger, text: object, complaint: str
) -> None:
    with pytest.raises(TypeError, match=complaint):
        tensorflow_tagger(text)  # type: ignore[arg-type]


def test_any_ordered_collection_of_texts_is_a_batch(tensorflow_tagger: Tagger) -> None:
    texts = ["海钓", "在厦门"]
    expected = tensorflow_tagger.batch(texts)
    values = dict(enumerate(texts)).values()
    for several in (tuple(texts), iter(texts), values, np.array(texts), np.array(texts, object)):
        assert tensorflow_tagger.batch(several) == expected


def test_a_folder_is_loaded_and_not_wrapped() -> None:
    with pytest.raises(TypeError, match=r"not str 'output'; write Tagger\.load\(FOLDER\)"):
        Tagger("output")  # type: ignore[arg-type]


def test_the_cache_of_pieces_is_emptied_by_new_tokens_and_not_by_known_ones(
    model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tagger_module, "MOST_CACHED", 20)
    tagger = Tagger.load(model_folder, device="cpu")
    first = tagger._tokenizer
    for _ in range(10):
        tagger("海钓比赛地点在厦门")
    assert tagger._tokenizer is first and first.known == 9
    tagger("".join(map(chr, range(0x4E00, 0x4E20))))
    tagger("海钓")
    assert tagger._tokenizer is not first and tagger._tokenizer.known == 2
