"""Reports: complete, self-contained, safe with any corpus, small, and written whole or not at all."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_run import EVIL, made_up_sentences, write_run

from nerctl import charts
from nerctl.data.spans import Span
from nerctl.errors import DataError, FailedError
from nerctl.evaluation.errors import ScoredSentence
from nerctl.evaluation.report import ERROR_BYTES, has_analysis, write_report
from nerctl.evaluation.webpage import environment, script_json
from nerctl.evaluation.words import WORDS


@pytest.fixture
def sentences() -> list[ScoredSentence]:
    return made_up_sentences(120)


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Path]:
    return lambda small=False: write_run(tmp_path / "output", small)


VOID = {"meta", "link", "br", "input", "img", "hr"}


class Page(HTMLParser):
    """What a browser would make of a page: elements, ids, links, scripts; complains about unbalanced tags."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: Counter[str] = Counter()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.scripts: list[str] = []
        self.handlers: list[str] = []
        self.text: list[str] = []
        self.feed(source)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attributes: Any) -> None:
        self.elements[tag] += 1
        if tag not in VOID:
            self.open.append(tag)
        if tag == "script":
            self.scripts.append("")
        for name, value in attributes:
            if name == "id":
                self.ids.append(value)
            if name in ("href", "src", "action", "srcset", "xlink:href"):
                self.links.append(value)
            if name.startswith("on") or name == "style":
                self.handlers.append(name)

    def handle_startendtag(self, tag: str, attributes: Any) -> None:
        self.handle_starttag(tag, attributes)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts[-1] += data
        else:
            self.text.append(data)


def page_of(folder: Path) -> Page:
    return Page((folder / "report.html").read_text(encoding="utf-8"))


def test_a_full_run_gets_all_reports_with_every_section(
    make_run: Callable[..., Path], sentences: list[ScoredSentence]
) -> None:
    folder = make_run()
    names = [path.name for path in write_report(folder, sentences, "test")]
    assert names[:3] == ["report.json", "report.html", "README.md"]
    page = page_of(folder)
    sections = ["summary", "warnings", "curves", "scores", "error_classes", "confusion", "breakdown"]
    assert set(page.ids) >= {*sections, "error_list", "data", "run"}
    assert page.elements["polyline"] == 5 + 1 and page.elements["figure"] == 5
    words = " ".join(page.text)
    for wanted in (
        "abababab",
        "nerctl train",
        "2 cores",
        "tensorflow",
        "31:00",
        "cdcdcdcd",
        "sentences occur twice",
    ):
        assert wanted in words
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    kinds = report["analysis"]["kinds"]
    assert kinds["correct"] + kinds["boundary"] + kinds["type"] + kinds["missed"] == sum(
        len(sentence.gold) for sentence in sentences
    )
    assert report["speed"]["compiled"] == 2 and 1.5 < report["speed"]["median_seconds"] < 3.5
    assert report["speed"]["padding"] == pytest.approx((326 * 1700 * 0.04 + 326 * 1600 * 0.08) / (326 * 3300))
    assert not list(folder.glob(".*"))


def test_the_page_needs_nothing_but_itself(make_run: Callable[..., Path], sentences: list[ScoredSentence]) -> None:
    folder = make_run()
    write_report(folder, sentences, "test")
    page = page_of(folder)
    assert len(page.ids) == len(set(page.ids))
    for link in page.links:
        assert link == "data:," or (link.startswith("#") and link[1:] in page.ids)
    assert not page.handlers
    source = (folder / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"@import|url\(|https?://|fetch\(|XMLHttpRequest|innerHTML", source)
    assert "default-src 'none'" in source


def test_a_script_in_the_corpus_stays_text(make_run: Callable[..., Path]) -> None:
    folder = make_run()
    evil_type = "<img src=x onerror=alert(1)>"
    sentence = ScoredSentence((EVIL, "\u2028", "\x00\x85", "&amp;"), (Span(0, 1, evil_type),), (), (True,) * 4)
    write_report(folder, [sentence], f"{EVIL}.txt")
    page = page_of(folder)
    assert page.elements["script"] == 2 and page.elements["img"] == 0
    data = json.loads(page.scripts[0])
    assert data["sentences"][0]["tokens"] == list(sentence.tokens)
    assert data["sentences"][0]["gold"] == [[0, 1, evil_type, "missed"]]
    assert "alert(1)" not in page.scripts[1]
    assert any(evil_type in part for part in page.text)


def test_types_named_as_what_a_dictionary_can_do_are_names(make_run: Callable[..., Path]) -> None:
    folder = make_run()
    names = ("items", "values", "get", "gold", "sentences")
    spans = tuple(Span(place, place + 1, name) for place, name in enumerate(names))
    write_report(folder, [ScoredSentence(tuple("甲乙丙丁戊"), spans, spans[:2], (False,) * 5)], "items")
    words = [part.strip() for part in page_of(folder).text]
    assert all(words.count(name) >= 3 for name in names) and not any("built-in" in part for part in words)


@given(value=st.recursive(st.text() | st.integers() | st.none(), lambda inner: st.lists(inner, max_size=4)))
def test_script_json_is_json_that_cannot_leave_its_element(value: Any) -> None:
    written = script_json([value, "</script", "<!--", "]]>"])
    assert json.loads(written)[0] == value
    assert not re.search("[<>&\u2028\u2029\x00-\x1f\x7f-\x9f]", written)


@given(value=st.text())
def test_text_never_becomes_markup(value: str) -> None:
    page = environment().from_string("{{ value }}").render(value=value)
    assert not re.search("[<>\"'\x00-\x08]", page)


def test_a_run_of_five_steps_has_a_report_that_says_what_is_missing(make_run: Callable[..., Path]) -> None:
    folder = make_run(small=True)
    write_report(folder, None, "")
    page = page_of(folder)
    words = " ".join(page.text)
    assert WORDS["absent"][0] in words and WORDS["not_analysed"][1] in words
    assert page.elements["polyline"] == 4 and "errors-list" not in page.ids
    assert "This run was not evaluated" in (folder / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("record", ["{}", '{"corpus": {}, "best": null, "encoder": {"from_scratch": true}}'])
def test_a_nearly_empty_record_still_gets_a_report(tmp_path: Path, record: str) -> None:
    (tmp_path / "run.json").write_text(record)
    paths = write_report(tmp_path, None, "")
    assert [path.name for path in paths] == ["report.json", "report.html", "README.md"]
    assert ("random weights" in " ".join(page_of(tmp_path).text)) == ("from_scratch" in record)


@pytest.mark.parametrize("content", [None, "[]", "{", "\ud800"])
def test_a_folder_without_a_record_is_refused_and_nothing_is_written(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "run.json").write_bytes(content.encode("utf-8", "surrogatepass"))
    before = list(tmp_path.iterdir())
    with pytest.raises(DataError, match=str(tmp_path / "run.json")):
        write_report(tmp_path, None, "")
    assert list(tmp_path.iterdir()) == before


def test_many_errors_are_thinned_evenly_and_counted_and_the_page_stays_small(
    make_run: Callable[..., Path],
) -> None:
    folder = make_run()
    many = made_up_sentences(20_000)
    write_report(folder, many, "test")
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    shown, left_out = report["errors"]["sentences"], report["errors"]["left_out"]
    assert left_out > 0 and len(shown) + left_out == report["analysis"]["sentences_with_errors"]
    assert shown[0]["sentence"] < 50 and shown[-1]["sentence"] > 19_900
    assert ERROR_BYTES / 2 < (folder / "report.html").stat().st_size < 3_000_000
    assert f"{left_out:,} of them are left out" in " ".join(page_of(folder).text)


def test_one_enormous_sentence_does_not_break_the_bound(make_run: Callable[..., Path]) -> None:
    folder = make_run()
    huge = ScoredSentence(("字",) * 2_000_000, (Span(0, 1, "PER"),), ())
    write_report(folder, [huge, *made_up_sentences(50)], "test")
    assert (folder / "report.html").stat().st_size < 3_000_000


def test_scores_that_are_no_number_are_left_out(make_run: Callable[..., Path]) -> None:
    folder = make_run()
    spans = (Span(0, 1, "PER", float("nan")), Span(1, 2, "PER", None), Span(2, 3, "PER", 0.5))
    write_report(folder, [ScoredSentence(tuple("一二三"), (), spans)], "test")
    data = json.loads(page_of(folder).scripts[0])
    assert [span[4] for span in data["sentences"][0]["predicted"]] == [None, None, 0.5]
    assert json.loads((folder / "report.json").read_text())["analysis"]["calibration"]["count"] == 1


def test_an_analysis_is_kept_until_the_run_goes_on(make_run: Callable[..., Path], sentences: list[ScoredSentence]) -> None:
    folder = make_run()
    assert not has_analysis(folder)
    write_report(folder, sentences, "test")
    first = (folder / "report.json").read_bytes()
    write_report(folder, None, "")
    assert has_analysis(folder) and (folder / "report.json").read_bytes() == first
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**record, "best": {"step": 700, "f1": 0.9}}))
    write_report(folder, None, "")
    assert json.loads((folder / "report.json").read_text())["analysis"] is None


def test_a_readme_of_somebody_elses_is_left_alone(make_run: Callable[..., Path]) -> None:
    folder = make_run()
    (folder / "README.md").write_text("mine")
    assert folder / "MODEL_CARD.md" in write_report(folder, None, "")
    assert (folder / "README.md").read_text() == "mine"


def test_what_cannot_be_written_leaves_the_old_file_and_no_litter(
    make_run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_run()
    write_report(folder, None, "")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(FailedError, match=r"report.json: the disk is full"):
        write_report(folder, made_up_sentences(5), "test")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_curves_are_a_png_with_and_without_a_chinese_font(
    make_run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib (extra plot) is not installed")
    folder = make_run()
    for font in (charts.cjk_font(), None):
        monkeypatch.setattr(charts, "cjk_font", lambda font=font: font)
        write_report(folder, None, "")
        assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert not [warning for warning in recwarn if "missing from" in str(warning.message)]


def test_without_matplotlib_there_is_no_png_and_all_else(
    make_run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    names = [path.name for path in write_report(make_run(), None, "")]
    assert names == ["report.json", "report.html", "README.md"]


def test_every_word_has_both_languages() -> None:
    for english, chinese in WORDS.values():
        assert english and chinese


def front_matter(folder: Path) -> dict[str, Any]:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    parts = (folder / "README.md").read_text(encoding="utf-8").split("---\n")
    return yaml.safe_load(parts[1])


def test_the_card_has_the_fields_that_hubs_read(make_run: Callable[..., Path]) -> None:
    folder = make_run()
    write_report(folder, None, "")
    matter = front_matter(folder)
    assert matter["language"] == ["zh"] and matter["library_name"] == "nerctl"
    assert matter["pipeline_tag"] == "token-classification" and "license" in matter
    results = matter["model-index"][0]["results"]
    splits = [result["dataset"]["split"] for result in results]
    assert splits == ["validation", "test"] and len(results[0]["metrics"]) == 4


def test_the_hubs_own_reader_accepts_the_card(make_run: Callable[..., Path]) -> None:
    hub = pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
    folder = make_run()
    write_report(folder, None, "")
    data = hub.ModelCard.load(folder / "README.md").data
    found = {(result.dataset_split, result.metric_type): result.metric_value for result in data.eval_results}
    assert found[("test", "f1")] == pytest.approx(0.5) and len(found) == 8


@settings(max_examples=50, deadline=None)
@given(path=st.text(min_size=1), name=st.text(min_size=1))
def test_no_path_or_type_breaks_the_cards_front_matter(
    tmp_path_factory: pytest.TempPathFactory, path: str, name: str
) -> None:
    folder = tmp_path_factory.mktemp("card")
    entities = {"gold": 1, "precision": 1.0, "recall": 1.0, "f1": 1.0, "types": {}, "token_accuracy": 1.0}
    record = {
        "config": {"head": name},
        "corpus": {"train": {"path": path}, "test": {"path": path}},
        "test": {**entities, "types": {name: entities}},
    }
    (folder / "run.json").write_text(json.dumps(record))
    from nerctl.evaluation.card import model_card
    from nerctl.evaluation.report import build_report

    card = model_card(build_report(folder, None, ""))
    (folder / "README.md").write_bytes(card.encode("utf-8", "replace"))
    matter = front_matter(folder)
    assert matter["model-index"][0]["results"][0]["metrics"][2]["value"] == 1.0
