"""CPU speed of prediction beside Transformers + torch (scaled-dot-product attention) on the same weights.

    python benchmarks/predict_vs_transformers.py --model output --data NERdata/test.txt \
        --onnx export --onnx-int8 export-int8 [--sentences 1000] [--threads 2] [--rounds 5] [--json FILE]

All tag the same sentences, already tokenised, and end at tags: the torch side runs BertModel with length-sorted dynamic
padding in batches of 32, torch.nn.LSTM on packed sequences, the projection, and then the same NumPy Viterbi as
nerctl, so that only the network is compared. Emissions are compared first. Then come rounds in which each side
runs once, in an order that turns; medians and ratios are of rounds, so that what else the machine does hits all alike.
`--cpu-time` counts processor seconds instead of seconds, with one thread a side: for a machine that others use.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Callable

import numpy as np
from side_by_side import interleaved, print_table, shown, timed, write_json
from torch_weights import bert_model

from nerctl.data.corpus import read_corpus
from nerctl.data.sentence_windows import Row, SentenceWindows, lay_windows
from nerctl.inference.emissions import emissions_of
from nerctl.inference.loading import LoadedModel, load_model

TORCH_BATCH = 32
"""Windows a batch on the torch side, as is usual."""


class TorchTagger:
    """The network of a training folder in Transformers and torch."""

    def __init__(self, model: LoadedModel, threads: int) -> None:
        import torch

        torch.set_num_threads(threads)
        self.torch = torch
        network = model.engine.model  # type: ignore[attr-defined]
        tensors = {name: item.numpy() for name, item in network.variables_by_name().items()}
        self.bert = bert_model(network.bert.config, tensors).eval()
        self.lstm = self._lstm(tensors)
        kernel = tensors["head/projection/kernel"]
        self.projection = torch.nn.Linear(*kernel.shape).eval()
        with torch.no_grad():
            self.projection.weight.copy_(torch.tensor(kernel.T))
            self.projection.bias.copy_(torch.tensor(tensors["head/projection/bias"]))

    def _lstm(self, tensors: dict[str, np.ndarray]) -> Any:
        if "head/bilstm/forward/kernel" not in tensors:
            return None
        torch = self.torch
        units = len(tensors["head/bilstm/forward/bias"]) // 4
        inputs = len(tensors["head/bilstm/forward/kernel"]) - units
        lstm = torch.nn.LSTM(inputs, units, batch_first=True, bidirectional=True).eval()
        for suffix, way in (("", "forward"), ("_reverse", "backward")):
            entry, cell, forget, output = np.split(tensors[f"head/bilstm/{way}/kernel"], 4, axis=1)
            kernel = np.concatenate([entry, forget, cell, output], axis=1).T
            entry, cell, forget, output = np.split(tensors[f"head/bilstm/{way}/bias"], 4)
            values = {
                "weight_ih": kernel[:, :inputs],
                "weight_hh": kernel[:, inputs:],
                "bias_ih": np.concatenate([entry, forget, cell, output]),
                "bias_hh": np.zeros(4 * units, np.float32),
            }
            with torch.no_grad():
                for name, value in values.items():
                    getattr(lstm, f"{name}_l0{suffix}").copy_(torch.tensor(np.ascontiguousarray(value)))
        return lstm

    def emissions(self, rows: Sequence[Row], pad: int) -> list[np.ndarray]:
        """Emissions [t, K] of each window, in order."""
        found: dict[int, np.ndarray] = {}
        order = sorted(range(len(rows)), key=lambda index: -len(rows[index].pieces))
        for low in range(0, len(order), TORCH_BATCH):
            group = order[low : low + TORCH_BATCH]
            scores = self._batch(lay_windows([rows[index] for index in group], pad))
            found.update((index, scores[place, : len(rows[index].firsts)]) for place, index in enumerate(group))
        return [found[index] for index in range(len(rows))]

    def _batch(self, windows: Any) -> np.ndarray:
        torch = self.torch
        with torch.inference_mode():
            pieces = torch.from_numpy(windows.pieces).long()
            counts = torch.from_numpy(windows.piece_counts).long()
            mask = (torch.arange(pieces.shape[1]) < counts[:, None]).long()
            hidden = self.bert(input_ids=pieces, attention_mask=mask).last_hidden_state
            firsts = torch.from_numpy(windows.firsts).long()
            tokens = hidden.flatten(0, 1)[firsts]  # [W, T, H]
            if self.lstm is not None:
                lengths = torch.from_numpy(windows.token_counts).long()
                packed = torch.nn.utils.rnn.pack_padded_sequence(tokens, lengths, True, enforce_sorted=False)
                states, _ = torch.nn.utils.rnn.pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
                tokens = torch.cat([states, tokens], dim=2)
            return np.asarray(self.projection(tokens))


def difference(ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray]) -> float:
    """The greatest difference of an emission."""
    return max(float(np.abs(a - b).max()) for a, b in zip(ours, theirs))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="training folder")
    parser.add_argument("--data", required=True, help="corpus file")
    parser.add_argument("--onnx", help="its export")
    parser.add_argument("--onnx-int8", help="its export in int8")
    parser.add_argument("--sentences", type=int, default=1000)
    parser.add_argument("--every", type=int, default=1, help="take every nth of these sentences")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cpu-time", action="store_true")
    parser.add_argument("--json", metavar="FILE")
    given = parser.parse_args()
    threads = 1 if given.cpu_time else given.threads
    model = load_model(given.model, device="cpu", threads=threads)
    encoder = SentenceWindows(read_corpus(given.data), model.tokenizer, model.max_seq_length)
    count = min(given.sentences, len(encoder.sentences))
    windows = [encoder.rows(index) for index in range(0, count, given.every)]
    rows = [row for some in windows for row in some]
    torch_side = TorchTagger(model, threads)
    engines = {"nerctl TensorFlow": model.engine}
    for name, folder in (("nerctl ONNX fp32", given.onnx), ("nerctl ONNX int8", given.onnx_int8)):
        if folder:
            engines[name] = load_model(Path(folder), threads=threads).engine

    theirs = torch_side.emissions(rows, encoder.pad)
    flat = [[row] for row in rows]
    differences = {}
    for name, engine in engines.items():
        own = [slice(row.window.own_start - row.window.start, row.window.own_end - row.window.start) for row in rows]
        ours = emissions_of(engine, flat, encoder.pad)
        differences[name] = difference(ours, [one[part] for one, part in zip(theirs, own)])
        print(f"{name}: emissions within {differences[name]:.2g} of Transformers + torch")

    def decode(emissions: Sequence[Any]) -> Any:
        return model.decoder.spans(emissions, scored=False)

    sides: dict[str, Callable[[], Any]] = {
        "Transformers + torch": lambda: decode(torch_side.emissions(rows, encoder.pad))
    }
    for name, engine in engines.items():
        sides[name] = lambda engine=engine: decode(emissions_of(engine, windows, encoder.pad))
    for call in sides.values():
        call()  # warms up
    clock = time.process_time if given.cpu_time else time.perf_counter
    seconds = interleaved({name: timed(call, clock) for name, call in sides.items()}, given.rounds)
    base = seconds["Transformers + torch"]
    unit = "processor s" if given.cpu_time else "s"
    result, table = {}, []
    for name, taken in seconds.items():
        ratios = [theirs / ours for theirs, ours in zip(base, taken)]
        rates = [len(windows) / one for one in taken]
        result[name] = {
            "seconds": taken, "sentences_per_second": rates, "ratio": statistics.median(ratios),
            "emission_difference": differences.get(name),
        }  # fmt: skip
        table.append([name, shown(taken), shown(rates, 1), shown(ratios)])
    print(f"{len(windows)} sentences, {threads} threads, {given.rounds} rounds; median (range)")
    print_table(["side", unit, f"sentences/{unit}", "times torch"], table)
    write_json(given.json, {"sentences": len(windows), "threads": threads, "clock": unit, "sides": result})


if __name__ == "__main__":
    main()
