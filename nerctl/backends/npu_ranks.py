"""The environment that tells an NPU program how many cards it runs on, and what is contradictory or half-set in it.

One card: RANK_SIZE=1 and RANK_ID=0. Several: RANK_SIZE > 1 and exactly one of a rank table (RANK_TABLE_FILE, RANK_ID) and
a chief (CM_CHIEF_IP, CM_CHIEF_PORT, CM_CHIEF_DEVICE); beside a chief CM_WORKER_IP and CM_WORKER_SIZE may stand, the
latter instead of RANK_SIZE. A half-set one ends in "get rank id" failures deep in the adapter (the vendor's FAQ).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SIZES = ("RANK_SIZE", "CM_WORKER_SIZE")
"""How many cards; one of them."""

TABLE = ("RANK_TABLE_FILE", "RANK_ID")
"""The cards by a file, and which of them this process has."""

CHIEF = ("CM_CHIEF_IP", "CM_CHIEF_PORT", "CM_CHIEF_DEVICE")
"""The cards by one process that the others report to."""

WORKER = ("CM_WORKER_IP", "CM_WORKER_SIZE")
"""What may stand beside a chief, both or neither."""

NUMBERS = ("RANK_SIZE", "CM_WORKER_SIZE", "RANK_ID", "CM_CHIEF_PORT", "CM_CHIEF_DEVICE")
"""Those whose value is a number, from 0."""


@dataclass(frozen=True)
class RankTrouble:
    """One thing that is wrong with the rank environment."""

    message: str
    """What is contradictory, missing or left over."""
    remedy: str
    """What to set or unset."""
    stops: bool = True
    """Whether a program that reads it fails; else it is only left over from another."""


def several_cards(environment: Mapping[str, str]) -> str:
    """The variable that asks for another number of cards than one; "": none does."""
    return next((name for name in SIZES if environment.get(name, "1") != "1"), "")


def rank_troubles(environment: Mapping[str, str]) -> list[RankTrouble]:
    """What is wrong with a rank environment; empty where it is whole, for one card or several."""
    wrong = [name for name in NUMBERS if name in environment and not environment[name].isdecimal()]
    if wrong:
        values = " and ".join(f"{name} is {environment[name] or 'empty'}" for name in wrong)
        return [RankTrouble(f"{values}, which is no number", f"set {_all(wrong)} to a number, or unset it")]
    sizes = [int(environment[name]) for name in SIZES if name in environment]
    return list(_several(environment, max(sizes)) if max(sizes, default=1) > 1 else _one(environment))


def _one(environment: Mapping[str, str]) -> Iterator[RankTrouble]:
    if any(environment.get(name) == "0" for name in SIZES):
        yield RankTrouble("RANK_SIZE is 0 cards", "set RANK_SIZE to 1, or unset it")
    if environment.get("RANK_ID", "0") != "0":
        yield RankTrouble(f"RANK_ID is {environment['RANK_ID']}, but there is one card", "set RANK_ID to 0, or unset it")
    left = [name for name in ("RANK_TABLE_FILE", *CHIEF, *WORKER) if environment.get(name)]
    if left:
        seen = f"{_all(left)} left over from several cards: RANK_SIZE is 1 or unset"
        yield RankTrouble(seen, f"unset {_all(left)}", False)


def _several(environment: Mapping[str, str], size: int) -> Iterator[RankTrouble]:
    given = [name for name in (*TABLE, *CHIEF, *WORKER) if environment.get(name)]
    chief = [name for name in given if name in (*CHIEF, *WORKER)]
    if "RANK_SIZE" in environment and environment.get("CM_WORKER_SIZE"):
        yield RankTrouble("RANK_SIZE and CM_WORKER_SIZE both say how many cards there are", "unset RANK_SIZE")
    if "RANK_TABLE_FILE" in given and chief:
        yield RankTrouble(
            f"RANK_TABLE_FILE and {_all(chief)} both say which cards there are",
            f"unset RANK_TABLE_FILE, or unset {_all(chief)}",
        )
    elif chief:
        yield from _chief(chief)
    else:
        yield from _table(environment, given, size)


def _chief(given: list[str]) -> Iterator[RankTrouble]:
    wanted = (*CHIEF, *(WORKER if any(name in given for name in WORKER) else ()))
    missing = [name for name in wanted if name not in given]
    if missing:
        yield RankTrouble(f"{_all(given)} without {_all(missing)}", f"set {_all(missing)}, or unset {_all(given)}")


def _table(environment: Mapping[str, str], given: list[str], size: int) -> Iterator[RankTrouble]:
    missing = [name for name in TABLE if name not in given]
    if len(missing) == len(TABLE):
        yield RankTrouble(
            f"nothing says which {size} cards there are",
            f"set {_all(TABLE)}, or {_all(CHIEF)}; or unset {several_cards(environment)}",
        )
    elif missing:
        yield RankTrouble(f"{_all(given)} without {_all(missing)}", f"set {_all(missing)}, or unset {_all(given)}")
    if "RANK_TABLE_FILE" in given and not Path(environment["RANK_TABLE_FILE"]).is_file():
        seen = f"RANK_TABLE_FILE is {environment['RANK_TABLE_FILE']}, where no file is"
        yield RankTrouble(seen, "set RANK_TABLE_FILE to the rank table")
    if "RANK_ID" in given and int(environment["RANK_ID"]) >= size:
        yield RankTrouble(
            f"RANK_ID is {environment['RANK_ID']}, but the {size} cards are numbered from 0", f"set RANK_ID to 0..{size - 1}"
        )


def _all(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + (" and " if len(names) > 1 else "") + names[-1]
