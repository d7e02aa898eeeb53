"""Graph mode."""

from __future__ import annotations

from npu_device.record import record


def enable_v1():
    """TensorFlow 1 behaviour on the card."""
    record("enable_v1")
