"""The patch of the original's source: which sources it knows, what it writes, what it leaves alone."""

from __future__ import annotations

import ast
import codecs
import difflib
import re
from pathlib import Path
from typing import Any

import original_sources as sources
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nerctl.errors import DataError
from nerctl.upstream import inserted_code
from nerctl.upstream.hooks_patch import patch_source
from nerctl.workflows.compare.step_lines import STEP_LINE

LINE_ENDS = {"LF": "\n", "CRLF": "\r\n"}
SHARED = Path(__file__).resolve().parents[3] / "shared"

STATED_NOTE = """\
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

        stepHook = tf.train.StopAtStepHook(5)
"""
"""The migration note's code, word for word."""


def patched(
    text: str, *, npu: bool = False, steps: int = 5, line_end: str = "\n", encoding: str = "utf-8"
) -> str:
    raw = text.replace("\n", line_end).encode(encoding)
    result = patch_source(raw, "bert_lstm_ner.py", steps=steps, npu=npu)
    assert not result.was_patched
    return result.content.decode(encoding)


def run(text: str, modules: dict[str, Any]) -> dict[str, Any]:
    """Runs a patched source's `train` to its end."""
    namespace: dict[str, Any] = {"__name__": "patched"}
    with sources.imported_as_tensorflow(modules):
        exec(compile(text, "patched.py", "exec"), namespace)
        with pytest.raises(SystemExit) as left:
            namespace["train"](sources.Arguments())
    assert left.value.code == 0
    return namespace


@pytest.mark.parametrize("line_end", LINE_ENDS.values(), ids=LINE_ENDS.keys())
@pytest.mark.parametrize("variant", sources.VARIANTS.values(), ids=sources.VARIANTS.keys())
def test_known_source_gets_the_note_s_code_and_keeps_its_line_ends(variant: str, line_end: str) -> None:
    text = patched(variant, line_end=line_end)
    assert re.findall("\r\n|\r|\n", text) == [line_end] * text.count("\n")
    lf = text.replace("\r\n", "\n")
    ast.parse(lf)
    assert STATED_NOTE in lf
    assert lf.count("            exit(0)\n") == 1
    assert re.search(r"hooks=\[myHook, stepHook\]|num_train_steps, \[myHook, stepHook\]", lf)
    assert "early_stopping_hook" not in lf and "early stop hook" not in lf


@pytest.mark.parametrize("variant", sources.VARIANTS.values(), ids=sources.VARIANTS.keys())
def test_nothing_but_the_early_stop_hook_is_taken_out(variant: str) -> None:
    removed = [
        line[2:].strip()
        for line in difflib.ndiff(variant.splitlines(), patched(variant).splitlines())
        if line.startswith("- ")
    ]
    hook = {line.strip() for line in sources.HOOK.splitlines()} | {"# early stop hook"}
    others = [line for line in removed if line not in hook]
    assert len(others) <= 1  # the one line of the TrainSpec that names the hooks
    assert all("early_stopping_hook" in line or "max_steps" in line or line == ")" for line in others)


@pytest.mark.parametrize("variant", sources.VARIANTS.values(), ids=sources.VARIANTS.keys())
def test_patched_source_prints_a_line_a_step_and_ends_by_itself(
    variant: str, capfd: pytest.CaptureFixture[str]
) -> None:
    modes: list[str] = []
    run(patched(variant, steps=3), {"tensorflow": sources.stand_in_tensorflow(modes)})
    lines = [match for match in map(STEP_LINE.fullmatch, capfd.readouterr().out.splitlines()) if match]
    assert [int(line["step"]) for line in lines] == [1, 2, 3]
    # The weight w begins at 0 and grows by 0.2 * mean(x - w) for x = 3 and 5; the loss is mean((x - w) ** 2).
    weights = [0.0, 0.8, 1.44]
    losses = [((3 - weight) ** 2 + (5 - weight) ** 2) / 2 for weight in weights]
    assert [float(line["loss"]) for line in lines] == pytest.approx(losses, abs=6e-4)
    assert modes == ["train", "eval"]  # model_fn left at the start of the second


def test_npu_patch_builds_the_documented_session_config(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASCEND_DEVICE_ID", "3")
    seen: dict[str, Any] = {}
    modules = {**sources.stand_in_npu_bridge(seen), "tensorflow": sources.stand_in_tensorflow([])}
    namespace = run(patched(sources.source(), npu=True, steps=2), modules)
    config = seen["run_config"].session_config
    options = config.graph_options.rewrite_options
    rewriter = namespace["RewriterConfig"]
    assert options.remapping == rewriter.OFF and options.memory_optimization == rewriter.OFF
    assert config.allow_soft_placement  # what the source had set is still set
    assert [custom.name for custom in options.custom_optimizers] == ["NpuOptimizer"]
    values = options.custom_optimizers[0].parameter_map
    # Names and types as the adapter documents them (b, i, s).
    kinds = {
        "b": "use_off_line enable_data_pre_proc mix_compile_mode hcom_parallel profiling_mode enable_dump",
        "i": "iterations_per_loop graph_run_mode session_device_id",
        "s": "precision_mode op_select_implmode profiling_options jit_compile",
    }
    documented = {name: kind for kind, names in kinds.items() for name in names.split()}
    assert {name: values[name].WhichOneof("value") for name in values} == documented
    assert values["use_off_line"].b and values["graph_run_mode"].i == 1
    assert values["session_device_id"].i == 3
    assert values["iterations_per_loop"].i == 1
    assert [type(hook).__name__ for hook in seen["hooks"]] == ["MyHook", "StopAtStepHook"]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("session_config=session_config", None),
        ("session_config=tf.ConfigProto(allow_soft_placement=True)", None),
        ("save_summary_steps=500", None),
        (
            "session_config=tf.ConfigProto(  # ours\n            allow_soft_placement=True)",
            "has a comment in it",
        ),
    ],
)
def test_npu_patch_with_other_run_configs(written: str, expected: Any) -> None:
    text = sources.source().replace("session_config=session_config", written)
    if expected is not None:
        with pytest.raises(DataError, match=expected):
            patched(text, npu=True)
        return
    seen: dict[str, Any] = {}
    modules = {**sources.stand_in_npu_bridge(seen), "tensorflow": sources.stand_in_tensorflow([])}
    run(patched(text, npu=True, steps=1), modules)
    custom = seen["run_config"].session_config.graph_options.rewrite_options.custom_optimizers
    assert [optimizer.name for optimizer in custom] == ["NpuOptimizer"]


def test_npu_session_matches_the_reference_list() -> None:
    reference = SHARED / "reference" / "ascend.md"
    if not reference.is_file():
        pytest.skip("../shared/reference/ascend.md is not here")
    text = reference.read_text(encoding="utf-8")
    listed = text[text.index("parameter_map: ") : text.index("rewrite_options.remapping")]
    kinds = dict(re.findall(r"(\w+) \(([bis])[,)]", listed))
    python_types = {"b": bool, "i": int, "s": str}
    options = inserted_code.session_options("note", "NpuOptimizer")
    assert {name: python_types[kind] for name, kind in kinds.items()} == {
        name: type(value) for name, value in options.items()
    }


@pytest.mark.parametrize("npu", [False, True])
def test_patched_source_is_patched_already(npu: bool) -> None:
    raw = patched(sources.source(), npu=npu).encode()
    again = patch_source(raw, "x", steps=9, npu=npu)
    assert again.was_patched and again.content == raw


@pytest.mark.parametrize(
    "by_hand",
    [
        STATED_NOTE,
        "        class Timer(tf.train.SessionRunHook):\n            def after_run(self, context, values):\n"
        "                print('step: %d, cost time: %.3fs, losses: %.3f' % (1, 2, 3))\n",
    ],
)
def test_source_patched_by_hand_is_left_alone(by_hand: str) -> None:
    raw = sources.source(sources.NO_HOOKS, hook=False, between=by_hand).encode()
    result = patch_source(raw, "x", steps=5, npu=False)
    assert result.was_patched and result.content == raw


def test_early_stop_hook_that_is_used_elsewhere_stays_defined() -> None:
    text = patched(sources.source(between="        print(early_stopping_hook)\n"))
    assert "early_stopping_hook = tf.contrib" in text and "hooks=[myHook, stepHook]" in text


def test_hooks_held_in_a_variable_are_replaced() -> None:
    spec = sources.ONE_LINE.replace("[early_stopping_hook]", "train_hooks")
    text = patched(sources.source(spec, between="        train_hooks = [early_stopping_hook]\n"))
    assert "hooks=[myHook, stepHook]" in text and "train_hooks = [early_stopping_hook]" in text
    ast.parse(text)


UNKNOWN = {
    "no TrainSpec": (sources.source().replace("TrainSpec", "Spec"), "calls TrainSpec 0 times"),
    "two TrainSpecs": (sources.source(between=sources.NO_HOOKS), "calls TrainSpec 2 times"),
    "no model_fn": (sources.source().replace("model_fn", "network"), "0 functions named model_fn"),
    "no mode": (sources.source().replace("labels, mode, params", "labels, params"), "no argument named mode"),
    "arguments from **": (
        sources.source(sources.ONE_LINE.replace("hooks=[early_stopping_hook]", "**more")),
        r"from a \* or \*\* expression",
    ),
    "a shared line": (
        sources.source(between="        a = 1; ", spec=sources.ONE_LINE.lstrip()).replace(
            sources.HOOK, "        early_stopping_hook = None\n"
        ),
        "another statement before",
    ),
    "Python 2": ("print 'x'\n", "not a Python 3 source"),
    "no text": ("\0", "not a Python 3 source"),
}


@pytest.mark.parametrize(("text", "reason"), UNKNOWN.values(), ids=UNKNOWN.keys())
def test_unknown_source_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(DataError, match=reason) as refused:
        patch_source(text.encode(), "folder/bert_lstm_ner.py", steps=5, npu=False)
    assert str(refused.value).startswith("folder/bert_lstm_ner.py: left untouched: ")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("import tensorflow as tf", "from tensorflow.compat import v1 as tf"), "import tensorflow as tf"),
        (("RunConfig", "Config"), "calls RunConfig 0 times"),
        (("import os\n", "import os\nfrom npu_bridge.npu_init import *\n"), "imports npu_bridge already"),
    ],
)
def test_source_without_a_place_for_the_npu_session_is_refused(change: Any, reason: str) -> None:
    raw = sources.source().replace(*change).encode()
    with pytest.raises(DataError, match=reason):
        patch_source(raw, "x", steps=5, npu=True)
    assert not patch_source(raw, "x", steps=5, npu=False).was_patched


def test_encoding_and_byte_order_mark_are_kept() -> None:
    gbk = sources.source(encoding="gbk").encode("gbk")
    content = patch_source(gbk, "x", steps=5, npu=False).content
    assert "构建模型" in content.decode("gbk") and STATED_NOTE in content.decode("gbk")
    marked = patch_source(codecs.BOM_UTF8 + sources.source().encode(), "x", steps=5, npu=False).content
    assert marked.startswith(codecs.BOM_UTF8) and marked.count(codecs.BOM_UTF8) == 1


def test_source_indented_by_tabs_is_patched_in_tabs() -> None:
    tabbed = re.sub(
        "^(?: {4})+", lambda found: "\t" * (len(found.group()) // 4), sources.source(), flags=re.M
    )
    text = patched(tabbed)
    assert "\t\t\tdef begin(self):\n\t\t\t\tself._step = 0\n" in text
    ast.parse(text)


statements = st.lists(
    st.sampled_from(
        [
            "x = 1",
            "print('早停 early stop')",
            "# a comment 评论",
            "if x:\n            y = [1,\n  2]",
            "def f():\n            return 'hooks=[]'",
            "text = '''\nline\n  # early stop\n'''",
        ]
    ),
    max_size=4,
)


@settings(deadline=None)
@given(
    statements,
    statements,
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
    st.booleans(),
    st.integers(1, 10**6),
)
def test_any_statements_around_are_kept_as_they_are(
    before: list[str], between: list[str], line_end: str, comment: bool, npu: bool, steps: int
) -> None:
    def block(lines: list[str]) -> str:
        return "".join(f"        {line}\n" for line in lines)

    text = sources.source(comment=comment, between=block(between), model_fn=block(before))
    out = patched(text, npu=npu, steps=steps, line_end=line_end).replace("\r\n", "\n")
    less_the_exit = out.replace(sources.EXIT_BY_HAND, "", 1)
    assert block(before) in less_the_exit and block(between) in less_the_exit
    assert f"StopAtStepHook({steps})\n" in out
    added = [line[2:] for line in difflib.ndiff(text.splitlines(), out.splitlines()) if line.startswith("+ ")]
    assert len(added) <= 30 + (25 if npu else 0)
    assert out.endswith(sources.TAIL)
