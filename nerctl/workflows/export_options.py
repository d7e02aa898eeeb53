"""What an export is asked for, checked when it is made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Optional, get_args

from nerctl.errors import NerctlError

Format = Literal["onnx", "saved-model", "transformers"]
"""What `--format` takes."""

Quantized = Literal["int8"]
"""What `--quantize` takes."""

FORMATS = get_args(Format)


@dataclass(frozen=True)
class ExportOptions:
    """What an export is asked for."""

    format: str = "onnx"
    """One of `FORMATS`."""
    int8: bool = False
    """Quantise the matrix products."""
    data: Optional[Path] = None
    """Corpus on which F1 before and after is compared."""
    max_f1_drop: float = 0.5
    """Greatest loss of F1 in points of 100; more is refused."""

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise NerctlError(f"--format {self.format}: unknown; it takes {', '.join(FORMATS)}")
        if self.int8 and self.format != "onnx":
            raise NerctlError("--quantize int8 needs --format onnx")
        if self.data is not None and self.format == "saved-model":
            raise NerctlError("--data compares F1 with another form's; leave it out with --format saved-model")
