"""The house that docs/design.md draws: imports point down, data knows no TensorFlow, no file is too long to read."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1] / "nerctl"

FLOORS = (
    ("charts", "errors", "wording", "files", "folder", "run_record", "progress", "console", "native_words"),
    ("backends",),
    ("data", "model"),
    ("heads", "encoders"),
    ("config", "inference"),
    ("evaluation", "serving"),
    ("training", "transfer", "upstream"),
    ("workflows",),
    ("commands", "api"),
    ("cli",),
    ("__main__",),
)
"""The rooms from the ground up; a room may import those of floors below it."""

NEIGHBOURS = {("model", "data"), ("data", "model"), ("files", "errors"), ("folder", "errors"), ("folder", "files"),
              ("run_record", "errors"), ("run_record", "files")}  # fmt: skip
"""What may be imported on one floor: a head's type is model's, the arrays that it speaks of are data's."""

UPWARD = {("commands/config.py", "cli"): "lists the options of every command, which only the whole app knows"}
"""Imports that point up, each with its reason."""

LINES = 350
"""No file is longer."""

FLOOR = {room: height for height, rooms in enumerate(FLOORS) for room in rooms}


def sources() -> list[str]:
    """Every module, as a path below nerctl/."""
    return sorted(path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.py"))


def tree_of(source: str) -> ast.Module:
    """A module's syntax tree."""
    return ast.parse((ROOT / source).read_text(encoding="utf-8"))


def room_of(name: str) -> str:
    """The room of a file, or of a module's dotted name below nerctl."""
    return name.replace(".py", "").replace("/", ".").split(".")[0]


def imported(tree: ast.AST) -> Iterator[str]:
    """Dotted names of what a module imports, those in functions and for type checkers too; relative imports are not used."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "an import by dots hides which room it leads to"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def found() -> Iterator[tuple[str, str]]:
    """(file, room that it imports), its own left out; `nerctl/__init__.py` hands on what users import, and has no floor."""
    for source in sources():
        for name in imported(tree_of(source)) if source != "__init__.py" else ():
            root, _, rest = name.partition(".")
            if root == "nerctl" and room_of(rest) in FLOOR and room_of(rest) != room_of(source):
                yield source, room_of(rest)


def test_imports_point_down() -> None:
    upward = set()
    for source, other in found():
        room = room_of(source)
        if FLOOR[other] >= FLOOR[room] and (room, other) not in NEIGHBOURS:
            upward.add((source, other))
    assert upward == set(UPWARD), "a room imports only what lies below it; see docs/design.md"


def test_every_room_has_its_floor_and_every_neighbour_is_one() -> None:
    assert {room_of(source) for source in sources()} - {"__init__"} == set(FLOOR)
    assert {(room_of(source), other) for source, other in found()} >= NEIGHBOURS


def test_the_check_sees_an_import_that_points_up() -> None:
    tree = ast.parse("def late():\n    from nerctl.training import loop\n    import nerctl.cli")
    assert [room_of(name.partition(".")[2]) for name in imported(tree)] == ["training", "cli"]
    assert FLOOR["training"] > FLOOR["inference"] > FLOOR["heads"] > FLOOR["model"] > FLOOR["backends"]


def test_data_and_what_lies_on_the_ground_import_no_tensorflow() -> None:
    for source in sources():
        if FLOOR.get(room_of(source), 99) == 0 or room_of(source) == "data":
            assert not [name for name in imported(tree_of(source)) if name.split(".")[0] == "tensorflow"], source


def test_no_file_is_too_long_to_read() -> None:
    long = {source: len((ROOT / source).read_text(encoding="utf-8").splitlines()) for source in sources()}
    assert not {source: lines for source, lines in long.items() if lines > LINES}
