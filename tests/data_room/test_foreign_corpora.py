"""Corpora of other tools and careless editors: read as they are meant, or refused with one sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner
from written_corpus import corpus_of, refused

from nerctl.cli import app
from nerctl.data import conll
from nerctl.data.bio import spans_of
from nerctl.data.corpus import read_corpus
from nerctl.data.first_bytes import HEAD
from nerctl.data.invisible import type_fault
from nerctl.data.spans import Span
from nerctl.data.validation import check_data
from nerctl.errors import DataError

OURS = Path(__file__).parents[1] / "data" / "corpora"
CASES = Path(__file__).parents[2] / ".." / "shared" / "cases" / "corpora"

READ = {
    "bmeso.txt": ([(0, 3, "PER"), (4, 5, "LOC"), (5, 8, "LOC")], "7: tags with M- and with I-"),
    "bommid2.txt": ([(0, 2, "PER"), (0, 2, "PER")], "3: a line with nothing to be seen in it"),
    "case.txt": ([(0, 1, "PER"), (1, 2, "per"), (0, 2, "per")], ""),
    "cr.txt": ([(0, 2, "PER"), (0, 1, "PER")], "1: the lines end in carriage returns"),
    "header.txt": ([(0, 2, "PER")], "1: taken for a heading"),
    "ideo.txt": ([(0, 2, "PER")], "1: no-break, ideographic or other odd blanks part"),
    "ideoblank.txt": ([(0, 2, "PER"), (0, 1, "PER")], "3: a line with nothing to be seen in it"),
    "incl.jsonl": ([(0, 2, "PER"), (3, 5, "LOC")], "1: ends are inclusive in the whole file"),
    "jsonfloat.jsonl": ([(0, 2, "PER")], ""),
    "jsonlabelkeys.jsonl": ([(0, 2, "PER")], ""),
    "lower.txt": ([(0, 2, "per")], "1: tags written like b-per are read like B-per"),
    "nbsp.txt": ([(0, 2, "PER")], "1: no-break, ideographic or other odd blanks part"),
    "nbspblank.txt": ([(0, 2, "PER"), (0, 1, "PER")], "3: a line with nothing to be seen in it"),
    "suffix.txt": ([(0, 2, "PER")], "1: tags written like PER-B are read like B-PER"),
    "tagbom.txt": ([(0, 2, "PER")], "1: invisible characters or odd blanks beside the tag"),
    "tagnbsp.txt": ([(0, 2, "PER")], "1: invisible characters or odd blanks beside the tag"),
    "tagzw.txt": ([(0, 2, "PER")], "1: invisible characters or odd blanks beside the tag"),
    "underscore.txt": ([(0, 2, "PER")], "1: tags written like B_PER are read like B-PER"),
    "zero.txt": ([(0, 2, "PER")], "3: tags written like 0 are read like O"),
    "bracket.txt": ([(0, 2, "PER")], "1: read as a sentence a line as lists of Python"),
    "ccks.txt": ([(3, 5, "疾病和诊断")], "1: read as JSON of CCKS"),
    "cmeee.json": ([(5, 9, "bod")], "1: read as JSON of CMeEE"),
    "cmeee.jsonl": ([(5, 9, "bod")], "1: read as JSON of CMeEE"),
    "comma.txt": ([(0, 2, "PER")], "1: read as columns parted by commas"),
    "conllu.txt": ([(0, 2, "PER")], "1: read as CoNLL-U"),
    "csv.csv": ([(0, 2, "PER")], "1: read as columns parted by commas, below a heading"),
    "doccano.jsonl": ([(0, 2, "PER"), (3, 5, "LOC")], "1: read as JSON lines of doccano"),
    "doccano0.jsonl": ([(0, 2, "PER"), (3, 5, "LOC")], "1: read as JSON lines of doccano"),
    "doccano2.jsonl": ([(0, 2, "PER")], "1: read as JSON lines of doccano"),
    "hftok.jsonl": ([(0, 2, "T1")], "1: read as JSON lines of tokens and tags"),
    "hftok2.jsonl": ([(0, 2, "PER")], "1: read as JSON lines of tokens and tags"),
    "inline.txt": ([(0, 2, "PER")], "1: read as a sentence a line, token/tag"),
    "ls.json": ([(0, 2, "PER")], "1: read as a JSON export of Label Studio"),
    "lsmin.json": ([(0, 2, "PER")], "1: read as a JSON-MIN export of Label Studio"),
    "msra_raw.txt": ([(1, 5, "ORG"), (8, 10, "PER")], "1: read as words with parts of speech"),
    "paddlemsra.tsv": ([(0, 2, "PER")], "1: read as a sentence a line, tokens and tags joined by"),
    "pd98.txt": ([(0, 2, "PER"), (3, 9, "ORG")], "1: read as words with parts of speech"),
    "pretty.json": ([], ""),
    "semi.txt": ([(0, 2, "PER")], "1: read as columns parted by semicolons"),
    "sentpair.txt": ([(0, 2, "PER"), (0, 2, "PER")], "1: read as a sentence a line, tokens and tags joined by blanks"),
    "slash.txt": ([(0, 2, "PER")], "1: read as columns parted by slashes"),
    "spacy.jsonl": ([(0, 2, "PER")], "1: read as training data of spaCy"),
    "tagfirst.txt": ([(0, 2, "PER")], "1: read as columns with the tag first"),
    "zwblank.txt": ([(0, 2, "PER"), (0, 1, "PER")], "3: a line with nothing to be seen in it"),
}
"""The entities of each file that is read, sentence after sentence, and the one note that is told first."""

REFUSED = {
    "cluener_test.json": "texts without labels; nerctl predict --input tags them",
    "jsondup.jsonl": "the field 'text' stands twice in one object",
    "pipe.txt": "two layers of tags in one column (B-PER|B-ORG)",
}
"""What the one sentence says of each file that is refused."""

NAMES = sorted([*READ, *REFUSED])


def entities_of(path: Path) -> list[tuple[int, int, str]]:
    return [span[:3] for sentence in read_corpus(path) for span in spans_of(sentence.tags)]


def check_file(path: Path) -> None:
    """The file does what READ or REFUSED says, for check-data and for whoever reads it to train on it."""
    report = check_data(path)
    if path.name in READ:
        spans, note = READ[path.name]
        corpus = read_corpus(path)
        assert entities_of(path) == spans and report.ok
        assert corpus.notes[0].startswith(f"{path}:{note}") if note else not corpus.notes
        assert [problem.kind for problem in report.problems].count("mended") == len(corpus.notes)
        return
    with pytest.raises(DataError) as caught:
        read_corpus(path)
    (problem,) = report.problems
    assert REFUSED[path.name] in str(caught.value) and str(caught.value).startswith(str(path))
    assert not report.ok and not report.splits and len(problem.examples) <= 1
    assert REFUSED[path.name] in problem.message + "".join(example.detail for example in problem.examples)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_other_tools_is_read_as_meant_or_refused_with_one_sentence(name):
    check_file(OURS / name)


@pytest.mark.parametrize("name", NAMES)
def test_the_shared_cases_are_read_as_meant_or_refused_with_one_sentence(name):
    if not CASES.is_dir():
        pytest.skip("needs ../shared/cases")
    check_file(CASES / name)


def test_every_shared_case_is_spoken_for():
    if not CASES.is_dir():
        pytest.skip("needs ../shared/cases")
    assert sorted(path.name for path in CASES.iterdir()) == NAMES


def test_types_that_differ_by_case_only_are_warned_of():
    problems = [problem for problem in check_data(OURS / "case.txt").problems if problem.kind == "like types"]
    assert [problem.message for problem in problems] == ["types PER and per differ by case only; are they one type?"]
    assert [example.line for example in problems[0].examples] == [1, 2]


def test_a_refused_file_is_one_sentence_and_no_table_of_zeros(tmp_path):
    for split in ("train", "dev", "test"):
        (tmp_path / f"{split}.txt").write_bytes((OURS / "pipe.txt").read_bytes())
    result = CliRunner().invoke(app, ["check-data", str(tmp_path)], env={"COLUMNS": "80"})
    output = " ".join(result.output.split())
    assert result.exit_code == 2 and output.count("two layers of tags in one column") == 3
    assert "sentences" not in output.replace("3 errors", "") and "one column only" not in output


# --- columns ---

JUNK = st.text(st.sampled_from("\ufeff\u200b\u00a0\u3000\u2060\u00ad\ufe0f\u2003"), max_size=3)
WRITERS = {
    "B-X": lambda prefix, name: f"{prefix}-{name}",
    "B_X": lambda prefix, name: f"{prefix}_{name}",
    "X-B": lambda prefix, name: f"{name}-{prefix}",
    "X_B": lambda prefix, name: f"{name}_{prefix}",
    "b-X": lambda prefix, name: f"{prefix.lower()}-{name}",
}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(data=st.data(), writer=st.sampled_from(sorted(WRITERS)), outside=st.sampled_from("Oo0"), rest=st.booleans())
def test_any_mix_of_separators_and_invisible_characters_gives_the_same_corpus_or_one_error(
    tmp_path, data, writer, outside, rest
):
    tag = st.sampled_from(["O", "B-PER", "I-PER", "B-LOC"])
    token = st.sampled_from(["北", "A", "3.5", "，", "👍"])
    content = data.draw(st.lists(st.lists(st.tuples(token, tag), min_size=1, max_size=4), min_size=1, max_size=4))
    separators = st.sampled_from([" ", "\t", "  ", "\u00a0", "\u3000", "\u2003", "\u3000 ", " \u00a0", "\t\u3000"])
    lines = []
    for sentence in content:
        for word, written in sentence:
            shape = outside if written == "O" else WRITERS[writer](*written.split("-"))
            begin = data.draw(st.sampled_from(["", "", "", "\ufeff"]))
            lines.append(begin + word + data.draw(separators) + shape + data.draw(JUNK))
        lines.append(data.draw(JUNK))
    text = "\n".join(lines) + ("\n" if rest else "")
    path = tmp_path / "a.txt"
    path.write_bytes(text.encode())
    try:
        corpus = read_corpus(path)
    except DataError as error:
        # Without an entity nothing tells that 0 or o is meant to be O.
        assert outside != "O" and not any(written != "O" for sentence in content for _, written in sentence)
        assert "unknown tag" in str(error) and "\n" not in str(error)
        return
    assert [list(sentence.tokens) for sentence in corpus] == [[word for word, _ in sentence] for sentence in content]
    expected = [spans_of([written for _, written in sentence]) for sentence in content]
    assert [[span[:3] for span in spans_of(sentence.tags)] for sentence in corpus] == [
        [span[:3] for span in spans] for spans in expected
    ]
    texts = [note.partition(": ")[2].partition(" (")[0] for note in corpus.notes]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("mark", ["\ufeff", "\u200b", "\u2060", "\u3000"])
def test_what_nobody_sees_around_a_token_is_left_out(tmp_path, mark):
    corpus = corpus_of(tmp_path, f"A\u200dB O\n{mark}北{mark}\tO\n".encode())
    assert corpus.sentence(0).tokens == ("A\u200dB", "北")
    (note,) = corpus.notes
    assert note.endswith(":2: odd blanks or byte order marks beside the token are left out")


@pytest.mark.parametrize("chunk", [7, 1 << 20])
def test_a_note_tells_the_first_line_and_how_many_there_are(tmp_path, monkeypatch, chunk):
    monkeypatch.setattr(conll, "CHUNK", chunk)
    corpus = corpus_of(tmp_path, "王 B-PER\n明\u00a0I-PER\n在 O\n北\u3000O\n京\u00a0O\n".encode())
    (note,) = corpus.notes
    assert note.startswith(f"{tmp_path / 'a.txt'}:2: no-break") and note.endswith(" (3 lines)")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"a B-X\nb I_X\n", "2: unknown tag 'I_X'"),
        (b"a B-X\nb o\nc O\n", "2: unknown tag 'o'"),
        (b"a B_X\nb X-I\n", "1: unknown tag 'B_X'"),
        (b"a b-X\nb I-X\n", "1: unknown tag 'b-X'"),
        (b"a 0\nb 0\n", "1: unknown tag '0'"),
        (b"a O\nb\tB-big city\n", "2: the tag 'B-big city' holds a blank"),
        (b"a O\nb B-X\x02Y\n", "2: the tag 'B-X\\x02Y' holds the control or invisible character U+0002"),
        (b"a O\nb B-X\nc B-X|Y\n", "3: the tag 'B-X|Y' holds '|'"),
    ],
)
def test_tags_of_two_kinds_are_not_guessed_at(tmp_path, content, says):
    assert refused(tmp_path, content).startswith(says)


def test_a_line_that_cannot_be_read_has_no_say_in_how_tags_are_written(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"a B-X\nb o\n\nbad\n")
    report = check_data(tmp_path / "a.txt")
    assert [(problem.kind, problem.count) for problem in report.problems] == [("unreadable lines", 1), ("mended", 1)]


def test_a_file_of_more_tags_than_any_scheme_has_is_refused(tmp_path):
    lines = b"".join(b"a B-%d\n" % number for number in range(33_000))
    assert "more than 30,000 different tags" in refused(tmp_path, lines)


@settings(deadline=None)
@given(
    name=st.text(max_size=3),
    strange=st.sampled_from("\u200b\ufeff\u3164\ufe0f\u2028\u00a0\u3000 \t\x02\x7f|"),
    place=st.integers(0, 3),
)
def test_a_type_never_holds_blanks_control_or_invisible_characters(name, strange, place):
    assert type_fault(name[:place] + strange + name[place:])
    assert not any(type_fault(name) for name in ("PER", "人名", "A-B", "A_B.c/d", "疾病和诊断", "[red]"))


def test_numbered_tokens_are_not_read_as_their_numbers(tmp_path):
    tagged = (("王", "B-PER"), ("明", "I-PER"), ("在", "O"))
    rows = [f"{number}\t{token}\t_\tNR\t_\t_\t0\troot\t_\t{tag}\n" for number, (token, tag) in enumerate(tagged, 1)]
    three = "1 王 B-PER\n2 明 I-PER\n\n1 在 O\n".encode()
    for content, told in (("".join(rows).encode(), "CoNLL-U"), (three, "columns with the number of each token first")):
        corpus = corpus_of(tmp_path, content)
        assert corpus.spans(0) == [Span(0, 2, "PER")] and corpus.sentence(0).tokens[:2] == ("王", "明")
        assert f"1: read as {told}" in corpus.notes[0]
    assert len(corpus_of(tmp_path, b"1 O\n2 O\n3 O\n").token_ids) == 3
    assert len(corpus_of(tmp_path, b"1 CD O\n\n" * 3).token_ids) == 3


def test_json_of_any_depth_in_a_file_of_columns_is_a_line_that_cannot_be_read(tmp_path):
    assert refused(tmp_path, b'{"a":' * 100_000).startswith("1: one column only")


def test_objects_in_one_line_are_refused_at_that_line_however_long_it_is(tmp_path):
    content = b'{"text": "a", "entities": []}' * 3000
    assert refused(tmp_path, content, "a.jsonl").startswith("1: not JSON (Extra data")
    assert refused(tmp_path, b"\n" + content, "a.jsonl").startswith("2: not JSON (Extra data")


@pytest.mark.parametrize("cut", range(3))  # bytes, so that the look ends within a character, a tag, or behind it
def test_a_line_that_is_cut_off_where_the_look_ends_tells_nothing(tmp_path, cut):
    line = "王/B-PER 明/I-PER" + " 在/O" * (HEAD // 20) + "\n"
    content = ("x" * cut + line * 8).encode()
    corpus = corpus_of(tmp_path, content)
    assert "1: read as a sentence a line, token/tag" in corpus.notes[0] and len(corpus) == 8


def test_a_bad_line_in_a_good_file_is_still_named_by_its_line(tmp_path):
    assert refused(tmp_path, "王 B-PER\n明/I-PER\n在 O\n".encode()).startswith("2: one column only")


def test_a_file_of_bad_lines_is_looked_at_once(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr("nerctl.data.corpus.refusal_of", lambda sample: asked.append(sample) or "")
    (tmp_path / "a.txt").write_bytes(b"bad\n" * 50)
    (problem,) = check_data(tmp_path / "a.txt").problems
    assert len(asked) == 1 and "50 unreadable lines" in problem.message


def test_a_bad_line_in_good_json_lines_is_still_named_by_its_line_whatever_else_the_first_one_holds(tmp_path):
    first = b'{"text": "ab", "entities": [], "tokens": ["a", "b"]}\n'
    assert refused(tmp_path, first + b"{bad\n", "a.jsonl").startswith("2: not JSON")


# --- JSON lines ---


def lines_of(*texts_and_entities) -> bytes:
    return b"".join(
        json.dumps({"text": text, "entities": entities}, ensure_ascii=False).encode() + b"\n"
        for text, entities in texts_and_entities
    )


def entity(start, end, **mention) -> dict:
    return {"start": start, "end": end, "type": "PER", **mention}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    spans=st.lists(st.tuples(st.integers(0, 4), st.integers(1, 3), st.booleans()), min_size=1, max_size=5),
    inclusive=st.booleans(),
    key=st.sampled_from(["text", "mention", "word", "entity"]),
)
def test_the_mention_decides_whether_ends_are_inclusive_for_the_whole_file(tmp_path, spans, inclusive, key):
    text = "甲乙丙丁戊己庚"
    records = []
    for start, length, told in [*spans, (0, 2, True)]:
        mention = {key: text[start : start + length]} if told else {}
        records.append((text, [entity(start, start + length - inclusive, **mention)]))
    corpus = corpus_of(tmp_path, lines_of(*records), "a.jsonl")
    expected = [[(start, start + length, "PER")] for start, length, _ in [*spans, (0, 2, True)]]
    assert [[span[:3] for span in spans_of(sentence.tags)] for sentence in corpus] == [
        [span[:3] for span in spans] for spans in expected
    ]
    assert len(corpus.notes) == inclusive


@pytest.mark.parametrize(
    ("record", "says"),
    [
        (("王明在", [entity(0, 2, text="王明"), entity(2, 3, text="明")]), "1: the text at 2 to 3 is '在', not '明'"),
        (("王明在", [entity(0, 2, mention="李四")]), "1: the text at 0 to 2 is '王明', not '李四'"),
        (("王明在王", [entity(0, 2, text="王明"), entity(3, 3, text="王")]), "1: the text at 3 to 3 is '', not '王'"),
    ],
)
def test_a_mention_beside_its_offsets_is_always_compared(tmp_path, record, says):
    assert refused(tmp_path, lines_of(record), "a.jsonl").startswith(says)


def test_a_field_that_only_repeats_the_type_is_no_mention(tmp_path):
    corpus = corpus_of(tmp_path, lines_of(("王明在", [entity(0, 2, entity="PER", value=None)])), "a.jsonl")
    assert spans_of(corpus.sentence(0).tags) == [Span(0, 2, "PER")]


@pytest.mark.parametrize("name", ["A|B", "A B", "A\u200b", "A\u3000", "\x02", "A\ufe0f"])
def test_a_type_in_json_holds_no_blank_layer_or_invisible_character(tmp_path, name):
    content = lines_of(("王明在", [{"start": 0, "end": 2, "type": name}]))
    assert refused(tmp_path, content, "a.jsonl").startswith("1: a span's type ")


@pytest.mark.parametrize("twice", ['"start": 0, "start": 1, "end": 2', '"start": 0, "end": 1, "end": 2'])
def test_a_field_that_stands_twice_anywhere_is_refused(tmp_path, twice):
    content = f'{{"text": "abc", "entities": [{{{twice}, "type": "X"}}]}}\n'.encode()
    assert "stands twice in one object" in refused(tmp_path, content, "a.jsonl")


def test_json_lines_put_together_with_byte_order_marks_are_read(tmp_path):
    one = "\ufeff".encode() + lines_of(("王明", [entity(0, 2)]))
    assert len(corpus_of(tmp_path, one + one + "\u3000\n".encode() + one, "a.jsonl")) == 3
