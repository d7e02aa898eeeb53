"""What computes emissions: an engine takes windows of word pieces and gives what the head says of each token.

Letters: W windows, P word pieces a window, T tokens a window, K columns of emissions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Optional, Protocol

import numpy as np

from nerctl.backends.process import take_process
from nerctl.data.sentence_windows import WINDOW_FIELDS, WindowArrays
from nerctl.data.windows import SPECIAL

if TYPE_CHECKING:
    from nerctl.backends import Backend
    from nerctl.model.tagger import TaggerModel


class Engine(Protocol):
    """Computes emissions; safe to call from several threads."""

    name: str
    """tensorflow or onnx."""
    threads: int
    """Calls that are best made side by side."""
    max_tokens: int
    """Padded positions (windows x pieces) that a call runs best with."""

    def emissions(self, windows: WindowArrays) -> np.ndarray:
        """[W, T, K] float32 of each window's tokens; any value at padding."""


class TensorFlowEngine:
    """A model in this process, in graph mode on its backend.

    Args:
        model: the network; its variables may change between calls.
        backend: the opened device.
        max_seq_length: longest window; matters on devices of fixed shapes only.
        max_tokens: padded positions computed at once; None: what the device runs best with.
        threads: calls that are best made side by side.
    """

    name = "tensorflow"

    def __init__(
        self,
        model: TaggerModel,
        backend: Backend,
        max_seq_length: int = 202,
        max_tokens: Optional[int] = None,
        threads: int = 1,
    ) -> None:
        self.model = model
        self.backend = backend
        self.lengths = backend.window_lengths(max_seq_length)
        self.max_tokens = max_tokens or backend.inference_tokens(max_seq_length)
        self.threads = threads
        take_process()
        self._compiled: dict[tuple[Any, Any, Any], Callable[..., Any]] = {}

    def emissions(self, windows: WindowArrays) -> np.ndarray:
        take_process()
        if not self.lengths:
            return np.asarray(self._run(windows, (None, None, None)))
        width = windows.firsts.shape[1]
        parts = [
            np.asarray(self._run(part, (*part.pieces.shape, part.firsts.shape[1])))[:count, :width]
            for part, count in self._fixed_parts(windows)
        ]
        return np.concatenate(parts)  # [W, T, K]

    def _run(self, windows: WindowArrays, shape: tuple[Any, Any, Any]) -> Any:
        import tensorflow as tf

        compiled = self._compiled.get(shape)
        if compiled is None:
            sizes = dict(zip("WPT", shape))
            signature = [tf.TensorSpec(field.shape(sizes), field.dtype) for field in WINDOW_FIELDS]
            model = self.model

            def forward(*arrays: Any) -> Any:
                return model.emissions(*arrays)

            compiled = self._compiled.setdefault(shape, self.backend.compile(forward, signature))
        arrays = windows.as_dict()
        return compiled(*[tf.constant(arrays[field.name], field.dtype) for field in WINDOW_FIELDS])

    def _fixed_parts(self, windows: WindowArrays) -> list[tuple[WindowArrays, int]]:
        """The windows in arrays of the device's shapes, each with its number of real rows."""
        count, length = windows.pieces.shape
        wanted = next((size for size in self.lengths if length <= size), length)
        sizes = self.backend.window_rows(max(1, self.max_tokens // wanted))
        parts = []
        low = 0
        while low < count:
            rows = next((size for size in sizes if count - low <= size), sizes[-1])
            high = min(low + rows, count)
            parts.append((_repadded(windows, low, high, rows, wanted), high - low))
            low = high
        return parts


def _repadded(windows: WindowArrays, low: int, high: int, rows: int, length: int) -> WindowArrays:
    """Windows low..high in an array of `rows` rows of `length` pieces."""
    count, old = high - low, windows.pieces.shape[1]
    width = windows.firsts.shape[1]
    pieces = np.zeros((rows, length), np.int32)  # masked by the counts: any id will do
    pieces[:count, :old] = windows.pieces[low:high]
    firsts = np.zeros((rows, max(width, length - SPECIAL)), np.int32)
    row = np.arange(count, dtype=np.int32)[:, None]
    known = np.arange(width) < windows.token_counts[low:high, None]  # [count, T]
    moved = windows.firsts[low:high] - (row + low) * old + row * length
    firsts[:count, :width] = np.where(known, moved, 0)
    piece_counts = np.ones(rows, np.int32)
    token_counts = np.zeros(rows, np.int32)
    piece_counts[:count] = windows.piece_counts[low:high]
    token_counts[:count] = windows.token_counts[low:high]
    return WindowArrays(pieces, piece_counts, firsts, token_counts)
