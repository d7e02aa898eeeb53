"""Mentions with several types and mentions left unmarked, against a search by hand through small corpora."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nerctl.data import bio, mentions
from nerctl.data.corpus import Corpus, read_corpus
from nerctl.data.formats.record import joined
from nerctl.data.mentions import SeveralTypes, Unmarked, often_unmarked, several_types
from nerctl.data.spans import Span, outermost

TYPES = ["LOC", "ORG", "loc"]


def made_corpus(sentences, tokens_known=()) -> Corpus:
    """The corpus of (tokens, spans); its tokens are numbered in the order of `tokens_known`, then of the text."""
    numbers = {token: number for number, token in enumerate(tokens_known)}
    ids = [numbers.setdefault(token, len(numbers)) for tokens, _ in sentences for token in tokens]
    types = sorted({span.type for _, spans in sentences for span in spans})
    names = bio.tag_names(types)
    tags = [tag for tokens, spans in sentences for tag in bio.outermost_tags(spans, len(tokens))]
    return Corpus(
        vocabulary=list(numbers),
        token_ids=np.array(ids, np.int32),
        offsets=np.cumsum([0, *(len(tokens) for tokens, _ in sentences)], dtype=np.int64),
        path="a.txt",
        tag_names=names,
        tag_ids=np.array([names.index(tag) for tag in tags], np.int16),
        lines=np.arange(1, len(sentences) + 1),
        scheme="BIO",
        overlapping={
            index: tuple(spans)
            for index, (_, spans) in enumerate(sentences)
            if len(outermost(spans)) < len(spans)
        },
    )


@st.composite
def sentence(draw):
    """A few tokens of which runs recur, and spans that often overlap; one may be written twice."""
    tokens = tuple(draw(st.lists(st.sampled_from(["a", "b", "北", "New"]), min_size=1, max_size=9)))
    spans = []
    for start in draw(st.lists(st.integers(0, len(tokens) - 1), max_size=4)):
        end = draw(st.integers(start + 1, min(len(tokens), start + 4)))
        spans.append(Span(start, end, draw(st.sampled_from(TYPES))))
    return tokens, sorted(spans)


CORPORA = st.lists(sentence(), max_size=10)


def with_starts(sentences):
    """(tokens, spans, its first token's place in the corpus)."""
    place = 0
    for tokens, spans in sentences:
        yield tokens, sorted(set(spans)), place
        place += len(tokens)


def search_several_types(corpora):
    """What `several_types` must find: every entity looked at in turn."""
    seen: dict[tuple[str, ...], dict[str, list[tuple[int, int]]]] = {}
    for number, sentences in enumerate(corpora):
        for tokens, spans, place in with_starts(sentences):
            for start, end, kind, _ in spans:
                seen.setdefault(tokens[start:end], {}).setdefault(kind, []).append((number, place + start))
    found = []
    for run, places in seen.items():
        if len(places) > 1:
            ranked = sorted(places, key=lambda kind: (-len(places[kind]), places[kind][0], kind))
            counts = [(kind, len(places[kind])) for kind in ranked]
            others = sum(times for _, times in counts[1:])
            rank = (-others, min(map(min, places.values())), len(run))
            found.append((rank, SeveralTypes(joined(run)[0], counts, *places[ranked[-1]][0])))
    return [one for _, one in sorted(found)]


def search_often_unmarked(sentences, longest):
    """What `often_unmarked` must find: every mention laid on every place of every sentence."""
    marked = Counter(
        tokens[start:end]
        for tokens, spans, _ in with_starts(sentences)
        for start, end in {(span.start, span.end) for span in spans}
    )
    found = []
    for run, times in marked.items():
        if len("".join(run)) < 2 or times < 2 or len(run) > longest:
            continue
        places = [
            place + at
            for tokens, spans, place in with_starts(sentences)
            for at in range(len(tokens) - len(run) + 1)
            if tokens[at : at + len(run)] == run
            and not any(span.start < at + len(run) and at < span.end for span in spans)
        ]
        if len(places) >= max(3, times):
            rank = (-len(places), places[0], len(run))
            found.append((rank, Unmarked(joined(run)[0], times, len(places), places[0])))
    return [one for _, one in sorted(found)]


@settings(deadline=None, max_examples=300)
@given(corpora=st.lists(CORPORA, min_size=1, max_size=3), order=st.permutations(["a", "b", "北", "New"]))
def test_mentions_with_several_types_are_those_that_a_search_by_hand_finds(corpora, order):
    made = [made_corpus(sentences, order[:number]) for number, sentences in enumerate(corpora)]
    wanted = search_several_types(corpora)
    assert several_types(made, 100) == (len(wanted), wanted)
    assert several_types(made, 2) == (len(wanted), wanted[:2])


@settings(deadline=None, max_examples=300)
@given(sentences=CORPORA, times=st.integers(1, 4), chunk=st.integers(1, 40), longest=st.integers(1, 5))
def test_mentions_left_unmarked_are_those_that_a_search_by_hand_finds(sentences, times, chunk, longest):
    bare = [(tokens, []) for tokens, _ in sentences]
    text = sentences + bare * times
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mentions, "CHUNK", chunk)
        patch.setattr(mentions, "LONGEST", longest)
        found = often_unmarked(made_corpus(text), 100)
        few = often_unmarked(made_corpus(text), 2)
    wanted = search_often_unmarked(text, longest)
    assert found == (len(wanted), wanted)
    assert few == (len(wanted), wanted[:2])


def test_the_worst_come_first_and_of_equals_the_first_in_the_corpus():
    marked = [("上海北京天津", [Span(0, 2, "LOC"), Span(2, 4, "LOC"), Span(4, 6, "LOC")])] * 2
    corpus = made_corpus(marked + [("天津", [])] * 3 + [("上海", [])] * 3 + [("北京", [])] * 4)
    assert often_unmarked(corpus, 9)[1] == [
        Unmarked("北京", 2, 4, 24),
        Unmarked("天津", 2, 3, 12),
        Unmarked("上海", 2, 3, 18),
    ]


@pytest.mark.parametrize(
    ("marked", "unmarked", "found"), [(1, 9, 0), (2, 2, 0), (2, 3, 1), (4, 3, 0), (4, 4, 1), (5, 4, 0)]
)
def test_a_mention_is_marked_twice_unmarked_thrice_and_unmarked_as_often_as_marked(marked, unmarked, found):
    sentences = [("北大", [Span(0, 2, "ORG")])] * marked + [("去北大吧", [])] * unmarked
    assert often_unmarked(made_corpus(sentences), 9)[0] == found


def test_only_mentions_of_two_characters_count_whatever_their_tokens():
    for tokens, found in ((("京",), 0), (("NATO",), 1), (("New", "York"), 1)):
        sentences = [(tokens, [Span(0, len(tokens), "X")])] * 2 + [(tokens, [])] * 3
        assert often_unmarked(made_corpus(sentences), 9)[0] == found
    assert often_unmarked(made_corpus(sentences), 9)[1][0].mention == "New York"


def test_a_token_is_a_word_and_no_part_of_one():
    sentences = [(("cat",), [Span(0, 1, "X")])] * 2 + [(("concatenate", "cats"), [])] * 9
    assert often_unmarked(made_corpus(sentences), 9) == (0, [])


def test_a_run_across_two_sentences_is_no_mention():
    sentences = [("北大", [Span(0, 2, "ORG")])] * 2 + [("去北", []), ("大的", [])] * 9
    assert often_unmarked(made_corpus(sentences), 9) == (0, [])


def test_mentions_of_up_to_20_tokens_are_looked_for():
    for length, found in ((20, 1), (21, 0)):
        tokens = tuple(map(str, range(length)))
        sentences = [(tokens, [Span(0, length, "X")])] * 2 + [(("x", *tokens), [])] * 3
        assert often_unmarked(made_corpus(sentences), 9)[0] == found


def test_what_touches_an_entity_outer_or_nested_is_not_unmarked():
    both = [Span(0, 4, "ORG"), Span(0, 2, "LOC"), Span(3, 5, "LOC")]  # the tags hold the first only
    nested = made_corpus([("北京大学校的", both)] * 2 + [("学校的北京", [])] * 2 + [("大学校的", [Span(0, 2, "ORG")])])
    assert often_unmarked(nested, 9) == (0, [])
    more = made_corpus([("北京大学校的", both)] * 2 + [("学校的北京", [])] * 3)
    assert often_unmarked(more, 9) == (2, [Unmarked("学校", 2, 3, 12), Unmarked("北京", 2, 3, 15)])


def test_a_nested_entity_has_its_type_beside_that_of_the_same_mention_elsewhere():
    first = made_corpus([("北京大学", [Span(0, 2, "LOC"), Span(0, 4, "ORG")]), ("北京", [Span(0, 2, "LOC")])])
    second = made_corpus([("在北京", [Span(1, 3, "ORG")])])
    assert several_types([first, second], 9) == (1, [SeveralTypes("北京", [("LOC", 2), ("ORG", 1)], 1, 1)])


@pytest.mark.parametrize("content", ["", "北 O\n京 O\n"])
def test_a_corpus_without_entities_or_without_tokens_has_neither(tmp_path, content):
    (tmp_path / "a.txt").write_text(content, encoding="utf-8")
    corpus = read_corpus(tmp_path / "a.txt")
    assert often_unmarked(corpus, 9) == (0, []) and several_types([corpus, corpus], 9) == (0, [])
    some = made_corpus([("北京", [Span(0, 2, "LOC")]), ("北京", [Span(0, 2, "ORG")])])
    assert several_types([corpus, some], 9) == (1, [SeveralTypes("北京", [("LOC", 1), ("ORG", 1)], 1, 2)])
    assert several_types([], 9) == (0, [])
