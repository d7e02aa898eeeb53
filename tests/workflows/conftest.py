"""What the tests of logs and comparisons share."""

from __future__ import annotations

from pathlib import Path

import pytest
from two_runs import GPU, NPU, log


@pytest.fixture
def published(tmp_path: Path) -> tuple[Path, Path]:
    """The published GPU and NPU logs."""
    return log(tmp_path / "loss+perf_gpu.txt", GPU), log(tmp_path / "loss+perf_npu.txt", NPU)
