"""Prediction speed beside the original project's, from read sentences to tags.

    python benchmarks/predict_vs_original.py --data NERdata --bert-dir model --model output [--onnx export] \
        [--onnx-int8 export-int8] --original-python py37/bin/python [--rounds 3] [--json FILE]

The original's own `do_predict` (batches of 32, each sentence padded to 202) tags the first 192 sentences of test; the rate
is that of its batches after the first. Its weights are those of one training step: they do not change its speed. nerctl
tags the first 1,000 sentences of test. Rounds turn as in the other files; original.py says how to install the original.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, Callable

from original import Original, steady_batches
from side_by_side import first_sentences, interleaved, print_table, shown, write_json

BATCH = 32
THEIR_SENTENCES = 6 * BATCH


def main() -> None:
    from nerctl.data.corpus import read_corpus
    from nerctl.data.sentence_windows import SentenceWindows
    from nerctl.evaluation.corpus import predict_spans
    from nerctl.inference.loading import load_model

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("NERdata"))
    parser.add_argument("--bert-dir", type=Path, default=Path("model"))
    parser.add_argument("--model", type=Path, required=True, help="training folder")
    parser.add_argument("--onnx", type=Path, help="its export")
    parser.add_argument("--onnx-int8", type=Path, help="its export in int8")
    parser.add_argument("--original-python", required=True)
    parser.add_argument("--sentences", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        data = work / "data"
        data.mkdir()
        for name, count in (("train.txt", 640), ("dev.txt", BATCH), ("test.txt", THEIR_SENTENCES)):
            first_sentences(given.data / name, data / name, count)
        first_sentences(given.data / "test.txt", work / "ours.txt", given.sentences)
        original = Original(given.original_python, given.bert_dir.resolve(), work, 1)
        original.train(data, work / "trained")

        def theirs() -> float:
            output = work / "output"
            shutil.rmtree(output, ignore_errors=True)
            shutil.copytree(work / "trained", output)
            return BATCH / statistics.median(steady_batches(original.predict(data, output)))

        def ours(folder: Path) -> Callable[[], float]:
            model = load_model(folder, device="cpu")
            encoder = SentenceWindows(read_corpus(work / "ours.txt"), model.tokenizer, model.max_seq_length)

            def rate() -> float:
                begin = time.perf_counter()
                predict_spans(model.engine, model.decoder, encoder)
                return given.sentences / (time.perf_counter() - begin)

            rate()  # warms up
            return rate

        sides: dict[str, Callable[[], Any]] = {"original": theirs, "nerctl TensorFlow": ours(given.model)}
        for name, export in (("nerctl ONNX fp32", given.onnx), ("nerctl ONNX int8", given.onnx_int8)):
            if export:
                sides[name] = ours(export)
        found = interleaved(sides, given.rounds)
    result = {}
    rows = []
    for name, rates in found.items():
        ratios = [one / other for one, other in zip(rates, found["original"])]
        result[name] = {"sentences_per_second": rates, "ratio": statistics.median(ratios)}
        rows.append([name, shown(rates), shown(ratios, 1)])
    print(f"{given.rounds} rounds; median (range)")
    print_table(["side", "sentences/s", "times the original"], rows)
    write_json(given.json, {"sentences": given.sentences, "sides": result})


if __name__ == "__main__":
    main()
