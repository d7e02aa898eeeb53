"""What a data set holds and what is wrong with it, before a training finds out."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Optional

import numpy as np

from nerctl.data.corpus import Corpus, Reading, read_with
from nerctl.data.duplicates import SentenceIndex
from nerctl.data.first_bytes import shown
from nerctl.data.formats import registry
from nerctl.data.mentions import often_unmarked, several_types
from nerctl.data.report import ERRORS, NOTES, WARNINGS, Example, Problem, Report, SplitFigures
from nerctl.data.schemes import like_types
from nerctl.data.splits import SPLITS, PathLike, find_splits, is_standoff, split_of, unknown_names
from nerctl.data.text_splitter import TextSplitter
from nerctl.data.tokenizer import Vocabulary, WordPieceTokenizer
from nerctl.errors import DataError, near_path
from nerctl.wording import counted

EXAMPLES = 5
"""Examples kept of a problem."""
LONG_BLOCK = 5000
"""Tokens of the longest sentence that is taken for one."""
QUANTILES = (50, 90, 99, 100)
SPECIAL_PIECES = 2
"""[CLS] and [SEP], which `--max-seq-length` counts too."""


def check_data(
    path: PathLike, vocabulary: Optional[Vocabulary] = None, max_seq_length: int = 202, input_format: str = "auto"
) -> Report:
    """Read all splits of the folder at `path`, or the one corpus there, to the end and report on them.

    Raises DataError when there is nothing to read, and for a window that holds no token.
    """
    if max_seq_length <= SPECIAL_PIECES:
        raise DataError(
            f"--max-seq-length {max_seq_length}: at least 3, for [CLS], one word piece and [SEP]."
        )
    registry.asked(input_format)
    in_splits = Path(path).is_dir() and not is_standoff(Path(path))
    if in_splits:
        files = find_splits(path)
    elif Path(path).exists():
        files = {split_of(Path(path)) or "file": Path(path)}
    else:
        raise DataError(
            f"{path}: no such file or folder; {near_path(Path(path))}name a corpus file or the folder of the splits."
        )
    problems: list[Problem] = []
    readings: dict[str, Reading] = {}
    for split, file in files.items():
        reading = _read(split, file, input_format, problems)
        if reading is not None:
            readings[split] = reading
    if in_splits:
        problems += _missing(path, files)
    for split, reading in readings.items():
        problems += _of_one_split(split, reading)
    corpora = {split: reading.corpus for split, reading in readings.items()}
    problems += _of_types(corpora)
    problems += _of_like_types(corpora)
    problems += _of_repeats(corpora)
    problems += _of_free_text(corpora)
    problems += _of_several_types(corpora)
    problems += _of_unmarked(corpora)
    order = ERRORS + WARNINGS + NOTES
    problems.sort(key=lambda problem: order.index(problem.kind))
    tokenizer = WordPieceTokenizer(vocabulary) if vocabulary else None
    return Report(
        max_seq_length=max_seq_length,
        length_unit="word pieces" if vocabulary else "tokens",
        splits={split: _figures(corpus, tokenizer, max_seq_length) for split, corpus in corpora.items()},
        problems=problems,
    )


def _read(split: str, file: Path, input_format: str, problems: list[Problem]) -> Optional[Reading]:
    """The reading of one file, or None; what could not be read is added to `problems`."""
    examples: list[Example] = []
    count = 0

    def note(line: int, reason: str) -> None:
        nonlocal count
        count += 1
        if len(examples) < EXAMPLES:
            examples.append(Example(str(file), line, reason))

    reading: Optional[Reading] = None
    try:
        reading = read_with(file, note, input_format)
    except DataError as error:
        problems.append(Problem("unreadable file", split, 1, str(error)))
    if count and reading is not None and not len(reading.corpus):
        message = f"no sentence of {split} can be read ({counted(count, 'unreadable line')}); the first one:"
        problems.append(Problem("unreadable lines", split, count, message, examples[:1]))
        return None
    if count:
        message = (
            f"{counted(count, 'line')} of {split} cannot be read; their sentences are left out of the figures"
        )
        problems.append(Problem("unreadable lines", split, count, message, examples))
    return reading


def _missing(path: PathLike, files: Iterable[str]) -> list[Problem]:
    """The splits that a folder lacks: training refuses to begin without train."""
    needs = {"train": "nothing to train on", "dev": "no best epoch can be chosen", "test": "no final score"}
    missing = [split for split in SPLITS if split not in files]
    unknown = unknown_names(Path(path)) if missing else ""
    problems = []
    for split in missing:
        kind = "no train file" if split == "train" else "missing split"
        message = f"no {split} file in {path}: {needs[split]}{unknown if split == missing[0] else ''}"
        problems.append(Problem(kind, split, 1, message))
    return problems


def _of_one_split(split: str, reading: Reading) -> list[Problem]:
    corpus, columns = reading.corpus, reading.columns
    problems: list[Problem] = []
    for note in columns.notes:
        problems.append(Problem("mended", split, max(1, note.times), note.sentence(Path(corpus.path).name)))
    if columns.empty_texts:
        message = f"{counted(columns.empty_texts, 'text')} of {split} without a character; left out"
        problems.append(Problem("empty texts", split, columns.empty_texts, message))
    if not len(corpus):
        return [*problems, Problem("empty split", split, 1, f"{split} has no sentence that can be read")]
    if not corpus.types:
        kind = "nothing to learn" if split == "train" else "no entities"
        problems.append(Problem(kind, split, 1, f"{split} has no entity; is the last column the tag?"))
    illegal = np.union1d(reading.conversion.orphans, reading.conversion.unclosed)
    if len(illegal):
        examples = [_illegal(reading, int(token)) for token in illegal[:EXAMPLES]]
        message = (
            f"{counted(len(illegal), 'tag')} of {split} against the rules of {corpus.scheme}; "
            "a tag that goes on with no entity begins one"
        )
        problems.append(Problem("illegal tags", split, len(illegal), message, examples))
    if corpus.overlapping:
        examples = []
        for index, spans in list(corpus.overlapping.items())[:EXAMPLES]:
            shown_spans = ", ".join(f"{span.type} {span.start}-{span.end}" for span in spans[:4])
            examples.append(Example(corpus.path, int(corpus.lines[index]), shown_spans))
        held = counted(len(corpus.overlapping), "sentence")
        message = f"{held} of {split} with entities that overlap; only --head pointer learns them"
        problems.append(Problem("overlapping entities", split, len(corpus.overlapping), message, examples))
    return problems + _of_long_blocks(split, corpus)


def _of_long_blocks(split: str, corpus: Corpus) -> list[Problem]:
    """Sentences that are rather whole documents, such as those of a file without blank lines."""
    lengths = corpus.lengths
    long = np.flatnonzero(lengths > LONG_BLOCK)
    if not len(long):
        return []
    examples = [
        Example(corpus.path, int(corpus.lines[index]), counted(int(lengths[index]), "token")) for index in long[:EXAMPLES]
    ]
    what, them = ("is it a whole document", "it") if len(long) == 1 else ("are they whole documents", "them")
    message = (
        f"{split} has {counted(len(long), 'sentence')} of over {LONG_BLOCK:,} tokens (the longest {lengths.max():,}); "
        f"{what}? nerctl convert --sentences cuts {them} at sentence ends"
    )
    return [Problem("long blocks", split, len(long), message, examples)]


def _illegal(reading: Reading, token: int) -> Example:
    """What is wrong at a token that `to_bio` found to break the scheme's rules."""
    columns, corpus = reading.columns, reading.corpus
    sentence = int(np.searchsorted(corpus.offsets, token, side="right")) - 1
    start, end = int(corpus.offsets[sentence]), int(corpus.offsets[sentence + 1])
    tag = columns.tags[columns.tag_ids[token]]
    if token in reading.conversion.orphans:
        before = columns.tags[columns.tag_ids[token - 1]] if token > start else ""
        detail = f"{tag} after {before}" if before else f"{tag} begins a sentence"
    else:
        after = columns.tags[columns.tag_ids[token + 1]] if token + 1 < end else ""
        detail = f"{tag} before {after}, not closed" if after else f"{tag} ends a sentence, not closed"
    return Example(corpus.path, corpus.line_of(token), detail)


def _of_types(corpora: dict[str, Corpus]) -> list[Problem]:
    """Entity types of dev and test that train lacks."""
    problems: list[Problem] = []
    if "train" not in corpora or not corpora["train"].types:
        return problems
    for split, corpus in corpora.items():
        counts = corpus.entity_counts()
        for entity_type in sorted(set(corpus.types) - set(corpora["train"].types)):
            examples = _places(corpus, entity_type, EXAMPLES)
            count = counts[entity_type]
            message = (
                f"{split} has {counted(count, 'entity', 'entities')} of type {entity_type}, which train lacks"
            )
            problems.append(Problem("unknown type", split, count, message, examples))
    return problems


def _places(corpus: Corpus, entity_type: str, most: int) -> list[Example]:
    """The first entities of a type."""
    begin = corpus.tag_names.index(f"B-{entity_type}")
    tokens = np.flatnonzero(corpus.tag_ids == begin)[:most].tolist()
    if not tokens:  # it lies within others everywhere
        inner = (int(corpus.offsets[index]) + span.start for index, spans in corpus.overlapping.items()
                 for span in spans if span.type == entity_type)  # fmt: skip
        tokens = list(islice(inner, most))
    return [Example(corpus.path, corpus.line_of(token), f"B-{entity_type}") for token in tokens]


def _of_like_types(corpora: dict[str, Corpus]) -> list[Problem]:
    """Types, of all splits together, whose names differ by case only."""
    problems = []
    for names in like_types({name for corpus in corpora.values() for name in corpus.types}):
        examples = []
        for name in names:
            corpus = next(corpus for corpus in corpora.values() if name in corpus.types)
            examples += _places(corpus, name, 1)
        message = f"types {' and '.join(names)} differ by case only; are they one type?"
        problems.append(Problem("like types", next(iter(corpora)), len(names), message, examples))
    return problems


def _of_repeats(corpora: dict[str, Corpus]) -> list[Problem]:
    """Sentences that occur twice in a split, or in two splits."""
    problems: list[Problem] = []
    index = SentenceIndex()
    for place, (split, corpus) in enumerate(corpora.items()):
        found = index.add(corpus)
        if found.repeats:
            problems.append(_duplicates(split, corpus, found.repeats))
        for other, pairs in zip(list(corpora)[:place], found.shared):
            if pairs:
                problems.append(_shared(split, corpus, other, corpora[other], pairs))
    return problems


def _duplicates(split: str, corpus: Corpus, repeats: list[tuple[int, int, bool]]) -> Problem:
    examples = []
    for first, again, differs in repeats[:EXAMPLES]:
        detail = f"the same as line {corpus.lines[first]}{', with other tags' if differs else ''}"
        examples.append(Example(corpus.path, int(corpus.lines[again]), detail))
    differing = sum(differs for _, _, differs in repeats)
    message = f"{counted(len(repeats), 'repeated sentence')} in {split}"
    message += f", {differing:,} of them with other tags" if differing else ""
    return Problem("duplicates", split, len(repeats), message, examples)


def _shared(split: str, corpus: Corpus, other: str, there: Corpus, pairs: list[tuple[int, int]]) -> Problem:
    name = Path(there.path).name
    examples = [
        Example(corpus.path, int(corpus.lines[here]), f"the same as {name}:{there.lines[first]}")
        for first, here in pairs[:EXAMPLES]
    ]
    message = f"{counted(len(pairs), 'sentence')} of {split} also in {other}"
    return Problem("shared sentences", split, len(pairs), message, examples)


def _of_free_text(corpora: dict[str, Corpus]) -> list[Problem]:
    """Tokens of train that the model's free text would be cut into several, such as Chinese words."""
    if "train" not in corpora:
        return []
    corpus = corpora["train"]
    splitter = TextSplitter.of(corpus)
    cut = np.array([len(splitter.split(token)) != 1 for token in corpus.vocabulary], dtype=bool)
    places = np.flatnonzero(cut[corpus.token_ids]) if cut.any() else np.zeros(0, dtype=np.int64)
    if not len(places):
        return []
    examples = [
        Example(corpus.path, corpus.line_of(int(token)), shown(corpus.vocabulary[corpus.token_ids[token]]))
        for token in places[:EXAMPLES]
    ]
    message = f"{counted(len(places), 'token')} of train that prediction would cut into several in free text"
    return [Problem("split tokens", "train", len(places), message, examples)]


def _of_several_types(corpora: dict[str, Corpus]) -> list[Problem]:
    """Mentions that are marked as several types, in all splits together."""
    splits = list(corpora.values())
    count, found = several_types(splits, EXAMPLES)
    if not count:
        return []
    examples = []
    for one in found:
        corpus = splits[one.corpus]
        types = ", ".join(f"{name} {times:,}" for name, times in one.counts)
        examples.append(Example(corpus.path, corpus.line_of(one.token), f"{_plain(one.mention)}: {types}"))
    message = f"{counted(count, 'mention')} {'has' if count == 1 else 'have'} several types"
    return [Problem("several types", next(iter(corpora)), count, message, examples)]


def _of_unmarked(corpora: dict[str, Corpus]) -> list[Problem]:
    """Mentions that a split leaves unmarked where they may have been overlooked."""
    problems = []
    for split, corpus in corpora.items():
        count, found = often_unmarked(corpus, EXAMPLES)
        if not count:
            continue
        examples = []
        for one in found:
            detail = f"{_plain(one.mention)}: marked {counted(one.marked, 'time')}, unmarked {counted(one.unmarked, 'time')}"
            examples.append(Example(corpus.path, corpus.line_of(one.token), detail))
        are, they = ("is", "it is") if count == 1 else ("are", "they are")
        message = f"{counted(count, 'mention')} of {split} {are} left unmarked at least as often as {they} marked"
        problems.append(Problem("unmarked mentions", split, count, message, examples))
    return problems


def _plain(mention: str) -> str:
    """A mention for a message: as it is, but quoted where that could not be read."""
    quoted = shown(mention)
    return mention if quoted == f"'{mention}'" else quoted


def _figures(corpus: Corpus, tokenizer: Optional[WordPieceTokenizer], max_seq_length: int) -> SplitFigures:
    lengths = corpus.lengths
    unknown: Optional[float] = None
    if tokenizer is not None:
        table = tokenizer.encode_corpus(corpus)
        lengths = table.sentence_lengths(corpus)
        unknown = float(np.mean(table.unknown[corpus.token_ids])) if len(corpus) else 0.0
    ordered = np.sort(lengths)
    # The least length that the given share of the sentences does not exceed.
    ranks = {q: max(0, -(-len(ordered) * q // 100) - 1) for q in QUANTILES}
    return SplitFigures(
        file=corpus.path,
        scheme=corpus.scheme,
        sentences=len(corpus),
        tokens=len(corpus.token_ids),
        entities=corpus.entity_counts(),
        lengths={
            "max" if q == 100 else str(q): int(ordered[ranks[q]]) if len(ordered) else 0 for q in QUANTILES
        },
        over_window=float(np.mean(lengths + SPECIAL_PIECES > max_seq_length)) if len(ordered) else 0.0,
        unknown_tokens=unknown,
    )
