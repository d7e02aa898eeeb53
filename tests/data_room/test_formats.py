"""Annotation formats: what is written is read back, tools' real shapes are read as meant, mentions decide positions."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nerctl.data.corpus import read_corpus, source_of
from nerctl.data.formats import registry
from nerctl.data.formats.offsets import way_of
from nerctl.data.formats.record import Broken, Record
from nerctl.data.formats.records import Records
from nerctl.data.spans import Span
from nerctl.errors import DataError

WRITABLE = [name for name, one in registry.FORMATS.items() if one.writer is not None]
LIBRARIES = {"parquet": "pyarrow", "docbin": "spacy"}
LOSSLESS = [name for name in WRITABLE if name not in ("conll", "conllu", "paddle", "pairs")]
"""Those that can hold any character."""
ODD = st.sampled_from("北京王A7 \t\r\n\u3000👍🏽e\u0301\u200d\ufe0f")
CHARACTERS = st.one_of(ODD, st.characters(exclude_categories=["Cs"]))


def written(tmp_path: Path, name: str, records: list[Record]) -> tuple[Path, Counter[str]]:
    one = registry.FORMATS[name]
    path = tmp_path / f"written-{len(list(tmp_path.iterdir()))}{one.suffix}"
    assert one.writer is not None
    writer = one.writer(path)
    for record in records:
        writer.add(record)
    writer.close()
    return path, writer.loss


def read(path: Path, name: str = "auto") -> list[Record]:
    return list(Records(source_of(path, name)))


def content(records: list[Record]) -> list[tuple[str, list[tuple[int, int, str]]]]:
    return [(record.text, [span[:3] for span in record.spans]) for record in records]


@st.composite
def texts(draw, nested: bool) -> list[Record]:
    found = []
    for text in draw(st.lists(st.text(CHARACTERS, min_size=1, max_size=8), min_size=1, max_size=4, unique=True)):
        cuts = sorted(draw(st.sets(st.integers(0, len(text)), max_size=5)))
        spans = {Span(a, b, draw(st.sampled_from(["PER", "人名"]))) for a, b in zip(cuts, cuts[1:]) if draw(st.booleans())}
        if nested and len(cuts) > 2:
            spans.add(Span(cuts[0], cuts[-1], "ORG"))
        found.append(Record(1, text, sorted(spans, key=lambda one: (one.start, -one.end, one.type))))
    return found


@pytest.mark.parametrize("name", LOSSLESS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(data=st.data())
def test_any_text_with_any_entities_is_read_back_as_it_was_written(tmp_path, name, data):
    if name in LIBRARIES:
        pytest.importorskip(LIBRARIES[name])
    records = data.draw(texts(nested=registry.FORMATS[name].nested))
    path, _ = written(tmp_path, name, records)
    assert content(read(path, name)) == content(records)


TOKENS = st.sampled_from(["王", "明", "北", "B2B", "3.5", "，", "👍"])


@pytest.mark.parametrize("name", [name for name in WRITABLE if registry.FORMATS[name].tokens])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(sentences=st.lists(st.lists(TOKENS, min_size=1, max_size=6), min_size=1, max_size=4), data=st.data())
def test_tokens_of_several_characters_and_their_entities_are_read_back(tmp_path, name, sentences, data):
    if name in LIBRARIES:
        pytest.importorskip(LIBRARIES[name])
    records = []
    for words in sentences:
        places, end = [], 0
        for word in words:
            places.append((end, end + len(word)))
            end += len(word)
        first = data.draw(st.integers(0, len(words) - 1))
        last = data.draw(st.integers(first, len(words) - 1))
        text = "".join(words)
        tokens = None if len(places) == len(text) else places
        records.append(Record(1, text, [Span(places[first][0], places[last][1], "PER")], tokens=tokens))
    path, loss = written(tmp_path, name, records)
    back = read(path, name)
    assert [record.words() for record in back] == sentences and not +loss
    assert [record.token_spans() for record in back] == [record.token_spans() for record in records]


@pytest.mark.parametrize("name", WRITABLE)
def test_a_written_file_is_recognised_by_its_content_and_trains_as_a_corpus(tmp_path, name):
    if name in LIBRARIES:
        pytest.importorskip(LIBRARIES[name])
    path, _ = written(tmp_path, name, [Record(1, "王明在北京。", [Span(0, 2, "PER"), Span(3, 5, "LOC")], key="7")] * 3)
    corpus = read_corpus(path)
    assert source_of(path).format.name == name
    assert corpus.spans(0) == [Span(0, 2, "PER"), Span(3, 5, "LOC")] and "".join(corpus.sentence(0).tokens) == "王明在北京。"
    one = registry.FORMATS[name]
    keys = [record.key for record in read(path)]
    assert one.name == "brat" or not one.keys or (len(keys) == 3 and set(map(str, keys)) == {"7"})


# --- mentions decide ---


def cmeee(text: str, *entities: tuple[int, int, str]) -> bytes:
    listed = [{"start_idx": start, "end_idx": end, "type": "bod", "entity": mention} for start, end, mention in entities]
    return json.dumps([{"text": text, "entities": listed}], ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("text", "entities", "note"),
    [
        ("患者房室结区病变", [(2, 5, "房室结区")], ""),
        ("患者房室结区病变", [(2, 6, "房室结区")], "ends are exclusive"),
        ("👍患者房室结", [(4, 6, "房室结")], "positions count UTF-16 units"),
        ("👍患者房室结", [(4, 7, "房室结")], "positions count UTF-16 units and ends are exclusive"),
        ("  患者房室结", [(2, 4, "房室结")], "positions count from the first character that is no blank"),
        ("患 者 房室 结", [(2, 4, "房室 结")], "positions do not count blanks"),
        ("患者\r\n房室结", [(3, 5, "房室结")], "positions count CRLF line ends as one character"),
        ("患者\n房室结", [(4, 6, "房室结")], "positions count line ends as two characters"),
    ],
)
def test_the_mentions_of_a_file_tell_how_its_positions_count(tmp_path, text, entities, note):
    path = tmp_path / "a.json"
    path.write_bytes(cmeee(text, *entities))
    corpus = read_corpus(path)
    (span,) = corpus.spans(0)
    assert text[span.start : span.end] == entities[0][2]
    told = [one for one in corpus.notes if "in the whole file, as its mentions say" in one]
    assert bool(told) == bool(note) and (not note or f"a.json:1: {note} in the whole file" in told[0])


def test_a_mention_that_no_way_of_counting_finds_is_an_error_with_file_line_and_mention(tmp_path):
    path = tmp_path / "a.jsonl"
    marks = [{"start": 0, "end": 2, "type": "PER", "text": one} for one in ("王明", "李四")]
    path.write_text("".join(json.dumps({"text": "王明在", "entities": [mark]}) + "\n" for mark in marks), encoding="utf-8")
    with pytest.raises(DataError, match=r"a\.jsonl:2: the text at 0 to 2 is '王明', not '李四'"):
        read_corpus(path)


# --- what tools write ---

LABEL_STUDIO = [
    {
        "id": 11,
        "data": {"body": "王明在北京", "source": "a"},
        "annotations": [
            {"was_cancelled": True, "result": []},
            {
                "was_cancelled": False,
                "result": [
                    {"id": "x", "from_name": "label", "to_name": "text", "type": "labels",
                     "value": {"start": 0, "end": 2, "text": "王明", "labels": ["PER", "VIP"]}},
                    {"type": "relation", "from_id": "x", "to_id": "y"},
                    {"id": "y", "type": "labels", "value": {"start": 3, "end": 5, "text": "北京", "labels": []}},
                    {"type": "choices", "value": {"choices": ["news"]}},
                ],
            },
        ],
    },
    {"id": 12, "data": {"body": "在上海", "source": "b"}, "annotations": [],
     "predictions": [{"model_version": "m", "score": 0.5, "result": [
         {"type": "labels", "score": 0.75, "value": {"start": 1, "end": 3, "text": "上海", "labels": ["LOC"]}}]}]},
]  # fmt: skip


def test_label_studio_gives_the_answer_that_was_not_cancelled_else_the_prediction(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(LABEL_STUDIO, ensure_ascii=False, indent=1), encoding="utf-8")
    records = Records(source_of(path))
    first, second = records
    assert first.spans == [Span(0, 2, "PER"), Span(0, 2, "VIP")] and first.key == 11 and first.extra == {"source": "a"}
    assert second.spans == [Span(1, 3, "LOC", 0.75)]
    assert records.lost == {"relation": 1, "region without a label": 1, "answer of kind choices": 1}


def test_brat_has_nested_and_broken_entities_over_line_ends_and_says_what_it_leaves_out(tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "n10.txt").write_bytes("上腹部\n疼痛，王明".encode())
    (tmp_path / "d" / "n10.ann").write_bytes(
        "T1\tDIS 0 3;4 6\t上腹部 疼痛\nT2\tBOD 1 2\t腹\nT3\tDIS 0 1;4 6\t上 疼痛\n"
        "R1\tLoc Arg1:T1 Arg2:T2\n#1\tNote T1\tx\n".encode()
    )
    (tmp_path / "d" / "n2.txt").write_bytes("王明".encode())
    (tmp_path / "d" / "n2.ann").write_bytes("T1\tPER 0 2\t王明\n".encode())
    records = Records(source_of(tmp_path / "d"))
    small, large = records
    assert (small.key, large.key) == ("n2", "n10")
    assert large.spans == [Span(0, 6, "DIS"), Span(1, 2, "BOD")]
    assert large.broken == [Broken(((0, 1), (4, 6)), "DIS")] and records.lost == {"relation": 1, "note": 1}
    corpus = read_corpus(tmp_path / "d")
    assert corpus.spans(1) == [Span(0, 6, "DIS"), Span(1, 2, "BOD")]
    assert any(note.endswith("left out: 1 entity of several parts") for note in corpus.notes)
    path, _ = written(tmp_path, "brat", [small, large])
    again = read(path)
    assert content(again) == content([small, large]) and again[1].broken == large.broken


def test_what_is_wrong_in_a_file_of_brat_names_that_file_and_line(tmp_path):
    (tmp_path / "a.txt").write_bytes("王明".encode())
    (tmp_path / "a.ann").write_bytes("T1\tPER 0 2\t王明\nT2\tPER 0 2\t李四\n".encode())
    with pytest.raises(DataError, match=r"a\.ann:2: the text at 0 to 2 is '王明', not '李四'"):
        read_corpus(tmp_path)
    (tmp_path / "a.ann").write_bytes(b"T1 PER\n")
    with pytest.raises(DataError, match=r"a\.ann:1: 'T1 PER' is no annotation"):
        read_corpus(tmp_path)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("江/nr 泽民/nr 在/p 北京/ns", ["江泽民 PER", "北京 LOC"]),
        ("[北京/ns 大学/n]nt 校长/n 欧阳/nr 修/nr", ["北京大学 ORG", "北京 LOC", "欧阳修 PER"]),
        ("克林顿/nr 王明/nr 说/v", ["克林顿 PER", "王明 PER"]),
        ("19980101-01-001-002/m 李/nr 鹏/nr", ["李鹏 PER"]),
    ],
)
def test_split_names_of_persons_are_joined_and_compounds_are_one(tmp_path, line, expected):
    path = tmp_path / "a.txt"
    path.write_text(line + "\n", encoding="utf-8")
    (record,) = read(path, "words")
    assert [f"{record.text[start:end]} {kind}" for start, end, kind, _ in record.spans] == expected
    assert record.key == ("19980101-01-001-002" if line[0] == "1" else None)


@pytest.mark.parametrize("where", ["labels.txt", "dataset_info.json"])
def test_numbers_of_tags_take_the_names_of_a_file_beside(tmp_path, where):
    names = ["O", "B-PER", "I-PER"]
    told = "\n".join(names) if where == "labels.txt" else json.dumps(
        {"features": {"ner_tags": {"feature": {"names": names, "_type": "ClassLabel"}, "_type": "Sequence"}}})  # fmt: skip
    (tmp_path / where).write_text(told, encoding="utf-8")
    (tmp_path / "a.jsonl").write_text('{"tokens": ["王", "明"], "ner_tags": [1, 2]}\n', encoding="utf-8")
    corpus = read_corpus(tmp_path / "a.jsonl")
    assert corpus.spans(0) == [Span(0, 2, "PER")] and len(corpus.notes) == 1
    (tmp_path / "a.jsonl").write_text('{"tokens": ["王", "明"], "ner_tags": [1, 3]}\n', encoding="utf-8")
    with pytest.raises(DataError, match=r"a\.jsonl:1: the tag 3 has no name; 3 are named"):
        read_corpus(tmp_path / "a.jsonl")


def test_conllu_plus_reads_the_column_that_is_named_and_passes_over_words_of_several_tokens(tmp_path):
    path = tmp_path / "a.conllup"
    head = "# global.columns = ID FORM NER\n# sent_id = s1\n"
    path.write_text(head + "1-2\t王明\t_\n1\t王\tB-PER\n2\t明\tI-PER\n3\t在\t*\n\n", encoding="utf-8")
    (record,) = read(path)
    assert record.spans == [Span(0, 2, "PER")] and record.key == "s1" and record.text == "王明在"


def test_uie_lines_of_one_text_are_put_together_wherever_they_stand(tmp_path):
    path = tmp_path / "a.jsonl"
    lines = [
        {"content": "王明在北京", "result_list": [{"text": "王明", "start": 0, "end": 2}], "prompt": "人名"},
        {"content": "在", "result_list": [], "prompt": "人名"},
        {"content": "王明在北京", "result_list": [{"text": "北京", "start": 3, "end": 5}], "prompt": "地名"},
    ]
    path.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines), encoding="utf-8")
    assert content(read(path)) == [("王明在北京", [(0, 2, "人名"), (3, 5, "地名")]), ("在", [])]


def test_parquet_keeps_the_names_of_its_own_features(tmp_path):
    pyarrow, parquet = (pytest.importorskip(name) for name in ("pyarrow", "pyarrow.parquet"))
    features = {"info": {"features": {"ner_tags": {"feature": {"names": ["O", "B-PER", "I-PER"]}}}}}
    table = pyarrow.table({"tokens": [["王", "明"]], "ner_tags": [[1, 2]]})
    table = table.replace_schema_metadata({"huggingface": json.dumps(features)})
    parquet.write_table(table, tmp_path / "train.parquet")
    assert read_corpus(tmp_path / "train.parquet").spans(0) == [Span(0, 2, "PER")]
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match=r"bad\.parquet: no Parquet file that can be read"):
        read_corpus(tmp_path / "bad.parquet")


@pytest.mark.parametrize("name", ["conl", "", "JSONL"])
def test_a_format_of_no_such_name_is_refused_with_the_names_that_there_are(tmp_path, name):
    with pytest.raises(DataError, match=r"no format of that name; .*Known are: conll, jsonl"):
        source_of(tmp_path, name)


@pytest.mark.parametrize("block", [7, 1 << 20])
def test_an_array_is_read_element_by_element_with_the_line_of_each(tmp_path, monkeypatch, block):
    monkeypatch.setattr("nerctl.data.formats.json_values.BLOCK", block)
    values = [{"text": "王明👍", "entities": [], "n": number} for number in range(5)]
    (tmp_path / "a.json").write_text(json.dumps(values, ensure_ascii=False, indent=2), encoding="utf-8")
    found = read(tmp_path / "a.json")
    assert [record.extra["n"] for record in found] == list(range(5))
    assert [record.line for record in found] == [2, 7, 12, 17, 22]


@pytest.mark.parametrize("name", [name for name in WRITABLE if name not in ("parquet", "conll")])
def test_a_format_is_recognised_though_its_first_text_has_no_entity(tmp_path, name):
    if name in LIBRARIES:
        pytest.importorskip(LIBRARIES[name])
    path, _ = written(tmp_path, name, [Record(1, "在。"), Record(1, "王明", [Span(0, 2, "PER")])])
    assert source_of(path).format.name == name


def test_a_folder_whose_folders_are_splits_is_not_read_as_one_corpus(tmp_path):
    for split in ("train", "dev"):
        (tmp_path / split).mkdir()
        (tmp_path / split / "a.txt").write_bytes("王明".encode())
        (tmp_path / split / "a.ann").write_bytes("T1\tPER 0 2\t王明\n".encode())
    with pytest.raises(DataError, match=r"holds splits of brat \(dev, train\); name one of these folders"):
        read_corpus(tmp_path)
    assert len(read_corpus(tmp_path / "dev")) == 1


def test_a_first_line_of_json_longer_than_the_look_is_recognised_all_the_same(tmp_path):
    text = "王明" + "在" * 40_000
    path = tmp_path / "a.txt"
    path.write_text(json.dumps({"text": text, "label": [[0, 2, "PER"]]}, ensure_ascii=False), encoding="utf-8")
    assert source_of(path).format.name == "doccano" and read_corpus(path).spans(0) == [Span(0, 2, "PER")]


def test_a_format_that_was_named_is_not_guessed_at(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('[{"data": {"text": "王"}, "annotations": []}]', encoding="utf-8")
    with pytest.raises(DataError, match=r"a\.json:1: one column only|a\.json:1: unknown tag"):
        read_corpus(path, "conll")


def test_a_good_file_is_read_once_to_tell_how_it_counts(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(cmeee("患者房室结区", (2, 5, "房室结区")))
    times = []
    cmeee_format = registry.FORMATS["cmeee"]

    def reader(where, on_bad):
        times.append(where)
        assert cmeee_format.texts is not None
        return cmeee_format.texts(where, on_bad)

    assert way_of(reader, path, True)[1] == () and len(times) == 1


def test_a_file_of_paddlenlp_may_begin_with_a_heading(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text("text_a\tlabel\n王\x02明\tB-PER\x02I-PER\n", encoding="utf-8")
    corpus = read_corpus(path)
    assert len(corpus) == 1 and corpus.spans(0) == [Span(0, 2, "PER")]


def test_predictions_that_label_studio_exports_by_number_are_counted_as_left_out(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps([{"id": 1, "data": {"text": "王明"}, "annotations": [], "predictions": [4, 5]}]))
    found = Records(source_of(path))
    assert [one.spans for one in found] == [[]] and found.lost == {"prediction whose result is not in the file": 2}
