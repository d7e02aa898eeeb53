"""What a head is to everything around it: what it learns from, what it computes, and how its output becomes entities.

`nerctl.heads` has them. Letters: W windows, T tokens a window, B chains, L tokens a chain, N tokens in all, K columns of
emissions. A chain is what is scored together: a sentence stitched from its windows, or what one window owns of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Optional, Protocol

import numpy as np

from nerctl.data.batches import Chain
from nerctl.data.bounds import Bounds
from nerctl.data.corpus import Corpus
from nerctl.data.rules import Found
from nerctl.data.sentence_windows import Field
from nerctl.data.spans import Span
from nerctl.data.tags import Labels

SomeBounds = Optional[Sequence[Optional[Bounds]]]
"""Of each sentence the bounds, or None where it has none; None for all of them."""
SomeRules = Optional[Sequence[Optional[Found]]]
"""Of each sentence the mentions that are forced and forbidden, likewise."""


class HeadNetwork(Protocol):
    """The part of the network that is a head's own: a `tf.Module` behind the projection."""

    def emissions(self, projected: Any) -> Any:
        """What an engine gives of each token: [N, K] float32 from the projection's [N, `Head.width`]."""

    def losses(self, emissions: Any, mask: Any, batch: Mapping[str, Any]) -> Any:
        """[B] float32 losses of chains, from emissions [B, L, K], mask [B, L] float32 and the arrays of a batch."""


class Decoder(Protocol):
    """Emissions to entities, in NumPy: the same for every engine."""

    bounded: bool
    """Are entities kept from beginning and ending where nobody would mark one (`nerctl.data.bounds`)?"""

    def spans(
        self, emissions: Sequence[np.ndarray], bounds: SomeBounds = None, rules: SomeRules = None, scored: bool = True
    ) -> list[list[Span]]:
        """The entities of each sentence, by start.

        Args:
            emissions: of each sentence, [L, K] floats; L may be 0.
            bounds: where entities may begin and end.
            rules: mentions that are forced and forbidden.
            scored: give each its score, which takes longer.
        """

    def save(self) -> dict[str, Any]:
        """What an export keeps beside its graph, as JSON takes it; `Head.restored` reads it."""


class Head(Protocol):
    """A head for certain entity types, without its weights and without TensorFlow."""

    labels: Labels
    """The types."""
    lstm_size: int
    """Units, each way, of the LSTM under it; 0: none."""
    whole: bool
    """Whether a sentence of several windows is one chain in training; else each window's own tokens are."""
    width: int
    """Columns of the projection that it takes."""
    columns: int
    """K."""
    file: str
    """The name, in an export, of what `Decoder.save` gives."""
    fields: tuple[Field, ...]
    """The arrays of a batch that are its own: what is to be learnt."""

    def encode(self, corpus: Corpus) -> Any:
        """A corpus' entities in a form of its own, for `gold`.

        Raises:
            DataError: a type is unknown, or the head cannot hold the entities; with file and line.
        """

    def priors(self, encoded: Any) -> Mapping[str, np.ndarray]:
        """First values that the training corpus, as `encode` gave it, tells of variables of its own, by name."""

    def gold(self, encoded: Any, chains: Sequence[Chain], sizes: Mapping[str, int]) -> dict[str, np.ndarray]:
        """The arrays `fields` of chains, with the dimensions that are given in `sizes` by letter (B, L)."""

    def network(self, initial: Any) -> HeadNetwork:
        """Its part of the network, with first values by variable name."""

    def decoder(self, network: HeadNetwork) -> Decoder:
        """Decodes with the network's weights as they are now."""

    def restored(self, saved: Mapping[str, Any]) -> Decoder:
        """The decoder that `Decoder.save` saved; raises ValueError, KeyError or TypeError where it does not fit."""

    def add_nodes(self, graph: Any, tensors: Mapping[str, np.ndarray], projected: str) -> str:
        """Adds `HeadNetwork.emissions` to an ONNX graph [W, T, width]; the name of its output [W, T, K]."""

    def classifier(self) -> bool:
        """Whether the best tag of each token by itself is what it was trained for; False: something is left behind.

        Raises:
            NerctlError: its emissions are not the projection's of one BIO tag a column; the message says what they are.
        """

    def server(self, network: HeadNetwork) -> Any:
        """A `tf.Module` that gives a SavedModel's outputs, a dictionary, of emissions [W, T, K] and present [W, T] bool.

        Raises:
            NerctlError: a SavedModel cannot hold this head.
        """
