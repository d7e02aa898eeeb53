"""A download into a folder of its own, quick to give up."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path
from typing import Callable, Optional

import pytest
from misbehaving import Listener, Misbehaving

from nerctl.errors import NerctlError
from nerctl.transfer.digest import Digest
from nerctl.transfer.download import Resource, download
from nerctl.transfer.retry import RetryPolicy

CONTENT = random.Random(1).randbytes(300_000)
DIGEST = Digest("sha256", hashlib.sha256(CONTENT).hexdigest())
QUICK = RetryPolicy(connect_timeout=2.0, read_timeout=0.4)
ServerOf = Callable[[bytes], Misbehaving]


class Fetch:
    """One download into a folder of its own, with what it said and how long it would have slept."""

    def __init__(self, folder: Path) -> None:
        self.target = folder / "data" / "file.bin"
        self.target.parent.mkdir(exist_ok=True)
        self.slept: list[float] = []
        self.heard = Listener()

    def __call__(self, *urls: str, digest: Optional[Digest] = DIGEST, size: Optional[int] = None, **more: bytes) -> None:
        resource = Resource("file.bin", urls, digest, size, **more)
        download(resource, self.target, self.heard, QUICK, self.slept.append)

    @property
    def left(self) -> set[str]:
        return {path.name for path in self.target.parent.iterdir()}

    def fails(self, kind: type[NerctlError], *urls: str, **more: object) -> str:
        """The sentence of a download that must fail, leaving no file under the final name."""
        with pytest.raises(NerctlError) as caught:
            self(*urls, **more)  # type: ignore[arg-type]
        assert type(caught.value) is kind
        assert not self.target.exists()
        sentence = str(caught.value)
        assert "\n" not in sentence and "--mirror" in sentence and "--from" in sentence
        return sentence
