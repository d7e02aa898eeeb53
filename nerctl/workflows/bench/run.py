"""Measures training steps and prediction passes on the user's own machine and data."""

from __future__ import annotations

import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from nerctl.config import TrainConfig
from nerctl.data.batches import Batch
from nerctl.data.corpus import read_corpus
from nerctl.data.sentence_windows import SentenceWindows
from nerctl.data.splits import find_splits
from nerctl.errors import DataError
from nerctl.training.loop import peak_memory
from nerctl.training.record import versions
from nerctl.wording import counted
from nerctl.workflows.bench.figures import Figures, Spread, encoder_flops

SIZE = 1536
"""Rows and columns of the matrices that give the machine's rate: large enough for its full speed, 0.1 s a product."""

PASS_SENTENCES = 500
"""Sentences that a prediction pass takes."""


def bench_train(config: TrainConfig, steps: int) -> Figures:
    """Times `steps` updates of a training that the config describes, after one that compiles; nothing is written."""
    from nerctl.training.session import Session

    begin = time.perf_counter()
    session = Session(config, Path(config.encoder_dir), "random" if config.from_scratch else "checkpoint")
    ready = time.perf_counter() - begin
    seconds: list[float] = []
    done: list[Batch] = []
    for step in range(1, steps + 2):
        start = time.perf_counter()
        parts = session.batches.step(step)
        session.stepper.run(step, parts, session.schedule.at(step))
        seconds.append(time.perf_counter() - start)
        if step > 1:
            done += parts
    steady = sum(seconds[1:])
    shape = session.bert
    flops = 3 * sum(
        encoder_flops(shape.hidden_size, shape.intermediate_size, shape.num_hidden_layers, *part["pieces"].shape)
        for part in done
    )
    positions = sum(part.positions for part in done)
    device, batch_size = session.backend.describe(), session.shapes.batch_size
    figures = Figures(
        what="train",
        first_seconds=seconds[0],
        ready_seconds=ready,
        seconds=Spread.of(seconds[1:]),
        sentences_per_second=steps * batch_size / steady,
        tokens_per_second=sum(part.tokens for part in done) / steady,
        padding=1 - sum(part.word_pieces for part in done) / positions,
        model_gflops=flops / steady / 1e9,
        machine_gflops=matrix_rate(session.backend.together),
        peak_memory_bytes=peak_memory(),
        facts={
            "work": f"{shape.num_hidden_layers} x {shape.hidden_size}, {config.head}, batches of {batch_size}",
            "device": device,
            "versions": versions(),
            "data": session.data.facts["train"]["sha256"],
        },
    )
    session.backend.close()
    return figures


def bench_predict(model: Path, data: Path, rounds: int, device: str) -> Figures:
    """Times `rounds` passes over the first sentences of a corpus, after one that compiles; nothing is written."""
    from nerctl.evaluation.corpus import predict_spans
    from nerctl.inference.loading import load_model

    begin = time.perf_counter()
    loaded = load_model(model, device=device)
    file = data if data.is_file() else next(iter(find_splits(data, needed=()).values()), None)
    if file is None:
        raise DataError(f"{data}: no corpus file; name one, or a folder with one")
    corpus = first_sentences(file)
    windows = SentenceWindows(corpus, loaded.tokenizer, loaded.max_seq_length)
    ready = time.perf_counter() - begin
    seconds: list[float] = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        predict_spans(loaded.engine, loaded.decoder, windows)
        seconds.append(time.perf_counter() - start)
    spread = Spread.of(seconds[1:])
    shape = loaded.folder.read_json("bert_config.json")
    flops = sum(
        encoder_flops(
            shape["hidden_size"], shape["intermediate_size"], shape["num_hidden_layers"], 1, int(length) + 2
        )
        for length in windows.lengths
    )
    return Figures(
        what="predict",
        first_seconds=seconds[0],
        ready_seconds=ready,
        seconds=spread,
        sentences_per_second=len(corpus) / spread.median,
        tokens_per_second=len(corpus.token_ids) / spread.median,
        padding=0.0,
        model_gflops=flops / spread.median / 1e9,
        machine_gflops=matrix_rate(),
        peak_memory_bytes=peak_memory(),
        facts={
            "work": f"{shape['num_hidden_layers']} x {shape['hidden_size']}, {counted(len(corpus), 'sentence')}",
            "engine": loaded.engine.name,
            "device": device,
        },
    )


def first_sentences(file: Path) -> Any:
    """The first sentences of a corpus as a corpus."""
    from dataclasses import replace

    corpus = read_corpus(file)
    if not len(corpus):
        raise DataError(f"{file}: no sentences; name a corpus file")
    count = min(PASS_SENTENCES, len(corpus))
    end = int(corpus.offsets[count])
    return replace(
        corpus,
        token_ids=corpus.token_ids[:end],
        tag_ids=corpus.tag_ids[:end],
        offsets=corpus.offsets[: count + 1],
        lines=corpus.lines[:count],
    )


def matrix_rate(together: int = 1, rounds: int = 7) -> float:
    """1e9 floating-point operations a second of float32 products of two `SIZE` x `SIZE` matrices; the median.

    Args:
        together: products at the same time, where each has its share of the cores only.
        rounds: how often it is measured.
    """
    import tensorflow as tf

    left, right = tf.random.normal([SIZE, SIZE]), tf.random.normal([SIZE, SIZE])
    product = tf.function(tf.matmul)
    seconds = []
    with ThreadPoolExecutor(together) as pool:
        for _ in range(rounds + 1):
            start = time.perf_counter()
            list(pool.map(lambda _: product(left, right).numpy(), range(together)))
            seconds.append(time.perf_counter() - start)
    return float(2.0 * SIZE**3 * together / statistics.median(seconds[1:]) / 1e9)
