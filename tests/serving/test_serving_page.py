from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from fake_worker import result_of
from webdriver import CONTROL, ENTER, TAB, Browser

RARE = "去👩‍🚀👨‍👩‍👧‍👦山水𠮷𩸽abc，é字🇨🇳水\n末xyz"
MARKS = """
return [...document.querySelectorAll("#marked mark")].map(
  mark => [mark.firstChild.textContent, mark.querySelector("small").textContent])
"""
ROWS = """
return [...document.querySelectorAll("#rows tr")].map(row => [...row.cells].map(cell => cell.textContent))
"""
STATUS = "return document.getElementById('status').textContent"


@pytest.fixture(scope="module")
def browsers(tmp_path_factory):
    """One browser a language, for all tests of this file."""
    if shutil.which("chromedriver") is None:
        pytest.skip("needs chromedriver and Chromium (Debian: apt-get install chromium chromium-driver)")
    opened = {}

    def start(language):
        if language not in opened:
            opened[language] = Browser(tmp_path_factory.mktemp("profile"), language)
        return opened[language]

    yield start
    for browser in opened.values():
        browser.close()


@pytest.fixture
def browse(browsers):
    def open_page(url, language="en"):
        browser = browsers(language)
        browser.emulate(1280, 900, "light")
        browser.open(url)
        browser.messages()
        return browser

    return open_page


def type_and_ask(browser, text):
    browser.run("document.getElementById('text').value = ''; document.getElementById('text').focus()")
    browser.insert(text)
    browser.press(CONTROL, ENTER)
    return browser.until(
        "return document.getElementById('go').disabled ? '' : arguments[0] && " + STATUS[7:], 1
    )


def test_a_typed_text_is_marked_right_also_after_emoji_and_rare_characters(serve, browse):
    server = serve()
    browser = browse(server.url)
    assert type_and_ask(browser, RARE) == f"{len(result_of(RARE).entities)} entities found."
    wanted = result_of(RARE).entities
    assert len(RARE.encode("utf-16-le")) // 2 > len(RARE), "the text must tell code points from UTF-16 units"
    assert browser.run(MARKS) == [[entity.text, entity.type] for entity in wanted]
    assert browser.run(ROWS) == [
        [entity.type, entity.text, str(entity.start), str(entity.end), f"{entity.score:.3f}"]
        for entity in wanted
    ]
    without_labels = "const copy = document.getElementById('marked').cloneNode(true);"
    without_labels += "copy.querySelectorAll('small').forEach(one => one.remove()); return copy.textContent"
    assert browser.run(without_labels) == RARE
    assert browser.messages() == []


def test_the_page_works_by_keyboard_alone(serve, browse):
    browser = browse(serve().url)
    focused = "return document.activeElement.id"
    assert browser.run(focused) == "text", "one can type at once"
    browser.insert("abc")
    browser.press(TAB)
    assert browser.run(focused) == "go"
    browser.press(ENTER)
    browser.until("return document.querySelectorAll('#rows tr').length === 1")
    order = []
    for _ in range(3):
        browser.press(TAB)
        order.append(browser.run(focused))
    assert order[:2] == ["example", "list"]


def test_a_screen_reader_is_told_what_there_is(serve, browse):
    browser = browse(serve().url)
    type_and_ask(browser, "abc 山水")
    told = browser.accessibility()
    for role, name in [
        ("textbox", "Text"),
        ("button", "Find entities"),
        ("button", "Example"),
        ("button", "中文"),
        ("heading", "Named entities"),
        ("heading", "Entities"),
        ("columnheader", "Start"),
        ("cell", "NATURE"),
        ("region", "Entities"),
        ("main", ""),
    ]:
        assert (role, name) in told, (role, name, told)
    assert ("status", "") in told
    assert browser.run("return document.getElementById('status').getAttribute('aria-live')") == "polite"
    assert browser.run("return document.documentElement.lang") == "en"


def test_the_language_is_the_browsers_and_can_be_changed(serve, browse):
    server = serve()
    browser = browse(server.url, language="zh-CN")
    assert browser.run("return document.documentElement.lang") == "zh-Hans"
    assert type_and_ask(browser, "abc") == "找到 1 个实体。"
    browser.click("#language")
    assert browser.run(STATUS) == "1 entity found."
    assert browser.run("return document.title").startswith("Named entities")
    assert (
        browser.run("return [...document.querySelectorAll('[data-say]')].filter(e => !e.textContent).length")
        == 0
    )
    assert browser.run(ROWS)[0][1] == "abc"


def test_errors_are_said_on_the_page(serve, browse):
    server = serve(max_chars=10)
    browser = browse(server.url)
    browser.click("#go")
    assert browser.run(STATUS) == "Type a text first."
    assert "10" in type_and_ask(browser, "x" * 11)
    assert type_and_ask(browser, "。。") == "No entities found."
    assert browser.run("return document.getElementById('list').hidden") is True
    server.stop()
    assert type_and_ask(browser, "abc") == "The server cannot be reached."


def test_a_server_with_a_token_can_be_used_from_the_page(serve, browse):
    browser = browse(serve(tokens=["secret"]).url)
    assert browser.run("return document.getElementById('token-row').hidden") is True
    assert type_and_ask(browser, "abc") == "Enter the token and try again."
    assert browser.run("return document.activeElement.id") == "token"
    browser.insert("secret")
    browser.press(ENTER)
    browser.until("return document.querySelectorAll('#rows tr').length === 1")


CONTRAST = """
const brightness = colour => {
  const parts = colour.match(/[\\d.]+/g).slice(0, 3).map(Number).map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
};
const behind = element => {
  const clear = one => getComputedStyle(one).backgroundColor === "rgba(0, 0, 0, 0)";
  while (element && clear(element)) element = element.parentElement;
  return getComputedStyle(element || document.body).backgroundColor;
};
for (let n = 0; n < 10; n++) {
  const mark = document.createElement("mark"); mark.className = "t" + n; mark.textContent = "x";
  document.getElementById("marked").append(mark);
}
return [...document.querySelectorAll("body *")].filter(e => e.checkVisibility() && e.tagName !== "SCRIPT" &&
    [...e.childNodes].some(node => node.nodeType === 3 && node.data.trim())).map(e => {
  const pair = [brightness(getComputedStyle(e).color), brightness(behind(e))].sort((a, b) => b - a);
  return [(pair[0] + 0.05) / (pair[1] + 0.05), e.tagName + "." + e.className + "#" + e.id];
}).sort((a, b) => a[0] - b[0])[0];
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_the_screen_and_has_contrast(serve, browse, width, scheme, tmp_path):
    """Contrast of at least 4.5 (WCAG 2.2, 1.4.3). PAGE_SCREENSHOTS=DIR keeps the pictures, to look at."""
    browser = browse(serve().url)
    browser.emulate(width, 900, scheme)
    browser.insert(RARE + "山山abc𠮷" * 12)
    browser.click("#go")
    browser.until("return document.querySelectorAll('#rows tr').length > 10")
    dark = browser.run("return matchMedia('(prefers-color-scheme: dark)').matches")
    assert dark == (scheme == "dark")
    beside = """
      return [...document.querySelectorAll("#marked mark")].every(mark => mark.getClientRects().length === 1)
    """
    assert browser.run(beside), "a label stays beside its entity"
    assert browser.run("return [document.documentElement.scrollWidth, innerWidth]") == [width, width]
    folder = Path(os.environ.get("PAGE_SCREENSHOTS", tmp_path))
    browser.screenshot(folder / f"page-{width}-{scheme}.png")
    ratio, where = browser.run(CONTRAST)
    assert ratio >= 4.5, where
    heights = "return [...document.querySelectorAll('button')].map(one => one.getBoundingClientRect().height)"
    assert min(browser.run(heights)) >= 44, "a finger needs 44 pixels"
