"""nerctl from Python: what the package shows, results in a loop and in a notebook, a Tagger in another process."""

from __future__ import annotations

import inspect
import json
import multiprocessing
import pickle
from dataclasses import fields
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import nerctl
from nerctl.config import TrainConfig
from nerctl.inference.tagger import Entity, Result, Tagger

TEXT = "王小明在北京大学。"


def test_dir_lists_what_is_public_and_each_of_it_is_there() -> None:
    assert dir(nerctl) == sorted(nerctl.__all__)
    assert all(getattr(nerctl, name) is not None for name in dir(nerctl))
    with pytest.raises(AttributeError, match="nowhere"):
        nerctl.nowhere  # noqa: B018


def test_train_takes_the_options_of_the_command_and_shows_them() -> None:
    names = {field.name for field in fields(TrainConfig)}
    assert names < set(inspect.signature(nerctl.train).parameters)
    with pytest.raises(nerctl.NerctlError, match="epoch: train has no such option"):
        nerctl.train(epoch=3)


def test_train_evaluate_and_check_data_give_typed_results(workplace: Path) -> None:
    report = nerctl.check_data("NERdata")
    assert report.ok and set(report.splits) == {"train", "dev", "test"}
    tiny = {"from_scratch": True, "lstm_size": 8, "batch_size": 8, "device": "cpu", "head": "crf"}
    result = nerctl.train(steps=2, test=True, output_dir="run", **tiny)
    assert (result.folder, result.step) == (Path("run"), 2) and result.test is not None
    evaluation = nerctl.evaluate("run", "NERdata", device="cpu")
    assert evaluation.scores == result.test
    assert nerctl.train(resume=True, steps=3, output_dir="run").step == 3
    assert result.tagger(device="cpu")(TEXT).text == TEXT
    with pytest.raises(nerctl.NerctlError, match="holds another run"):
        nerctl.train(steps=2, output_dir="run", **tiny)


def test_folders_of_train_may_be_paths(workplace: Path) -> None:
    folders = {"data_dir": Path("NERdata"), "output_dir": Path("run")}
    nerctl.train(steps=1, from_scratch=True, lstm_size=8, batch_size=8, device="cpu", head="crf", **folders)
    assert nerctl.train(resume=True, steps=2, **folders).step == 2
    record = json.loads(Path("run/run.json").read_text())
    assert record["config"]["data_dir"] == "NERdata" and "data_dir='NERdata'" in record["command"]


def test_a_tagger_tells_its_path_types_and_engine(tensorflow_tagger: Tagger, model_folder: Path) -> None:
    shown = repr(tensorflow_tagger)
    assert str(model_folder) in shown and "tensorflow" in shown
    assert all(name in shown for name in tensorflow_tagger.labels)


def test_a_result_is_a_sequence_of_its_entities() -> None:
    entities = (Entity(0, 3, "PER", "王小明", 0.9), Entity(4, 8, "ORG", "北京大学", 0.8))
    result = Result(TEXT, entities)
    assert list(result) == list(entities) and len(result) == 2
    assert len(Result(TEXT, ())) == 0 and Result(TEXT, ())


class Visible(HTMLParser):
    """Collects what a reader sees outside the types, and the tags that occur."""

    def __init__(self) -> None:
        super().__init__()
        self.text, self.kinds, self.small = "", set(), False

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.kinds.add(tag)
        self.small = tag == "small"

    def handle_endtag(self, tag: str) -> None:
        self.small = False

    def handle_data(self, data: str) -> None:
        self.text += "" if self.small else data


@given(text=st.text(min_size=2).filter(lambda text: not set(text) & set("\r\0")), data=st.data())
def test_a_notebook_draws_the_whole_text_and_nothing_in_it_becomes_markup(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 2))
    end = data.draw(st.integers(start + 1, len(text)))
    kind = data.draw(st.sampled_from(["PER", "<b>", '"&']))
    page = Visible()
    page.feed(Result(text, (Entity(start, end, kind, text[start:end], 0.5),))._repr_html_())
    page.close()
    assert page.text.replace(" ", "") == text.replace(" ", "") and page.kinds == {"div", "mark", "small"}


def tagged(tagger: Tagger) -> Result:
    return tagger(TEXT)


def test_a_tagger_crosses_to_another_process_by_its_path(tagger: Tagger) -> None:
    written = pickle.dumps(tagger)
    assert len(written) < 1000
    assert pickle.loads(written)(TEXT) == tagger(TEXT)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        [there] = pool.map(tagged, [tagger])
    assert there == tagger(TEXT)


def test_a_tagger_that_was_not_loaded_says_so_instead_of_crossing(tensorflow_tagger: Tagger) -> None:
    with pytest.raises(TypeError, match="load the folder there"):
        pickle.dumps(Tagger(tensorflow_tagger.model))
