"""What `nerctl patch-hooks` writes into the original: its note's step timer, the NPU session config.

The step timer, the stop hook and the exit are the note's own code; the options of the NPU session are those of the
table in `nerctl.backends.npu_session`.
"""

from __future__ import annotations

from nerctl.backends.npu_session import Parameter, session_options

STEP_LINE_FORMAT = "step: %d, cost time: %.3fs, losses: %.3f"
"""What the step timer prints for each step; `nerctl compare` reads it back."""

TIMER_CLASS = "MyHook"
"""Name of the step timer's class in the note; a source that has it was patched already."""

_STEP_TIMER = """\
import time
class MyHook(tf.train.SessionRunHook):
    def begin(self):
        self._step = 0
        self._loss_tensor = tf.get_default_graph().get_tensor_by_name('crf_loss/Mean:0')

    def after_create_session(self, session, coord):
        pass

    def before_run(self, run_context):
        self._begin = time.time()
        self._step += 1
        return tf.train.SessionRunArgs({'loss': self._loss_tensor})

    def after_run(self, run_context, run_values):
        self._end = time.time()
        cost = self._end - self._begin
        loss = run_values.results['loss']
        print('step: %d, cost time: %.3fs, losses: %.3f' % (self._step, cost, loss))

    def end(self, session):
        pass

myHook = MyHook()

"""

EXIT_OUTSIDE_TRAINING = """\
if mode != tf.estimator.ModeKeys.TRAIN:
    exit(0)
"""

NPU_IMPORTS = """\
import os
from npu_bridge.npu_init import *
from tensorflow.core.protobuf.rewriter_config_pb2 import RewriterConfig
"""

_DEVICE_ID = "int(os.environ.get('ASCEND_DEVICE_ID', '0'))"
"""Which card, read when the patched program runs."""


def step_timer(steps: int) -> str:
    """The note's hook class and its two hooks, `myHook` and `stepHook`, for a run of `steps` steps."""
    return f"{_STEP_TIMER}stepHook = tf.train.StopAtStepHook({steps})\n"


def hooks_expression(npu: bool) -> str:
    """What `TrainSpec(hooks=...)` is given."""
    hooks = "[myHook, stepHook]"
    return f"npu_hooks_append(hooks_list={hooks})" if npu else hooks


def npu_session_config(name: str) -> str:
    """Statements that turn the ConfigProto held by the variable `name` into a session config for the NPU."""
    lines = [
        f"custom_op = {name}.graph_options.rewrite_options.custom_optimizers.add()",
        "custom_op.name = 'NpuOptimizer'",
    ]
    lines += [_parameter(option, value) for option, value in session_options("note", "NpuOptimizer").items()]
    lines += [
        f"{name}.graph_options.rewrite_options.{field} = RewriterConfig.{value}"
        for field, value in session_options("note", "rewrite_options").items()
    ]
    return "\n".join(lines) + "\n"


def _parameter(option: str, value: Parameter) -> str:
    target = f"custom_op.parameter_map['{option}']"
    if option == "session_device_id":
        return f"{target}.i = {_DEVICE_ID}"
    if isinstance(value, bool):
        return f"{target}.b = {value}"
    if isinstance(value, int):
        return f"{target}.i = {value}"
    return f"{target}.s = tf.compat.as_bytes('{value}')"
