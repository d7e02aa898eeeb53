"""`nerctl patch-hooks`: the original with its migration note's step timer."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import typer

from nerctl.commands._help import DEVICE, OUTPUT, SCHEDULE, choices
from nerctl.console import out
from nerctl.upstream.launch_script import PatchedDevice
from nerctl.wording import counted

_WHAT_HAPPENED = {
    "patched": "{path}: patched for {steps} on {device}.",
    "would patch": "{path}: would be patched for {steps} on {device}; nothing was written.",
    "unchanged": "{path}: patched already for {steps} on {device}; nothing to do.",
    "patched by hand": "{path}: patched already.",
    "reverted": "{path}: the original's bytes are back.",
    "would revert": "{path}: the original's bytes would come back; nothing was written.",
    "original": "{path}: is the original already.",
}


def patch_hooks(
    checkout: Optional[Path] = typer.Argument(
        None,
        metavar="DIR",
        help="The original's checkout, the folder that holds bert_base, or bert_lstm_ner.py itself. "
        "Without it: the current folder, else the bert_base of this Python.",
        show_default=False,
    ),
    steps: int = typer.Option(
        5, "--steps", min=1,
        help="The patched program stops after so many steps.", metavar="N", rich_help_panel=SCHEDULE,
    ),
    device: PatchedDevice = typer.Option(
        "cuda", "--device",
        help="npu adds the Ascend adapter's session config.", metavar=choices(PatchedDevice), rich_help_panel=DEVICE,
    ),
    dry_run: bool = typer.Option(False, "--dry-run", help="Show the diff, write nothing.", rich_help_panel=OUTPUT),
    revert: bool = typer.Option(
        False, "--revert", help="Restore the source byte for byte.", rich_help_panel=OUTPUT
    ),
    force: bool = typer.Option(
        False, "--force", help="With --revert: also when the source was edited since.", rich_help_panel=OUTPUT
    ),
    as_json: bool = typer.Option(False, "--json", help="The outcome as JSON.", rich_help_panel=OUTPUT),
) -> None:
    """Put a step timer into the original (macanv/BERT-BiLSTM-CRF-NER, PyPI bert-base), or take it out.

    The patched program prints a line a step, `step: 1, cost time: 7.391s, losses: 132.724`, and stops by
    itself. A run_1p.sh beside the source runs it (batch 32, learning rate 2e-5, 1 epoch) and empties nothing.
    A source that is not recognised is left untouched.

    \b
    Examples:
      nerctl patch-hooks BERT-BiLSTM-CRF-NER --device npu --dry-run
      nerctl patch-hooks py37/lib/python3.7/site-packages --steps 5
    """
    from nerctl.upstream import patch_files

    path = patch_files.find_source(checkout)
    if revert:
        outcome = patch_files.revert_patch(path, dry_run=dry_run, force=force)
    else:
        outcome = patch_files.apply_patch(path, device=device, steps=steps, dry_run=dry_run)
    if as_json:
        out.json(
            {
                "path": str(outcome.path),
                "status": outcome.status,
                "original_sha256": outcome.original_sha256,
                "sha256": outcome.sha256,
                "script": str(outcome.script) if outcome.script is not None else None,
                "notes": outcome.notes,
                "diff": outcome.diff,
            }
        )
        return
    if outcome.diff:
        out.result(outcome.diff.rstrip("\n"))
    out.say(_WHAT_HAPPENED[outcome.status].format(path=outcome.path, steps=counted(steps, "step"), device=device))
    for note in outcome.notes:
        out.warn(note)
    if outcome.script is not None and outcome.status != "unchanged":
        out.say(
            f"{'To run it' if outcome.status == 'patched' else 'It would be run with'}: sh {outcome.script}"
        )
