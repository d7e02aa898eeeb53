"""Options that several commands have alike, and the model folder of a command that was told none."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, Optional

import typer

from nerctl.backends import Device
from nerctl.commands._help import DEVICE, MODEL, choices
from nerctl.errors import NerctlError
from nerctl.folder import POINTER
from nerctl.heads import names

if TYPE_CHECKING:
    Head = str
else:
    Head = Literal[names()]  # what `--head` takes is known when the heads are

MAX_TOKENS_HELP = (
    "Padded word pieces computed at once, at the most. Default: 4096 on the CPU, 32768 on CUDA, 32 windows on an NPU, "
    "512 a core with ONNX."
)
"""Help of --max-tokens."""

MODEL_OPTION = typer.Option(
    Path("output"), "--model", "-m", help="Training folder or exported folder.", metavar="DIR", rich_help_panel=MODEL
)
ALLOW_BLANKS_OPTION = typer.Option(
    False, "--allow-blanks",
    help="Let entities begin and end with blanks, and cut joined characters.",
    rich_help_panel=MODEL,
)
DEVICE_OPTION = typer.Option(
    "auto", "--device", help="auto takes CUDA if there is a card.", metavar=choices(Device), rich_help_panel=DEVICE
)
THREADS_OPTION = typer.Option(
    0, "--threads", min=0, help="Computing threads; 0: as many as cores.", metavar="N", rich_help_panel=DEVICE
)
MAX_TOKENS_OPTION = typer.Option(
    None, "--max-tokens", min=1, help=MAX_TOKENS_HELP, metavar="N", rich_help_panel=DEVICE
)
"""Each is the default of the parameter of its name."""

USUAL_FOLDERS = (Path("export"), Path("output"))
"""Where export and train write unless they are told otherwise."""
QUICKSTART_MODEL = Path("quickstart/output")
"""Where quickstart does; it is suggested, never taken."""


def the_model(given: Optional[Path]) -> Path:
    """The model folder of a command: the one that was named, else the only one of `USUAL_FOLDERS` that holds a model.

    Raises:
        NerctlError: none was named, and none of them holds a model, or both do.
    """
    if given is not None:
        return given
    found = [folder for folder in USUAL_FOLDERS if (folder / POINTER).is_file()]
    if len(found) == 1:
        return found[0]
    names = [str(folder) for folder in USUAL_FOLDERS]
    if found:
        raise NerctlError(f"{' and '.join(names)} both hold a model; say which with --model")
    if (QUICKSTART_MODEL / POINTER).is_file():
        hint = f"{QUICKSTART_MODEL} does: --model {QUICKSTART_MODEL}"
    else:
        hint = "name its folder with --model"
    raise NerctlError(f"neither {' nor '.join(names)} holds a model; {hint}")
