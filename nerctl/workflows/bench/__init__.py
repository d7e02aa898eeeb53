"""How fast training and prediction run on this machine, against what the machine can do."""

from __future__ import annotations

from typing import Literal

Work = Literal["train", "predict"]
"""What can be measured."""
