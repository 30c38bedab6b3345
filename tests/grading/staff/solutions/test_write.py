"""Staff's solutions earn what there is to earn, an untouched notebook earns nothing, and no student gets them."""

from __future__ import annotations

import ast
import io
import json
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from grading.functions.tasks import skeleton, tasks
from grading.gradescope.build import build_autograder
from grading.nbgrader.release import release_part
from grading.questions.writing import is_stub
from grading.staff.solutions.write import STUB, filled, functions_file, solutions, write_solutions
from reserve.node.checkout import pack
from reserve.verbs.edition import write_edition
from snippets.errors import UsageError
from snippets.parts import PARTS, notebooks
from tests.grading.functions.confined import confined, graded

WRITE = re.compile(r'write\(\s*run, "(\w+)\.functions\.(\w+)", (\w+)')


@pytest.mark.parametrize("part", PARTS)
def test_every_coding_question_has_a_solution(part: str) -> None:
    assert sorted(solutions(part)) == sorted(task.name for task in tasks() if task.part == part)


@confined
@pytest.mark.parametrize("part", PARTS)
def test_the_solutions_earn_all_points(part: str, tmp_path: Path) -> None:
    results = graded(tmp_path, functions_file(part, solutions(part)), part)
    assert results and not [result.message for result in results if result.points != result.possible]


@confined
@pytest.mark.parametrize("part", PARTS)
def test_what_a_student_begins_with_earns_none(part: str, tmp_path: Path) -> None:
    results = graded(tmp_path, skeleton(part), part)
    assert results and not any(result.points for result in results)
    nothing = "".join(f"def {task.name}({task.signature}):\n    ...\n" for task in tasks() if task.part == part)
    assert not any(result.points for result in graded(tmp_path, nothing, part))


@pytest.mark.parametrize("part", PARTS)
def test_every_coding_cell_of_a_notebook_is_filled_in_and_nothing_else_is_changed(part: str, tmp_path: Path) -> None:
    asked = set()
    for path in notebooks(part):
        before = json.loads(path.read_text())
        after, names = filled(before, solutions(part))
        for old, new in zip(before["cells"], after["cells"], strict=True):
            source = "".join(old["source"])
            ask = WRITE.search(source)
            if ask is None or old["cell_type"] != "code":
                assert new == old
                continue
            stub = STUB.search(source)
            assert stub and ask[1] == part and ask[2] == ask[3] == stub[1], f"{path.name}: {source}"
            (signature,) = [task.signature for task in tasks() if task.name == stub[1]]
            given = [one.split(":")[0].strip() for one in signature.split(",")]
            assert f"def {stub[1]}({', '.join(given)}):" in stub[0], f"{path.name}: other parameters than tasks.toml's"
            assert not is_stub(ast.unparse(ast.parse(new["source"]).body[0]))
            asked.add(stub[1])
        assert len(names) == len(set(names))
    assert asked == {task.name for task in tasks() if task.part == part and task.example is not None}


def test_one_command_writes_them(tmp_path: Path, root: Path) -> None:
    words = [sys.executable, "-m", "grading.staff.solutions", "model", str(tmp_path / "out")]
    done = subprocess.run(words, cwd=root, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"functions.py", "0_kernel.ipynb"} <= written and len(done.stdout.splitlines()) == len(written)
    assert solutions("model")["percentile"] in (tmp_path / "out" / "functions.py").read_text()
    done = subprocess.run([*words[:3], "modle", "x"], cwd=root, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2 and "Did you mean model?" in done.stderr and "Traceback" not in done.stderr


def test_an_unknown_part_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no part"):
        write_solutions("all", tmp_path)


# --- What a student gets ---


def squeezed(text: str) -> str:
    """Without white space, so that no indentation or line end hides a solution."""
    return re.sub(r"\s", "", text)


SECRET = {name: squeezed(source) for part in PARTS for name, source in solutions(part).items()}


def holds_a_solution(name: str, content: bytes) -> bool:
    text = content.decode(errors="replace")
    if name.endswith(".ipynb"):
        text = "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])
    text = squeezed(text)
    return any(source in text for source in SECRET.values())


def test_the_solutions_are_found_where_they_are(tmp_path: Path, root: Path) -> None:
    for path in [*write_solutions("model", tmp_path), root / "grading" / "staff" / "solutions" / "edge.py"]:
        assert holds_a_solution(path.name, path.read_bytes()), path


def test_no_solution_is_in_the_student_edition_nor_in_the_notebooks_of_the_kit(tmp_path: Path, root: Path) -> None:
    write_edition(tmp_path / "kit")
    files = [path for folder in (tmp_path / "kit", root / "notebooks") for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 100 and not [path for path in files if holds_a_solution(path.name, path.read_bytes())]


def test_no_solution_goes_to_a_node(root: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(pack(root).archive)) as tar:
        files = {member.name: tar.extractfile(member) for member in tar if member.isfile()}
        assert not [name for name, file in files.items() if file and holds_a_solution(name, file.read())]


def test_no_solution_is_in_what_nbgrader_and_gradescope_get(tmp_path: Path) -> None:
    for part in PARTS:
        for path in release_part(part, tmp_path / "course"):
            assert not holds_a_solution(path.name, path.read_bytes()), path
    with zipfile.ZipFile(build_autograder("all", tmp_path / "autograder.zip", functions=True)) as archive:
        names = archive.namelist()
        assert "grading/staff/judges/functions/model.py" in names, "what grades must be there"
        assert not [name for name in names if holds_a_solution(name, archive.read(name))]


def test_no_solution_is_in_the_package(root: Path, tmp_path: Path) -> None:
    found = subprocess.run(
        [
            sys.executable,
            "-c",
            "import tomllib; from setuptools import find_packages; "
            "where = tomllib.load(open('pyproject.toml', 'rb'))['tool']['setuptools']['packages']['find']; "
            "print(*find_packages(**where))",
        ],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=120,
    )
    packages = found.stdout.split()
    assert "grading.questions" in packages and not [name for name in packages if name.startswith("grading.staff")]
