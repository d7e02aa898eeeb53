"""What an exported graph's file tells without ONNX Runtime, and without reading its weights."""

from __future__ import annotations

from pathlib import Path

INT8_PRODUCT = "MatMulIntegerToFloat"
"""The operator of a matrix product in eight bits."""

INT8_PRODUCTS = (INT8_PRODUCT, "DynamicQuantizeMatMul")
"""Those of exports of this version and of earlier ones."""

NODES_BYTES = 1 << 20
"""Bytes of a file in which the first products are: protocol buffers have a graph's nodes before its weights."""


def is_int8(path: Path) -> bool:
    """Whether the matrix products of an exported .onnx file are computed in eight bits; False where it cannot be read."""
    try:
        with open(path, "rb") as stream:
            nodes = stream.read(NODES_BYTES)
    except OSError:
        return False
    return any(name.encode() in nodes for name in INT8_PRODUCTS)
