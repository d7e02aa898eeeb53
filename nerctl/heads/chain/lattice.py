"""The lattice of one sentence from which certain entities are taken out.

"No path may hold exactly the entity [s, e) of type X" is no rule about single tags: B-X at s may stand, as long as
the entity ends elsewhere. So an entity that begins where a blocked one begins gets states of its own, a slot, which
it leaves for the ordinary I-X once it is longer than every blocked entity that begins there. In its slot it may not
end where a blocked one ends. A slot is free again then, so the lattice has as many slots as blocked beginnings
overlap. Letters: L tokens, K tags, S states (the K tags, then the slots).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Optional

import numpy as np

from nerctl.data import bio
from nerctl.data.bounds import Bounds
from nerctl.data.spans import Span
from nerctl.heads.chain.decoding import NEVER, CrfScores, pad_emissions
from nerctl.heads.chain.marginals import log_sums, share


@dataclass(frozen=True)
class Track:
    """Entities of one type that begin at one token, some of which are blocked."""

    start: int
    """Their first token."""
    begin: int
    """The tag that begins them; the next one goes on with them."""
    ends: frozenset[int]
    """Where a blocked one ends (token after its last)."""
    state: int
    """The state they are in up to the last of `ends`."""

    @property
    def inside(self) -> int:
        """The tag that goes on with them."""
        return int(bio.following(self.begin))

    @property
    def last(self) -> int:
        """The longest blocked end; an entity that goes on there is in the ordinary I-X."""
        return max(self.ends)


class Lattice:
    """One sentence's paths without the blocked entities.

    Args:
        emissions: [L, K] float64, L at least 1.
        crf: the chain's scores.
        blocked: entities that no path may hold, in any order.
        bounds: where entities may begin and end; None: anywhere.
    """

    def __init__(
        self, emissions: np.ndarray, crf: CrfScores, blocked: Iterable[Span], bounds: Optional[Bounds] = None
    ) -> None:
        padded, held = pad_emissions([emissions], [bounds])
        emissions = padded[0]
        self.held = held[0] if held is not None else np.zeros(len(emissions), bool)
        self.crf = crf
        self.tags = emissions.shape[1]
        self.length = len(emissions)
        self.tracks = _tracks(blocked, crf)
        self._starting: dict[int, list[Track]] = {}
        self._present: dict[int, list[Track]] = {}
        for track in self.tracks:
            self._starting.setdefault(track.start, []).append(track)
            for token in range(track.start, track.last):
                self._present.setdefault(token, []).append(track)
        self.states = max([self.tags, *(track.state + 1 for track in self.tracks)])
        self.emissions = np.full((self.length, self.states), NEVER)  # [L, S]
        self.emissions[:, : self.tags] = emissions
        for track in self.tracks:
            self.emissions[track.start, track.state] = emissions[track.start, track.begin]
            self.emissions[track.start, track.begin] = NEVER  # such an entity begins in its slot only
            later = slice(track.start + 1, track.last)
            self.emissions[later, track.state] = emissions[later, track.inside]

    def start(self) -> np.ndarray:
        """Scores [S] of the states at the first token."""
        scores = np.full(self.states, NEVER)
        scores[: self.tags] = self.crf.start
        for track in self._starting.get(0, []):
            scores[track.state] = self.crf.start[track.begin]
        return scores

    def end(self) -> np.ndarray:
        """Scores [S] of the states at the last token."""
        scores = np.full(self.states, NEVER)
        of_tags = self.crf.held_end if self.held[-1] else self.crf.end
        scores[: self.tags] = of_tags
        for track in self._present.get(self.length - 1, []):
            blocked = self.length in track.ends
            scores[track.state] = NEVER if blocked else of_tags[self.tag(track, self.length - 1)]
        return scores

    def step(self, token: int) -> np.ndarray:
        """Scores [S, S] of going from the states at `token` - 1 to those at `token` (at least 1)."""
        scores = np.full((self.states, self.states), NEVER)
        transitions = self.crf.held if self.held[token - 1] else self.crf.transitions
        scores[: self.tags, : self.tags] = transitions
        before, here = self._present.get(token - 1, []), self._starting.get(token, [])
        for track in before:
            tag, inside = self.tag(track, token - 1), track.inside
            if token not in track.ends:
                scores[track.state, : self.tags] = transitions[tag]
            scores[track.state, inside] = NEVER
            goes_on = inside if token == track.last else track.state
            scores[track.state, goes_on] = transitions[tag, inside]
        for track in here:
            scores[: self.tags, track.state] = transitions[:, track.begin]
            for other in before:
                if token not in other.ends:
                    scores[other.state, track.state] = transitions[self.tag(other, token - 1), track.begin]
        return scores

    @staticmethod
    def tag(track: Track, token: int) -> int:
        """The tag that a slot stands for at a token."""
        return track.begin if token == track.start else track.inside

    def decode(self) -> np.ndarray:
        """The tags [L] int32 of the best path."""
        score = self.start() + self.emissions[0]
        came = np.zeros((self.length, self.states), np.int64)
        for token in range(1, self.length):
            reached = score[:, None] + self.step(token)  # [S, S]: from, to
            came[token] = np.argmax(reached, axis=0)
            score = reached.max(axis=0) + self.emissions[token]
        tags = np.zeros(self.length, np.int32)
        state = int(np.argmax(score + self.end()))
        for token in range(self.length - 1, -1, -1):
            slot = [track for track in self._present.get(token, []) if track.state == state]
            tags[token] = self.tag(slot[0], token) if slot else state
            state = int(came[token, state])
        return tags

    def span_scores(self, spans: Iterable[Span]) -> list[float]:
        """Of each entity the share, 0 to 1, of the paths that hold exactly it."""
        forward = np.zeros((self.length, self.states))
        backward = np.zeros((self.length, self.states))
        forward[0] = self.start() + self.emissions[0]
        for token in range(1, self.length):
            forward[token] = log_sums(forward[token - 1][:, None] + self.step(token), 0) + self.emissions[token]
        backward[-1] = self.end()
        for token in range(self.length - 1, 0, -1):
            onward = self.step(token) + (self.emissions[token] + backward[token])[None, :]
            backward[token - 1] = log_sums(onward, 1)
        total = float(log_sums(forward[-1] + self.end(), 0))
        return [share(self._through(span, forward, backward) - total) for span in spans]

    def _through(self, span: Span, forward: np.ndarray, backward: np.ndarray) -> float:
        """Log sum of the paths that hold exactly this entity."""
        start, end = span.start, span.end
        begin = self.crf.begin(span)
        inside = bio.following(begin)
        track = next((one for one in self._starting.get(start, []) if one.begin == begin), None)

        def state_at(token: int) -> int:
            if track is not None and token < track.last:
                return track.state
            return begin if token == start else inside

        score = float(forward[start, state_at(start)])
        for token in range(start + 1, end):
            score += float(self.step(token)[state_at(token - 1), state_at(token)] + self.emissions[token, state_at(token)])
        last = state_at(end - 1)
        if end == self.length:
            return score + float(self.end()[last])
        onward = self.step(end)[last] + self.emissions[end] + backward[end]  # [S]
        onward[inside] = NEVER
        if track is not None and end < track.last:
            onward[track.state] = NEVER
        return score + float(log_sums(onward, 0))


def _tracks(blocked: Iterable[Span], crf: CrfScores) -> list[Track]:
    """One track a beginning and type, in the lowest slots that are free over its tokens."""
    ends: dict[tuple[int, int], set[int]] = {}
    for span in blocked:
        ends.setdefault((span.start, crf.begin(span)), set()).add(span.end)
    tracks: list[Track] = []
    free_from: list[int] = []  # of each slot, the token from which it is free
    for (start, begin), places in sorted(ends.items()):
        slot = next((index for index, token in enumerate(free_from) if token <= start), len(free_from))
        if slot == len(free_from):
            free_from.append(0)
        free_from[slot] = max(places)
        tracks.append(Track(start, begin, frozenset(places), len(crf.end) + slot))
    return tracks
