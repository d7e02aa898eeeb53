"""Sources of the original's structure, written for the tests: same names and calls, a model of one variable.

The `tf` that they import is `stand_in_tensorflow`: real graph-mode sessions and hooks of TensorFlow, and an
estimator of a few lines, so that a patched source can be run to its end.
"""

from __future__ import annotations

import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

HEAD = '''\
# -*- coding: {encoding} -*-
"""A small program of the original's structure: 命名实体识别."""
import os
import tensorflow as tf

__version__ = '0.1.0'


def model_fn_builder(learning_rate, args):
    """构建模型"""

    def model_fn(features, labels, mode, params):
{model_fn}        weight = tf.get_variable('weight', shape=[], initializer=tf.zeros_initializer())
        with tf.variable_scope('crf_loss'):
            total_loss = tf.reduce_mean(tf.square(features - weight))
        step = tf.train.get_or_create_global_step()
        train_op = tf.train.GradientDescentOptimizer(learning_rate).minimize(total_loss, global_step=step)
        return tf.estimator.EstimatorSpec(mode=mode, loss=total_loss, train_op=train_op)

    return model_fn


def train(args):
    session_config = tf.ConfigProto(
        log_device_placement=False,
        allow_soft_placement=True)

    run_config = tf.estimator.RunConfig(
        model_dir=args.output_dir,
        session_config=session_config
    )
    num_train_steps = 400
    estimator = tf.estimator.Estimator(model_fn_builder(0.1, args), params={{}}, config=run_config)

    if args.do_train and args.do_eval:
        train_input_fn = args.train_input_fn
        # train and eval togither
'''

HOOK = """\
        early_stopping_hook = tf.contrib.estimator.stop_if_no_decrease_hook(
            estimator=estimator,
            metric_name='loss',
            max_steps_without_decrease=num_train_steps,
            run_every_steps=args.save_checkpoints_steps)

"""

TAIL = """\
        eval_spec = tf.estimator.EvalSpec(input_fn=train_input_fn)
        tf.estimator.train_and_evaluate(estimator, train_spec, eval_spec)

    if args.do_predict:
        print('预测')
"""

ONE_LINE = (
    "        train_spec = tf.estimator.TrainSpec(input_fn=train_input_fn, max_steps=num_train_steps, "
    "hooks=[early_stopping_hook])\n"
)
TWO_LINES = """\
        train_spec = tf.estimator.TrainSpec(input_fn=train_input_fn, max_steps=num_train_steps,
                                            hooks=[early_stopping_hook])
"""
REORDERED = """\
        train_spec = tf.estimator.TrainSpec(hooks=[early_stopping_hook],
                                            max_steps=num_train_steps, input_fn=train_input_fn)
"""
POSITIONAL = """\
        train_spec = tf.estimator.TrainSpec(train_input_fn, num_train_steps, [early_stopping_hook])
"""
TRAILING_COMMA = """\
        train_spec = tf.estimator.TrainSpec(
            input_fn=train_input_fn,
            max_steps=num_train_steps,
            hooks=[early_stopping_hook],  # 早停
        )
"""
NO_HOOKS = """\
        train_spec = tf.estimator.TrainSpec(
            input_fn=train_input_fn,
            max_steps=num_train_steps,  # all of them
        )
"""

EXIT_BY_HAND = "        if mode != tf.estimator.ModeKeys.TRAIN:\n            exit(0)\n"


def source(
    spec: str = TWO_LINES,
    *,
    comment: bool = True,
    hook: bool = True,
    between: str = "",
    model_fn: str = "",
    encoding: str = "utf-8",
) -> str:
    """A source with these parts, in LF."""
    parts = [HEAD.format(encoding=encoding, model_fn=model_fn)]
    if comment:
        parts.append("        # early stop hook\n")
    return "".join([*parts, HOOK if hook else "", between, spec, TAIL])


VARIANTS: dict[str, str] = {
    "as in bert-base 0.0.9": source(),
    "without the comment": source(comment=False),
    "TrainSpec on one line": source(ONE_LINE),
    "keywords in another order": source(REORDERED),
    "positional arguments": source(POSITIONAL),
    "a trailing comma and a comment": source(TRAILING_COMMA),
    "other statements between": source(between="        eval_steps = None\n        label_list = ['O']\n\n"),
    "no early-stop hook at all": source(NO_HOOKS, comment=False, hook=False),
    "the exit is there by hand": source(model_fn=EXIT_BY_HAND),
    "a docstring in model_fn": source(model_fn='        """One step."""\n'),
}
"""Sources that the patch must know, by what is special about them."""


class Arguments:
    """What the original's `args` holds, as far as the sources read it."""

    output_dir = "output"
    do_train = do_eval = True
    do_predict = False
    save_checkpoints_steps = 500

    def train_input_fn(self) -> Any:
        """The features: a constant."""
        import tensorflow as tf

        return tf.compat.v1.constant([3.0, 5.0])


def stand_in_tensorflow(evaluated: list[str]) -> types.ModuleType:
    """A module for `import tensorflow as tf`: TensorFlow's graph mode, and an estimator that trains on.

    It enters every mode for which model_fn was called into `evaluated`.
    """
    import tensorflow

    v1 = tensorflow.compat.v1
    module = types.ModuleType("tensorflow")
    for name in (
        "ConfigProto", "Graph", "compat", "constant", "get_default_graph", "get_variable", "reduce_mean",
        "square", "train", "variable_scope", "zeros_initializer",
    ):  # fmt: skip
        setattr(module, name, tensorflow.compat if name == "compat" else getattr(v1, name))
    record = types.SimpleNamespace
    stop_hook = lambda **options: record(**options)  # noqa: E731
    module.contrib = record(estimator=record(stop_if_no_decrease_hook=stop_hook))  # type: ignore[attr-defined]

    class Spec:
        def __init__(self, input_fn: Any, max_steps: Any = None, hooks: Any = ()) -> None:
            self.input_fn, self.max_steps, self.hooks = input_fn, max_steps, hooks

    def train_and_evaluate(estimator: Any, train_spec: Any, eval_spec: Any) -> None:
        for mode, spec in (("train", train_spec), ("eval", eval_spec)):
            evaluated.append(mode)
            with v1.Graph().as_default():
                made = estimator.model_fn(spec.input_fn(), None, mode, estimator.params)
                if mode == "train":
                    with v1.train.MonitoredTrainingSession(hooks=spec.hooks) as session:
                        while not session.should_stop():
                            session.run(made.train_op)

    module.estimator = record(  # type: ignore[attr-defined]
        ModeKeys=record(TRAIN="train", EVAL="eval", PREDICT="infer"),
        RunConfig=lambda **options: record(**options),
        Estimator=lambda model_fn, params, config: record(model_fn=model_fn, params=params, config=config),
        EstimatorSpec=lambda **options: record(**options),
        TrainSpec=Spec,
        EvalSpec=Spec,
        train_and_evaluate=train_and_evaluate,
    )
    return module


@contextmanager
def imported_as_tensorflow(modules: dict[str, types.ModuleType]) -> Iterator[None]:
    """Lets `import NAME` find these modules for a while; the real TensorFlow's submodules stay importable."""
    import sys

    import tensorflow.core.protobuf.rewriter_config_pb2  # noqa: F401  (loaded before its parent is hidden)

    before = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def stand_in_npu_bridge(seen: dict[str, Any]) -> dict[str, types.ModuleType]:
    """What a converted Estimator program takes from `npu_bridge.npu_init`; both enter what they get."""
    package, init = types.ModuleType("npu_bridge"), types.ModuleType("npu_bridge.npu_init")

    def npu_run_config_init(run_config: Any = None) -> Any:
        seen["run_config"] = run_config
        return run_config

    def npu_hooks_append(hooks_list: Any = ()) -> Any:
        seen["hooks"] = list(hooks_list)
        return list(hooks_list)

    init.npu_run_config_init = npu_run_config_init  # type: ignore[attr-defined]
    init.npu_hooks_append = npu_hooks_append  # type: ignore[attr-defined]
    package.npu_init = init  # type: ignore[attr-defined]
    return {"npu_bridge": package, "npu_bridge.npu_init": init}
