"""Who may import whom: the walls between the kit's rooms, and the floors inside each. rooms.py holds the tables."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests import rooms

OURS = {"snippets", "reserve", "grading", "servelab"}
ALLOWED = {"snippets": {"snippets"}, "grading": {"grading", "snippets"}, "reserve": {"reserve", "snippets"}}
MOST_MODULES = 12
# Modules with logic that no test file of their own mirrors, each with the reason.
TESTED_ELSEWHERE: dict[str, str] = {
    "snippets.data.rehearsal.dishes": "draws; test_pictures.py looks at what comes out",
    "snippets.data.rehearsal.main_dishes": "draws; test_pictures.py looks at what comes out",
    "snippets.data.rehearsal.pen": "draws; test_pictures.py looks at what comes out",
    "snippets.serve.page.__main__": "options and a call; test_app.py starts the page by them",
    "snippets.triton.models.batch": "runs inside Triton; the notebooks' tests load it there",
    "snippets.triton.models.onnx_graph": "runs inside Triton; the notebooks' tests load it there",
    "snippets.triton.models.pytorch_classifier": "runs inside Triton; the notebooks' tests load it there",
    **{
        f"snippets.teams.models.{name}": "runs inside Triton; teams' test_served, test_gate and test_isolation load it"
        for name in ("guard", "onnx_engine", "pipeline", "served", "sklearn_engine", "tenants")
    },
    "snippets.teams.handed_in": "trains on the whole set; the notebooks' tests hand in with it",
    "reserve.containers.__main__": "options and calls; test_containers.py runs the command",
    **{
        f"grading.staff.solutions.{name}": "solutions; test_write.py grades them"
        for name in ("__main__", "model", "edge", "system")
    },
    "grading.functions.child": "the confined process; test_sandbox.py starts it as the sandbox does",
    "grading.questions.own_child": "the process of a student's function; test_own_process.py starts it",
    "grading.rerun.child": "the confined process; test_confined.py starts it as grading does",
    "grading.kernels.forkserver": "the warm process; test_client.py forks kernels from it",
    "grading.kernels.provisioner": "Jupyter's entry point; test_client.py starts kernels through it",
}
MOST_PARAMETERS = 6
# Functions with more parameters, each with the reason.
MANY_PARAMETERS = {
    "servelab.browser": "click hands a command its options one by one",
    "servelab.run": "click hands a command its options one by one",
    "servelab.go": "click hands a command its options one by one",
    "servelab.grade": "click hands a command its options one by one",
    "snippets.kernel.tensor_cores.tile": "a GPU's kernel is handed three matrices, their shape and its tile's sizes",
    "snippets.record.run.open_run": "every notebook calls it with keywords, most of them its own parameters",
}
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
    "model.challenge",
)
NOT_ON_THE_PI = "torch onnx PIL scipy fastapi httpx tritonclient chi openvino jinja2 jsonschema safetensors playwright"


def has_logic(path: Path) -> bool:
    return any(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) for node in ast.walk(rooms.tree(path)))


@pytest.mark.parametrize("room", ALLOWED)
def test_a_room_imports_only_what_it_may(root: Path, room: str) -> None:
    for path in (root / room).rglob("*.py"):
        ours = {one.module.partition(".")[0] for one in rooms.imports(path)} & OURS
        assert ours <= ALLOWED[room], f"{path.relative_to(root)} imports {ours - ALLOWED[room]}"


def test_no_room_has_relative_imports() -> None:
    relative = {
        name
        for name, path in rooms.modules().items()
        for node in ast.walk(rooms.tree(path))
        if isinstance(node, ast.ImportFrom) and node.level
    }
    assert sorted(relative) == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert rooms.circles(rooms.graph()) == []


def test_a_circle_would_be_found() -> None:
    assert rooms.circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == [["b", "c"]]


@pytest.mark.parametrize("room", rooms.FLOORS)
def test_nothing_imports_from_its_own_floor_or_a_higher_one(room: str) -> None:
    upward = set()
    for (user, used), behind in rooms.arrows(room).items():
        heights = rooms.floor(room, user), rooms.floor(room, used)
        if heights[0] < heights[1] or heights[0] == heights[1] > 0:
            upward |= behind
    assert sorted(upward) == []


@pytest.mark.parametrize("room", rooms.FLOORS)
def test_the_table_of_floors_names_what_is_in_the_room(room: str) -> None:
    inside = {rooms.place(name, room) for name in rooms.modules()} - {""}
    assert {name for names in rooms.FLOORS[room] for name in names} == inside


def test_the_planner_uses_leases_and_what_lies_below_them() -> None:
    used = {used for user, used in rooms.arrows("reserve") if user == "plan"}
    assert max(rooms.floor("reserve", name) for name in used) <= rooms.floor("reserve", "lease")


def test_only_one_module_imports_python_chi(root: Path) -> None:
    users = {
        path.relative_to(root).as_posix()
        for path in rooms.modules().values()
        if any(one.module.partition(".")[0] == "chi" for one in rooms.imports(path))
    }
    assert users == {"reserve/sites/chameleon/chi.py"}


def test_no_module_or_test_uses_a_private_name_of_another_module(root: Path) -> None:
    tests = [path for folder in ("tests", "benchmarks") for path in (root / folder).rglob("*.py")]
    used = {
        f"{path.relative_to(root)}: {name}"
        for path in [*rooms.modules().values(), *tests]
        for name in rooms.private_names(path)
    }
    assert sorted(used) == []


def test_a_private_name_would_be_found_however_it_is_reached(tmp_path: Path) -> None:
    (tmp_path / "snippets").mkdir()
    (tmp_path / "snippets" / "stats.py").write_text("_a = 1\n")
    (tmp_path / "servelab.py").touch()
    path = tmp_path / "test_it.py"
    module = "snippets.stats"
    for text in (
        f"from {module} import _a",
        "from snippets import stats\nstats._a",
        "from snippets import stats as s\nmonkeypatch.setattr(s, '_a', 2)",
        f"monkeypatch.setattr('{module}._a', 2)",
    ):
        path.write_text(text)
        rooms.tree.cache_clear()
        assert rooms.private_names(path, tmp_path) == {f"{module}._a"}, text


def test_no_folder_of_a_room_grows_beyond_a_dozen_modules() -> None:
    folders: dict[Path, int] = {}
    for path in rooms.modules().values():
        if path.name != "__init__.py":
            folders[path.parent] = folders.get(path.parent, 0) + 1
    assert {str(folder): count for folder, count in folders.items() if count > MOST_MODULES} == {}


def test_every_package_says_what_it_is_about() -> None:
    packages = {name: path for name, path in rooms.modules().items() if path.name == "__init__.py"}
    assert [name for name, path in packages.items() if not ast.get_docstring(rooms.tree(path))] == []


def test_no_function_takes_more_than_six_parameters() -> None:
    many = {
        f"{name}.{node.name}"
        for name, path in rooms.modules().items()
        for node in ast.walk(rooms.tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and len(rooms.parameters(node)) > MOST_PARAMETERS
    }
    assert sorted(many) == sorted(MANY_PARAMETERS)


def test_every_public_function_class_and_method_has_a_docstring() -> None:
    silent = {
        f"{name}: {what}" for name, path in rooms.modules().items() for what in rooms.public_without_docstring(path)
    }
    assert sorted(silent) == []


def test_a_missing_docstring_would_be_found_unless_it_is_private(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(
        "class Told:\n"
        "    'Told.'\n"
        "    def __init__(self): ...\n"
        "    def silent(self):\n"
        "        def inner(): ...\n"
        "    def _own(self): ...\n"
        "class _Private:\n"
        "    def any(self): ...\n"
        "try:\n"
        "    async def waiting(): ...\n"
        "except ImportError: ...\n"
    )
    assert list(rooms.public_without_docstring(path)) == ["Told.silent", "waiting"]


def test_every_module_with_logic_has_a_test_file_of_its_name(root: Path) -> None:
    missing = set()
    for name, path in rooms.modules().items():
        here = path.relative_to(root)
        word = here.parent.name if path.name == "__init__.py" else path.stem
        if has_logic(path) and not (root / "tests" / here.parent / f"test_{word}.py").exists():
            missing.add(name)
    assert sorted(missing) == sorted(TESTED_ELSEWHERE)


def test_what_runs_on_the_pi_needs_nothing_but_numpy_and_onnxruntime(root: Path) -> None:
    script = (
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.partition('.')[0] in {NOT_ON_THE_PI!r}.split():\n"
        "            raise ImportError(name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        + "".join(f"import snippets.{name}\n" for name in ON_THE_PI)
        + "import grading.questions, grading.checks.looking_back\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
