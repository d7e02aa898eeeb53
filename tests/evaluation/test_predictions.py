"""Prediction files: what is written reads back, the original's can be read, conlleval's report is exact."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from nerctl.cli import app
from nerctl.errors import DataError
from nerctl.evaluation.conlleval import conlleval_report, count, report
from nerctl.evaluation.predictions import (
    BLANK_MARK,
    BOUNDARY,
    prediction_lines,
    read_predictions,
    score_file,
)
from nerctl.evaluation.scores import Tally, chunks

REFERENCE = Path(__file__).parents[2] / ".." / "shared" / "reference" / "conlleval"
TAGS = ["O", "B-PER", "I-PER", "B-地名", "I-地名"]
rows = st.tuples(st.text(max_size=3), st.sampled_from(TAGS), st.sampled_from(TAGS))
sentences_of_rows = st.lists(st.lists(rows, min_size=1, max_size=8), min_size=1, max_size=5)


def written(sentences: list[list[tuple[str, str, str]]]) -> str:
    return "".join(prediction_lines(*zip(*sentence)) for sentence in sentences)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "predictions.txt"


@given(sentences=sentences_of_rows)
def test_whatever_the_tokens_are_every_line_keeps_three_columns_and_reads_back(
    tmp_path_factory: pytest.TempPathFactory, sentences: list[list[tuple[str, str, str]]]
) -> None:
    path = tmp_path_factory.mktemp("predictions") / "p.txt"
    text = written([[(t.encode("utf-8", "replace").decode(), g, p) for t, g, p in s] for s in sentences])
    path.write_bytes(text.encode())
    read = list(read_predictions(path))
    assert [(list(s.gold), list(s.predicted)) for s in read] == [
        ([g for _, g, _ in s], [p for _, _, p in s]) for s in sentences
    ]
    for sentence in read:
        for token in sentence.tokens:
            assert token and token != BOUNDARY and not any(map(str.isspace, token))
    # conlleval splits lines at line feeds and columns at single blanks, and stops when their number changes
    assert {len(line.split(" ")) for line in text.split("\n") if line} == {3}


def test_blank_and_boundary_tokens_are_written_with_a_mark() -> None:
    lines = prediction_lines([" ", "　", "", "a b", BOUNDARY], ["O"] * 5, ["O"] * 5).splitlines()
    mark = BLANK_MARK
    assert [line.split(" ")[0] for line in lines[:5]] == [mark, mark, mark, f"a{mark}b", mark + BOUNDARY]
    assert lines[5] == ""


def test_a_type_with_a_blank_keeps_the_columns() -> None:
    assert prediction_lines(["好"], ["B-work of art"], ["O"]) == "好 B-work_of_art O\n\n"


def test_tabs_carriage_returns_bom_feature_columns_and_a_missing_last_line_feed_are_read(file: Path) -> None:
    file.write_bytes("\ufeff中\tB-LOC\tB-LOC\r\n国  I-LOC\tI-LOC \r\n\r\n　 O O\r\nA NN x O B-PER".encode())
    first, second = read_predictions(file)
    assert first.tokens == ("中", "国") and first.gold == ("B-LOC", "I-LOC") and first.line == 1
    assert second.tokens == ("　", "A NN x") and second.predicted == ("O", "B-PER") and second.line == 4
    first_line = "processed 4 tokens with 1 phrases; found: 2 phrases; correct: 1.\n"
    assert conlleval_report(file).startswith(first_line)


def test_blank_tokens_and_missing_tokens_are_tokens(file: Path) -> None:
    file.write_text("  O O\nO B-PER\n\tO O\n")
    (sentence,) = read_predictions(file)
    assert sentence.tokens == ("", "", "") and sentence.predicted == ("O", "B-PER", "O")


def test_boundary_lines_end_a_sentence_and_are_no_tokens(file: Path) -> None:
    file.write_text("a B-PER B-PER\n-X- O O\nb I-PER I-PER\n-X- -X- O O\n\n   \n\n-X-\nc O O\n")
    scores = score_file(file)
    assert (scores.sentences, scores.tokens, scores.correct) == (3, 3, 2)
    first_line = "processed 3 tokens with 2 phrases; found: 2 phrases; correct: 2.\n"
    assert conlleval_report(file).startswith(first_line)


def test_the_originals_marks_are_no_entities_and_its_marked_lines_no_tokens(file: Path) -> None:
    file.write_text("[CLS] [CLS] [CLS]\n中 B-LOC B-LOC\n国 I-LOC X\n##x X X\n人 O [SEP]\n[SEP] [SEP] [SEP]\n\n")
    scores = score_file(file)
    assert (scores.tokens, scores.gold, scores.predicted, scores.correct) == (3, 1, 1, 0)
    assert scores.token_accuracy == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"a O O\n\nb\n", 3),
        ("a O O\n中 O\n".encode(), 2),
        (b"a O PER\n", 1),
        (b"a O O\nb Q-PER O\n", 2),
        (b"a O O\n\xff\xfe O O\n", 2),
    ],
)
def test_a_line_that_cannot_be_read_is_named(file: Path, content: bytes, line: int) -> None:
    file.write_bytes(content)
    with pytest.raises(DataError, match=f"^{file}:{line}: "):
        score_file(file)


def test_a_missing_or_empty_file_is_named(file: Path) -> None:
    with pytest.raises(DataError, match=str(file)):
        score_file(file)
    file.write_text("\n\n")
    with pytest.raises(DataError, match=str(file)):
        score_file(file)


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_conllevals_report_is_printed_byte_for_byte(number: int) -> None:
    if not REFERENCE.is_dir():
        pytest.skip("../shared/reference/conlleval is not here")
    expected = (REFERENCE / f"expected-{number}.txt").read_bytes()
    path = str(REFERENCE / f"predictions-{number}.txt")
    result = CliRunner().invoke(app, ["score", path, "--conlleval"])
    assert result.exit_code == 0 and result.stdout_bytes == expected


@given(sentences=sentences_of_rows)
def test_on_bio_tags_conllevals_counts_equal_the_scores(
    sentences: list[list[tuple[str, str, str]]],
) -> None:
    tally = Tally()
    stream = []
    for sentence in sentences:
        tally.add([gold for _, gold, _ in sentence], [predicted for _, _, predicted in sentence])
        stream += [("x", gold, predicted) for _, gold, predicted in sentence] + [(BOUNDARY, "O", "O")]
    scores, counts = tally.scores(), count(stream)
    assert (counts.tokens, counts.correct_tags) == (scores.tokens, scores.correct_tokens)
    for name, expected in scores.types.items():
        ours = (counts.gold[name], counts.predicted[name], counts.correct[name])
        assert ours == (expected.gold, expected.predicted, expected.correct)


def test_conlleval_reads_only_its_own_prefixes() -> None:
    """By hand from conlleval's rules: S begins a chunk only where the type changes, X is a chunk too."""
    counts = count([("a", "S-PER", "S-PER"), ("b", "S-PER", "S-PER"), (BOUNDARY, "O", "O")])
    assert (counts.gold["PER"], counts.correct["PER"]) == (1, 1)
    counts = count([("a", "B-PER", "B-PER"), ("b", "I-PER", "X"), (BOUNDARY, "O", "O")])
    assert counts.predicted == {"PER": 1, "": 1} and counts.correct["PER"] == 0


def test_conlleval_pads_type_names_by_bytes() -> None:
    text = report(count([("a", "B-地名", "B-地名")]))
    assert text.splitlines()[2].startswith(" " * 11 + "地名: precision: 100.00%")


def test_score_json_has_the_layout_that_programs_read(file: Path) -> None:
    text = prediction_lines(["中", "国", "人"], ["B-LOC", "I-LOC", "O"], ["B-LOC", "I-LOC", "I-PER"])
    file.write_text(text)
    result = CliRunner().invoke(app, ["score", str(file), "--json"])
    value = json.loads(result.stdout)
    keys = "sentences tokens gold predicted correct precision recall f1 token_accuracy types"
    assert list(value) == keys.split()
    assert value["types"]["LOC"] == {
        "gold": 1, "predicted": 1, "correct": 1, "precision": 1.0, "recall": 1.0, "f1": 1.0,
    }  # fmt: skip
    strict = json.loads(CliRunner().invoke(app, ["score", str(file), "--json", "--strict"]).stdout)
    assert (value["predicted"], strict["predicted"]) == (2, 1)


def test_score_shows_a_table_and_refuses_contradictory_options(file: Path) -> None:
    file.write_text(prediction_lines(["中"], ["B-[red]"], ["B-[red]"]))
    table = CliRunner().invoke(app, ["score", str(file)]).stdout
    assert "1 sentence, 1 token," in table and "[red]" in table
    assert CliRunner().invoke(app, ["score", str(file), "--json", "--conlleval"]).exit_code != 0


def remarks(file: Path, content: str, strict: bool = False) -> list[str]:
    file.write_text(content, encoding="utf-8")
    said: list[str] = []
    score_file(file, strict, said.append)
    return said


IOB1 = "王 I-PER I-PER\n明 I-PER I-PER\n在 O O\n北 I-LOC I-LOC\n京 I-LOC I-LOC\n李 I-PER I-PER\n四 B-PER B-PER\n"


def test_strict_says_how_many_gold_tags_it_ignored(file: Path) -> None:
    (remark,) = remarks(file, IOB1, strict=True)
    assert "--strict ignored 5 of the gold tags (3 of the entities without it)" in remark and "IOB1" in remark
    assert remarks(file, IOB1) == []
    assert remarks(file, "王 B-PER O\n明 I-PER I-PER\n", strict=True) == []
    result = CliRunner().invoke(app, ["score", str(file), "--strict"])
    assert result.exit_code == 0 and "ignored" not in result.output
    file.write_text(IOB1, encoding="utf-8")
    assert "ignored 5 of the gold tags" in CliRunner().invoke(app, ["score", str(file), "--strict"]).output


@given(sentences=sentences_of_rows)
def test_ignored_gold_tags_are_those_of_no_strict_entity(sentences: list[list[tuple[str, str, str]]]) -> None:
    tally = Tally(strict=True)
    ignored = 0
    for sentence in sentences:
        gold = [tag for _, tag, _ in sentence]
        tally.add(gold, [tag for _, _, tag in sentence])
        kept = {place for start, end, *_ in chunks(gold, strict=True) for place in range(start, end)}
        ignored += sum(tag[0] in "BI" for place, tag in enumerate(gold) if place not in kept)
    told = [remark for remark in tally.remarks() if remark.startswith("--strict")]
    assert len(told) == bool(ignored) and all(f"ignored {ignored:,} of the gold tags" in remark for remark in told)


def test_gold_and_predicted_tags_of_different_schemes_are_told(file: Path) -> None:
    (remark,) = remarks(file, "王 B-PER B-PER\n明 E-PER I-PER\n李 S-PER B-PER\n在 I-X O\n")
    assert "gold tags are written with B, E, I, S and predicted ones with B, I:" in remark and "token accuracy" in remark
    (remark,) = remarks(file, "王 B-PER B-PER\n小 M-PER I-PER\n明 E-PER E-PER\n")
    assert "gold tags are written with B, E, M and predicted ones with B, E, I:" in remark
    for one_scheme in ("王 B-PER B-PER\n小 I-PER I-PER\n明 E-PER E-PER\n李 S-PER S-PER\n", "王 S-PER O\n", "王 S-PER X\n"):
        assert remarks(file, one_scheme) == []
    assert remarks(file, "王 B-PER S-PER\n小 I-PER O\n明 E-PER O\n") == []


def test_a_file_of_two_columns_says_that_one_is_missing(file: Path) -> None:
    file.write_text("王 B-PER\n明 I-PER\n在 O\n", encoding="utf-8")
    with pytest.raises(DataError, match=r":1: two columns only \('王 B-PER'\).*one of the tags is missing"):
        score_file(file)
    file.write_text("O O\nB-PER B-PER\n", encoding="utf-8")  # the token is a blank
    assert score_file(file).tokens == 2


@pytest.mark.parametrize("encoding", ["gb18030", "utf-16"])
def test_the_advice_to_convert_names_the_encoding(file: Path, encoding: str) -> None:
    file.write_bytes("王 B-PER B-PER\n明 I-PER I-PER\n".encode(encoding))
    with pytest.raises(DataError, match=f"iconv -f {encoding.upper()} -t UTF-8"):
        score_file(file)
    file.write_bytes("王 O O\n明 O O\n人 O O\n".encode() + "王 B-PER B-PER\n".encode("gb18030"))
    with pytest.raises(DataError, match=r":4: not UTF-8; as GBK .*iconv -f GB18030"):
        score_file(file)
