"""Files of `token gold predicted` lines, the form that conlleval reads: written, read and scored.

A line's last two columns are the gold and the predicted tag; what stands before them is the token and
whatever columns a corpus has besides. A blank line, or one whose first column is -X-, ends a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Union

from nerctl.data.first_bytes import HEAD, not_utf8, refuse_no_text, shown
from nerctl.errors import DataError
from nerctl.evaluation.scores import NO_TAGS, Scores, Tally, is_tag, split_tag

BOUNDARY = "-X-"
"""First column of a line that conlleval takes for the end of a sentence."""

BLANK_MARK = "\u2423"
"""OPEN BOX, written for each white-space character of a token, so that the columns stay three."""

_LAST_TWO = re.compile(r"^(?:(.*)[ \t])?[ \t]*([^ \t]+)[ \t]+([^ \t]+)$", re.DOTALL)
_WHITE = re.compile(r"\s")


@dataclass(frozen=True)
class PredictedSentence:
    """One sentence of a prediction file; the three tuples are equally long."""

    tokens: tuple[str, ...]
    """First columns; an empty string for a token that was a blank."""
    gold: tuple[str, ...]
    """Tags of the corpus, as they stand in the file."""
    predicted: tuple[str, ...]
    """Predicted tags, as they stand in the file."""
    line: int
    """Line number of the first token, from 1."""


def prediction_lines(tokens: Sequence[str], gold: Sequence[str], predicted: Sequence[str]) -> str:
    """The lines of one sentence, `token gold predicted` each, and the blank line that ends it.

    White space in a token (a blank, a tab, an ideographic space) is written as BLANK_MARK, one for one, and
    so is an empty token: any reader that splits on white space then finds three columns. A token -X-, which
    conlleval would take for the end of the sentence, gets a BLANK_MARK before it. White space in a tag's
    type is written as `_`.
    """
    lines = []
    for token, gold_tag, predicted_tag in zip(tokens, gold, predicted):
        word = _WHITE.sub(BLANK_MARK, token) or BLANK_MARK
        if word == BOUNDARY:
            word = BLANK_MARK + word
        lines.append(f"{word} {_WHITE.sub('_', gold_tag)} {_WHITE.sub('_', predicted_tag)}\n")
    return "".join(lines) + "\n"


def numbered_lines(path: Union[str, Path]) -> Iterator[tuple[int, str]]:
    """Line numbers from 1 and lines without their ends; only a line feed ends a line, as in conlleval.

    Raises DataError when the file is missing or not UTF-8; a byte order mark is skipped.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        hint = "give a file of 'token gold predicted' lines"
        raise DataError(f"cannot read {path}: {error.strerror}; {hint}") from None
    refuse_no_text(path, content[:HEAD])
    if content.startswith(b"\xef\xbb\xbf"):
        content = content[3:]
    lines = content.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    for number, line in enumerate(lines, start=1):
        try:
            yield number, line.decode("utf-8").rstrip("\r")
        except UnicodeDecodeError:
            raise DataError(f"{path}:{number}: {not_utf8(line, str(path))}") from None


def split_columns(line: str) -> tuple[str, str, str]:
    """All before the last two columns, gold tag and predicted tag; ("-X-", "O", "O") at a sentence's end.

    Columns are separated by blanks or tabs, never by other white space, which may be a token. Raises
    DataError when there are fewer than two columns.
    """
    fields = line.split(" ")
    if len(fields) == 3 and "" not in fields and "\t" not in line:
        return (fields[0], fields[1], fields[2]) if fields[0] != BOUNDARY else (BOUNDARY, "O", "O")
    content = line.rstrip(" \t\r")
    if not content or re.split("[ \t]", content, maxsplit=1)[0] == BOUNDARY:
        return BOUNDARY, "O", "O"
    match = _LAST_TWO.match(content)
    if match is None:
        raise DataError("one column, expected 'token gold predicted'")
    return (match.group(1) or "").strip(" \t"), match.group(2), match.group(3)


def read_predictions(path: Union[str, Path]) -> Iterator[PredictedSentence]:
    """The sentences of a prediction file; sentences without tokens are skipped.

    A token's column may be missing or a blank. Lines whose gold tag is X, [CLS], [SEP] or [PAD] hold no
    corpus token (some versions of the original write them) and are left out; such a tag in the predicted
    column stays, and scores as O. Raises DataError, beginning with file:line, for a line that cannot be read.
    """
    rows: list[tuple[str, str, str]] = []
    first = 0
    for number, line in numbered_lines(path):
        try:
            token, gold, predicted = split_columns(line)
            split_tag(gold)
            split_tag(predicted)
        except DataError as error:
            raise DataError(f"{path}:{number}: {_missing_column(line) or error}") from None
        if token == BOUNDARY:
            if rows:
                yield _sentence(rows, first)
                rows = []
        elif gold not in NO_TAGS:
            if not rows:
                first = number
            rows.append((token, gold, predicted))
    if rows:
        yield _sentence(rows, first)


def score_file(
    path: Union[str, Path], strict: bool = False, say: Callable[[str], None] = lambda remark: None
) -> Scores:
    """Scores of a prediction file; `say` is told what makes them mean less than they seem to.

    Raises DataError when the file cannot be read or holds no token.
    """
    tally = tally_of(read_predictions(path), strict)
    scores = tally.scores()
    if not scores.tokens:
        raise DataError(f"{path}: no 'token gold predicted' line in it")
    for remark in tally.remarks():
        say(f"{path}: {remark}")
    return scores


def tally_of(sentences: Iterable[PredictedSentence], strict: bool = False) -> Tally:
    """The tally of sentences with gold and predicted tags."""
    tally = Tally(strict)
    for sentence in sentences:
        tally.add(sentence.gold, sentence.predicted)
    return tally


def _missing_column(line: str) -> str:
    """Why a line of two columns, of which the first is no tag, cannot be read; "" for any other."""
    columns = line.split()
    if len(columns) != 2 or is_tag(columns[0]):
        return ""
    return f"two columns only ({shown(line.strip())}): 'token gold predicted' is wanted, so one of the tags is missing"


def _sentence(rows: Sequence[tuple[str, str, str]], first: int) -> PredictedSentence:
    tokens, gold, predicted = zip(*rows)
    return PredictedSentence(tokens, gold, predicted, first)
