"""Runs an exported graph with ONNX Runtime; needs neither TensorFlow nor the onnx package."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Optional

import numpy as np

from nerctl.backends.threads import available_cores
from nerctl.data.sentence_windows import WindowArrays
from nerctl.errors import ModelError, NerctlError
from nerctl.model.head import Decoder, Head

MAX_TOKENS = 512
"""Positions of a call: few enough for a layer's activations to stay in a core's own cache
(benchmarks/predict_vs_transformers.py)."""


class OnnxEngine:
    """One session, each call of which computes on one core; callers run `threads` calls side by side.

    Windows are independent, so batches on different cores beat cores on one batch: no operator waits for another's
    half.

    Args:
        path: the .onnx file.
        threads: calls side by side; 0: as many as cores.
        max_tokens: padded positions that a call computes; None: what runs best.
    """

    name = "onnx"

    def __init__(self, path: Path, threads: int = 0, max_tokens: Optional[int] = None) -> None:
        self.threads = threads or available_cores()
        self.max_tokens = max_tokens or MAX_TOKENS
        self._session = open_session(path)

    def emissions(self, windows: WindowArrays) -> np.ndarray:
        return np.asarray(self._session.run(["emissions"], windows.as_dict())[0])


def open_session(path: Path, threads: int = 1) -> Any:
    """An `onnxruntime.InferenceSession` on the CPU.

    Raises:
        NerctlError: ONNX Runtime is not installed.
        ModelError: the file is no graph that it runs.
    """
    try:
        import onnxruntime
    except ImportError:
        raise NerctlError("an ONNX export needs ONNX Runtime: pip install 'nerctl[onnx]'") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own exceptions share no class but this
        reason = str(error).strip().split("\n")[0][:200]
        raise ModelError(f"{path}: ONNX Runtime cannot run it ({reason}); export it again") from None


def read_head(weights: Path, head: Head) -> Decoder:
    """The decoder of an export.

    Raises:
        ModelError: its file does not fit the head.
    """
    path = weights / head.file
    try:
        return head.restored(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path}: not of this model's head ({error}); export it again") from None
