"""The rooms of snippets stand on floors: a module imports from lower floors and its own room, never from above."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

# From the ground up; the ground is every module that lies in snippets/ itself.
FLOORS = (
    ("ground",),
    ("machine",),
    ("record", "data"),
    ("model",),
    ("engine",),
    ("quantize",),
    ("load",),
    ("decide",),
    ("serve", "triton"),
    ("edge",),
    ("draw",),
)
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}


def module_of(path: Path, root: Path) -> str:
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def imported(path: Path, known: set[str]) -> Iterator[str]:
    """Names of the modules of snippets that a file imports, at its top or inside of a function."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module in known:
            assert node.module is not None
            for alias in node.names:
                within = f"{node.module}.{alias.name}"
                yield within if within in known else node.module


def graph(root: Path) -> dict[str, set[str]]:
    """Every module of snippets with those that it imports."""
    paths = {module_of(path, root): path for path in (root / "snippets").rglob("*.py")}
    return {name: set(imported(path, set(paths))) - {name, "snippets"} for name, path in paths.items()}


def room_of(module: str) -> str:
    room = module.split(".")[1]
    return room if room in FLOOR_OF else "ground"


def test_every_folder_has_its_floor(root: Path) -> None:
    folders = {path.parent.name for path in (root / "snippets").glob("*/__init__.py")}
    assert folders == set(FLOOR_OF) - {"ground"}


def test_nothing_is_imported_from_above_or_from_across_the_floor(root: Path) -> None:
    upward = [
        f"{module} imports {other}"
        for module, others in graph(root).items()
        for other in others
        if module != "snippets"
        and room_of(module) != room_of(other)
        and FLOOR_OF[room_of(other)] >= FLOOR_OF[room_of(module)]
    ]
    assert not upward, "\n".join(upward)


def test_no_module_imports_itself_by_way_of_others(root: Path) -> None:
    left = graph(root)
    while free := [module for module, others in left.items() if not others & left.keys()]:
        left = {module: others for module, others in left.items() if module not in free}
    assert not left, f"in circles or above one: {sorted(left)}"
