"""Holds back what TensorFlow's native code writes on standard error while it loads and first looks for devices.

Current TensorFlow writes such lines whatever its log level says: that it found no CUDA, that it may round differently.
They are shown when loading fails, and when the process dies of it: a watcher, a fork made before TensorFlow is there,
reads them from a pipe and writes them out unless it is told that all went well.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Callable, Optional

ALL_WELL = b"+"
"""What the watcher is told when the words need not be shown."""


def hold_native_words(unless: Callable[[], bool] = lambda: False) -> None:
    """From now on the first `import tensorflow` of this process is silent; for a command line, never for a library.

    Args:
        unless: asked when TensorFlow is imported; True shows everything as it comes.
    """
    if hasattr(os, "fork") and "tensorflow" not in sys.modules:
        sys.meta_path.insert(0, _Finder(unless))


class _Finder(MetaPathFinder):
    """Finds TensorFlow as everybody does, and wraps its loader; once."""

    def __init__(self, unless: Callable[[], bool]) -> None:
        self.unless = unless

    def find_spec(
        self, fullname: str, path: Optional[Sequence[str]], target: Optional[ModuleType] = None
    ) -> Optional[ModuleSpec]:
        if fullname != "tensorflow":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None and not self.unless():
            spec.loader = _Loader(spec.loader)
        return spec


class _Loader(Loader):
    """Loads TensorFlow and lets it look for devices, with its native words held back."""

    def __init__(self, loader: Any) -> None:
        self.loader = loader

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loader, name)

    def create_module(self, spec: ModuleSpec) -> Optional[ModuleType]:
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        with held_back():
            self.loader.exec_module(module)
            module.config.list_physical_devices()


@contextmanager
def held_back() -> Iterator[None]:
    """What is written on file descriptor 2 within is shown only if an exception or the process' end leaves it."""
    words, spoken = os.pipe()
    told, telling = os.pipe()
    sys.stderr.flush()
    watcher = os.fork()
    if watcher == 0:
        os.close(spoken)
        os.close(telling)
        _watch(words, told)
    os.close(words)
    os.close(told)
    before = os.dup(2)
    os.dup2(spoken, 2)
    os.close(spoken)
    try:
        yield
        os.write(telling, ALL_WELL)
    except KeyboardInterrupt:
        os.write(telling, ALL_WELL)
        raise
    finally:
        sys.stderr.flush()
        os.dup2(before, 2)
        os.close(before)
        os.close(telling)
        os.waitpid(watcher, 0)


def _watch(words: int, told: int) -> None:
    """The watcher's whole life."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # it outlives the other, to write what that one said
    held = b"".join(iter(lambda: os.read(words, 1 << 16), b""))
    if os.read(told, 1) != ALL_WELL:
        os.write(2, held)
    os._exit(0)
