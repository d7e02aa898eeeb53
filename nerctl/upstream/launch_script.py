"""The `run_1p.sh` that runs the patched original as its migration note does, less its `rm -rf output/*`."""

from __future__ import annotations

import ast
import warnings
from pathlib import Path
from typing import Literal

PatchedDevice = Literal["cuda", "npu"]
"""What the original can be patched for: what `patch-hooks --device` takes."""

SCRIPT_NAME = "run_1p.sh"

WRITTEN_BY = "# Written by `nerctl patch-hooks`"
"""How a script of ours begins on its second line: only such a script is ever overwritten or removed."""

_LAUNCH = "from bert_base.runs import train_ner; train_ner()"

_HEAD = """\
#!/bin/sh
{written_by} --device {device}: runs the patched original for {steps} steps
# (batch 32, learning rate 2e-5, 1 epoch) and writes what it prints to {log}.
# Run it in the folder that holds NERdata/ (train.txt, dev.txt, test.txt) and model/ (the unpacked encoder):
#     sh {script}
# DATA, MODEL and PYTHON name other places; arguments go on to the original (-max_seq_length 128).
# It empties nothing: where output/ or the log has content, the next free number is taken.
set -u
package_root=$(cd "$(dirname "$0")/{up}" && pwd) || exit 2
PYTHONPATH="$package_root${{PYTHONPATH:+:$PYTHONPATH}}"
export PYTHONPATH
data=${{DATA:-NERdata}}
model=${{MODEL:-model}}
for needed in "$data/train.txt" "$data/dev.txt" "$data/test.txt" "$model/vocab.txt"; do
    if [ ! -f "$needed" ]; then
        echo "run_1p.sh: $needed is missing: run it where NERdata/ and model/ are, or set DATA and MODEL" >&2
        exit 2
    fi
done
"""

_CUDA = """\
DEVICE_MAP=${DEVICE_MAP:-5} # the note's card; DEVICE_MAP=0 takes the first
if ! command -v nvidia-smi >/dev/null; then
    echo "run_1p.sh: no nvidia-smi here, so TensorFlow will likely run on the CPU" >&2
elif ! nvidia-smi -i "$DEVICE_MAP" >/dev/null 2>&1; then
    echo "run_1p.sh: there is no card $DEVICE_MAP; name one of nvidia-smi -L, such as DEVICE_MAP=0" >&2
    exit 2
fi
"""

_NPU = """\
if [ -z "${ASCEND_OPP_PATH-}" ]; then
    echo "run_1p.sh: ASCEND_OPP_PATH is not set: source the Ascend toolkit's set_env.sh first" >&2
    exit 2
fi
# One card; a variable that is set already, even to nothing, is left alone.
: "${JOB_ID=10087}" "${ASCEND_DEVICE_ID=0}" "${RANK_ID=0}" "${RANK_SIZE=1}" "${SLOG_PRINT_TO_STDOUT=0}"
export JOB_ID ASCEND_DEVICE_ID RANK_ID RANK_SIZE SLOG_PRINT_TO_STDOUT
"""

_RUN = """\
number=1
output=output
log={log}
while [ -e "$log" ] || {{ [ -e "$output" ] && [ -n "$(ls -A "$output")" ]; }}; do
    number=$((number + 1))
    output=output-$number
    log={log_stem}-$number.txt
done
mkdir -p "$output" || exit 1
echo "run_1p.sh: checkpoint in $output/, step lines in $log" >&2
"${{PYTHON:-python3}}" -u -c '{launch}' \\
    {flags} \\
    "$@" >"$log" 2>&1
status=$?
grep 'step: [0-9]*, cost time: ' "$log" || echo "run_1p.sh: no step was run; $log says why" >&2
exit $status
"""


def log_name(device: str) -> str:
    """The log's name in the note: loss+perf_gpu.txt for `cuda`, loss+perf_npu.txt for `npu`."""
    return f"loss+perf_{'gpu' if device == 'cuda' else device}.txt"


def launch_script(device: str, steps: int, up: str, train_helper: Path | None) -> str:
    """The script for `device` (`cuda` or `npu`); `up` leads from its folder to that of `bert_base`.

    `train_helper` is the source of the original's command line: versions differ in how a switch goes off.
    """
    log = log_name(device)
    head = _HEAD.format(written_by=WRITTEN_BY, device=device, steps=steps, log=log, script=SCRIPT_NAME, up=up)
    flags = [
        *_switched_off(train_helper),
        '-data_dir "$data" -output_dir "$output"',
        '-vocab_file "$model/vocab.txt" -bert_config_file "$model/bert_config.json"',
        '-init_checkpoint "$model/bert_model.ckpt"',
        "-batch_size 32 -learning_rate 2e-5 -num_train_epochs 1",
    ]
    if device == "cuda":
        flags.append('-device_map "$DEVICE_MAP"')
    stem = log[: -len(".txt")]
    run = _RUN.format(log=log, log_stem=stem, launch=_LAUNCH, flags=" \\\n    ".join(flags))
    return head + (_NPU if device == "npu" else _CUDA) + run


def _switched_off(train_helper: Path | None) -> list[str]:
    """The arguments that turn off prediction and the emptying of the output folder in this version."""
    actions = _switch_actions(train_helper)
    flags = []
    for switch in ("do_predict", "clean"):
        action = actions.get(switch)
        if action == "store_false":
            flags.append(f"-{switch}")  # the flag alone switches off
        elif action == "bool":
            flags.append(f"-{switch} ''")  # type=bool: only the empty string is false
    return [" ".join(flags)] if flags else []


def _switch_actions(train_helper: Path | None) -> dict[str, str]:
    """For each argument of the original's parser: its action, or the name of its type."""
    if train_helper is None or not train_helper.is_file():
        return {"do_predict": "bool", "clean": "bool"}  # as in bert-base 0.0.9
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its '\\c' in a Windows path
        try:
            tree = ast.parse(train_helper.read_bytes())
        except (SyntaxError, ValueError):
            return {"do_predict": "bool", "clean": "bool"}
    actions: dict[str, str] = {}
    for call in ast.walk(tree):
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
            continue
        if call.func.attr != "add_argument" or not call.args or not isinstance(call.args[0], ast.Constant):
            continue
        keywords = {keyword.arg: keyword.value for keyword in call.keywords}
        kind = keywords.get("action", keywords.get("type"))
        name = str(call.args[0].value).lstrip("-")
        if isinstance(kind, ast.Constant):
            actions[name] = str(kind.value)
        elif isinstance(kind, ast.Name):
            actions[name] = kind.id
    return actions
