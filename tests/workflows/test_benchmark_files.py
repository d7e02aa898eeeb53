"""The files of `benchmarks/`, which are run by hand: each starts, and what they share computes what it says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
PROGRAMS = sorted(path for path in BENCHMARKS.glob("*.py") if "__main__" in path.read_text(encoding="utf-8"))


@pytest.fixture()
def shared_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_each_benchmark_starts_and_says_what_it_measures(path: Path) -> None:
    if "torch_weights" in path.read_text(encoding="utf-8"):
        pytest.importorskip("torch", reason="the torch side needs the extra oracle")
    result = subprocess.run([sys.executable, str(path), "--help"], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    assert f"python benchmarks/{path.name}" in result.stdout


def test_every_benchmark_is_in_the_readme_of_the_folder() -> None:
    text = (BENCHMARKS / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in PROGRAMS if f"`{path.name}`" not in text] == []


@pytest.mark.usefixtures("shared_code")
def test_rounds_take_every_side_once_and_begin_with_another_each_time() -> None:
    from side_by_side import interleaved

    order: list[str] = []
    found = interleaved({name: lambda name=name: order.append(name) or len(order) for name in "abc"}, 3)
    assert order == list("abcbcacab")
    assert found == {"a": [1, 6, 8], "b": [2, 4, 9], "c": [3, 5, 7]}


@pytest.mark.usefixtures("shared_code")
def test_a_process_reports_its_own_peak_memory_lines_and_failure() -> None:
    from side_by_side import run

    small = run([sys.executable, "-c", "print('one'); print('two')"])
    large = run([sys.executable, "-c", "import time; print(len(b'x' * 300_000_000)); time.sleep(0.2)"])
    assert small.lines == ["one", "two"] and small.times == sorted(small.times)
    assert large.peak_gb - small.peak_gb == pytest.approx(0.3, abs=0.03)
    with pytest.raises(SystemExit, match="ended with 3"):
        run([sys.executable, "-c", "import sys; sys.exit(3)"])


@pytest.mark.usefixtures("shared_code")
def test_the_growth_exponent_is_the_slope_on_logarithms() -> None:
    from scaling import exponent

    assert exponent([1, 2, 4, 8], [3.0, 6.0, 12.0, 24.0]) == pytest.approx(1.0)
    assert exponent([1, 2, 4, 8], [1.0, 4.0, 16.0, 64.0]) == pytest.approx(2.0)


@pytest.mark.usefixtures("shared_code")
def test_a_grown_corpus_has_the_size_asked_for_and_no_sentence_twice(tmp_path: Path) -> None:
    from scaling import grown_corpus

    lines = [f"{character} O" for character in "一二三四五六七八九十"]
    (tmp_path / "train.txt").write_text("\n\n".join("\n".join(lines[low : low + 8]) for low in range(3)) + "\n\n")
    grown_corpus(tmp_path / "train.txt", tmp_path / "grown.txt", 5)
    blocks = (tmp_path / "grown.txt").read_text(encoding="utf-8").strip().split("\n\n")
    assert len(blocks) == 5
    assert all(block.count("\n") == 7 for block in blocks)
