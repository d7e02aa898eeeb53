"""What the tests of transfers share: servers that misbehave, a small full disk."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Callable

import pytest
from fetching import Fetch
from misbehaving import Misbehaving
from runs import Setting


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("NERCTL_MIRROR", raising=False)


@pytest.fixture
def server_of() -> Iterator[Callable[[bytes], Misbehaving]]:
    """Starts servers of given contents."""
    servers: list[Misbehaving] = []

    def start(content: bytes) -> Misbehaving:
        servers.append(Misbehaving(content))
        return servers[-1]

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def fetch(tmp_path: Path) -> Fetch:
    return Fetch(tmp_path)


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    """A run, the data set that it has read, and a folder to archive to."""
    return Setting(tmp_path)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 KB of its own; needs root and mount."""
    disk = tmp_path / "small-disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a small tmpfs cannot be mounted here (needs root)")
    yield disk
    subprocess.run(["umount", str(disk)], check=True, capture_output=True)
