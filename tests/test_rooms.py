"""Who may import whom: the walls between the kit's rooms."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

OURS = {"snippets", "reserve", "grading", "servelab"}
ALLOWED = {"snippets": {"snippets"}, "grading": {"grading", "snippets"}, "reserve": {"reserve", "snippets"}}
# What a Raspberry Pi has: these modules, and the lab's edge notebooks, must import there.
ON_THE_PI = (
    "record",
    "measure",
    "stats",
    "errors",
    "machine.host",
    "data.image",
    "edge.device",
    "edge.bundle",
    "edge.soak",
    "edge.cold_start",
    "edge.board",
    "edge.crossover",
    "decide.targets",
)
NOT_ON_THE_PI = "torch onnx PIL scipy fastapi httpx tritonclient chi openvino jinja2 jsonschema safetensors playwright"


def imports(path: Path) -> set[str]:
    """Names of the modules that a file imports anywhere, absolute imports only (the kit has no others)."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module or "")
    return found


@pytest.mark.parametrize("room", ALLOWED)
def test_a_room_imports_only_what_it_may(root: Path, room: str) -> None:
    for path in (root / room).rglob("*.py"):
        ours = {name.partition(".")[0] for name in imports(path)} & OURS
        assert ours <= ALLOWED[room], f"{path.relative_to(root)} imports {ours - ALLOWED[room]}"


def test_only_one_module_imports_python_chi(root: Path) -> None:
    users = {
        path.relative_to(root).as_posix()
        for room in (*ALLOWED, "servelab.py")
        for path in ([root / room] if room.endswith(".py") else (root / room).rglob("*.py"))
        if any(name.partition(".")[0] == "chi" for name in imports(path))
    }
    assert users == {"reserve/sites/chameleon/chi.py"}


def test_what_runs_on_the_pi_needs_nothing_but_numpy_and_onnxruntime(root: Path) -> None:
    script = (
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.partition('.')[0] in {NOT_ON_THE_PI!r}.split():\n"
        "            raise ImportError(name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        + "".join(f"import snippets.{name}\n" for name in ON_THE_PI)
        + "import grading.questions\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
