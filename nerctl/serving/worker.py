"""A worker process: loads the model once, then answers batches until its standard input ends."""

from __future__ import annotations

import importlib
import json
import logging
import os
import signal
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any, BinaryIO, Callable, Protocol

from nerctl.errors import ModelError, NerctlError
from nerctl.native_words import hold_native_words
from nerctl.serving import frames

logger = logging.getLogger("nerctl.serving.worker")


class Result(Protocol):
    """What the server needs of a text's result."""

    def as_dict(self) -> dict[str, Any]:
        """The JSON object that clients get; offsets in code points."""


class BatchTagger(Protocol):
    """What the server needs of a tagger."""

    def batch(self, texts: Sequence[str]) -> Sequence[Result]:
        """One result a text, in order."""


WARM_UP = "王小明在北京大学。"
"""Tagged once before a worker calls itself ready: TensorFlow builds its graph at the first batch."""
Loader = Callable[[str, int], tuple[BatchTagger, dict[str, Any]]]
"""Model folder and number of threads to a tagger and its description, a JSON object for `GET /v1/model`."""


Identify = Callable[[str], str]
"""Model folder to the digest of the model in it, without loading it."""


def main(argv: list[str]) -> None:
    """The worker that the server starts: `argv` holds model folder, threads, and more of `Tagger.load` as JSON."""
    hold_native_words()
    run(argv, partial(load, **json.loads(argv[2])), identify)


def identify(model: str) -> str:
    """The digest of the model in a training folder or an exported folder."""
    from nerctl.inference.loading import model_digest

    return model_digest(model)


def load(model: str, threads: int, **options: Any) -> tuple[BatchTagger, dict[str, Any]]:
    """The tagger of a training folder or an exported folder, and its description; `options`: of `Tagger.load`."""
    from nerctl import Tagger

    tagger = Tagger.load(model, threads=threads, **options)
    tagger.batch([WARM_UP])
    library = {"onnx": "onnxruntime"}.get(tagger.engine, tagger.engine)
    return tagger, {
        "model": os.path.basename(os.path.abspath(model)),
        "engine": tagger.engine,
        "labels": list(tagger.labels),
        "versions": {name: importlib.import_module(name).__version__ for name in ("nerctl", library)},
    }


def run(argv: list[str], loader: Loader, identify: Identify) -> None:
    """Serves frames on the standard input and output of this process with the tagger that `loader` gives."""
    # The server drains and then closes our input; a signal to the whole group must not take us away before
    # that.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    incoming, outgoing = _take_over_standard_streams()
    model, threads = argv[0], int(argv[1])
    try:
        digest = identify(model)
        _send(outgoing, [frames.answer({"digest": digest})])
        tagger, description = loader(model, threads)
        if identify(model) != digest:
            raise ModelError(f"{model}: this folder was replaced while it was loaded; try again")
    except NerctlError as error:
        _send(outgoing, [frames.failure(str(error))])
        return
    _send(outgoing, [frames.answer({**description, "digest": digest})])
    while True:
        body = frames.read(incoming)
        if body is None:
            return
        _send(outgoing, tag(tagger, frames.unpack_texts(body)))


def tag(tagger: BatchTagger, texts: list[str]) -> list[bytes]:
    """The answer line of each text; when the batch fails, each text is tried alone: only culprits fail."""
    try:
        results = tagger.batch(texts)
        if len(results) != len(texts):
            raise RuntimeError(f"the tagger gave {len(results)} results for {len(texts)} texts")
        return [frames.answer(result.as_dict()) for result in results]
    except Exception as error:
        if len(texts) > 1:
            return [tag(tagger, [text])[0] for text in texts]
        logger.warning("a text of %d characters failed: %s: %s", len(texts[0]), type(error).__name__, error)
        return [frames.failure(f"the model failed on this text ({type(error).__name__})")]


def _take_over_standard_streams() -> tuple[BinaryIO, BinaryIO]:
    """Keeps standard input and output for frames alone: whatever a library prints goes to standard error."""
    sys.stdout.flush()
    incoming = os.fdopen(os.dup(0), "rb")
    outgoing = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return incoming, outgoing


def _send(outgoing: BinaryIO, lines: Sequence[bytes]) -> None:
    try:
        outgoing.write(frames.pack(lines))
        outgoing.flush()
    except BrokenPipeError:
        # The server is gone and nobody waits for an answer.
        os._exit(0)
