"""Entity precision, recall and F1 from tag sequences: conlleval's chunks, or strict BIO.

Definitions: E. Tjong Kim Sang's conlleval (CoNLL-2000 shared task) and, for the strict form, seqeval's
`mode="strict", scheme=IOB2`. An entity counts as correct when start, end and type are all equal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from nerctl.data.bio import outermost_tags
from nerctl.data.schemes import SCHEMES
from nerctl.data.spans import Span
from nerctl.errors import DataError

NO_TAGS = frozenset(("X", "[CLS]", "[SEP]", "[PAD]", "**NULL**"))
"""Tags of the original project that name no corpus tag: word-piece continuations, marks and padding."""

_PREFIXES = {"B": "B", "I": "I", "M": "I", "E": "E", "L": "E", "S": "S", "U": "S", "[": "S", "]": "S"}


@cache
def split_tag(tag: str) -> tuple[str, str]:
    """Prefix (B, I, E, S or O) and type of a tag; the type of a tag that is a bare prefix is `_`.

    BIO, IOB1, BIOES, BMES and BILOU prefixes are known. The original's X, [CLS], [SEP] are outside, like O.
    Raises DataError for anything else.
    """
    if tag == "O" or tag in NO_TAGS:
        return "O", ""
    prefix, _, entity_type = tag.partition("-")
    if not is_tag(tag):
        raise DataError(f"'{tag}' is no tag: expected O or a prefix (B I E S M) and a type, such as B-PER")
    return _PREFIXES[prefix], entity_type or "_"


def is_tag(tag: str) -> bool:
    """Does `split_tag` know the tag?"""
    return tag == "O" or tag in NO_TAGS or tag.partition("-")[0] in _PREFIXES


def chunks(tags: Sequence[str], strict: bool = False) -> list[Span]:
    """The entities of one sentence's tags, in order; they never overlap.

    As conlleval reads them, an I- after O, or after another type, begins an entity. With `strict` only B- (or
    S-) begins one, and an I- that does not continue an entity of its type belongs to none. E- ends its entity
    and S- is one token: on BIOES tags this is seqeval's reading, for conlleval does not know S.
    """
    found: list[Span] = []
    start, open_type = -1, ""  # start < 0: no entity is open
    for position, tag in enumerate(tags):
        if tag == "O" and start < 0:
            continue
        prefix, entity_type = split_tag(tag)
        continues = start >= 0 and prefix in "IE" and entity_type == open_type
        if start >= 0 and not continues:
            found.append(Span(start, position, open_type))
            start = -1
        if not continues and prefix != "O" and (not strict or prefix in "BS"):
            start, open_type = position, entity_type
        if start >= 0 and prefix in "ES":
            found.append(Span(start, position + 1, open_type))
            start = -1
    if start >= 0:
        found.append(Span(start, len(tags), open_type))
    return found


@dataclass(frozen=True)
class TypeScores:
    """Counts of the entities of one type, and what follows from them."""

    gold: int
    """Entities in the corpus."""
    predicted: int
    """Entities found."""
    correct: int
    """Entities found with the right start, end and type."""

    @property
    def precision(self) -> float:
        """Share of the entities found that are right; 0 when none was found."""
        return self.correct / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        """Share of the corpus' entities that were found; 0 when there are none."""
        return self.correct / self.gold if self.gold else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 0 when nothing is right."""
        return 2 * self.correct / (self.gold + self.predicted) if self.correct else 0.0

    def as_dict(self) -> dict[str, Any]:
        """Counts and fractions of 1."""
        return {
            "gold": self.gold,
            "predicted": self.predicted,
            "correct": self.correct,
            "precision": self.precision,
            "recall": self.recall,
            "f1": self.f1,
        }


@dataclass(frozen=True)
class Scores(TypeScores):
    """Scores of a corpus: gold, predicted and correct count all types together (micro average)."""

    sentences: int
    """Sentences scored."""
    tokens: int
    """Tokens scored."""
    correct_tokens: int
    """Tokens whose predicted tag equals the gold tag."""
    types: Mapping[str, TypeScores]
    """Scores of each type that occurs in gold or prediction, sorted by name."""

    @property
    def token_accuracy(self) -> float:
        """Share of tokens with the right tag; 0 when there are none."""
        return self.correct_tokens / self.tokens if self.tokens else 0.0

    def as_dict(self) -> dict[str, Any]:
        """The JSON object of `nerctl evaluate --json`: all figures are counts or fractions of 1."""
        return {
            "sentences": self.sentences,
            "tokens": self.tokens,
            **super().as_dict(),
            "token_accuracy": self.token_accuracy,
            "types": {name: scores.as_dict() for name, scores in self.types.items()},
        }

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Scores:
        """The scores that `as_dict` wrote. Raises KeyError when a count is missing."""
        return cls(
            gold=saved["gold"],
            predicted=saved["predicted"],
            correct=saved["correct"],
            sentences=saved["sentences"],
            tokens=saved["tokens"],
            correct_tokens=round(saved["token_accuracy"] * saved["tokens"]),
            types={
                name: TypeScores(counts["gold"], counts["predicted"], counts["correct"])
                for name, counts in saved["types"].items()
            },
        )


class Tally:
    """Adds up sentences; `scores()` gives the result at any time. 219,197 tokens take about 0.1 s."""

    def __init__(self, strict: bool = False) -> None:
        self._strict = strict
        self._sentences = self._tokens = self._correct_tokens = 0
        self._counts: dict[str, list[int]] = {}  # type -> [gold, predicted, correct]
        self._gold_tags: set[str] = set()
        self._predicted_tags: set[str] = set()
        self._ignored_tags = self._ignored_entities = 0  # gold, by `strict`

    def add(self, gold_tags: Sequence[str], predicted_tags: Sequence[str]) -> None:
        """Counts one sentence, one tag a token on each side; counts nothing when it raises DataError."""
        if len(gold_tags) != len(predicted_tags):
            raise DataError(f"{len(gold_tags)} gold tags, {len(predicted_tags)} predicted tags")
        gold = chunks(gold_tags, self._strict)
        predicted = chunks(predicted_tags, self._strict)
        self._gold_tags.update(gold_tags)
        self._predicted_tags.update(predicted_tags)
        if self._strict:
            self._note_ignored(gold_tags, gold)
        self._count(gold, predicted, gold_tags, predicted_tags)

    def add_spans(self, gold: Sequence[Span], predicted: Sequence[Span], tokens: int) -> None:
        """Counts one sentence of so many tokens, whose entities may overlap; a token's tag is that of the outermost."""
        self._count(gold, predicted, outermost_tags(gold, tokens), outermost_tags(predicted, tokens))

    def _count(
        self, gold: Sequence[Span], predicted: Sequence[Span], gold_tags: Sequence[str], predicted_tags: Sequence[str]
    ) -> None:
        self._sentences += 1
        self._tokens += len(gold_tags)
        self._correct_tokens += sum(map(str.__eq__, gold_tags, predicted_tags))
        for span in gold:
            self._of(span.type)[0] += 1
        wanted = {span.unscored for span in gold}
        for span in predicted:
            counts = self._of(span.type)
            counts[1] += 1
            counts[2] += span.unscored in wanted

    def scores(self) -> Scores:
        """The scores of all sentences added so far."""
        types = {name: TypeScores(*self._counts[name]) for name in sorted(self._counts)}
        return Scores(
            gold=sum(scores.gold for scores in types.values()),
            predicted=sum(scores.predicted for scores in types.values()),
            correct=sum(scores.correct for scores in types.values()),
            sentences=self._sentences,
            tokens=self._tokens,
            correct_tokens=self._correct_tokens,
            types=types,
        )

    def remarks(self) -> list[str]:
        """What makes the scores of all sentences added so far mean less than they seem to, a sentence each."""
        remarks = []
        if self._ignored_tags:
            remarks.append(
                f"--strict ignored {self._ignored_tags:,} of the gold tags ({self._ignored_entities:,} of the entities "
                "without it), whose I- follows no entity of its type; where the gold tags are IOB1, leave out --strict"
            )
        gold, predicted = _prefixes(self._gold_tags), _prefixes(self._predicted_tags)
        if gold and predicted and not _fit(gold, predicted):
            remarks.append(
                f"gold tags are written with {', '.join(sorted(gold))} and predicted ones with "
                f"{', '.join(sorted(predicted))}: entities are compared all the same, but the token accuracy compares "
                "tags as they are written, so it is too low"
            )
        return remarks

    def _note_ignored(self, gold_tags: Sequence[str], gold: Sequence[Span]) -> None:
        """Counts the gold tags, and the entities of conlleval's reading, that strict reading leaves out."""
        covered = sum(span.end - span.start for span in gold)
        tagged = sum(split_tag(tag)[0] != "O" for tag in gold_tags)
        if tagged > covered:
            self._ignored_tags += tagged - covered
            self._ignored_entities += len(chunks(gold_tags)) - len(gold)

    def _of(self, entity_type: str) -> list[int]:
        return self._counts.setdefault(entity_type, [0, 0, 0])


def _prefixes(tags: set[str]) -> set[str]:
    return {tag.partition("-")[0] for tag in tags if tag not in NO_TAGS} - {"O"}


def _fit(gold: set[str], predicted: set[str]) -> bool:
    """Can the prefixes of both sides be of one scheme? One that closes entities (E, S, L, U) closes them on both sides."""
    closing = set("ESLU")
    together = gold | predicted
    return bool(gold & closing) == bool(predicted & closing) and any(
        together <= set(letters) for _, letters in SCHEMES
    )
