"""The pointer as a head: spans to learn from, nested ones included, and what an export keeps.

Letters: B chains, L tokens a chain, G gold spans a chain, C types, d size of queries and keys.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nerctl.data.batches import Chain
from nerctl.data.corpus import Corpus
from nerctl.data.sentence_windows import Field
from nerctl.data.spans import Span
from nerctl.data.tags import Labels
from nerctl.errors import DataError, NerctlError
from nerctl.heads.pointer.decoding import SIZE, PointerDecoder

if TYPE_CHECKING:
    from nerctl.heads.pointer.network import Pointer


class PointerHead:
    """A score for every span and type.

    Args:
        labels: the types.
        lstm_size: units, each way, of the LSTM under it; 0: none.
        reach: tokens that a window holds. Spans that are over twice as long as the longest of train are not scored either:
            where sentences are short, training has not seen such distances.
    """

    whole = False
    file = "pointer.json"
    fields: tuple[Field, ...] = (Field("gold_starts", "BG"), Field("gold_ends", "BG"))

    def __init__(self, labels: Labels, lstm_size: int, reach: int) -> None:
        self.labels = labels
        self.lstm_size = lstm_size
        self.reach = min(reach, 2 * labels.longest or reach)
        self.width = 2 * SIZE
        self.columns = 2 * SIZE + 2 * len(labels.types)

    def encode(self, corpus: Corpus) -> list[list[Span]]:
        """The entities of each sentence; DataError where a type is unknown, or entities outnumber the tokens."""
        self.labels.check(corpus)
        encoded = [corpus.spans(index) for index in range(len(corpus))]
        for index, spans in enumerate(encoded):
            if len(spans) > corpus.lengths[index]:
                raise DataError(
                    f"{corpus.path}:{int(corpus.lines[index])}: {len(spans)} entities in fewer tokens; "
                    "there is room for one a token, so leave some out"
                )
        return encoded

    def priors(self, encoded: Any) -> dict[str, np.ndarray]:
        """None."""
        return {}

    def gold(
        self, encoded: list[list[Span]], chains: Sequence[Chain], sizes: Mapping[str, int]
    ) -> dict[str, np.ndarray]:
        """The spans that lie whole in their chain; as many columns as `sizes` says of G, else as the fullest chain needs."""
        held: list[list[tuple[int, int]]] = []
        for chain in chains:
            spans = (span for span in encoded[chain.sentence] if chain.holds(span))
            held.append(
                [
                    (self.labels.kinds[span.type] * sizes["L"] + span.start - chain.start, span.end - 1 - chain.start)
                    for span in spans
                ]
            )
        columns = sizes.get("G") or max(1, *map(len, held))
        gold = np.full((2, sizes["B"], columns), -1, np.int32)
        for row, places in enumerate(held):
            for column, place in enumerate(places):
                gold[:, row, column] = place
        return {"gold_starts": gold[0], "gold_ends": gold[1]}

    def network(self, initial: Any) -> Pointer:
        """The biases of the types."""
        from nerctl.heads.pointer.network import Pointer

        return Pointer(SIZE, len(self.labels.types), initial)

    def decoder(self, network: Any) -> PointerDecoder:
        """The decoder, which needs nothing of the network."""
        return PointerDecoder(self.labels, self.reach)

    def restored(self, saved: Mapping[str, Any]) -> PointerDecoder:
        """The decoder that was saved."""
        return PointerDecoder(self.labels, int(saved["reach"]))

    def add_nodes(self, graph: Any, tensors: Mapping[str, np.ndarray], projected: str) -> str:
        """The types' biases beside the projection."""
        name = "head/pointer/types"
        kernel, bias = (graph.weight(f"{name}/{part}", 0.5 * tensors[f"{name}/{part}"]) for part in ("kernel", "bias"))
        biases = graph.node("Add", [graph.node("MatMul", [projected, kernel]), bias])
        return str(graph.node("Concat", [projected, biases], axis=2))

    def classifier(self) -> bool:
        """None: a score belongs to two tokens."""
        raise NerctlError(
            "--format transformers gives one tag a token, and this model's entities may overlap; --format onnx takes it"
        )

    def server(self, network: Any) -> Any:
        """None: a SavedModel gives one tag a token."""
        raise NerctlError(
            "--format saved-model gives one tag a token, and this model's entities may overlap; --format onnx takes it"
        )
