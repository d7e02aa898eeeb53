"""check-data: figures against counts by hand, and every problem found where it is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from nerctl.cli import app
from nerctl.data.report import ERRORS, NOTES, WARNINGS
from nerctl.data.tokenizer import Vocabulary, WordPieceTokenizer
from nerctl.data.validation import check_data
from nerctl.errors import DataError

SMALL = Path(__file__).parents[1] / "data" / "vocab_small.txt"
SHARED = Path(__file__).parents[2] / ".." / "shared" / "corpora"
GOOD = {"train": "北 B-LOC\n京 I-LOC\n\n人 B-PER\n", "dev": "我 O\n在 B-LOC\n", "test": "他 O\n出 B-PER\n"}


def folder(tmp_path, **content) -> Path:
    for split, text in {**GOOD, **content}.items():
        if text is not None:
            (tmp_path / f"{split}.txt").write_bytes(text if isinstance(text, bytes) else text.encode())
    return tmp_path


def found(report):
    return [(problem.kind, problem.split, problem.count) for problem in report.problems]


def places(problem):
    return [(Path(example.file).name, example.line) for example in problem.examples]


def test_good_data_has_no_problem_and_the_right_figures(tmp_path):
    report = check_data(folder(tmp_path))
    assert report.problems == [] and report.ok and report.length_unit == "tokens"
    train = report.splits["train"]
    assert (train.sentences, train.tokens, train.entities) == (2, 3, {"LOC": 1, "PER": 1})
    assert train.lengths == {"50": 1, "90": 2, "99": 2, "max": 2} and train.unknown_tokens is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(lengths=st.lists(st.integers(1, 30), min_size=1, max_size=40), window=st.integers(3, 20))
def test_length_figures_are_those_of_a_count_by_hand(tmp_path, lengths, window):
    text = "".join("x O\n" * length + "\n" for length in lengths)
    train = check_data(folder(tmp_path, train=text), max_seq_length=window).splits["train"]
    for name, share in (("50", 0.5), ("90", 0.9), ("99", 0.99), ("max", 1.0)):
        least = min(n for n in lengths if sum(m <= n for m in lengths) >= share * len(lengths) - 1e-9)
        assert train.lengths[name] == least
    assert train.over_window == pytest.approx(sum(n + 2 > window for n in lengths) / len(lengths))


def test_with_a_vocabulary_lengths_count_word_pieces(tmp_path):
    tokens = ["unaffable", "北", " ", "龘"]
    vocabulary = Vocabulary.read(SMALL)
    report = check_data(
        folder(tmp_path, train="".join(f"{t}\tO\n" for t in tokens)), vocabulary, max_seq_length=7
    )
    train = report.splits["train"]
    pieces = [WordPieceTokenizer(vocabulary).pieces(token) for token in tokens]
    assert report.length_unit == "word pieces" and [len(ids) for ids in pieces] == [3, 1, 1, 1]
    assert train.lengths["max"] == 6 and train.over_window == 1.0 and train.unknown_tokens == 0.5


def test_every_unreadable_line_is_counted_and_its_sentence_left_out(tmp_path):
    bad = b"a O\n\xff\xff O\nb O\n\nc B-LOC\n\nonly\n" + b"x Q\n\n" * 6 + b"d O\n"
    report = check_data(folder(tmp_path, dev=bad))
    problem = report.problems[0]
    assert found(report) == [("unreadable lines", "dev", 8)] and not report.ok
    assert places(problem) == [
        ("dev.txt", 2),
        ("dev.txt", 7),
        ("dev.txt", 8),
        ("dev.txt", 10),
        ("dev.txt", 12),
    ]
    assert "UTF-8" in problem.examples[0].detail and "one column" in problem.examples[1].detail
    assert (report.splits["dev"].sentences, report.splits["dev"].tokens) == (2, 2)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    lines=st.lists(st.sampled_from([b"a O", b"b B-LOC", b"c I-LOC", b"", b"bad", b"\xff O"]), max_size=25),
    chunk=st.integers(1, 30),
)
def test_figures_are_those_of_the_file_without_its_bad_sentences(tmp_path, lines, chunk):
    from nerctl.data import conll

    sentences: list[list[bytes]] = [[]]
    for line in lines:
        if line:
            sentences[-1].append(line)
        else:
            sentences.append([])
    good = [s for s in sentences if s and not {b"bad", b"\xff O"} & set(s)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conll, "CHUNK", chunk)
        report = check_data(folder(tmp_path, train=b"\n".join(lines)))
    train = report.splits.get("train")  # not there when no sentence can be read
    assert (train.sentences, train.tokens) == (len(good), sum(map(len, good))) if train else not good
    bad = [problem.count for problem in report.problems if problem.kind == "unreadable lines"]
    assert sum(bad) == sum(line in (b"bad", b"\xff O") for line in lines)


def test_unreadable_json_lines_are_counted_too(tmp_path):
    good = '{"text": "北京", "entities": [{"start": 0, "end": 2, "type": "LOC"}]}\n'
    (tmp_path / "train.json").write_text(
        good + "{\n" + '{"text": "", "entities": []}\n' + good.replace("2", "3")
    )
    report = check_data(tmp_path / "train.json")
    assert found(report) == [("unreadable lines", "train", 2), ("empty texts", "train", 1)]
    assert places(report.problems[0]) == [("train.json", 2), ("train.json", 4)]
    assert report.splits["train"].sentences == 1


def test_a_file_that_cannot_be_read_at_all_does_not_hide_the_others(tmp_path):
    report = check_data(folder(tmp_path, dev="a B-LOC\nb M-LOC\nc I-LOC\n"))
    assert found(report) == [("unreadable file", "dev", 1)] and list(report.splits) == ["train", "test"]
    assert "dev.txt:3: tags of different schemes" in report.problems[0].message


@pytest.mark.parametrize(
    ("tags", "lines", "details"),
    [
        ("B-X I-X O I-X B-X I-Y", [4, 6], ["I-X after O", "I-Y after B-X"]),
        ("O - I-X B-X O B-X", [3], ["I-X begins a sentence"]),
        ("B-X E-X M-X E-X S-X", [3], ["M-X after E-X"]),
        ("E-X S-X", [1], ["E-X begins a sentence"]),
        ("B-X O B-X M-X - S-X", [1, 4], ["B-X before O, not closed", "M-X ends a sentence, not closed"]),
        ("S-X B-X", [2], ["B-X ends a sentence, not closed"]),
        ("B-X S-X I-X", [1, 3], ["B-X before S-X, not closed", "I-X after S-X"]),
    ],
)
def test_illegal_tags_are_found_where_they_are(tmp_path, tags, lines, details):
    text = "".join("\n" if tag == "-" else f"{number} {tag}\n" for number, tag in enumerate(tags.split()))
    (tmp_path / "a.txt").write_text(text)
    report = check_data(tmp_path / "a.txt")
    (problem,) = report.problems
    assert problem.kind == "illegal tags" and report.ok and problem.count == len(lines)
    assert [example.line for example in problem.examples] == lines
    assert [example.detail for example in problem.examples] == details


def test_legal_files_of_each_scheme_have_no_illegal_tags(tmp_path):
    for tags in (
        "B-X I-X B-X O",
        "I-X B-X O I-X I-Y",
        "B-X M-X E-X S-X",
        "B-X I-X E-X S-X",
        "B-X I-X L-X U-X",
    ):
        (tmp_path / "a.txt").write_text("".join(f"{n} {tag}\n" for n, tag in enumerate(tags.split())))
        assert check_data(tmp_path / "a.txt").problems == []


def test_a_type_that_train_lacks_is_an_error_with_its_lines(tmp_path):
    report = check_data(folder(tmp_path, test="他 O\n出 B-TIME\n时 I-TIME\n\n的 B-TIME\n"))
    assert found(report) == [("unknown type", "test", 2)] and not report.ok
    assert places(report.problems[0]) == [("test.txt", 2), ("test.txt", 5)]


def test_repeated_and_shared_sentences_are_found(tmp_path):
    train = "北 B-LOC\n\n京 O\n\n北 O\n\n北 B-LOC\n"
    report = check_data(folder(tmp_path, train=train, dev="京 O\n\n我 B-LOC\n", test="北 O\n京 B-LOC\n"))
    assert found(report) == [("shared sentences", "dev", 1), ("duplicates", "train", 2)] and report.ok
    assert (
        places(report.problems[0]) == [("dev.txt", 1)]
        and "train.txt:3" in report.problems[0].examples[0].detail
    )
    assert [example.detail for example in report.problems[1].examples] == [
        "the same as line 1, with other tags",
        "the same as line 1",
    ]


def test_empty_missing_and_entity_free_splits_are_told(tmp_path):
    report = check_data(folder(tmp_path, train="北 O\n", dev=b"", test=None))
    assert found(report) == [
        ("empty split", "dev", 1),
        ("nothing to learn", "train", 1),
        ("missing split", "test", 1),
    ]
    assert found(check_data(folder(tmp_path, dev="我 O\n", test="他 O\n", train=GOOD["train"]))) == [
        ("no entities", "dev", 1),
        ("no entities", "test", 1),
    ]


def test_tokens_that_free_text_would_not_have_are_told(tmp_path):
    report = check_data(folder(tmp_path, train="APP O\n2018 O\n北京 B-LOC\n\n3.14\tO\n人 B-PER\n  O\n"))
    (problem,) = report.problems
    assert (
        problem.kind == "split tokens"
        and report.ok
        and places(problem) == [("train.txt", 3), ("train.txt", 5)]
    )
    assert [example.detail for example in problem.examples] == ["'北京'", "'3.14'"]


def test_a_mention_of_several_types_in_all_splits_together_is_a_note_at_its_rarest_type(tmp_path):
    train = "厦 B-LOC\n门 I-LOC\n\n" * 2 + "厦 B-ORG\n门 I-ORG\n\n去 O\n厦 B-org\n门 I-org\n的 B-LOC\n"
    report = check_data(folder(tmp_path, train=train, dev="在 O\n厦 B-LOC\n门 I-LOC\n", test="的 B-ORG\n"))
    problem = report.problems[-1]
    assert (problem.level, problem.kind, problem.count, report.ok) == ("note", "several types", 2, True)
    assert problem.message == "2 mentions have several types"
    assert places(problem) == [("train.txt", 11), ("test.txt", 1)]
    assert [example.detail for example in problem.examples] == ["厦门: LOC 3, ORG 1, org 1", "的: LOC 1, ORG 1"]


def test_a_mention_that_a_split_leaves_unmarked_is_a_note_at_the_first_place(tmp_path):
    text = "北 B-ORG\n大 I-ORG\n\n" * 2 + "在 O\n北 O\n大 O\n校 O\n\n" * 3
    report = check_data(folder(tmp_path, train=text, dev="北 B-ORG\n大 I-ORG\n\n在 O\n北 O\n大 O\n"))
    problem = report.problems[-1]
    assert (problem.level, problem.kind, problem.split, problem.count) == ("note", "unmarked mentions", "train", 1)
    assert problem.message == "1 mention of train is left unmarked at least as often as it is marked"
    assert places(problem) == [("train.txt", 8)]
    assert problem.examples[0].detail == "北大: marked 2 times, unmarked 3 times"


def test_a_mention_that_would_break_the_line_is_quoted(tmp_path):
    text = "".join(json.dumps({"text": "a\nb", "entities": [[0, 3, kind]]}) + "\n" for kind in "XY")
    (tmp_path / "a.json").write_text(text)
    (problem,) = check_data(tmp_path / "a.json").problems[-1:]
    assert [example.detail for example in problem.examples] == [r"'a\nb': X 1, Y 1"]


def test_a_sentence_of_over_5_000_tokens_is_warned_of(tmp_path):
    text = "北 O\n" * 5000 + "\n" + "京 B-LOC\n" * 5001
    report = check_data(folder(tmp_path, train=text, dev=text + "\n" + text.replace("北", "南") + "南 O\n" * 999))
    one, two = (problem for problem in report.problems if problem.kind == "long blocks")
    assert (one.level, one.split, one.count, two.split, two.count) == ("warning", "train", 1, "dev", 2)
    cuts = "nerctl convert --sentences cuts"
    longest = "of over 5,000 tokens (the longest"
    assert one.message == f"train has 1 sentence {longest} 5,001); is it a whole document? {cuts} it at sentence ends"
    assert two.message == f"dev has 2 sentences {longest} 6,000); are they whole documents? {cuts} them at sentence ends"
    assert places(one) == [("train.txt", 5002)] and one.examples[0].detail == "5,001 tokens"


def test_problems_come_worst_first(tmp_path):
    report = check_data(
        folder(tmp_path, train="北 I-LOC\n京 B-LOC\n\n京 O\n", dev="京 O\nbad\n\n北 B-X\n\n京 O\n", test=None)
    )
    order = ERRORS + WARNINGS + NOTES
    ranks = [order.index(problem.kind) for problem in report.problems]
    assert ranks == sorted(ranks) and len(set(ranks)) >= 4
    levels = [problem.level for problem in report.problems]
    assert levels == sorted(levels, key=["error", "warning", "note"].index)
    assert set(levels) == {"error", "warning", "note"}


def test_nothing_to_read_is_an_error(tmp_path):
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(DataError):
            check_data(path)
    with pytest.raises(DataError, match="at least 3"):
        check_data(folder(tmp_path), max_seq_length=2)


# --- the command ---


def run(*arguments: object):
    return CliRunner().invoke(app, ["check-data", *map(str, arguments)], env={"COLUMNS": "80"})


def test_the_command_prints_figures_and_leaves_with_0(tmp_path):
    result = run(folder(tmp_path))
    assert result.exit_code == 0 and "No problem found." in result.output
    assert [line.split() for line in result.output.splitlines() if line.startswith("sentences")] == [
        ["sentences", "2", "1", "1"]
    ]


def test_the_command_leaves_with_2_when_training_would_refuse(tmp_path):
    result = run(folder(tmp_path, dev=b"\xff O\n[b] O\n" * 9))
    assert result.exit_code == 2 and "Mend the errors before training." in result.output
    assert "dev.txt:1: not UTF-8" in result.output and "... and 8 more" in result.output
    warned = run(folder(tmp_path, dev="我 I-LOC\n我 O\n我 B-LOC\n"))
    assert warned.exit_code == 0 and "1 warning." in warned.output


def test_notes_leave_the_verdict_that_there_is_no_problem(tmp_path):
    noted = run(folder(tmp_path, dev="人 B-LOC\n在 O\n"))
    assert noted.exit_code == 0 and "No problem found, 1 note." in noted.output
    assert "note: 1 mention has several types\n      dev.txt:1: 人: PER 1, LOC 1\n" in noted.output
    warned = run(folder(tmp_path, dev="人 B-LOC\n在 I-PER\n"))
    assert warned.exit_code == 0 and "\n1 warning, 1 note.\n" in warned.output
    (problem,) = json.loads(run(folder(tmp_path, dev="人 B-LOC\n在 O\n"), "--json").output)["problems"]
    assert problem["level"] == "note"


def test_human_output_fits_80_columns_whatever_the_data(tmp_path):
    name = "非常长的类型名称" * 3
    text = f"北 B-{name}\n京 I-{name}\n\n" * 3 + "x [red]Q-X\n"
    for output in (run(folder(tmp_path, train=text)).output, run(folder(tmp_path, dev=text)).output):
        from rich.cells import cell_len

        assert max(cell_len(line) for line in output.splitlines()) <= 80
        assert "unknown tag '[red]Q-X'" in " ".join(output.split())


def test_json_is_one_object_with_the_same_content(tmp_path):
    result = run(folder(tmp_path, dev="bad\n"), "--json", "--bert-dir", vocabulary_folder(tmp_path))
    assert result.exit_code == 2
    value = json.loads(result.output)
    assert value["ok"] is False and value["length_unit"] == "word pieces"
    assert value["splits"]["train"]["entities"] == {"LOC": 1, "PER": 1}
    assert [problem["level"] for problem in value["problems"]] == ["error"]
    example = value["problems"][0]["examples"][0]
    assert example["line"] == 1 and example["file"].endswith("dev.txt")


def vocabulary_folder(tmp_path) -> Path:
    model = tmp_path / "model"
    model.mkdir()
    (model / "vocab.txt").write_bytes(SMALL.read_bytes())
    return model


def test_importing_the_command_loads_nothing_heavy():
    code = (
        "import sys, nerctl.commands.check_data; "
        "print([name for name in ('numpy', 'rich.table', 'tensorflow') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ChineseNER", {"train": (20_864, 34_336), "dev": (2_318, 3_819), "test": (4_636, 7_707)}),
        ("resume", {"dev": (463, 1_497), "test": (477, 1_630)}),
        ("cluener/dev.json", {"dev": (1_343, 3_072)}),
    ],
)
def test_the_shared_corpora_pass(name, expected):
    if not (SHARED / name).exists():
        pytest.skip(f"needs ../shared/corpora/{name}")
    result = run(SHARED / name, "--json")
    assert result.exit_code == 0
    splits = json.loads(result.output)["splits"]
    for split, (sentences, entities) in expected.items():
        assert splits[split]["sentences"] == sentences and sum(splits[split]["entities"].values()) == entities
