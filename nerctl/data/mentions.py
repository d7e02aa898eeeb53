"""Mentions, the token runs that a corpus marks as entities: those with several types, and those left unmarked elsewhere.

Letters: N tokens, V of them distinct, M entities, E edges of a trie.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nerctl.data import bio
from nerctl.data.corpus import Corpus
from nerctl.data.formats.record import joined

LONGEST = 20
"""Tokens of the longest mention that is looked for where it is unmarked."""
OFTEN_MARKED = 2
"""A mention that is marked less often may be the slip itself."""
OFTEN_UNMARKED = 3
"""One that is unmarked less often is not worth a line."""
CHUNK = 1 << 18
"""Tokens that are looked at together: some 10 MB, whatever the corpus."""


class SeveralTypes(NamedTuple):
    """A mention that is marked as more than one type."""

    mention: str
    """Its text."""
    counts: list[tuple[str, int]]
    """Each type and how often, the rarest last; of equals the one that comes first in the corpora is first."""
    corpus: int
    """Which corpus has the first mention of the rarest type."""
    token: int
    """Its first token there, of the N."""


class Unmarked(NamedTuple):
    """A mention that is left unmarked at least as often as it is marked."""

    mention: str
    """Its text."""
    marked: int
    """Places where it is an entity."""
    unmarked: int
    """Places where it touches none."""
    token: int
    """First token, of the N, of the first unmarked one."""


def several_types(corpora: Sequence[Corpus], most: int) -> tuple[int, list[SeveralTypes]]:
    """How many mentions, of all corpora together, have several types, and the first `most` of them.

    Those with the most entities of another than their usual type come first. A mention is its tokens: "New York" and
    "NewYork" are two.
    """
    types = sorted({name for corpus in corpora for name in corpus.types})
    tokens, vocabulary = _together(corpora)
    entities = [_entities(corpus) for corpus in corpora]
    if not sum(map(len, entities)):
        return 0, []
    bases = np.cumsum([0, *(len(corpus.token_ids) for corpus in corpora)])  # each corpus' first token among all
    starts = np.concatenate([base + held[:, 0] for base, held in zip(bases, entities)])
    lengths = np.concatenate([held[:, 1] for held in entities])
    numbers = [np.array([types.index(name) for name in corpus.types], np.int64) for corpus in corpora]
    kinds = np.concatenate([number[held[:, 2]] for number, held in zip(numbers, entities)])
    nodes = _trie(tokens, starts, lengths, vocabulary)[1]
    # A row for each mention and type, those of a mention side by side.
    pairs, firsts, counts = np.unique(nodes * len(types) + kinds, return_index=True, return_counts=True)
    begins, several = np.unique(pairs // len(types), return_index=True, return_counts=True)[1:]
    others = np.add.reduceat(counts, begins) - np.maximum.reduceat(counts, begins)
    found = np.flatnonzero(several > 1)
    order = found[np.lexsort((np.minimum.reduceat(firsts, begins)[found], -others[found]))]
    results = []
    for begin, end in zip(begins[order[:most]].tolist(), (begins + several)[order[:most]].tolist()):
        ranked = sorted(range(begin, end), key=lambda row: (-counts[row], firsts[row]))
        place = int(starts[firsts[ranked[-1]]])
        corpus = int(np.searchsorted(bases, place, side="right")) - 1
        token = place - int(bases[corpus])
        text = _text(corpora[corpus], token, int(lengths[firsts[begin]]))
        shares = [(types[pairs[row] % len(types)], int(counts[row])) for row in ranked]
        results.append(SeveralTypes(text, shares, corpus, token))
    return len(found), results


def often_unmarked(corpus: Corpus, most: int) -> tuple[int, list[Unmarked]]:
    """How many mentions are left unmarked at least as often as they are marked, and the first `most` of them.

    The most often unmarked come first. Counted are mentions of two characters and more, and of at most LONGEST tokens,
    that are marked at least OFTEN_MARKED and unmarked at least OFTEN_UNMARKED times. An unmarked one is the same run of
    tokens within a sentence that touches no entity, neither an outer nor a nested one.
    """
    places = _entities(corpus)[:, :2]
    places = places[np.append(True, (np.diff(places, axis=0) != 0).any(axis=1))[: len(places)]]
    several_characters = np.array([len(token) > 1 for token in corpus.vocabulary], bool)
    long_enough = (places[:, 1] > 1) | several_characters[corpus.token_ids[places[:, 0]]]
    places = places[long_enough & (places[:, 1] <= LONGEST)]
    nodes = _trie(corpus.token_ids, places[:, 0], places[:, 1], len(corpus.vocabulary))[1]
    places = places[np.bincount(nodes)[nodes] >= OFTEN_MARKED]
    if not len(places):
        return 0, []
    trie, nodes = _trie(corpus.token_ids, places[:, 0], places[:, 1], len(corpus.vocabulary))
    marked = np.bincount(nodes, minlength=len(trie.edges) + 1)
    unmarked, firsts = _occurrences(corpus, trie, marked > 0)
    found = np.flatnonzero(unmarked >= np.maximum(marked, OFTEN_UNMARKED))
    order = found[np.lexsort((firsts[found], -unmarked[found]))][:most]
    length_of = np.zeros(len(marked), np.int64)
    length_of[nodes] = places[:, 1]
    results = []
    for node in order.tolist():
        text = _text(corpus, int(firsts[node]), int(length_of[node]))
        results.append(Unmarked(text, int(marked[node]), int(unmarked[node]), int(firsts[node])))
    return len(found), results


class _Trie(NamedTuple):
    """Token runs as a tree of E + 1 nodes: node 0 is the empty run, edge e leads to node e + 1.

    A run is one node and a node one run, so that runs are compared by number, exactly and without a hash.
    """

    edges: np.ndarray
    """[E] int64, sorted: the node that it leaves, times V, plus the token that follows."""
    vocabulary: int
    """V."""

    def step(self, nodes: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """[n] int64: the nodes behind [n] nodes and the token that follows each; 0 where there is none."""
        wanted = nodes * self.vocabulary + tokens
        edges = np.minimum(np.searchsorted(self.edges, wanted), len(self.edges) - 1)
        return np.where(self.edges[edges] == wanted, edges + 1, 0)


def _trie(tokens: np.ndarray, starts: np.ndarray, lengths: np.ndarray, vocabulary: int) -> tuple[_Trie, np.ndarray]:
    """The trie of M runs of `tokens`, and [M] int64, the node of each."""
    nodes = np.zeros(len(starts), np.int64)
    levels = [np.zeros(0, np.int64)]
    behind = 1
    depth = 0
    going = np.arange(len(starts))
    while len(going):
        # Nodes of one depth have higher numbers than all before, so levels side by side are sorted.
        edges, which = np.unique(nodes[going] * vocabulary + tokens[starts[going] + depth], return_inverse=True)
        nodes[going] = behind + which
        levels.append(edges)
        behind += len(edges)
        depth += 1
        going = going[lengths[going] > depth]
    return _Trie(np.concatenate(levels), vocabulary), nodes


def _occurrences(corpus: Corpus, trie: _Trie, sought: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the runs of a trie stand unmarked: [E+1] int64 how often, and [E+1] int64 the token where first.

    `sought`, [E+1] bool, are the nodes to count. Every token walks down the trie together, and leaves the walk where
    its run is none of the trie's, touches an entity or ends with the sentence.
    """
    tokens, size = corpus.token_ids, len(corpus.token_ids)
    marked = corpus.tag_ids > 0
    for index, spans in corpus.overlapping.items():  # the tags lack one of two that overlap in part
        for span in spans:
            marked[corpus.offsets[index] + span.start : corpus.offsets[index] + span.end] = True
    ended = np.append(marked, True)  # [N+1]: a run ends in front of it
    ended[corpus.offsets] = True
    opens = np.zeros(trie.vocabulary, bool)
    opens[trie.edges[trie.edges < trie.vocabulary]] = True  # of node 0
    times = np.zeros(len(sought), np.int64)
    firsts = np.zeros(len(sought), np.int64)
    for low in range(0, size, CHUNK):
        chunk = slice(low, low + CHUNK)
        begins = low + np.flatnonzero(opens[tokens[chunk]] & ~marked[chunk])
        nodes = trie.step(np.zeros(len(begins), np.int64), tokens[begins])
        depth = 1
        while len(begins):
            whole = sought[nodes]
            found, at, counts = np.unique(nodes[whole], return_index=True, return_counts=True)
            new = times[found] == 0
            firsts[found[new]] = begins[whole][at[new]]
            times[found] += counts
            goes_on = ~ended[begins + depth]
            begins, nodes = begins[goes_on], nodes[goes_on]
            nodes = trie.step(nodes, tokens[begins + depth])
            begins, nodes = begins[nodes > 0], nodes[nodes > 0]
            depth += 1
    return times, firsts


def _entities(corpus: Corpus) -> np.ndarray:
    """[M, 3] int64: first token of the N, length and index into `corpus.types` of each entity, nested ones included.

    They are sorted; one that is written twice in an overlapping sentence is there once.
    """
    tags = corpus.tag_ids
    starts = np.flatnonzero(bio.is_begin(tags))
    lasts = np.flatnonzero((tags > 0) & ~np.append(bio.is_inside(tags)[1:], False))
    rows = np.stack([starts, lasts + 1 - starts, tags[starts] // 2], axis=1).astype(np.int64)
    if not corpus.overlapping:
        return rows
    numbers = {name: number for number, name in enumerate(corpus.types)}
    nested = [
        (int(corpus.offsets[index]) + span.start, span.end - span.start, numbers[span.type])
        for index, spans in corpus.overlapping.items()
        for span in spans
    ]
    return np.unique(np.concatenate([rows, np.array(nested, np.int64)]), axis=0)  # the outermost are in both


def _together(corpora: Sequence[Corpus]) -> tuple[np.ndarray, int]:
    """The tokens of all corpora behind each other, [sum of N] int32, in one numbering; and how many there are."""
    numbers: dict[str, int] = {}
    ids = []
    for corpus in corpora:
        number_of = [numbers.setdefault(token, len(numbers)) for token in corpus.vocabulary]
        ids.append(np.array(number_of, np.int32)[corpus.token_ids])
    return np.concatenate([np.zeros(0, np.int32), *ids]), len(numbers)


def _text(corpus: Corpus, start: int, length: int) -> str:
    """The text of `length` tokens from token `start` of the N."""
    return joined([corpus.vocabulary[token] for token in corpus.token_ids[start : start + length].tolist()])[0]
