"""Files of weights that are made to hurt: each is refused in one sentence, and nothing that they name is run or filled."""

from __future__ import annotations

import json
import pickle
import resource
import struct
import zipfile
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest
from published import (
    folder_of,
    name_of,
    number,
    program,
    reference,
    storage,
    tensor,
    text,
    write_archive,
    write_bin,
    write_safetensors,
)

from nerctl.encoders.opening import open_encoder
from nerctl.encoders.safetensors_file import open_safetensors
from nerctl.encoders.torch_file import open_torch
from nerctl.errors import ModelError

EIGHT = bytes(32)
"""A storage of eight float32."""
START = b"\x80\x02"
WHERE = storage("float32", "0", 8)


class Evil:
    """What a pickle would run."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return Path.touch, (self.mark,)


class Nested:
    """A pickle whose loading loads another."""

    def __init__(self, mark: Path) -> None:
        self.inner = pickle.dumps(Evil(mark))

    def __reduce__(self) -> Any:
        return pickle.loads, (self.inner,)


def call(module: str, name: str, arguments: bytes = b")") -> bytes:
    return name_of(module, name) + arguments + b"R"


def in_dict(made: bytes) -> bytes:
    return program({"embeddings.word_embeddings.weight": made})


PROGRAMS: dict[str, tuple[bytes, str]] = {
    "os.system": (in_dict(call("os", "system", b"(" + text("touch mark") + b"t")), "os.system"),
    "posix.system": (in_dict(call("posix", "system", b"(" + text("touch mark") + b"t")), "posix.system"),
    "builtins.eval": (in_dict(call("builtins", "eval", b"(" + text("open('mark', 'w')") + b"t")), "builtins.eval"),
    "builtins.getattr": (in_dict(call("builtins", "getattr")), "builtins.getattr"),
    "torch.load": (in_dict(call("torch", "load")), "torch.load"),
    "torch's submodule os": (in_dict(call("torch._utils", "os.system")), "torch._utils.os.system"),
    "torch.hub": (in_dict(call("torch.hub", "load")), "torch.hub.load"),
    "numpy reconstruct": (in_dict(call("numpy.core.multiarray", "_reconstruct")), "numpy.core.multiarray"),
    "importlib": (in_dict(call("importlib", "import_module", b"(" + text("os") + b"t")), "importlib"),
    "rebuild_parameter": (in_dict(call("torch._utils", "_rebuild_parameter")), "_rebuild_parameter"),
    "stack global": (START + b"}" + text("x") + text("os") + text("system") + b"\x93" + b"s.", "os.system"),
    "stack global of no text": (START + b"}" + text("x") + b")" + b")" + b"\x93" + b"s.", "no part of a list of tensors"),
    "INST": (START + b"(" + text("touch mark") + b"ios\nsystem\n.", "operation INST"),
    "OBJ": (START + b"(" + name_of("collections", "OrderedDict") + b"o.", "operation OBJ"),
    "NEWOBJ": (START + name_of("collections", "OrderedDict") + b")\x81.", "operation NEWOBJ"),
    "EXT1": (START + b"\x82\x01.", "operation EXT1"),
    "PERSID": (START + b"Pmark\n.", "operation PERSID"),
    "BYTEARRAY8": (START + b"\x96" + struct.pack("<Q", 1 << 40) + b".", "damaged"),
    "text of a terabyte": (START + b"\x8d" + struct.pack("<Q", 1 << 40) + b".", "damaged"),
    "text of four gigabytes": (START + b"X" + struct.pack("<I", 0xFFFFFFFF) + b".", "damaged"),
    "OrderedDict with arguments": (
        in_dict(call("collections", "OrderedDict", b"(" + text("a") + b"t")), "calls collections.OrderedDict",
    ),
    "a called storage": (in_dict(call("torch", "FloatStorage", b"(" + number(1 << 30) + b"t")), "torch.FloatStorage"),
    "a call of a text": (in_dict(text("os.system") + b")R"), "no function"),
    "a state for a tensor": (in_dict(tensor(WHERE, (2, 4)) + b"}b"), "no dict"),
    "no storage": (in_dict(b"(" + text("module") + text("x") + b"tQ"), "no storage"),
    "a key with a path": (in_dict(tensor(storage("float32", "../../etc/passwd", 8), (2, 4))), "another name or kind"),
    "a storage that is missing": (in_dict(tensor(storage("float32", "7", 8), (2, 4))), "storage 7 is missing"),
    "a storage that is said to be larger": (in_dict(tensor(storage("float32", "0", 1 << 40), (2, 4))), "in place of"),
    "a tensor beyond its storage": (in_dict(tensor(WHERE, (3, 4))), "beyond its storage"),
    "an offset beyond its storage": (in_dict(tensor(WHERE, (2, 4), offset=1)), "beyond its storage"),
    "a negative offset": (in_dict(tensor(WHERE, (2, 4), offset=-4)), "a size or place is -4"),
    "a negative size": (in_dict(tensor(WHERE, (-2, 4))), "a size or place is -2"),
    "negative strides": (in_dict(tensor(WHERE, (2, 4), (-4, -1), offset=7)), "a size or place is -4"),
    "one value as a terabyte": (in_dict(tensor(WHERE, (1 << 20, 1 << 20), (0, 0))), "beyond its storage"),
    "sizes whose product wraps": (in_dict(tensor(WHERE, (1 << 32, 1 << 32), (0, 0))), "beyond its storage"),
    "a number of a thousand bits": (in_dict(tensor(WHERE, (1 << 1000, 4), (0, 1))), "a size or place"),
    "sizes without strides": (in_dict(tensor(WHERE, (2, 4), (1,))), "more sizes than strides"),
    "a shape of texts": (in_dict(name_of("torch._utils", "_rebuild_tensor_v2") + b"(" + WHERE + number(0) + text("22") * 2
                                 + b"\x89Nt" + b"R"), "no short list"),
    "a key of tuples": (START + b"})" + b")\x86" + b"Ns.", "by name"),
    "a list in place of a dict": (START + b"].", "operation EMPTY_LIST"),
    "a number in place of a dict": (START + number(1) + b".", "no dict"),
    "an empty stack": (START + b"R.", "damaged"),
    "a mark that is no value": (START + b"(.", "damaged"),
    "no mark": (START + b"}" + b"u.", "damaged"),
    "a memo that is empty": (START + b"h\x05.", "damaged"),
    "a memo of four billion": (START + b"}" + b"r\xff\xff\xff\xff" + b"j\xfe\xff\xff\xff.", "damaged"),
    "no end": (START + b"}" + text("a"), "damaged"),
    "nothing": (b"", "damaged"),
    "no pickle": (b"\xff\xfe\xfd", "damaged"),
}  # fmt: skip


@pytest.mark.parametrize("what", PROGRAMS)
def test_a_bin_that_asks_for_more_than_tensors_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.chdir(tmp_path)
    listed, sentence = PROGRAMS[what]
    path = write_archive(tmp_path / "pytorch_model.bin", listed, {"0": EIGHT})
    with pytest.raises(ModelError, match=sentence) as caught:
        open_torch(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    assert [entry.name for entry in tmp_path.iterdir()] == ["pytorch_model.bin"]


@pytest.mark.parametrize("maker", [Evil, Nested])
@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_a_bin_with_a_reduce_is_refused_and_nothing_is_run(tmp_path: Path, maker: Any, protocol: int) -> None:
    if protocol > pickle.HIGHEST_PROTOCOL:
        pytest.skip("this Python does not write it")
    mark = tmp_path / "mark"
    listed = pickle.dumps({"embeddings.word_embeddings.weight": maker(mark)}, protocol)
    with pytest.raises(ModelError, match="refused"):
        open_torch(write_archive(tmp_path / "pytorch_model.bin", listed, {"0": EIGHT}))
    assert not mark.exists()
    pickle.loads(listed)
    assert mark.exists()  # the file was no harmless one


def test_a_bin_whose_list_is_a_bomb_of_nested_tuples_is_read_in_no_time(tmp_path: Path) -> None:
    doubling = b"".join(b"q" + bytes([index]) + b"h" + bytes([index]) + b"\x86" for index in range(200))
    listed = START + b"}" + text("a") + b")" + doubling + b"s."
    assert open_torch(write_archive(tmp_path / "pytorch_model.bin", listed, {})).shapes == {}
    keyed = START + b"}" + b")" + doubling + b"Ns."
    with pytest.raises(ModelError, match="by name"):
        open_torch(write_archive(tmp_path / "pytorch_model.bin", keyed, {}))


GOOD = program({"x": tensor(WHERE, (2, 4))})


def zip_with(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as opened:
        for name, content in members.items():
            opened.writestr(name, content)
    return path


def changed_in_directory(path: Path, offset: int, layout: str, value: int) -> Path:
    """The archive with a field of the first entry of its central directory changed."""
    content = bytearray(path.read_bytes())
    struct.pack_into(layout, content, content.index(b"PK\x01\x02") + offset, value)
    path.write_bytes(bytes(content))
    return path


ARCHIVES: dict[str, tuple[Callable[[Path], Path], str]] = {
    "a compressed bomb": (
        lambda path: zip_with(path, {"a/data.pkl": GOOD, "a/data/0": bytes(100 << 20)}, zipfile.ZIP_DEFLATED), "compressed",
    ),
    "a compressed list": (lambda path: zip_with(path, {"a/data.pkl": GOOD}, zipfile.ZIP_DEFLATED), "compressed"),
    "a bzip2 bomb": (lambda path: zip_with(path, {"a/data.pkl": GOOD + bytes(1 << 20)}, zipfile.ZIP_BZIP2), "compressed"),
    "a list of two megabytes": (lambda path: write_archive(path, GOOD + bytes(2 << 20), {"0": EIGHT}), "too long"),
    "a path to above": (lambda path: zip_with(path, {"a/data.pkl": GOOD, "a/../../evil": b"x"}), "a member called"),
    "an absolute path": (lambda path: zip_with(path, {"/etc/passwd": b"x", "a/data.pkl": GOOD}), "a member called"),
    "a path of backslashes": (lambda path: zip_with(path, {"a/data.pkl": GOOD, "a\\..\\evil": b"x"}), "a member called"),
    "two folders": (lambda path: zip_with(path, {"a/data.pkl": GOOD, "b/data.pkl": GOOD}), "twice"),
    "another folder": (lambda path: zip_with(path, {"a/data.pkl": GOOD, "b/data/0": EIGHT}), "no data.pkl in one folder"),
    "no list": (lambda path: zip_with(path, {"a/data/0": EIGHT}), "no data.pkl"),
    "many members": (lambda path: zip_with(path, {f"a/{index}": b"" for index in range(20_001)}), "20,001 members"),
    "big-endian values": (
        lambda path: zip_with(path, {"a/data.pkl": GOOD, "a/data/0": EIGHT, "a/byteorder": b"big"}), "big-endian",
    ),
    "a size of four gigabytes": (
        lambda path: changed_in_directory(write_archive(path, GOOD, {"0": EIGHT}), 24, "<I", 0xFFFFFFF0), "compressed",
    ),
    "an offset beyond the file": (
        lambda path: changed_in_directory(write_archive(path, GOOD, {"0": EIGHT}), 42, "<I", 0x7FFFFFF0), "damaged",
    ),
    "an encrypted member": (
        lambda path: changed_in_directory(write_archive(path, GOOD, {"0": EIGHT}), 8, "<H", 1), "encrypted",
    ),
    "a link": (
        lambda path: changed_in_directory(write_archive(path, GOOD, {"0": EIGHT}), 38, "<I", 0o120777 << 16), "a link",
    ),
    "the form before PyTorch 1.6": (lambda path: written(path, b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."), "PyTorch 1.6"),
    "half of a zip": (
        lambda path: written(path, write_archive(path, GOOD, {"0": EIGHT}).read_bytes()[:150]), "not a zip",
    ),
    "a git-lfs pointer": (lambda path: written(path, b"version https://git-lfs.github.com/spec/v1\noid"), "git lfs pull"),
    "an empty file": (lambda path: written(path, b""), "empty"),
}  # fmt: skip


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("what", ARCHIVES)
def test_a_bin_that_is_another_archive_than_torchs_is_refused(tmp_path: Path, what: str) -> None:
    make, sentence = ARCHIVES[what]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    path = make(tmp_path / "pytorch_model.bin")
    with pytest.raises(ModelError, match=sentence) as caught:
        open_torch(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    assert [entry.name for entry in tmp_path.iterdir()] == ["pytorch_model.bin"]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1 << 20  # a gigabyte


def test_a_storage_whose_bytes_were_changed_is_found(tmp_path: Path) -> None:
    path = write_bin(tmp_path / "pytorch_model.bin", {"x": np.arange(8, dtype=np.float32)})
    content = bytearray(path.read_bytes())
    content[content.index(np.float32(5).tobytes())] ^= 1
    path.write_bytes(bytes(content))
    opened = open_torch(path)
    with pytest.raises(ModelError, match="damaged"):
        opened.read("x")


def header(values: Any, content: bytes = EIGHT, length: Any = None) -> bytes:
    encoded = values if isinstance(values, bytes) else json.dumps(values).encode()
    return struct.pack("<Q", len(encoded) if length is None else length) + encoded + content


def entry(begin: Any = 0, end: Any = 32, shape: Any = (8,), dtype: str = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


SAFETENSORS: dict[str, bytes] = {
    "overlapping tensors": header({"a": entry(), "b": entry()}),
    "half overlapping": header({"a": entry(0, 16, (4,)), "b": entry(8, 32, (6,))}),
    "a hole": header({"a": entry(0, 8, (2,)), "b": entry(16, 32, (4,))}),
    "an end beyond the file": header({"a": entry(0, 64, (16,))}),
    "an end before the begin": header({"a": entry(32, 0)}),
    "a negative begin": header({"a": entry(-32, 0)}),
    "a negative size": header({"a": entry(0, 32, (-8,))}),
    "sizes whose product wraps": header({"a": entry(0, 32, (1 << 32, 1 << 32))}),
    "another size than its bytes": header({"a": entry(0, 32, (9,))}),
    "a header of two gigabytes": header({"a": entry()}, length=2 << 30),
    "a header of all there is": header({"a": entry()}, length=(1 << 64) - 1),
    "a header beyond the file": header({"a": entry()}, length=4000),
    "no JSON": header(b"{'a': 1}"),
    "no object": header([1, 2]),
    "an unknown type": header({"a": entry(dtype="F33")}),
    "bytes that no tensor has": header({"a": entry()}, EIGHT + b"more"),
    "not UTF-8": header(b'{"\xff": 1}'),
    "a few bytes": b"abc",
    "a pickle": pickle.dumps({"a": 1}),
    "a deep header": header(b'{"a":' * 100_000),
}


@pytest.mark.parametrize("what", SAFETENSORS)
def test_a_safetensors_file_whose_header_lies_is_refused(tmp_path: Path, what: str) -> None:
    path = written(tmp_path / "model.safetensors", SAFETENSORS[what])
    with pytest.raises(ModelError, match="damaged") as caught:
        open_safetensors(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("place", ["../secret.safetensors", "/etc/passwd", "a/b.safetensors", "..", "", "a\\b"])
def test_an_index_that_names_files_outside_of_its_folder_is_refused(tmp_path: Path, place: str) -> None:
    known = reference("bert")
    folder = folder_of(tmp_path / "encoder", known["config"])
    write_safetensors(tmp_path / "secret.safetensors", known["w"])
    index = {"weight_map": dict.fromkeys(known["w"], place)}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    with pytest.raises(ModelError):
        open_encoder(folder).initial(lambda name, shape: np.zeros(shape, np.float32))


def test_links_in_an_h5_file_to_other_files_are_not_followed(tmp_path: Path) -> None:
    import h5py

    from nerctl.encoders.h5_file import open_h5

    with h5py.File(tmp_path / "other.h5", "w") as opened:
        opened["secret"] = np.ones(3, np.float32)
    np.ones(3, np.float32).tofile(tmp_path / "raw")
    with h5py.File(tmp_path / "tf_model.h5", "w") as opened:
        opened["link"] = h5py.ExternalLink("other.h5", "/secret")
        opened.create_dataset("raw", (3,), np.float32, external=[(str(tmp_path / "raw"), 0, 12)])
        layout = h5py.VirtualLayout((3,), np.float32)
        layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "secret", (3,))
        opened.create_virtual_dataset("virtual", layout)
        opened["own"] = np.ones(3, np.float32)
    assert set(open_h5(tmp_path / "tf_model.h5").shapes) == {"own"}


@pytest.mark.parametrize("content", [b"abc", b"\x89HDF\r\n\x1a\n" + bytes(100)])
def test_a_damaged_h5_file_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    from nerctl.encoders.h5_file import open_h5

    with pytest.raises(ModelError, match="damaged"):
        open_h5(written(tmp_path / "tf_model.h5", content))
