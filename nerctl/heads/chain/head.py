"""The chain of tags as a head: tags to learn from, decoding with scores, and what an export keeps.

Letters: B chains, L tokens a chain, K tags.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nerctl.data import bio
from nerctl.data.batches import Chain
from nerctl.data.corpus import Corpus
from nerctl.data.grouping import by_length
from nerctl.data.nesting import overlap
from nerctl.data.sentence_windows import Field
from nerctl.data.spans import Span
from nerctl.data.tags import Labels
from nerctl.errors import DataError, NerctlError
from nerctl.heads.chain.decoding import CrfScores, decode, with_forced
from nerctl.heads.chain.lattice import Lattice
from nerctl.heads.chain.marginals import passes, span_score
from nerctl.model.head import SomeBounds, SomeRules

if TYPE_CHECKING:
    from nerctl.heads.chain.crf import Crf, TagServer

DECODE_TOKENS = 1 << 14
"""Padded tokens decoded together."""

PARTS = ("transitions", "start", "end")
"""What a chain scores beside its emissions: [K, K], [K], [K]."""


class ChainHead:
    """Emissions of K BIO tags, of which a whole sentence's best path is taken.

    Args:
        labels: the types.
        lstm_size: units, each way, of the LSTM under it; 0: none.
        scored: whether transitions, start and end have scores, as in a CRF; without, each token is a softmax of its own.
    """

    whole = True
    file = "crf.json"
    fields: tuple[Field, ...] = (Field("tags", "BL"),)

    def __init__(self, labels: Labels, lstm_size: int = 0, scored: bool = True) -> None:
        self.labels = labels
        self.lstm_size = lstm_size
        self.scored = scored
        self.width = self.columns = len(labels)

    def encode(self, corpus: Corpus) -> tuple[np.ndarray, np.ndarray]:
        """Tag ids [N] int32 and offsets [S+1] of a corpus; DataError where types are unknown or entities overlap."""
        if corpus.overlapping:
            index, spans = next(iter(corpus.overlapping.items()))
            raise DataError(
                f"{corpus.path}:{int(corpus.lines[index])}: {overlap(spans)}, and so do entities of "
                f"{len(corpus.overlapping):,} of {len(corpus):,} sentences, which tags cannot hold; train with "
                "--head pointer, or keep one of each two by --nested outermost or innermost"
            )
        return self.labels.encode(corpus), corpus.offsets

    def priors(self, encoded: tuple[np.ndarray, np.ndarray]) -> dict[str, np.ndarray]:
        """Log probabilities of a tag after another, and of a sentence's first, from their counts (each and one more)."""
        if not self.scored:
            return {}
        ids, offsets = encoded
        count = len(self.labels)
        begins = np.zeros(len(ids) + 1, bool)
        begins[offsets] = True
        pairs = (ids[:-1] * count + ids[1:])[~begins[1:-1]] if len(ids) else ids
        follow = 1.0 + np.bincount(pairs, minlength=count * count).reshape(count, count)
        first = 1.0 + np.bincount(ids[begins[:-1]], minlength=count)
        return {
            "crf/transitions": np.log(follow / follow.sum(axis=1, keepdims=True)).astype(np.float32),
            "crf/start": np.log(first / first.sum()).astype(np.float32),
        }

    def gold(
        self, encoded: tuple[np.ndarray, np.ndarray], chains: Sequence[Chain], sizes: Mapping[str, int]
    ) -> dict[str, np.ndarray]:
        """The `tags` [B, L] of chains; 0 at padding."""
        ids, offsets = encoded
        tags = np.zeros((sizes["B"], sizes["L"]), np.int32)
        for row, chain in enumerate(chains):
            first = int(offsets[chain.sentence]) + chain.start
            tags[row, : len(chain.places)] = ids[first : first + len(chain.places)]
        return {"tags": tags}

    def network(self, initial: Any) -> Crf:
        """Transition, start and end scores."""
        from nerctl.heads.chain.crf import Crf

        return Crf(len(self.labels), initial, trainable=self.scored)

    def decoder(self, network: Any) -> ChainDecoder:
        """The decoder with the scores as they are now."""
        return ChainDecoder(self.labels, {name: np.asarray(getattr(network, name)) for name in PARTS})

    def restored(self, saved: Mapping[str, Any]) -> ChainDecoder:
        """The decoder that was saved; ValueError where it has other tags."""
        parts = {name: np.array(saved[name], np.float32) for name in PARTS}
        size = len(self.labels)
        if [part.shape for part in parts.values()] != [(size, size), (size,), (size,)]:
            raise ValueError(f"its arrays are not of {size} tags")
        return ChainDecoder(self.labels, parts)

    def add_nodes(self, graph: Any, tensors: Mapping[str, np.ndarray], projected: str) -> str:
        """Nothing: the projection gives the emissions."""
        return projected

    def classifier(self) -> bool:
        """Whether no tag has a score by its neighbours; NerctlError with an LSTM."""
        if self.lstm_size:
            raise NerctlError(
                "--format transformers has no form for the LSTM between encoder and tags; train with --head crf or "
                "softmax, or export --format onnx"
            )
        return not self.scored

    def server(self, network: Any) -> TagServer:
        """Decodes in a graph, under the constraints of BIO."""
        from nerctl.heads.chain.crf import Crf, TagServer

        chain = self.decoder(network).crf
        values = {f"crf/{name}": getattr(chain, name).astype(np.float32) for name in PARTS}
        return TagServer(Crf(len(self.labels), lambda name, shape: values[name]))


class ChainDecoder:
    """The best path of each sentence, within bounds and rules, and how sure the chain is of each entity on it.

    Args:
        labels: the types.
        trained: `PARTS` as trained, without the constraints of BIO.
    """

    def __init__(self, labels: Labels, trained: Mapping[str, np.ndarray]) -> None:
        self.trained = trained
        self.crf = CrfScores.of(labels, **trained)
        self.bounded = not labels.allow_blanks

    def save(self) -> dict[str, Any]:
        """The scores as trained."""
        return {name: part.tolist() for name, part in self.trained.items()}

    def spans(
        self, emissions: Sequence[np.ndarray], bounds: SomeBounds = None, rules: SomeRules = None, scored: bool = True
    ) -> list[list[Span]]:
        """As `nerctl.model.head.Decoder` says; a score is the share of all taggings that hold exactly the entity."""
        scores = list(emissions)
        bounds = bounds if bounds is not None else [None] * len(scores)
        found: list[list[Span]] = [[] for _ in scores]
        plain = []
        for index, met in enumerate(rules if rules is not None else [None] * len(scores)):
            if met is not None:
                scores[index] = with_forced(scores[index], met.forced, self.crf)
            if met is not None and met.blocked and len(scores[index]):
                lattice = Lattice(scores[index], self.crf, met.blocked, bounds[index])
                spans = bio.spans_of_ids(lattice.decode(), self.crf.labels.types)
                found[index] = _with_scores(spans, lattice.span_scores(spans))
            else:
                plain.append(index)
        for group in by_length([len(scores[index]) for index in plain], DECODE_TOKENS):
            members = [plain[place] for place in group]
            chosen = [scores[index] for index in members], self.crf, [bounds[index] for index in members]
            for index, tags in zip(members, decode(*chosen)):
                found[index] = bio.spans_of_ids(tags, self.crf.labels.types)
        if scored:
            self._score(found, scores, bounds, [index for index in plain if found[index]])
        return found

    def _score(
        self, found: list[list[Span]], scores: Sequence[np.ndarray], bounds: Any, indices: Sequence[int]
    ) -> None:
        """Puts the scores to the spans of some sentences."""
        for group in by_length([len(scores[index]) for index in indices], DECODE_TOKENS):
            members = [indices[place] for place in group]
            sums = passes([scores[index] for index in members], self.crf, [bounds[index] for index in members])
            for index, one in zip(members, sums):
                found[index] = _with_scores(found[index], [span_score(one, self.crf, span) for span in found[index]])


def _with_scores(spans: Sequence[Span], scores: Sequence[float]) -> list[Span]:
    return [span._replace(score=score) for span, score in zip(spans, scores)]
