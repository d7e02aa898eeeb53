"""Ways of writing tags other than B-PER and O, each read where a whole file keeps to it.

A file has one way to write an entity's tag (B-PER, B_PER, PER-B, PER_B; its prefix a capital or a small letter) and
one for what is outside (O, o, 0). One tag that does not fit means that nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from nerctl.data.columns import Columns, Note
from nerctl.data.schemes import count_ids, parse_tag

OUTSIDE = ("O", "o", "0")
"""What stands for outside."""

Shape = tuple[str, bool]
"""What parts prefix and type, and whether the prefix stands behind."""

SHAPES: tuple[Shape, ...] = (("-", False), ("_", False), ("-", True), ("_", True))
"""B-PER, B_PER, PER-B and PER_B; the usual one is the first."""


def dialect_of(written: Iterable[str]) -> dict[str, str]:
    """Each of a file's tags and its usual form; empty when they have no way in common, or name no entity."""
    tags = sorted(set(written))
    outside = [tag for tag in tags if tag in OUTSIDE]
    entities = [tag for tag in tags if tag not in OUTSIDE]
    if len(outside) > 1 or not entities:
        return {}
    for shape in SHAPES:
        for small in (False, True):
            usual = [_usual(tag, shape, small) for tag in entities]
            if all(usual):
                return {**dict(zip(entities, usual)), **dict.fromkeys(outside, "O")}
    return {}


def _usual(tag: str, shape: Shape, small: bool) -> str:
    """`tag` of that shape as B-PER; "" when it has another shape."""
    mark, behind = shape
    if behind:
        name, found, prefix = tag.rpartition(mark)
    else:
        prefix, found, name = tag.partition(mark)
    if small:
        prefix = prefix.upper() if prefix.islower() else ""
    usual = f"{prefix}-{name}"
    return usual if found and parse_tag(usual) else ""


def with_usual_tags(columns: Columns, unread: np.ndarray) -> tuple[Columns, np.ndarray]:
    """A file of columns with the tags that `parse_tag` accepts, read in its dialect.

    Args:
        columns: the file, its tags as written.
        unread: [U] int64 tokens whose line could not be read; their tags do not count.

    Returns:
        The columns, with a note of each kind of tag that was written otherwise; and [M] int64, the tokens whose tag
        has no meaning because the file has no dialect.
    """
    if all(map(parse_tag, columns.tags)):
        return columns, np.zeros(0, dtype=np.int64)
    counts = count_ids(np.delete(columns.tag_ids, unread), len(columns.tags)).tolist()
    dialect = dialect_of(tag for tag, count in zip(columns.tags, counts) if count)
    if not dialect:
        return columns, columns.tagged(lambda tag: parse_tag(tag) is None)
    notes = list(columns.notes)
    changed = {tag for tag, usual in dialect.items() if tag != usual}
    for kind in (changed.difference(OUTSIDE), changed.intersection(OUTSIDE)):
        tokens = columns.tagged(kind.__contains__)
        if len(tokens):
            tag = columns.tags[columns.tag_ids[tokens[0]]]
            line = columns.line_of(int(tokens[0]))
            notes.append(Note(f"tags written like {tag} are read like {dialect[tag]}", line, len(tokens)))
    tags: dict[str, int] = {"O": 0}
    usual_ids = [tags.setdefault(dialect.get(tag, "O"), len(tags)) for tag in columns.tags]
    tag_ids = np.array(usual_ids, dtype=np.int16)[columns.tag_ids]
    return replace(columns, tags=list(tags), tag_ids=tag_ids, notes=tuple(notes)), np.zeros(0, dtype=np.int64)
