"""Downloads, unpacking, archives; here what their options take, so that the command line need not load the rest."""

from __future__ import annotations

from typing import Literal

EncoderName = Literal["chinese_L-12_H-768_A-12", "e5-small-zh"]
"""The encoders that `fetch-bert` knows by name; the first is the default."""

BuiltEncoder = Literal["e5-small-zh"]
"""Those of them that need no download of their own: what `quickstart --bert` takes."""

What = Literal["dataset", "checkpoint", "logs", "all"]
"""What can be archived."""

Layout = Literal["flat", "turing"]
"""How an archive is laid out."""

PROJECT = "CarPeting_TF_BiLSTM_CRF"
"""The original workflow's name for the project."""
