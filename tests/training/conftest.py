"""Runs that cost next to nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_corpus import write_encoder
from tiny_run import eagerly

from nerctl.backends.cpu import CpuBackend
from nerctl.evaluation import report as report_room
from nerctl.training import session as session_room


@pytest.fixture
def tiny(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The workplace with a tiny encoder and nothing compiled or drawn: these tests make dozens of runs of a few steps.

    What is computed is the same from part to part all the same. --threads may be given to a part in this process.
    """
    write_encoder(workplace / "model", hidden=16, layers=1)
    monkeypatch.setattr(CpuBackend, "compile", lambda self, function, signature: eagerly(function, signature))
    monkeypatch.setattr(session_room, "share_cores", lambda *_: None)
    monkeypatch.setattr(report_room, "curves_png", lambda *_: None)
    return workplace
