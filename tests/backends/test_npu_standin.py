"""The NPU backend against the stand-in adapter: every rule of the adapter, broken once, is seen to refuse.

Each script runs in a process of its own: the adapter replaces TensorFlow functions, and a device is opened once.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]

pytestmark = pytest.mark.skipif(
    not tf.__version__.startswith("2.6."), reason="the Ascend adapter, and so its stand-in, needs TensorFlow 2.6"
)

HEAD = """
import json, os
import tensorflow as tf
refusals = {}
def refused(name, function):
    try:
        function()
        refusals[name] = None
    except Exception as error:
        refusals[name] = [type(error).__name__, str(error)]
"""

TAIL = """
print(json.dumps(refusals))
"""


def environment(tmp_path: Path) -> dict:
    paths = [str(HERE / "standin"), str(REPOSITORY)]
    kept = {name: value for name, value in os.environ.items() if name not in ("RANK_SIZE", "ASCEND_DEVICE_ID")}
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join(paths),
        "ASCEND_OPP_PATH": str(tmp_path),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }


def run_script(tmp_path: Path, body: str, **variables: str) -> dict:
    done = subprocess.run(
        [sys.executable, "-c", HEAD + body + TAIL],
        env={**environment(tmp_path), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.strip().split("\n")[-1])


OPENED = """
import npu_device
options = npu_device.global_options()
refused("unknown name", lambda: setattr(options, "precison_mode", "force_fp16"))
refused("bad value", lambda: setattr(options, "precision_mode", "fastest"))
refused("bad type", lambda: setattr(options, "precision_mode", 3.5))
refused("unknown name in a part", lambda: setattr(options.dump_config, "dump", True))
refused("a good value", lambda: setattr(options, "precision_mode", "force_fp16"))
handle = npu_device.open(0)
refused("the same card again", lambda: npu_device.open(0))
refused("another card", lambda: npu_device.open(1))
refused("option after open", lambda: setattr(options, "deterministic", 1))
early = tf.Variable(1.0)
refused("variable before as_default", handle.as_default)
del early
refused("as_default", handle.as_default)
twice = tf.function(lambda x: x * 2.0, autograph=False)
refused("first signature", lambda: twice(tf.zeros([2, 3])))
refused("same signature", lambda: twice(tf.ones([2, 3])))
refused("second shape", lambda: twice(tf.zeros([3, 3])))
refused("second type", lambda: tf.function(lambda x: x)(1))
strange = tf.function(lambda x: tf.roll(x, 1, 0), autograph=False)
refused("op outside the list", lambda: strange(tf.eye(3)))
refused("dropout outside a graph", lambda: tf.nn.dropout(tf.ones([4]), 0.5))
dropped = tf.function(lambda x: tf.nn.dropout(x, 0.5), autograph=False)
refused("dropout in a graph", lambda: dropped(tf.ones([4])))
refused("reduction", lambda: npu_device.distribute.all_reduce([1], "median"))
refusals["calls"] = [call[0] for call in npu_device.calls]
"""


def test_each_rule_of_the_adapter_refuses_what_breaks_it(tmp_path: Path) -> None:
    seen = run_script(tmp_path, OPENED)
    for allowed in (
        "a good value", "the same card again", "as_default", "first signature", "same signature", "dropout in a graph",
    ):  # fmt: skip
        assert seen[allowed] is None, (allowed, seen[allowed])
    for rule, kind, words in (
        ("unknown name", "ValueError", "no option precison_mode"),
        ("bad value", "ValueError", "not in optional list"),
        ("bad type", "TypeError", "float"),
        ("unknown name in a part", "ValueError", "dump_config.dump"),
        ("another card", "RuntimeError", "existed instance on [0]"),
        ("option after open", "RuntimeError", "after open"),
        ("variable before as_default", "RuntimeError", "was made before as_default"),
        ("second shape", "RuntimeError", "second input signature"),
        ("op outside the list", "RuntimeError", "Roll"),
        ("dropout outside a graph", "RuntimeError", "eager"),
        ("reduction", "ValueError", "median"),
    ):
        assert seen[rule] is not None, rule
        assert seen[rule][0] == kind and words in seen[rule][1], (rule, seen[rule])
    assert seen["calls"][:3] == ["option", "open", "as_default"]
    assert "dropout" in seen["calls"]


def test_variables_and_functions_made_before_open_are_refused(tmp_path: Path) -> None:
    seen = run_script(
        tmp_path,
        """
import npu_device
function = tf.function(lambda x: x)
refused("function", lambda: npu_device.open(0))
del function
variable = tf.Variable(1.0, name="early")
refused("variable", lambda: npu_device.open(0))
from nerctl.backends import DeviceOptions, backend_for
refused("through the backend", backend_for(DeviceOptions(device="npu")).open)
""",
    )
    assert "tf.function" in seen["function"][1] and "before open()" in seen["function"][1]
    assert "variable early" in seen["variable"][1]
    assert seen["through the backend"][0] == "DeviceError"
    assert "cannot open card 0" in seen["through the backend"][1]


BACKEND = """
import npu_device
import numpy as np
from nerctl.backends import DeviceOptions, backend_for
from nerctl.workflows.doctor.trial import RATES, tiny_batch, tiny_stepper
backend = backend_for(DeviceOptions(device="npu", device_id=3, precision="mixed_float16", npu_options=("deterministic=1",)))
backend.open()
stepper = tiny_stepper(backend, "crf", dropout=0.1)
variables = [*stepper.model.variables, *stepper.optimizer.moments.values()]
first = stepper.run(1, [tiny_batch(1)], RATES)
moved = [item.numpy() for item in variables]
scale = float(stepper.loss_scale.scale)
from npu_device.gen_npu_ops import STATUS
STATUS.get().assign(tf.ones([8], tf.int32))
second = stepper.run(2, [tiny_batch(2)], RATES)
kept = [bool((item.numpy() == old).all()) for item, old in zip(variables, moved) if "loss_scale" not in item.name]
third = stepper.run(3, [tiny_batch(3)], RATES)
changed = [bool((item.numpy() != old).any()) for item, old in zip(variables, moved) if "loss_scale" not in item.name]
refusals.update(
    skipped=[first.skipped, second.skipped, third.skipped],
    kept=kept, changed=changed, compiled=[first.compiled, second.compiled, third.compiled],
    scales=[scale, float(stepper.loss_scale.scale)],
    losses=[first.loss, second.loss, third.loss],
    environment={name: os.environ.get(name) for name in ("JOB_ID", "ASCEND_DEVICE_ID", "RANK_ID", "RANK_SIZE", "SLOG_PRINT_TO_STDOUT")},
    calls=npu_device.calls,
    description=backend.describe(),
)
"""  # noqa: E501


def test_overflow_in_the_status_register_skips_one_update_and_halves_the_scale(tmp_path: Path) -> None:
    seen = run_script(tmp_path, BACKEND, RANK_ID="0")
    assert seen["skipped"] == [False, True, False]
    assert all(seen["kept"])  # not one weight or moment moved in the skipped update
    assert sum(seen["changed"]) > len(seen["changed"]) / 2
    assert seen["scales"] == [2.0**15, 2.0**14]
    assert seen["compiled"] == [True, False, False]
    assert seen["environment"]["ASCEND_DEVICE_ID"] == "3"
    assert seen["environment"]["RANK_SIZE"] == "1" and seen["environment"]["SLOG_PRINT_TO_STDOUT"] == "0"
    names = [call[0] for call in seen["calls"]]
    assert names.index("open") < names.index("as_default") < names.index("compile")
    assert max(index for index, name in enumerate(names) if name == "option") < names.index("open")
    assert ["open", 3] in seen["calls"]
    assert ["npu_get_float_status_v2", True] in seen["calls"]  # under the attribute scope that the adapter wants
    assert ["npu_clear_float_status_v2", True] in seen["calls"]
    assert names.count("compile") == 1
    assert names.count("dropout") > 5
    options = {call[1]: call[2] for call in seen["calls"] if call[0] == "option"}
    assert options["deterministic"] == 1 and options["precision_mode"] == "must_keep_origin_dtype"
    assert seen["description"]["loss_scaling"] is True and seen["description"]["infinities"] is False


def train(workplace: Path, tmp_path: Path, device: str, head: str, *more: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [
            sys.executable, "-m", "nerctl", "train", "--device", device, "--steps", "5", "--from-scratch", "--head", head,
            "--batch-size", "8", "--max-seq-length", "24", "--lstm-size", "8", "--dropout", "0", "--batch-shape", "fixed",
            "--no-test", "--output-dir", f"{device}-{head}", *more,
        ],
        cwd=workplace,
        env={**environment(tmp_path), "STANDIN_RECORD": str(workplace / f"record-{head}.json")},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip


def step_losses(folder: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (folder / "steps.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("head", ["bilstm-crf", "crf"])
def test_five_steps_are_one_compilation_with_the_cpus_losses(workplace: Path, tmp_path: Path, head: str) -> None:
    npu = train(workplace, tmp_path, "npu", head)
    assert npu.returncode == 0, npu.stderr
    cpu = train(workplace, tmp_path, "cpu", head)
    assert cpu.returncode == 0, cpu.stderr
    losses = step_losses(workplace / f"npu-{head}")
    assert len(losses) == 5
    assert losses == pytest.approx(step_losses(workplace / f"cpu-{head}"), rel=1e-4)
    record = json.loads((workplace / f"record-{head}.json").read_text())
    assert [call[1] for call in record if call[0] == "compile"].count("_update") == 1
    run = json.loads((workplace / f"npu-{head}" / "run.json").read_text())
    assert run["warmup"]["programs"] == 1 and run["warmup"]["shapes"] == [[8, 24]]
    assert run["device"]["dropout_repeats"] is False
    steps = [json.loads(line) for line in (workplace / f"npu-{head}" / "steps.jsonl").read_text().splitlines()]
    assert not any(step["compiled"] for step in steps)  # the warm-up did it all
    log = (workplace / f"npu-{head}" / "loss+perf_npu.txt").read_text().splitlines()
    assert [line.split(",")[0] for line in log] == [f"step: {number}" for number in range(1, 6)]
    assert "Warm-up: 1 program" in npu.stderr
