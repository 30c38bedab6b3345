"""The notebooks: generated from their sources, clean, and importing only what a notebook may."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

from grading import notebooks
from grading.questions.schema import every, questions

ALLOWED = {"snippets", "grading.questions", "grading.checks.looking_back"}
OURS = {"snippets", "grading", "reserve", "servelab", "tests", "benchmarks"}
SOURCES = notebooks.sources()
# What fits a screen of 1,280 pixels beside JupyterLab's side bar, as test_jupyterlab.py sees it.
CODE_COLUMNS = 100
FIT = ("0_reserve", *(f"{path.parent.name}/{path.stem}" for path in SOURCES))


def cells_of(path: Path) -> list[dict]:
    return json.loads(path.with_suffix(".ipynb").read_text(encoding="utf-8"))["cells"]


def code_of(path: Path) -> list[str]:
    return ["".join(cell["source"]) for cell in cells_of(path) if cell["cell_type"] == "code"]


def identify(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def test_regenerating_the_notebooks_changes_nothing() -> None:
    assert notebooks.build(check=True) == []


def test_every_notebook_is_built_that_of_leases_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebooks, "convert", lambda source: source.name)
    built = notebooks.build(check=True)
    assert built == sorted(path for path in notebooks.NOTEBOOKS.glob("**/*.ipynb") if "checkpoints" not in str(path))


def test_every_notebook_has_a_source() -> None:
    built = {path for part in notebooks.PARTS for path in (notebooks.NOTEBOOKS / part).glob("*.ipynb")}
    assert built == {path.with_suffix(".ipynb") for path in SOURCES}


@pytest.mark.parametrize("path", SOURCES, ids=identify)
def test_a_notebook_has_no_outputs_and_unique_ids(path: Path) -> None:
    cells = cells_of(path)
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in cells)
    assert len({cell["id"] for cell in cells}) == len(cells)


@pytest.mark.parametrize("path", SOURCES, ids=identify)
def test_a_notebook_begins_with_one_tagged_parameters_cell_that_holds_the_common_four(path: Path) -> None:
    code = [cell for cell in cells_of(path) if cell["cell_type"] == "code"]
    tagged = [cell for cell in code if "parameters" in cell["metadata"].get("tags", [])]
    assert tagged == code[:1]
    names = {
        node.target.id
        for node in ast.parse("".join(tagged[0]["source"])).body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    assert names >= {"profile", "runs", "run_id", "mode"}


@pytest.mark.parametrize("path", [path for path in SOURCES if path.parent.name in ("model", "edge")], ids=identify)
def test_no_line_of_code_is_wider_than_a_page(path: Path) -> None:
    assert [line for code in code_of(path) for line in code.splitlines() if len(line) > 120] == []


@pytest.mark.parametrize("name", FIT)
def test_no_line_of_code_is_wider_than_jupyterlab_on_a_laptop(name: str) -> None:
    code = code_of(notebooks.NOTEBOOKS / f"{name}.md")
    assert [line for cell in code for line in cell.splitlines() if len(line) > CODE_COLUMNS] == []


@pytest.mark.parametrize("path", SOURCES, ids=identify)
def test_a_notebook_imports_only_snippets_and_the_questions(path: Path) -> None:
    for source in code_of(path):
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                modules = [node.module or ""]
            else:
                continue
            for module in modules:
                if module.split(".")[0] in OURS:
                    assert module in ALLOWED or module.startswith("snippets."), f"{module} in {path.name}"


@pytest.mark.parametrize("path", SOURCES, ids=identify)
def test_a_notebook_asks_only_questions_of_its_part(path: Path) -> None:
    asked = [found for source in code_of(path) for found in notebooks.ASK.findall(source)]
    assert all(question_id.startswith(f"{path.parent.name}.") for question_id in asked)
    assert len(set(asked)) == len(asked)


def test_every_question_is_asked_in_exactly_one_notebook() -> None:
    for part in notebooks.PARTS:
        asked = [
            found
            for path in SOURCES
            if path.parent.name == part
            for source in code_of(path)
            for found in notebooks.ASK.findall(source)
        ]
        assert sorted(asked) == sorted(question.id for question in every(part))


@pytest.mark.parametrize("part", notebooks.PARTS)
def test_the_last_notebook_of_a_part_looks_back_on_every_prediction(part: str) -> None:
    predicted = {one.id for one in questions(part) if one.kind == "predict"}
    shown = [code for path in SOURCES if path.parent.name == part for code in code_of(path) if "look_back(" in code]
    looked = [set(re.findall(r'"([a-z_0-9]+(?:\.[a-z_0-9]+)+)"', code)) for code in shown]
    # An optional notebook, which comes last, looks back on its own.
    assert predicted and predicted == next(each for each in reversed(looked) if each & predicted)
