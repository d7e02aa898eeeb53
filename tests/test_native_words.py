"""TensorFlow's native words: silent in the command line, shown when something goes wrong; with a made-up TensorFlow."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

NOISE = "E0000 made-up noise"
CONFIG = "class config:\n    list_physical_devices = staticmethod(lambda: os.write(2, b'E0000 more noise\\n'))\n"
ENDS = {
    "well": CONFIG,
    "import error": "raise ImportError('libmade_up.so is missing')\n",
    "no devices": "class config:\n    @staticmethod\n    def list_physical_devices(): raise RuntimeError('made up')\n",
    "abort": "os.abort()\n",
    "exit": "os._exit(3)\n",
}


def imported(folder: Path, end: str, before: str) -> str:
    """Standard error of a process that runs `before` and imports a TensorFlow that talks, and ends so."""
    (folder / "tensorflow.py").write_text(f"import os\nos.write(2, b'{NOISE}\\n')\n{ENDS[end]}")
    path = os.pathsep.join([str(folder), str(Path(__file__).parents[1])])
    done = subprocess.run(
        [sys.executable, "-c", f"{before}\nimport tensorflow\nos.write(2, b'own words')"],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": path}, timeout=300,
    )  # fmt: skip
    assert (done.returncode == 0) == (end == "well")
    return done.stderr


HOLD = "import os\nfrom nerctl.native_words import hold_native_words\nhold_native_words({})"


def test_native_words_are_not_shown_when_all_goes_well_and_later_ones_are(tmp_path: Path) -> None:
    assert imported(tmp_path, "well", HOLD.format("")) == "own words"


@pytest.mark.parametrize("end", ["import error", "no devices", "abort", "exit"])
def test_native_words_are_shown_when_loading_fails_or_the_process_dies_of_it(tmp_path: Path, end: str) -> None:
    assert NOISE in imported(tmp_path, end, HOLD.format(""))


def test_native_words_are_shown_as_they_come_for_debug_and_on_import_of_the_package(tmp_path: Path) -> None:
    assert NOISE in imported(tmp_path, "well", HOLD.format("lambda: True"))
    assert NOISE in imported(tmp_path, "well", "import os\nimport nerctl")


def test_a_command_that_loads_tensorflow_says_nothing_native(tmp_path: Path) -> None:
    found = subprocess.run(
        [sys.executable, "-m", "nerctl", "--quiet", "doctor", "--device", "cpu"],
        capture_output=True, text=True, check=False, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )  # fmt: skip
    assert found.returncode == 0 and "TensorFlow" in found.stdout
    assert found.stderr == ""
