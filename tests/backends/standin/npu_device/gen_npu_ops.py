"""The overflow status register: eight numbers, all 0 unless something overflowed; tests set it through STATUS."""

from __future__ import annotations

import tensorflow as tf

from npu_device.record import record


class _Status:
    def __init__(self) -> None:
        self.variable = None

    def get(self):
        """The register, made when it is first needed."""
        if self.variable is None:
            with tf.init_scope():
                self.variable = tf.Variable(tf.zeros([8], tf.int32), trainable=False)
        return self.variable


STATUS = _Status()


def npu_get_float_status_v2(name=None):
    """[8] int32, not 0 where something overflowed since the register was cleared."""
    record("npu_get_float_status_v2", _in_scope())
    return STATUS.get().read_value()


def npu_clear_float_status_v2(name=None):
    """Clears the register."""
    record("npu_clear_float_status_v2", _in_scope())
    return STATUS.get().assign(tf.zeros([8], tf.int32))


def _in_scope() -> bool:
    """Whether ops made here carry the attribute `_npu_loss_scale`, as the adapter wants."""
    attributes = tf.compat.v1.get_default_graph()._attr_scope_map
    return "_npu_loss_scale" in attributes and attributes["_npu_loss_scale"].b
