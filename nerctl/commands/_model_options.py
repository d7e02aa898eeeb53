"""What options of the commands that load a model have in common."""

from __future__ import annotations

MAX_TOKENS_HELP = (
    "Padded word pieces computed at once, at the most. Default: 4096 on the CPU, 32768 on CUDA, 32 windows on an NPU, "
    "512 a core with ONNX."
)
"""Help of --max-tokens."""
