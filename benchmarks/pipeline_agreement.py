"""What a Transformers pipeline says of an export, beside what nerctl says of the run it came from, sentence by sentence.

    python benchmarks/pipeline_agreement.py --model output --export hub-folder --data NERdata/dev.txt [--json FILE]

`--export` is what `nerctl export --format transformers` wrote of the run. A pipeline takes the best tag of each token by
itself and never more than one window, so sentences of over 200 tokens are left out. Needs the extra `oracle`.
"""

from __future__ import annotations

import argparse
from itertools import accumulate
from pathlib import Path

from side_by_side import write_json

from nerctl.data.corpus import read_corpus
from nerctl.data.sentence_windows import SentenceWindows
from nerctl.evaluation.corpus import predict_spans
from nerctl.inference.loading import load_model
from nerctl.workflows.transformers_export import one_by_one

LONGEST = 200
"""Tokens."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="training folder")
    parser.add_argument("--export", required=True, help="its export")
    parser.add_argument("--data", type=Path, required=True, help="corpus file")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()

    from transformers import pipeline

    corpus = read_corpus(given.data)
    model = load_model(given.model, device="cpu")
    windows = SentenceWindows(corpus, model.tokenizer, model.max_seq_length)
    ours = predict_spans(model.engine, model.decoder, windows)
    alone = predict_spans(model.engine, one_by_one(model).decoder, windows)
    theirs = pipeline("token-classification", model=given.export, aggregation_strategy="first", device=-1)
    counts = dict.fromkeys(("sentences", "as nerctl", "as the best tag of each token", "entities"), 0)
    for index, (mine, best) in enumerate(zip(ours, alone)):
        tokens = corpus.tokens(index)
        if len(tokens) > LONGEST:
            continue
        starts = [0, *accumulate(map(len, tokens))]
        found = [(one["start"], one["end"], one["entity_group"]) for one in theirs("".join(tokens))]
        counts["sentences"] += 1
        counts["entities"] += len(found)
        for name, spans in (("as nerctl", mine), ("as the best tag of each token", best)):
            counts[name] += [(starts[one.start], starts[one.end], one.type) for one in spans] == found
    for name, count in counts.items():
        print(f"{name:32}{count:>8,}")
    write_json(given.json, counts)


if __name__ == "__main__":
    main()
