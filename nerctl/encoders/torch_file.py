"""Reads pytorch_model.bin, a zip of raw storages and a list of tensors, without torch and without running anything.

The form is torch.save's since PyTorch 1.6: one folder with data.pkl and data/0, data/1, ..., all of them uncompressed.
"""

from __future__ import annotations

import stat
import struct
import zipfile
from pathlib import Path

import numpy as np

from nerctl.encoders.tensor_file import TensorFile, damaged, refuse_pointer, widened
from nerctl.encoders.torch_pickle import LARGEST, NotAdmitted, Place, tensor_places
from nerctl.errors import ModelError

MEMBERS = 20_000
"""No state dict has more storages; a large encoder has 400."""

DAMAGE = (
    zipfile.BadZipFile, zipfile.LargeZipFile, OSError, EOFError, RuntimeError, NotImplementedError, ValueError,
    OverflowError, struct.error, MemoryError,
)  # fmt: skip
"""What the standard library raises for zip files that are damaged or made to hurt."""


def open_torch(path: Path) -> TensorFile:
    """The tensors of a state dict.

    Raises:
        ModelError: the file is missing, a git-lfs pointer, damaged, of the form before PyTorch 1.6, or asks for anything
            but tensors.
    """
    refuse_pointer(path)
    if not zipfile.is_zipfile(path):
        raise ModelError(
            f"{path}: not a zip, so it is damaged or was written before PyTorch 1.6; take model.safetensors, or load it "
            "with PyTorch and save it again"
        )
    try:
        members = _members(path)
        with zipfile.ZipFile(path) as archive, archive.open(members["data.pkl"]) as stream:
            places = tensor_places(stream.read(LARGEST + 1))
        for place in places.values():
            _check_storage(members, place)
    except NotAdmitted as error:
        raise ModelError(f"{path}: refused, for {error}; take model.safetensors, or the file from its publisher") from None
    except DAMAGE as error:
        raise damaged(path, error) from None

    def read(name: str) -> np.ndarray:
        try:
            return _values(path, members, places[name])
        except DAMAGE as error:
            raise damaged(path, error) from None

    return TensorFile(path, {name: place.shape for name, place in places.items() if _floats(place)}, read)


def _floats(place: Place) -> bool:
    return place.storage.type != "<i8"


def _members(path: Path) -> dict[str, zipfile.ZipInfo]:
    """The members below the archive's one folder, by name.

    Raises NotAdmitted for names, sizes or attributes that torch.save does not write.
    """
    with zipfile.ZipFile(path) as archive:
        found = archive.infolist()
        if len(found) > MEMBERS:
            raise NotAdmitted(f"it holds {len(found):,} members")
        tops = set()
        members: dict[str, zipfile.ZipInfo] = {}
        room = path.stat().st_size
        for member in found:
            top, _, name = member.filename.partition("/")
            tops.add(top)
            parts = member.filename.split("/")
            if not name or ".." in parts or "" in parts or "\\" in member.orig_filename or "\0" in member.orig_filename:
                raise NotAdmitted(f"it holds a member called {member.filename[:80]!r}")
            if name in members:
                raise NotAdmitted(f"it holds {name[:80]} twice")
            if member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size:
                raise NotAdmitted(f"{name[:80]} in it is compressed, which torch.save does not do")
            if member.flag_bits & 1 or stat.S_ISLNK(member.external_attr >> 16):
                raise NotAdmitted(f"{name[:80]} in it is encrypted or a link")
            room -= member.file_size
            members[name] = member
        if room < 0:
            raise NotAdmitted("its members are larger than the file")
        if len(tops) != 1 or "data.pkl" not in members:
            raise NotAdmitted("it is no state dict of torch.save: it has no data.pkl in one folder")
        if members["data.pkl"].file_size > LARGEST:
            raise NotAdmitted("its list of tensors is too long")
        if "byteorder" in members and members["byteorder"].file_size == 3:  # "big"; else "little"
            raise NotAdmitted("its values are in big-endian order")
        return members


def _check_storage(members: dict[str, zipfile.ZipInfo], place: Place) -> None:
    storage = place.storage
    member = members.get(f"data/{storage.key}")
    if member is None:
        raise NotAdmitted(f"storage {storage.key[:20]} is missing")
    width = 2 if storage.type == "bfloat16" else np.dtype(storage.type).itemsize
    if member.file_size != storage.count * width:
        raise NotAdmitted(f"storage {storage.key[:20]} has {member.file_size:,} bytes in place of {storage.count * width:,}")


def _values(path: Path, members: dict[str, zipfile.ZipInfo], place: Place) -> np.ndarray:
    storage = place.storage
    with zipfile.ZipFile(path) as archive:
        content = archive.read(members[f"data/{storage.key}"])
    raw = np.frombuffer(content, "<u2" if storage.type == "bfloat16" else storage.type)
    if len(raw) != storage.count:
        raise ValueError(f"storage {storage.key} is cut off")
    if 0 in place.shape:
        return np.zeros(place.shape, np.float32)
    strides = [stride * raw.itemsize for stride in place.strides]
    # Every index lies inside: `tensor_places` has seen to it.
    view = np.lib.stride_tricks.as_strided(raw[place.offset :], place.shape, strides, writeable=False)
    values = np.ascontiguousarray(view)
    return widened(values) if storage.type == "bfloat16" else values.astype(np.float32)
