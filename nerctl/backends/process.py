"""The process that TensorFlow runs in: its threads do not come along into a fork, where a call waits for them for ever."""

from __future__ import annotations

import os
from typing import Optional

from nerctl.errors import NerctlError

_taken: Optional[int] = None


def take_process() -> None:
    """Notes that TensorFlow runs in this process from now on, or finds that it does.

    Raises:
        NerctlError: this process is a fork of one in which TensorFlow already ran.
    """
    global _taken
    if _taken is None:
        _taken = os.getpid()
    elif _taken != os.getpid():
        raise NerctlError(
            f"TensorFlow ran before this process was forked (from process {_taken}) and cannot run in it; load the "
            "model in each process after the fork (multiprocessing: spawn; gunicorn: no --preload), or export it to ONNX"
        )
