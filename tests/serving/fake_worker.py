"""A worker with a deterministic tagger in place of a model: the server starts it as `settings.worker_module`.

Every run of the letters a-z is a WORD, every run of 山水 a NATURE, every run of code points beyond the BMP
RARE. The model folder's file `words` may hold another name for WORD, which makes it another model. A text that
holds one of the commands below obeys it first. The model folder's name may hold `slow-SECONDS` (time of a batch),
`load-SECONDS` and `warm-SECONDS` (time to load, before and after the folder is read), `noisy-SECONDS` (time to load while
native words are held back), `refused`, `dying`. At SIGUSR1 a worker closes its pipes, and is gone only `SILENT` seconds
later.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from nerctl.errors import ModelError
from nerctl.native_words import held_back
from nerctl.serving import worker

KINDS = re.compile("(?P<WORD>[a-z]+)|(?P<NATURE>[山水]+)|(?P<RARE>[\U00010000-\U0010ffff]+)")
RAISE, DIE, HANG, PRINT = "RAISE!", "DIE!", "HANG!", "PRINT!"
DIE_ONCE = "DIE-ONCE!"
SILENT = 0.4


@dataclass(frozen=True)
class FakeEntity:
    """As nerctl's."""

    start: int
    end: int
    type: str
    text: str
    score: float


@dataclass(frozen=True)
class FakeResult:
    """As nerctl's."""

    text: str
    entities: list[FakeEntity]

    def as_dict(self) -> dict[str, object]:
        """As nerctl's."""
        return asdict(self)


class FakeTagger:
    """As nerctl's, without a model."""

    def __init__(self, model: Path = Path("fake")) -> None:
        self._model = model
        self._words = words(model)
        self._pause = seconds(model, "slow")

    def batch(self, texts: list[str]) -> list[FakeResult]:
        """One result a text."""
        time.sleep(self._pause)
        for text in texts:
            self._obey(text)
        return [result_of(text, self._words) for text in texts]

    def _obey(self, text: str) -> None:
        if RAISE in text:
            raise ValueError("told to raise")
        if DIE in text:
            os.kill(os.getpid(), signal.SIGKILL)
        if DIE_ONCE in text and not (self._model / "died").exists():
            (self._model / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if HANG in text:
            time.sleep(3600)
        if PRINT in text:
            print("a library says something on standard output", flush=True)
            os.write(1, b"and so does its C part\n")


def words(model: Path) -> str:
    """What the model of a folder calls a run of letters."""
    file = model / "words"
    return file.read_text() if file.exists() else "WORD"


def identify(model: str) -> str:
    """The digest of the fake model."""
    return "fake " + words(Path(model))


def result_of(text: str, words: str = "WORD") -> FakeResult:
    """What the fake tagger finds in a text."""
    names = {"WORD": words, "NATURE": "NATURE", "RARE": "RARE"}
    return FakeResult(
        text,
        [
            FakeEntity(found.start(), found.end(), names[str(found.lastgroup)], found[0], 1 / (1 + len(found[0])))
            for found in KINDS.finditer(text)
        ],
    )


def seconds(model: Path, name: str) -> float:
    """The seconds after `name-` in the folder's name, 0 without."""
    found = re.search(rf"{name}-([0-9.]+)", model.name)
    return float(found.group(1)) if found else 0.0


def load(model: str, threads: int) -> tuple[FakeTagger, dict[str, object]]:
    """The fake tagger."""
    folder = Path(model)
    time.sleep(seconds(folder, "load"))
    if "noisy" in folder.name:
        with held_back():
            os.write(2, b"native words\n")
            (folder / "spoken").touch()
            time.sleep(seconds(folder, "noisy"))
    if "refused" in folder.name:
        raise ModelError(f"{folder.name}/weights: cut short.")
    if "dying" in folder.name:
        os._exit(9)
    if words(folder) == "BROKEN":
        raise ModelError(f"{folder.name}/words: altered.")
    tagger = FakeTagger(folder)
    time.sleep(seconds(folder, "warm"))
    return tagger, {
        "model": folder.name,
        "engine": "fake",
        "labels": [words(folder), "NATURE", "RARE"],
        "versions": {"nerctl": "0", "threads": str(threads)},
    }


def fall_silent(*_: object) -> None:
    """Dies slowly: what reads from this process sees its end long before the process is gone."""
    os.closerange(0, 2)
    os.closerange(3, 64)
    time.sleep(SILENT)
    os._exit(9)


def main(argv: list[str]) -> None:
    """The worker process."""
    signal.signal(signal.SIGUSR1, fall_silent)
    worker.run(argv, load, identify)


if __name__ == "__main__":
    main(sys.argv[1:])
