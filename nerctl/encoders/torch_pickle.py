"""Reads the list of tensors in a PyTorch state dict without Python's pickle: nothing that a file names is looked up or run.

`data.pkl` is a program for a stack machine. This one knows the few operations that torch.save writes for a dict of
tensors; a global is a pair of names, admitted or not, never an object; and the one function that is "called" is a record
of where a tensor lies. Whatever else a file asks for ends the reading.

Source: the names in PyTorch 2.13's torch/_utils.py and torch/serialization.py; the operations in Python's pickletools.
"""

from __future__ import annotations

import pickletools
from dataclasses import dataclass
from typing import Any, Callable

LARGEST = 1 << 20
"""Bytes of a list of tensors; that of a large encoder has about 60 thousand."""

DICT = ("collections", "OrderedDict")
TENSOR = ("torch._utils", "_rebuild_tensor_v2")
STORAGES = {
    ("torch", "FloatStorage"): "<f4",
    ("torch", "HalfStorage"): "<f2",
    ("torch", "BFloat16Storage"): "bfloat16",
    ("torch", "LongStorage"): "<i8",
}
"""The kinds of storage that are admitted, and the type of their values."""
BITS = 1 << 62
"""No number in a list of tensors is as large."""


class NotAdmitted(ValueError):
    """A program that does something else than list tensors."""


@dataclass(frozen=True)
class Storage:
    """A piece of memory that tensors lie in."""

    type: str
    """A NumPy type, or bfloat16."""
    key: str
    """Its name in the archive."""
    count: int
    """Its values."""


@dataclass(frozen=True)
class Place:
    """Where a tensor lies in a storage; counted in values, and inside of it."""

    storage: Storage
    """The storage."""
    offset: int
    """Its first value."""
    shape: tuple[int, ...]
    """Its sizes."""
    strides: tuple[int, ...]
    """Values from one index to the next, by axis."""


@dataclass(frozen=True)
class _Global:
    """A name that the program mentions."""

    names: tuple[str, str]


_MARK = object()


def tensor_places(program: bytes) -> dict[str, Place]:
    """Name and place of each tensor in a state dict.

    Args:
        program: the content of data.pkl.

    Raises:
        NotAdmitted: it is too long, damaged, or asks for anything else.
    """
    if len(program) > LARGEST:
        raise NotAdmitted(f"its list of tensors has {len(program):,} bytes")
    machine = _Machine()
    try:
        for operation, argument, _ in pickletools.genops(program):
            if operation.name == "STOP":
                break
            act = _OPERATIONS.get(operation.name)
            if act is None:
                raise NotAdmitted(f"it holds the pickle operation {operation.name}")
            act(machine, argument)
        result = machine.pop()
    except NotAdmitted:
        raise
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, MemoryError) as error:
        raise NotAdmitted(f"its list of tensors is damaged: {type(error).__name__}") from None
    if not isinstance(result, dict):
        raise NotAdmitted("it is no dict of tensors")
    return {name: value for name, value in result.items() if isinstance(value, Place)}


class _Machine:
    """The stack and the memo. Values are str, int, bool, None, tuple, dict, Storage, Place and _Global only."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def pop(self) -> Any:
        value = self.stack.pop()
        if value is _MARK:
            raise NotAdmitted("its list of tensors is damaged: a mark in the wrong place")
        return value

    def pop_to_mark(self) -> list[Any]:
        """What lies above the last mark."""
        items = []
        while (value := self.stack.pop()) is not _MARK:
            items.append(value)
        return items[::-1]

    def pop_many(self, count: int) -> tuple[Any, ...]:
        return tuple([self.pop() for _ in range(count)][::-1])

    def top(self) -> Any:
        value = self.pop()
        self.push(value)
        return value

    def set_items(self, items: list[Any]) -> None:
        target = self.top()
        if not isinstance(target, dict) or len(items) % 2:
            raise NotAdmitted("its list of tensors is damaged: no dict to put items into")
        for key, value in zip(items[::2], items[1::2]):
            if not isinstance(key, str):
                raise NotAdmitted("it is no dict of tensors by name")
            target[key] = value

    def build(self) -> None:
        """The state of an OrderedDict (its `_metadata`) is read and left aside."""
        self.pop()
        if not isinstance(self.top(), dict):
            raise NotAdmitted("it sets the state of something that is no dict")

    def reduce(self) -> None:
        function, arguments = self.pop_many(2)
        if not isinstance(function, _Global) or not isinstance(arguments, tuple):
            raise NotAdmitted("it calls something that is no function")
        if function.names == DICT and arguments == ():
            self.push({})
        elif function.names == TENSOR:
            self.push(_place(arguments))
        else:
            raise NotAdmitted(f"it calls {'.'.join(function.names)} in a way that a list of tensors does not")

    def storage(self) -> None:
        """A persistent id: ("storage", kind, key, device, values)."""
        what = self.pop()
        if not isinstance(what, tuple) or len(what) != 5 or what[0] != "storage" or not isinstance(what[1], _Global):
            raise NotAdmitted("it refers to something that is no storage")
        _, kind, key, _, count = what
        if not isinstance(key, str) or not (key.isascii() and key.isdigit()) or kind.names not in STORAGES:
            raise NotAdmitted("it refers to a storage of another name or kind")
        self.push(Storage(STORAGES[kind.names], key, _whole(count)))


def _global(machine: _Machine, module: Any, name: Any) -> None:
    names = (module, name)
    if names not in (DICT, TENSOR) and names not in STORAGES:
        raise NotAdmitted(f"it asks for {str(module)[:60]}.{str(name)[:60]}, which is no part of a list of tensors")
    machine.push(_Global(names))


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < BITS:
        raise NotAdmitted(f"a size or place is {str(value)[:40]}")
    return value


def _wholes(values: Any) -> tuple[int, ...]:
    if not isinstance(values, tuple) or len(values) > 8:
        raise NotAdmitted("a shape is no short list of numbers")
    return tuple(map(_whole, values))


def _place(arguments: tuple[Any, ...]) -> Place:
    """The arguments of _rebuild_tensor_v2: storage, offset, size, stride, requires_grad, hooks and perhaps metadata."""
    if not 6 <= len(arguments) <= 7 or not isinstance(arguments[0], Storage):
        raise NotAdmitted("a tensor has no storage")
    storage, offset = arguments[0], _whole(arguments[1])
    shape, strides = _wholes(arguments[2]), _wholes(arguments[3])
    if len(shape) != len(strides):
        raise NotAdmitted("a tensor has more sizes than strides, or fewer")
    values = 1
    for size in shape:
        values *= size
    last = offset + sum((size - 1) * stride for size, stride in zip(shape, strides))
    # More values than the storage has would be one value read many times: a small file that fills the memory.
    if values and (last >= storage.count or values > storage.count):
        raise NotAdmitted("a tensor reaches beyond its storage")
    return Place(storage, offset, shape, strides)


def _memoise(machine: _Machine, number: int | None) -> None:
    machine.memo[len(machine.memo) if number is None else number] = machine.top()


_OPERATIONS: dict[str, Callable[[_Machine, Any], None]] = {
    "PROTO": lambda machine, _: None,
    "FRAME": lambda machine, _: None,
    "MARK": lambda machine, _: machine.push(_MARK),
    "NONE": lambda machine, _: machine.push(None),
    "NEWTRUE": lambda machine, _: machine.push(True),
    "NEWFALSE": lambda machine, _: machine.push(False),
    "EMPTY_DICT": lambda machine, _: machine.push({}),
    "EMPTY_TUPLE": lambda machine, _: machine.push(()),
    "TUPLE": lambda machine, _: machine.push(tuple(machine.pop_to_mark())),
    "TUPLE1": lambda machine, _: machine.push(machine.pop_many(1)),
    "TUPLE2": lambda machine, _: machine.push(machine.pop_many(2)),
    "TUPLE3": lambda machine, _: machine.push(machine.pop_many(3)),
    **{
        name: lambda machine, value: machine.push(value)
        for name in ("BININT", "BININT1", "BININT2", "LONG1", "BINUNICODE", "SHORT_BINUNICODE")
    },
    **dict.fromkeys(("BINPUT", "LONG_BINPUT", "MEMOIZE"), _memoise),
    "BINGET": lambda machine, number: machine.push(machine.memo[number]),
    "LONG_BINGET": lambda machine, number: machine.push(machine.memo[number]),
    "GLOBAL": lambda machine, names: _global(machine, *names.split(" ", 1)),
    "STACK_GLOBAL": lambda machine, _: _global(machine, *machine.pop_many(2)),
    "BINPERSID": lambda machine, _: machine.storage(),
    "REDUCE": lambda machine, _: machine.reduce(),
    "BUILD": lambda machine, _: machine.build(),
    "SETITEM": lambda machine, _: machine.set_items(list(machine.pop_many(2))),
    "SETITEMS": lambda machine, _: machine.set_items(machine.pop_to_mark()),
}
