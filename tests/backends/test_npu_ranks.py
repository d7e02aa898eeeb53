"""A rank environment that is whole is left alone; one that is half-set or contradictory is named, with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from nerctl.backends.npu_ranks import rank_troubles, several_cards

CHIEF = {"CM_CHIEF_IP": "10.0.0.1", "CM_CHIEF_PORT": "60001", "CM_CHIEF_DEVICE": "0"}
WORKER = {"CM_WORKER_IP": "10.0.0.2", "CM_WORKER_SIZE": "8"}


@pytest.fixture
def table(tmp_path: Path) -> str:
    path = tmp_path / "rank_table.json"
    path.write_text("{}")
    return str(path)


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"RANK_SIZE": "1"},
        {"RANK_SIZE": "1", "RANK_ID": "0", "JOB_ID": "10087"},
        {"RANK_SIZE": "8", **CHIEF},
        {**CHIEF, **WORKER},
    ],
)
def test_whole_environments_have_no_trouble(environment: dict[str, str]) -> None:
    assert rank_troubles(environment) == []


def test_a_rank_table_with_its_rank_is_whole(table: str) -> None:
    assert rank_troubles({"RANK_SIZE": "8", "RANK_TABLE_FILE": table, "RANK_ID": "7"}) == []


@pytest.mark.parametrize(
    ("environment", "says", "remedy"),
    [
        ({"RANK_SIZE": "8"}, "nothing says which 8 cards", "set RANK_TABLE_FILE and RANK_ID, or CM_CHIEF_IP, CM_CHIEF_PORT"),
        ({"RANK_SIZE": "8", "RANK_TABLE_FILE": "TABLE"}, "RANK_TABLE_FILE without RANK_ID", "set RANK_ID"),
        ({"RANK_SIZE": "8", "RANK_ID": "0"}, "RANK_ID without RANK_TABLE_FILE", "set RANK_TABLE_FILE"),
        ({"RANK_SIZE": "8", "RANK_ID": "8", "RANK_TABLE_FILE": "TABLE"}, "RANK_ID is 8", "RANK_ID to 0..7"),
        ({"RANK_SIZE": "8", "RANK_ID": "0", "RANK_TABLE_FILE": "gone.json"}, "gone.json, where no file is",
         "RANK_TABLE_FILE"),
        ({"RANK_SIZE": "8", "RANK_ID": "0", "RANK_TABLE_FILE": "TABLE", **CHIEF}, "both say which cards",
         "unset RANK_TABLE_FILE, or unset CM_CHIEF_IP, CM_CHIEF_PORT and CM_CHIEF_DEVICE"),
        ({"RANK_SIZE": "8", "CM_CHIEF_IP": "10.0.0.1"}, "CM_CHIEF_IP without CM_CHIEF_PORT and CM_CHIEF_DEVICE",
         "set CM_CHIEF_PORT and CM_CHIEF_DEVICE"),
        ({"CM_WORKER_SIZE": "8", **CHIEF}, "without CM_WORKER_IP", "set CM_WORKER_IP"),
        (WORKER, "without CM_CHIEF_IP, CM_CHIEF_PORT and CM_CHIEF_DEVICE", "set CM_CHIEF_IP"),
        ({"RANK_SIZE": "8", **CHIEF, **WORKER}, "both say how many cards", "unset RANK_SIZE"),
        ({"RANK_SIZE": "two"}, "RANK_SIZE is two, which is no number", "or unset it"),
        ({"RANK_SIZE": "", "RANK_ID": "-1"}, "RANK_SIZE is empty and RANK_ID is -1", "set RANK_SIZE and RANK_ID"),
        ({"RANK_SIZE": "0"}, "0 cards", "set RANK_SIZE to 1"),
        ({"RANK_SIZE": "1", "RANK_ID": "3"}, "RANK_ID is 3, but there is one card", "set RANK_ID to 0"),
    ],
)  # fmt: skip
def test_each_half_set_environment_is_named_once_with_what_to_do(
    table: str, environment: dict[str, str], says: str, remedy: str
) -> None:
    environment = {name: value.replace("TABLE", table) for name, value in environment.items()}
    (trouble,) = rank_troubles(environment)
    assert says in trouble.message and remedy in trouble.remedy and trouble.stops


def test_what_is_left_over_from_several_cards_is_said_and_stops_nothing(table: str) -> None:
    for environment in ({"RANK_TABLE_FILE": table}, {"RANK_SIZE": "1", "RANK_ID": "0", **CHIEF}):
        (trouble,) = rank_troubles(environment)
        assert "left over" in trouble.message and not trouble.stops
        assert all(name in trouble.remedy for name in environment if name.startswith(("RANK_TABLE", "CM_")))


def test_either_size_asks_for_several_cards() -> None:
    assert several_cards({"RANK_SIZE": "8"}) == "RANK_SIZE"
    assert several_cards(WORKER) == "CM_WORKER_SIZE"
    assert several_cards({"RANK_SIZE": "1", "CM_WORKER_SIZE": "1"}) == several_cards({}) == ""
