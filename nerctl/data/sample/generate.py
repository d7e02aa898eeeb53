"""Puts the built-in sample together: splits names and patterns between the parts, then fills the patterns."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from nerctl.data.sample import ambiguous, organisations, places
from nerctl.data.sample.fillers import draw_filler
from nerctl.data.sample.organisations import draw_brand, draw_organisation
from nerctl.data.sample.patterns import OPENINGS, PLAIN, SUBJECTS, WHOLE
from nerctl.data.sample.people import draw_people
from nerctl.data.sample.predicates import PREDICATES

SIZES: dict[str, int] = {"train": 2150, "dev": 150, "test": 200}
"""Sentences in each part."""

LONGEST = 120
"""The most characters a sentence has; the encoder takes 256 positions."""

# Shares of a list of names or patterns: those that train may use, those kept for dev, the rest kept for test.
_TRAIN_SHARE, _DEV_SHARE = 0.68, 0.12
# In dev and test, how often a name, and how often a part of a pattern, is one of those kept away from train.
_NEW_NAME, _NEW_PART = 0.34, 0.17
_SENTENCE_KINDS = {"person": 42, "organisation": 17, "place": 14, "whole": 12, "plain": 9, "nobody": 6}
_AMBIGUOUS_IN_SLOT = 0.6
_PEOPLE = 1500

_SLOT = re.compile(r"\{([A-Za-z]+)(\??)(?::([a-z]+!?))?\}")


@dataclass(frozen=True)
class SampleSentence:
    """One sentence and where it came from."""

    tokens: tuple[str, ...]
    """One character each."""
    tags: tuple[str, ...]
    """BIO tags of PER, LOC and ORG, as many as tokens."""
    pattern: tuple[str, ...]
    """The pattern that was filled: an opening, a subject and predicates, or one whole sentence."""


@dataclass(frozen=True)
class _Names:
    """What one part of the sample may draw from."""

    people: list[str]
    places: dict[str, list[str]]
    """Kind of place -> names without suffix."""
    national: dict[str, list[str]]
    """Kind of organisation -> whole names."""
    ambiguous: dict[str, list[str]]
    """Type -> ambiguous names of that type."""


def _share(items: Sequence[str], rng: random.Random) -> tuple[list[str], list[str], list[str]]:
    """`items` shuffled and dealt out to train, dev and test."""
    shuffled = list(items)
    rng.shuffle(shuffled)
    first = round(len(shuffled) * _TRAIN_SHARE)
    second = round(len(shuffled) * (_TRAIN_SHARE + _DEV_SHARE))
    return shuffled[:first], shuffled[first:second], shuffled[second:]


def _share_places(rng: random.Random) -> list[dict[str, list[str]]]:
    """For each part, kind of place -> names. A name of two kinds (长安, 黄山) stays within one part."""
    part_of: dict[str, int] = {}
    for kind in places.STEMS.values():
        for index, stems in enumerate(_share([stem for stem in kind if stem not in part_of], rng)):
            part_of.update(dict.fromkeys(stems, index))
    return [
        {kind: [stem for stem in stems if part_of[stem] == index] for kind, stems in places.STEMS.items()}
        for index in range(len(SIZES))
    ]


def _share_names(rng: random.Random) -> dict[str, _Names]:
    """Names for train, and those that only dev and only test have."""
    people = _share(draw_people(rng, _PEOPLE), rng)
    stems = _share_places(rng)
    national = [_share(names, rng) for names in organisations.NATIONAL.values()]
    unclear = _share(list(ambiguous.TYPES_OF), rng)
    return {
        part: _Names(
            people=people[index],
            places=stems[index],
            national={kind: names[index] for kind, names in zip(organisations.NATIONAL, national)},
            ambiguous={
                label: [name for name in unclear[index] if label in ambiguous.TYPES_OF[name]]
                for label in ("PER", "LOC", "ORG")
            },
        )
        for index, part in enumerate(SIZES)
    }


def _draw_name(rng: random.Random, names: _Names, label: str, unclear: bool, kind: str) -> str:
    several = names.ambiguous[label]  # a small part may have none of a type
    if unclear and several and rng.random() < _AMBIGUOUS_IN_SLOT:
        return rng.choice(several)
    if kind == "firm":
        short = rng.choice(several) if several and rng.random() < 0.5 else draw_brand(rng)
        return short + rng.choice(["公司", "集团"])
    if unclear and label == "ORG":
        return draw_brand(rng)
    if label == "PER":
        return rng.choice(names.people)
    if label == "LOC":
        weights = places.WEIGHTS
        kind = kind or rng.choices(list(weights), list(weights.values()))[0]
        kind, full = kind.rstrip("!"), kind.endswith("!")
        stem = rng.choice(names.places[kind])
        suffixes = places.SUFFIXES[kind]
        return places.with_suffix(stem, suffixes[-1] if full else rng.choice(suffixes))
    kind = kind or rng.choice(["company", "company", *organisations.ENDINGS])
    # Any place may be part of an organisation: what train must not know is the mention as a whole.
    return draw_organisation(rng, kind, places.STEMS, names.national)


Tagged = tuple[tuple[str, ...], tuple[str, ...]]
"""Tokens and tags."""


def fill(pattern: str, rng: random.Random, known: _Names, new: _Names, new_share: float) -> Tagged:
    """`pattern` with every slot filled; `new_share`: how often a name comes from `new`, not `known`."""
    tokens: list[str] = []
    tags: list[str] = []

    def add(text: str, label: str = "") -> None:
        tokens.extend(text)
        tags.extend([f"B-{label}"] + [f"I-{label}"] * (len(text) - 1) if label else ["O"] * len(text))

    end = 0
    for slot in _SLOT.finditer(pattern):
        add(pattern[end : slot.start()])
        end = slot.end()
        name, unclear, kind = slot.group(1), bool(slot.group(2)), slot.group(3) or ""
        if name in ("PER", "LOC", "ORG"):
            names = new if rng.random() < new_share else known
            add(_draw_name(rng, names, name, unclear, kind), name)
        else:
            add(draw_filler(rng, name))
    add(pattern[end:])
    return tuple(tokens), tuple(tags)


Parts = dict[str, list[str]]
"""Kind of part ("opening", "whole", "plain", "subject person", "predicate person" ...) -> parts."""


def _share_parts(rng: random.Random) -> dict[str, Parts]:
    """Parts of patterns for train, and those that only dev and only test have."""
    kinds = {"opening": OPENINGS, "whole": WHOLE, "plain": PLAIN}
    kinds.update({f"subject {kind}": lines for kind, lines in SUBJECTS.items()})
    kinds.update({f"predicate {kind}": lines for kind, lines in PREDICATES.items()})
    dealt = {kind: _share(sorted(set(lines)), rng) for kind, lines in kinds.items()}
    return {part: {kind: lines[index] for kind, lines in dealt.items()} for index, part in enumerate(SIZES)}


def _compose(rng: random.Random, known: Parts, new: Parts, new_share: float) -> tuple[str, ...]:
    """The parts of one pattern; each comes from `new` with the probability `new_share`, else from `known`."""

    def pick(kind: str) -> str:
        return rng.choice((new if rng.random() < new_share else known)[kind])

    kind = rng.choices(list(_SENTENCE_KINDS), list(_SENTENCE_KINDS.values()))[0]
    if kind in ("whole", "plain"):
        return (pick(kind),)
    parts = [pick("opening")] if rng.random() < 0.4 else []
    parts.append(pick(f"subject {kind}"))
    predicate = "predicate person" if kind == "nobody" else f"predicate {kind}"
    for _ in range(rng.choice([1, 2, 3, 3, 3])):
        part = pick(predicate)
        if part not in parts:
            parts.append(part)
    return tuple(parts)


def _join(parts: Sequence[str], predicates: set[str]) -> str:
    """One pattern: a comma between predicates, a full stop at the end unless there is one."""
    pattern = ""
    after_predicate = False
    for part in parts:
        if after_predicate:
            # What begins with 的 hangs on the subject, which is a place.
            pattern += "，那里" if part.startswith("的") else "，"
        pattern += part
        after_predicate = part in predicates
    return pattern + ("。" if after_predicate and not pattern.endswith("{quote}") else "")


def _fill_part(
    part: str, rng: random.Random, names: dict[str, _Names], parts: dict[str, Parts], seen: set[str]
) -> list[SampleSentence]:
    """The sentences of one part; none whose text is in `seen`, which grows."""
    new_name, new_part = (_NEW_NAME, _NEW_PART) if part != "train" else (0.0, 0.0)
    predicates = {line for lines in PREDICATES.values() for line in lines}
    sentences: list[SampleSentence] = []
    while len(sentences) < SIZES[part]:
        chosen = _compose(rng, parts["train"], parts[part], new_part)
        tokens, tags = fill(_join(chosen, predicates), rng, names["train"], names[part], new_name)
        text = "".join(tokens)
        if text not in seen and len(text) <= LONGEST:
            seen.add(text)
            sentences.append(SampleSentence(tokens, tags, chosen))
    return sentences


def sample_sentences(seed: int = 0) -> dict[str, list[SampleSentence]]:
    """The sample with the parts of each sentence: train, dev, test; the same for one seed on every Python."""
    rng = random.Random(seed)
    names = _share_names(rng)
    parts = _share_parts(rng)
    seen: set[str] = set()
    return {part: _fill_part(part, rng, names, parts, seen) for part in SIZES}
