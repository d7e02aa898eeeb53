"""The files of a data folder's splits, by their names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Union

from nerctl.errors import DataError

PathLike = Union[str, Path]

SPLITS: dict[str, tuple[str, ...]] = {
    "train": ("train",),
    "dev": ("dev", "valid", "validation", "val"),
    "test": ("test",),
}
"""The words in a file's name that make it a split."""

_CORPUS = "(?:msra|ner|clue|cluener|weibo|resume|ontonotes|onto|people|peoples|pku|data|my|bio|bmes|char|conll|zh|cn)"
_BEHIND = "(?:ing|set|data|sets|file|corpus)?"
_LIKE: dict[str, re.Pattern[str]] = {
    "train": re.compile(f"(?:[a-z]*[^s])?train{_BEHIND}"),
    "dev": re.compile(f"{_CORPUS}?(?:dev|devel|development|valid|validation|val){_BEHIND}"),
    "test": re.compile(f"{_CORPUS}?test{_BEHIND}"),
}
"""Words that mean a split too, where no other file has its own word: trainset, training, msratrain, but not latest."""
_CHINESE = {"train": ("训练", "訓練"), "dev": ("验证", "驗證", "开发", "開發", "校验"), "test": ("测试", "測試")}

NO_CORPUS = re.compile(
    r"~$|^(readme|licen[cs]e|notice|changelog|citation)\b|\.(bak|gz|zip|tar|tgz|xz|bz2|7z|md|py|sh|html|log|toml|ya?ml|pkl|np[yz]|tf_?record|part|tmp|sw[op]"
    r"|md5|sha\d+)$",
    re.IGNORECASE,
)
"""Names of files that lie beside corpora and are none."""
TABLE = re.compile(r"\.(csv|xlsx?|ods|pdf|docx?)$", re.IGNORECASE)
"""Names of files that cannot be read: they are taken where there is no other, so that a message can say so."""


def find_splits(data_dir: PathLike, needed: Sequence[str] = ()) -> dict[str, Path]:
    """The files of `data_dir` that hold the splits: "train", "dev" and "test", those of them that are there.

    A file is a split by a word of its name, whatever parts the words: train.txt, example.train,
    train.char.bmes, msra_train.jsonl; dev may also be called valid, validation or val. Where no file has a split's
    word, one like it will do (training.conll, msratrain.txt, 训练.txt), or a folder of brat's pairs so named. Raises
    DataError when the folder has none, lacks one of `needed`, or has two files for one split.
    """
    folder = Path(data_dir)
    if not folder.is_dir():
        raise DataError(
            f"{data_dir}: no such folder; name the folder that holds train.txt, dev.txt and test.txt."
        )
    candidates = by_split(sorted(folder.iterdir()))
    for split, files in candidates.items():
        if len(files) > 1:
            names = " and ".join(file.name for file in files)
            raise DataError(f"{data_dir}: {names} could each be the {split} split; leave one of them there.")
    found = {split: files[0] for split, files in candidates.items()}
    missing = [split for split in needed if split not in found] if found else list(SPLITS)
    if missing:
        looked = ", ".join(
            f"{split}.txt, example.{split}, {split}.char.bmes or {split}.json" for split in missing[:1]
        )
        raise DataError(
            f"{data_dir}: no {' / '.join(missing)} file; looked for names such as {looked}{unknown_names(folder)}."
        )
    return found


def by_split(files: Iterable[Path]) -> dict[str, list[Path]]:
    """The files that may be each split, in the order of SPLITS; of them those whose names tell it best."""
    ranked: dict[str, dict[int, list[Path]]] = {split: {} for split in SPLITS}
    for file in files:
        split, rank = _told(file)
        if split:
            ranked[split].setdefault(rank, []).append(file)
    return {split: ranks[min(ranks)] for split, ranks in ranked.items() if ranks}


def split_of(file: Path) -> str:
    """The split that a file's name tells, or "" for none or more than one."""
    return _told(file)[0]


def unknown_names(folder: Path) -> str:
    """The files of a folder that might be corpora and are no split by their names, to stand in a message; or ""."""
    names = [
        file.name for file in sorted(folder.iterdir()) if _may_be_corpus(file) and not split_of(file) and file.is_file()
    ]
    if not names:
        return ""
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return f"; not known by name: {shown} (rename what is a split)"


def _told(file: Path) -> tuple[str, int]:
    """The split that a name tells, "" for none, and how well: 0 by its word, 1 by a word like it, 2 no corpus' name.

    3: it is a folder of brat's.
    """
    if not _may_be_corpus(file):
        return "", 0
    if file.is_file():
        return _told_by_name(file.name)
    return (split_named(file.name), 3) if is_standoff(file) else ("", 0)


def is_standoff(path: Path) -> bool:
    """Is it a folder of brat's pairs, in it or in folders in it, and none that holds splits?"""
    if not path.is_dir():
        return False
    below = (one for one in path.glob("*/*.ann") if not split_named(one.parent.name))
    return next(chain(path.glob("*.ann"), below), None) is not None


def split_named(name: str) -> str:
    """The split that a name tells, whatever has it, or "" for none or more than one."""
    return _told_by_name(name)[0]


def _told_by_name(name: str) -> tuple[str, int]:
    name = name.lower()
    words = set(re.split(r"[^a-z]+", name))
    splits = [split for split, known in SPLITS.items() if words.intersection(known)]
    rank = 0
    if not splits:
        rank = 1
        splits = [
            split
            for split, like in _LIKE.items()
            if any(map(like.fullmatch, words)) or any(word in name for word in _CHINESE[split])
        ]
    return (splits[0] if len(splits) == 1 else ""), 2 if TABLE.search(name) else rank


def _may_be_corpus(file: Path) -> bool:
    return not file.name.startswith(".") and not NO_CORPUS.search(file.name)
