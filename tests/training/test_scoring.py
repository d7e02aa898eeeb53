"""Dev and test passes of a training keep to the bound on memory that the updates keep to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_run import run

from nerctl.data.sentence_windows import WindowArrays
from nerctl.inference.engine import TensorFlowEngine


@pytest.mark.parametrize("bound", [96, 9600])
def test_dev_and_test_passes_honour_max_tokens(tiny: Path, monkeypatch: pytest.MonkeyPatch, bound: int) -> None:
    real, sizes = TensorFlowEngine.emissions, []

    def counted(self: TensorFlowEngine, windows: WindowArrays) -> np.ndarray:
        sizes.append((len(windows.pieces), windows.pieces.size))
        return real(self, windows)

    monkeypatch.setattr(TensorFlowEngine, "emissions", counted)
    test = tiny / "NERdata" / "test.txt"
    test.write_text(test.read_text(encoding="utf-8") * 60, encoding="utf-8")  # 720 sentences
    outcome = run("out", steps=8, epochs=1, head="crf", max_tokens=bound)
    assert outcome.test is not None
    largest = max(size for _, size in sizes)
    assert all(2 * size <= bound or rows == 1 for rows, size in sizes), "two calls side by side share the bound"
    assert largest > bound / 4, "the bound is used"
