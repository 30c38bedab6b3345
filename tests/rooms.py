"""The kit's house as data: its rooms, floor above floor, and who imports whom, read from the sources.

`test_rooms.py` holds the code to it; `images/architecture.py` draws it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# From the ground up, a line a floor. A name is a folder or a module of the room. It may import what lies on lower
# floors, never a neighbour on its own floor or anything above; only on the ground floor neighbours may meet.
FLOORS: dict[str, tuple[tuple[str, ...], ...]] = {
    "snippets": (
        ("alt_text", "errors", "files", "measure", "pages", "parts", "quick_import", "stats", "terminal"),
        ("machine",),
        ("record", "data"),
        ("model",),
        ("engine",),
        ("quantize", "kernel", "smaller"),
        ("retrain",),
        ("gpu", "load"),
        ("simulate",),
        ("serve", "triton"),
        ("decide", "forecast"),
        ("edge",),
        ("draw",),
    ),
    "reserve": (
        ("calendar", "clock", "containers", "errors", "hardware", "journal", "parallel", "redact", "site"),
        ("sites",),
        ("desk",),
        ("lease",),
        ("node",),
        ("run",),
        ("verbs", "plan"),
    ),
    "reserve.plan": (("course",), ("solve",), ("change",), ("show",), ("command",), ("verb",)),
    "grading": (
        ("errors", "functions.tasks", "functions.worlds", "notebooks", "questions", "shown"),
        ("checks",),
        ("staff.judges",),
        ("checks.part",),
        ("functions",),
        ("submission",),
        ("grade",),
        ("report",),
        ("rerun", "site"),
        ("batch",),
        ("kernels",),
        ("nbgrader", "gradescope", "staff"),
    ),
}
TOP = tuple(room for room in FLOORS if "." not in room)


@dataclass(frozen=True)
class Import:
    """One name that a file takes from a module: `from MODULE import NAME`, or `import MODULE` (NAME empty)."""

    module: str
    name: str


def module_of(path: Path, root: Path = ROOT) -> str:
    """The dotted name of the module that `path` holds; a package's is the folder's."""
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


@lru_cache(maxsize=4)
def modules(root: Path = ROOT) -> dict[str, Path]:
    """Every module of the rooms, and `servelab` above them, by dotted name."""
    found = {module_of(path, root): path for room in TOP for path in sorted((root / room).rglob("*.py"))}
    return {**found, "servelab": root / "servelab.py"}


@lru_cache(maxsize=2048)
def tree(path: Path) -> ast.Module:
    """The syntax tree of a source file."""
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path) -> Iterator[Import]:
    """What a file imports anywhere, also inside functions. The kit has no relative imports outside tests/."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from (Import(node.module or "", alias.name) for alias in node.names)


def imported_modules(path: Path, root: Path = ROOT) -> set[str]:
    """The modules of ours that a file imports; `from snippets.record import read` is snippets.record.read."""
    ours = modules(root)
    names = set()
    for one in imports(path):
        whole = f"{one.module}.{one.name}"
        names.add(whole if whole in ours else one.module)
    return names & ours.keys()


def graph(root: Path = ROOT) -> dict[str, set[str]]:
    """Module -> the modules of ours that it imports."""
    return {name: imported_modules(path, root) - {name} for name, path in modules(root).items()}


def place(module: str, room: str) -> str:
    """The folder or module of `room` in which `module` lies; empty outside the room and for its own __init__.

    Where FLOORS names something inside a folder by itself (`staff.judges`), it is a place of its own.
    """
    if not module.startswith(f"{room}."):
        return ""
    first, _, rest = module.removeprefix(f"{room}.").partition(".")
    own = f"{first}.{rest.partition('.')[0]}"
    return own if any(own in names for names in FLOORS.get(room, ())) else first


def floor(room: str, name: str) -> int:
    """How high `name` lies in `room`, 0 the ground. KeyError says where to add it."""
    for height, names in enumerate(FLOORS[room]):
        if name in names:
            return height
    raise KeyError(f"{room}/{name} stands on no floor: add it to FLOORS in tests/rooms.py.")


def arrows(room: str, root: Path = ROOT) -> dict[tuple[str, str], set[str]]:
    """(place, place) inside `room` -> the imports behind it, as "module -> module"."""
    found: dict[tuple[str, str], set[str]] = {}
    for module, used in graph(root).items():
        for other in used:
            ends = place(module, room), place(other, room)
            if all(ends) and ends[0] != ends[1]:
                found.setdefault(ends, set()).add(f"{module} -> {other}")
    return found


def circles(graph_: dict[str, set[str]]) -> list[list[str]]:
    """Groups of modules that reach one another (Tarjan's strongly connected components of more than one)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for other in sorted(graph_[name]):
            if other not in index:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], index[other])
        if low[name] == index[name]:
            group = stack[stack.index(name) :]
            del stack[stack.index(name) :]
            if len(group) > 1:
                found.append(sorted(group))

    for name in sorted(graph_):
        if name not in index:
            visit(name)
    return found


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """The names that a caller may give, without `self`, `cls`, `*args` and `**kwargs`."""
    taken = function.args
    names = [one.arg for one in (*taken.posonlyargs, *taken.args, *taken.kwonlyargs)]
    return names[1:] if names[:1] in (["self"], ["cls"]) else names


def public_without_docstring(path: Path) -> Iterator[str]:
    """Public functions, classes and methods of a file that say nothing of themselves, by `Class.method`.

    What stands inside a function is private; `__init__` and its like are told by their class.
    """

    def look(body: list[ast.stmt], inside: str) -> Iterator[str]:
        for node in body:
            if isinstance(node, ast.If | ast.Try):
                yield from look(node.body, inside)
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) or node.name[0] == "_":
                continue
            if not ast.get_docstring(node):
                yield inside + node.name
            if isinstance(node, ast.ClassDef):
                yield from look(node.body, f"{inside}{node.name}.")

    yield from look(tree(path).body, "")


def private_names(path: Path, root: Path = ROOT) -> set[str]:
    """Names with a leading underscore that a file takes from a module of ours other than itself."""
    ours, here = modules(root), module_of(path, root)
    bound: dict[str, str] = {}
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                if whole in ours:
                    bound[alias.asname or alias.name] = whole
                elif node.module in ours and node.module != here and _private(alias.name):
                    found.add(whole)
        elif isinstance(node, ast.Import):
            bound |= {alias.asname or alias.name: alias.name for alias in node.names if alias.name in ours}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Attribute) and _private(node.attr) and ast.unparse(node.value) in bound:
            found.add(f"{bound[ast.unparse(node.value)]}.{node.attr}")
        elif isinstance(node, ast.Call) and len(node.args) >= 2 and _is_text(node.args[1]):
            holder, name = ast.unparse(node.args[0]), ast.literal_eval(node.args[1])
            if holder in bound and _private(name):
                found.add(f"{bound[holder]}.{name}")
        elif _is_text(node):
            module, _, name = str(ast.literal_eval(node)).rpartition(".")
            if module in ours and _private(name):
                found.add(f"{module}.{name}")
    return found


def _private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
