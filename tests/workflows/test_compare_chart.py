"""The pictures of two runs: what they show, and pages that load nothing."""

from __future__ import annotations

import math
import shutil
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from two_runs import GPU, NPU, log

from nerctl.workflows.compare.comparison import compare_runs

sys.path.append(str(Path(__file__).parents[1] / "serving"))  # the browser driver of that room's tests
from webdriver import Browser


class Outline(HTMLParser):
    """What a page holds: texts, tables' cells, and addresses that it would load."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.cells: list[str] = []
        self.loads: list[str] = []
        self._in_cell = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._in_cell = tag == "td"
        for name, value in attrs:
            if name in ("src", "href", "xlink:href") and value and not value.startswith("#"):
                self.loads.append(value)

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.cells.append(data)
            self._in_cell = False


def test_png_has_both_colours_of_the_two_sides(published: tuple[Path, Path], tmp_path: Path) -> None:
    image = pytest.importorskip("matplotlib.image", reason="matplotlib is not installed")
    numpy = pytest.importorskip("numpy")
    from nerctl.workflows.compare.chart import write_plot

    path = tmp_path / "speed.png"
    write_plot(compare_runs(*published), path)
    pixels = (image.imread(str(path))[..., :3] * 255).round().astype(int)
    assert pixels.shape[0] > 300 and pixels.shape[1] > 800
    for colour in ((0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)):  # Okabe and Ito's blue and vermillion
        same = (numpy.abs(pixels - numpy.array(colour)).sum(axis=2) < 6).sum(axis=0)
        half = same.size // 2
        assert same[:half].sum() > 100 and same[half:].sum() > 100  # in both panels


def test_figure_has_two_panels_and_logarithmic_times(published: tuple[Path, Path]) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    from nerctl import charts
    from nerctl.workflows.compare.chart import panels

    loss, times = charts.figure(panels(compare_runs(*published))).axes
    assert (loss.get_yscale(), times.get_yscale()) == ("linear", "log")
    for axes, column in ((loss, 1), (times, 0)):
        drawn = [line for line in axes.lines if line.get_linestyle() != "None"]
        assert [list(line.get_ydata()) for line in drawn] == [
            [step[column] for step in side] for side in (GPU, NPU)
        ]
        assert (
            len({line.get_marker() for line in drawn}) == len({line.get_linestyle() for line in drawn}) == 2
        )
    low, high = times.get_ylim()
    assert any(low <= tick <= high for tick in times.get_yticks())


@pytest.mark.parametrize("name", ["plot.png", "plot.html"])
@pytest.mark.parametrize("seconds", [[0.5, 0.5], [0.0, 0.0], [0.7, 0.71], [1e-3, 1e5], [3.0]])
def test_any_times_can_be_drawn(tmp_path: Path, seconds: list[float], name: str) -> None:
    if name == "plot.png":
        pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    from nerctl.workflows.compare.chart import write_plot

    a = log(tmp_path / "a", [(taken, math.nan) for taken in seconds])
    b = log(tmp_path / "b", [(taken, 1.0) for taken in seconds])
    write_plot(compare_runs(a, b), tmp_path / name)
    begins = (b"\x89PNG", b"<!DOCTYPE html>")
    assert (tmp_path / name).read_bytes().startswith(begins)


def test_page_holds_every_figure_escaped_and_loads_nothing_without_matplotlib(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    from nerctl.workflows.compare.chart import write_plot

    folder = tmp_path / "<b>&$x$ 命名"
    folder.mkdir()
    a, b = log(folder / "a$1$<i>.txt", GPU), log(folder / "b.txt", NPU)
    write_plot(compare_runs(a, b), tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    page = Outline()
    page.feed(text)
    assert page.loads == [] and "script" not in page.tags and "b" not in page.tags and "i" not in page.tags
    assert page.tags.count("svg") == 2 and "&lt;b&gt;&amp;$x$ 命名" in text
    for seconds, loss in GPU + NPU:
        assert f"{loss:.3f}" in page.cells
        assert {f"{seconds:.3f}", f"{seconds:.3f}w"} & set(page.cells)
    assert "162" in page.cells
    top = text[text.index("</h1>") : text.index("<svg")]
    assert "B is 162 times slower than A in steady steps" in top and "differ by up to 27.6 %" in top
    write_plot(compare_runs(a, b), tmp_path / "again.html")
    assert (tmp_path / "again.html").read_text(encoding="utf-8") == text


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    if shutil.which("chromedriver") is None:
        pytest.skip("needs chromedriver and Chromium (Debian: apt-get install chromium chromium-driver)")
    opened = Browser(tmp_path_factory.mktemp("profile"))
    yield opened
    opened.close()


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_the_page_does_not_scroll_sideways_whatever_the_paths_are(browser: Any, tmp_path: Path, width: int) -> None:
    from nerctl.workflows.compare.chart import write_plot

    folder = tmp_path / ("a_folder_whose_name_has_no_place_to_break_a_line" * 2)
    folder.mkdir()
    a, b = log(folder / "loss+perf_gpu.txt", GPU), log(folder / "loss+perf_npu.txt", NPU)
    write_plot(compare_runs(a, b, batch_size=32, loss_tolerance=0.1), tmp_path / "page.html")
    browser.emulate(width, 900, "light")
    browser.open((tmp_path / "page.html").as_uri())
    assert browser.run("return document.documentElement.scrollWidth") == width
    if width >= 390:
        assert browser.run("return [...document.querySelectorAll('.scroll')].every(e => e.scrollWidth <= e.clientWidth)")


def test_no_legend_is_clipped_however_long_the_names_are(browser: Any, tmp_path: Path) -> None:
    from nerctl.workflows.compare.chart import write_plot

    name = "loss_and_perf_of_a_long_experiment_that_ran_on_a_machine_{}.txt"
    a, b = log(tmp_path / name.format("gpu"), GPU), log(tmp_path / name.format("npu"), NPU)
    write_plot(compare_runs(a, b), tmp_path / "page.html")
    browser.emulate(390, 900, "light")
    browser.open((tmp_path / "page.html").as_uri())
    assert browser.run("return document.querySelectorAll('.legend').length") == 4
    inside = "box.x >= 0 && box.x + box.width <= frame.width && box.y + box.height <= frame.height"
    within = f"const box = text.getBBox(), frame = text.ownerSVGElement.viewBox.baseVal; return {inside};"
    assert browser.run(f"return [...document.querySelectorAll('svg text')].every(text => {{ {within} }})")
