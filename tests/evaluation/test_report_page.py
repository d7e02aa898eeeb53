"""report.html in a real browser: it fits the screen, asks for nothing, and its filters and toggles work."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from made_up_run import EVIL, made_up_sentences, made_up_steps, write_run

from nerctl.evaluation.report import write_report

sys.path.append(str(Path(__file__).parents[1] / "serving"))  # the browser driver of that room's tests
from webdriver import Browser

FILTER = """
document.getElementById(arguments[0]).value = arguments[1];
document.getElementById(arguments[0]).dispatchEvent(new Event("input"));
return document.getElementById("errors-count").textContent;
"""

STICKING_OUT = """
return [...document.querySelectorAll("svg text")].filter(function (label) {
  const frame = label.ownerSVGElement.getBoundingClientRect(), box = label.getBoundingClientRect();
  return box.width && (box.left < frame.left || box.right > frame.right || box.top < frame.top || box.bottom > frame.bottom);
}).map(label => label.textContent);
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_run(tmp_path_factory.mktemp("run") / "output")
    write_report(folder, made_up_sentences(300), "test")
    return folder / "report.html"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    if shutil.which("chromedriver") is None:
        pytest.skip("needs chromedriver and Chromium (Debian: apt-get install chromium chromium-driver)")
    opened = Browser(tmp_path_factory.mktemp("profile"), "zh-CN")
    yield opened
    opened.close()


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize(("scheme", "paper"), [("light", "rgb(255, 255, 255)"), ("dark", "rgb(20, 23, 26)")])
def test_the_page_fits_and_follows_the_systems_colours_and_asks_for_nothing(
    browser: Any, report: Path, width: int, scheme: str, paper: str
) -> None:
    browser.emulate(width, 900, scheme)
    browser.open(report.as_uri())
    assert browser.run("return document.documentElement.scrollWidth") == width
    assert browser.run("return getComputedStyle(document.body).backgroundColor") == paper
    assert browser.run("return performance.getEntriesByType('resource').length") == 0
    assert browser.messages() == []


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_no_label_leaves_its_chart(browser: Any, tmp_path: Path, width: int) -> None:
    folder = write_run(tmp_path / "output")
    (folder / "steps.jsonl").write_text("".join(json.dumps(step) + "\n" for step in made_up_steps(1000)))
    write_report(folder, made_up_sentences(20), "test")
    browser.emulate(width, 900, "light")
    browser.open((folder / "report.html").as_uri())
    assert "1000" in browser.run("return document.querySelector('.chart').textContent")
    assert browser.run(STICKING_OUT) == []


def test_the_list_is_filtered_by_class_type_and_text_and_shows_markup_as_text(browser: Any, report: Path) -> None:
    browser.emulate(1280, 900, "light")
    browser.open(report.as_uri())
    everything = int(browser.run("return document.getElementById('errors-count').textContent").split(" / ")[1])
    missed = int(browser.run(FILTER, "by-kind", "missed").split(" / ")[1])
    of_type = int(browser.run(FILTER, "by-type", "ORG").split(" / ")[1])
    shown = browser.run(FILTER, "by-text", "LEARNING")
    assert everything > missed > of_type > int(shown.split(" / ")[1]) > 0
    cards = browser.run("return [...document.querySelectorAll('.sentence')].map(card => card.textContent)")
    assert all(EVIL + "machine learning" in card and "ORG" in card for card in cards)
    assert browser.run("return document.querySelectorAll('main script').length") == 0
    for name in ("by-kind", "by-type", "by-text"):
        browser.run(FILTER, name, "")
    browser.click("#more")
    assert browser.run("return document.querySelectorAll('.sentence').length") == 100
    assert browser.messages() == []


def test_language_and_colours_can_be_switched(browser: Any, report: Path) -> None:
    browser.emulate(1280, 900, "light")
    browser.open(report.as_uri())
    assert "训练报告" in browser.run("return document.querySelector('h1').innerText")
    browser.click("#language")
    assert browser.run("return document.querySelector('h1').innerText") == "Training report"
    assert browser.run("return document.getElementById('by-text').placeholder") == "text in the sentence"
    browser.click("#theme")
    assert browser.run("return getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 26)"
