"""A head is one file: a toy one of under 60 lines, put into the room, trains, saves, loads and tags."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from made_corpus import made_sentences, write_columns, write_encoder

TOY = '''"""A type or none a token, each a softmax of its own; neighbours of one type are one entity."""

import numpy as np

from nerctl.data.sentence_windows import Field
from nerctl.data.spans import Span

HEADS = {"toy": False}


def make(name, labels, lstm_size, reach):
    return Toy(labels, lstm_size)


class Toy:
    whole, fields = True, (Field("kinds", "BL"),)

    def __init__(self, labels, lstm_size):
        self.labels, self.lstm_size = labels, lstm_size
        self.width = self.columns = len(labels.types) + 1

    def encode(self, corpus):
        return [corpus.spans(index) for index in range(len(corpus))]

    def priors(self, encoded):
        return {}

    def gold(self, encoded, chains, sizes):
        kinds = np.zeros((sizes["B"], sizes["L"]), np.int32)
        for row, chain in enumerate(chains):
            for span in filter(chain.holds, encoded[chain.sentence]):
                kinds[row, span.start - chain.start : span.end - chain.start] = self.labels.kinds[span.type] + 1
        return {"kinds": kinds}

    def network(self, initial):
        import tensorflow as tf

        class Network(tf.Module):
            def emissions(self, projected):
                return projected

            def losses(self, emissions, mask, batch):
                each = tf.nn.sparse_softmax_cross_entropy_with_logits(batch["kinds"], emissions)
                return tf.reduce_sum(each * mask, axis=1)

        return Network()

    def decoder(self, network):
        return self

    bounded = False

    def spans(self, emissions, bounds=None, rules=None, scored=True):
        return [self.of(one.argmax(1)) for one in emissions]

    def of(self, kinds):
        edges = [0, *(np.flatnonzero(np.diff(kinds)) + 1).tolist(), len(kinds)]
        runs = [(start, end, kinds[start]) for start, end in zip(edges, edges[1:]) if start < len(kinds)]
        return [Span(start, end, self.labels.types[kind - 1], 1.0) for start, end, kind in runs if kind]
'''


def test_a_toy_head_of_under_sixty_lines_in_one_file_trains_and_tags(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import nerctl
    from nerctl import heads

    assert TOY.count("\n") < 60
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "toy.py").write_text(TOY, encoding="utf-8")
    monkeypatch.setattr(heads, "__path__", [*heads.__path__, str(tmp_path / "room")])
    heads.rooms.cache_clear()
    try:
        data = tmp_path / "data"
        data.mkdir()
        for split, count, seed in (("train", 300, 1), ("dev", 30, 2), ("test", 30, 3)):
            write_columns(data / f"{split}.txt", made_sentences(count, seed))
        made = nerctl.train(
            data_dir=data, bert_dir=write_encoder(tmp_path / "model"), output_dir=tmp_path / "output", device="cpu",
            from_scratch=True, head="toy", epochs=6, batch_size=8, learning_rate=3e-3, head_learning_rate=1e-2,
        )  # fmt: skip
        assert made.test is not None and made.test.f1 > 0.9
        found = made.tagger(device="cpu")("张伟在北京开会。")
        assert [(entity.text, entity.type) for entity in found] == [("张伟", "PER"), ("北京", "LOC")]
    finally:
        monkeypatch.undo()
        heads.rooms.cache_clear()
        sys.modules.pop("nerctl.heads.toy", None)
    assert "toy" not in heads.names()
