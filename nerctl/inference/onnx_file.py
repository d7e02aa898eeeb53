"""What an exported graph's file tells without ONNX Runtime, and without reading its weights."""

from __future__ import annotations

from pathlib import Path

INT8_PRODUCT = "DynamicQuantizeMatMul"
"""The operator of a matrix product in eight bits."""

NODES_BYTES = 1 << 20
"""Bytes of a file in which the first products are: protocol buffers have a graph's nodes before its weights."""


def is_int8(path: Path) -> bool:
    """Whether the matrix products of an exported .onnx file are computed in eight bits; False where it cannot be read."""
    try:
        with open(path, "rb") as stream:
            return INT8_PRODUCT.encode() in stream.read(NODES_BYTES)
    except OSError:
        return False
