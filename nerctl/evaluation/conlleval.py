"""conlleval's own report, byte for byte, of a file of `token gold predicted` lines.

conlleval decides line by line, over the whole file, whether a chunk begins or ends between two tags. For B, I
and O this gives the same counts as `nerctl.evaluation.scores`; for other prefixes (S, E before B, brackets,
the original's X) it does not, so its rules are kept here as they are. Source: conlleval, version 2004-01-26,
E. Tjong Kim Sang.
"""

from __future__ import annotations

from collections import Counter
from collections import Counter as CounterType
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Union

from nerctl.errors import DataError
from nerctl.evaluation.predictions import BOUNDARY, numbered_lines, split_columns

Tag = tuple[str, str]
"""(what stands before the first hyphen, what stands after it)."""

_ENDS = frozenset(("BB", "BO", "IB", "IO", "EE", "EI", "EO"))
_STARTS = frozenset(("BB", "IB", "OB", "OI", "EE", "EI", "OE"))
_OUTSIDE: Tag = ("O", "")


@dataclass
class Counts:
    """What conlleval counts while it reads."""

    tokens: int = 0
    correct_tags: int = 0
    gold: CounterType[str] = field(default_factory=Counter)
    predicted: CounterType[str] = field(default_factory=Counter)
    correct: CounterType[str] = field(default_factory=Counter)


def conlleval_report(path: Union[str, Path]) -> str:
    """The text that `conlleval < path` prints, the last line feed included.

    Unlike conlleval, it accepts tabs, carriage returns, a byte order mark and lines with other numbers of
    columns. Raises DataError, beginning with file:line, for a line with fewer than two columns.
    """
    return report(count(_rows(path)))


def count(rows: Iterable[tuple[str, str, str]]) -> Counts:
    """Counts chunks over (token, gold tag, predicted tag) rows; the token -X- is the end of a sentence."""
    counts = Counts()
    matching = False  # gold and predicted chunk began together and have not differed since
    last_gold, last_predicted = _OUTSIDE, _OUTSIDE
    for token, gold_tag, predicted_tag in rows:
        gold, predicted = _split(gold_tag), _split(predicted_tag)
        if matching:
            gold_ends, predicted_ends = _ends(last_gold, gold), _ends(last_predicted, predicted)
            if gold_ends and predicted_ends and last_gold[1] == last_predicted[1]:
                counts.correct[last_gold[1]] += 1
                matching = False
            elif gold_ends != predicted_ends or gold[1] != predicted[1]:
                matching = False
        gold_starts, predicted_starts = _starts(last_gold, gold), _starts(last_predicted, predicted)
        if gold_starts and predicted_starts and gold[1] == predicted[1]:
            matching = True
        if gold_starts:
            counts.gold[gold[1]] += 1
        if predicted_starts:
            counts.predicted[predicted[1]] += 1
        if token != BOUNDARY:
            counts.tokens += 1
            counts.correct_tags += gold == predicted
        last_gold, last_predicted = gold, predicted
    if matching:
        counts.correct[last_gold[1]] += 1
    return counts


def report(counts: Counts) -> str:
    """conlleval's table of the counts. Names are padded and sorted by bytes: a Chinese character is 3."""
    kinds = (counts.gold, counts.predicted, counts.correct)
    gold, predicted, correct = (sum(kind.values()) for kind in kinds)
    processed = f"processed {counts.tokens} tokens with {gold} phrases"
    lines = [f"{processed}; found: {predicted} phrases; correct: {correct}.\n"]
    if counts.tokens:
        accuracy = 100 * counts.correct_tags / counts.tokens
        lines.append(f"accuracy: {accuracy:6.2f}%; {_figures(gold, predicted, correct)}\n")
    for name in _names(counts):
        figures = _figures(counts.gold[name], counts.predicted[name], counts.correct[name])
        padding = " " * (17 - len(name.encode("utf-8")))
        lines.append(f"{padding}{name}: {figures}  {counts.predicted[name]}\n")
    return "".join(lines)


def _figures(gold: int, predicted: int, correct: int) -> str:
    precision = 100 * correct / predicted if predicted else 0.0
    recall = 100 * correct / gold if gold else 0.0
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return f"precision: {precision:6.2f}%; recall: {recall:6.2f}%; FB1: {f1:6.2f}"


def _names(counts: Counts) -> list[str]:
    # The empty type is false in perl, so conlleval's test for duplicates lets it through twice.
    names = set(counts.gold) | set(counts.predicted)
    twice = [""] if "" in counts.gold and "" in counts.predicted else []
    return twice + sorted(names, key=lambda name: name.encode("utf-8"))


def _split(tag: str) -> Tag:
    prefix, _, entity_type = tag.partition("-")
    return prefix, "" if entity_type == "0" else entity_type  # "0" is false in perl


def _ends(last: Tag, tag: Tag) -> bool:
    """Whether a chunk ends between two tags."""
    if last[0] in ("[", "]") or (last[0] + tag[0] in _ENDS and len(last[0]) == 1):
        return True
    return last[0] not in ("O", ".") and last[1] != tag[1]


def _starts(last: Tag, tag: Tag) -> bool:
    """Whether a chunk starts between two tags."""
    if tag[0] in ("[", "]") or (last[0] + tag[0] in _STARTS and len(last[0]) == 1):
        return True
    return tag[0] not in ("O", ".") and last[1] != tag[1]


def _rows(path: Union[str, Path]) -> Iterable[tuple[str, str, str]]:
    for number, line in numbered_lines(path):
        try:
            yield split_columns(line)
        except DataError as error:
            raise DataError(f"{path}:{number}: {error}") from None
