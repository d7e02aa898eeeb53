"""What options of the commands that load a model have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

from nerctl.errors import NerctlError
from nerctl.folder import POINTER

MAX_TOKENS_HELP = (
    "Padded word pieces computed at once, at the most. Default: 4096 on the CPU, 32768 on CUDA, 32 windows on an NPU, "
    "512 a core with ONNX."
)
"""Help of --max-tokens."""

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
