"""The bound on what an engine computes at once: one option, defaults by device, and nothing but speed depends on it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_model import cpu, make_model, tokenizer, write_corpus

from nerctl.backends import DeviceOptions
from nerctl.backends.cpu import CpuBackend
from nerctl.backends.cuda import CudaBackend
from nerctl.backends.npu import NpuBackend
from nerctl.data.sentence_windows import SentenceWindows, WindowArrays
from nerctl.errors import ModelError
from nerctl.inference.emissions import emission_blocks
from nerctl.inference.engine import TensorFlowEngine
from nerctl.inference.tagger import Tagger

TEXTS = ["海钓比赛地点在厦门" * (1 + index % 3) for index in range(40)]


def positions(tagger: Tagger, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Padded positions of each call that the texts take."""
    sizes: list[int] = []
    real = tagger.model.engine.emissions

    def counted(windows: WindowArrays) -> np.ndarray:
        sizes.append(windows.pieces.size)
        return real(windows)

    monkeypatch.setattr(tagger.model.engine, "emissions", counted)
    tagger.batch(TEXTS)
    return sizes


@pytest.mark.parametrize("engine", ["tensorflow", "onnx"])
def test_max_tokens_bounds_every_call_and_changes_no_entity(
    request: pytest.FixtureRequest, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = request.getfixturevalue("model_folder" if engine == "tensorflow" else "onnx_folder")
    usual = Tagger.load(folder, threads=1)
    few, many = Tagger.load(folder, threads=1, max_tokens=64), Tagger.load(folder, threads=1, max_tokens=100_000)
    small = positions(few, monkeypatch)
    assert max(small) <= 64 and len(small) > 10
    assert len(positions(many, monkeypatch)) <= 2
    expected = [[(e.start, e.end, e.type) for e in result.entities] for result in usual.batch(TEXTS)]
    for tagger in (few, many):
        assert [[(e.start, e.end, e.type) for e in result.entities] for result in tagger.batch(TEXTS)] == expected


def test_the_default_is_that_of_the_device(model_folder: Path) -> None:
    assert Tagger.load(model_folder, device="cpu").model.engine.max_tokens == 4096
    assert CudaBackend(DeviceOptions(device="cuda")).inference_tokens(202) == 32_768
    npu = NpuBackend(DeviceOptions(device="npu"))
    assert npu.inference_tokens(202) == 32 * npu.window_lengths(202)[-1]


def test_a_bound_that_is_no_number_of_tokens_is_refused(model_folder: Path) -> None:
    with pytest.raises(ModelError, match="--max-tokens 0"):
        Tagger.load(model_folder, max_tokens=0)


def test_a_block_holds_several_calls_however_large(tmp_path: Path) -> None:
    encoder = SentenceWindows(write_corpus(tmp_path / "c.txt", [20] * 4000), tokenizer(), 32)
    engine = TensorFlowEngine(make_model(), cpu(), max_tokens=40_000)
    first, _ = next(iter(emission_blocks(engine, encoder)))
    assert len(first) == 4000


class FewShapes(CpuBackend):
    """The shapes of CUDA, on the CPU."""

    window_rows = CudaBackend.window_rows

    def window_lengths(self, max_seq_length: int) -> tuple[int, ...]:
        return (16, 32)


def test_one_text_does_not_wait_for_a_full_batch_of_padding(tmp_path: Path) -> None:
    encoder = SentenceWindows(write_corpus(tmp_path / "c.txt", [12] * 700), tokenizer(), 32)
    backend = FewShapes(DeviceOptions(device="cpu"))
    backend.open()
    engine = TensorFlowEngine(make_model(), backend, 32, max_tokens=16 * 512)
    plain = TensorFlowEngine(engine.model, cpu(), 32)
    [(_, ours)], [(_, theirs)] = emission_blocks(engine, encoder), emission_blocks(plain, encoder)
    for one, other in zip(ours, theirs):
        np.testing.assert_allclose(one, other, atol=1e-4)
    # 700 windows: a full batch, then 188 rows, for which 512 are the fewest that are enough.
    assert {shape[0] for shape in engine._compiled} == {512}
    rows = [part.pieces.shape[0] for part, _ in engine._fixed_parts(_first(encoder, 3))]
    assert rows == [8]


def _first(encoder: SentenceWindows, count: int) -> WindowArrays:
    from nerctl.data.sentence_windows import lay_windows

    return lay_windows([encoder.rows(index)[0] for index in range(count)], encoder.pad)
