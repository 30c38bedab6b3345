"""The notebook builder: stable ids, nbgrader metadata, and sources that break a rule refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from grading import notebooks
from grading.errors import NotebookSourceError, QuestionError

SOURCE = """---
kernelspec: {name: python3, display_name: Python 3}
---

# First steps

Text.

```{code-cell} ipython3
:tags: [parameters]

profile: str = "quick"
```

## Graph

```{code-cell} ipython3
x = 1
```

```{code-cell} ipython3
ask(run, "model.graph.why", answer=...)
```
"""


def converted(tmp_path: Path, source: str) -> list[dict]:
    path = tmp_path / "1_first.md"
    path.write_text(source)
    return json.loads(notebooks.convert(path))["cells"]


def test_ids_do_not_depend_on_content(tmp_path: Path, small_questions: Path) -> None:
    first = [cell["id"] for cell in converted(tmp_path, SOURCE)]
    changed = [cell["id"] for cell in converted(tmp_path, SOURCE.replace("x = 1", "x = 2").replace("Text", "T"))]
    assert first == changed
    assert "parameters" in first and "ask-model-graph-why" in first


def test_a_new_cell_moves_no_id_under_another_heading(tmp_path: Path, small_questions: Path) -> None:
    first = [cell["id"] for cell in converted(tmp_path, SOURCE)]
    more = SOURCE.replace("Text.\n", "Text.\n\n```{code-cell} ipython3\ny = 1\n```\n")
    later = [cell["id"] for cell in converted(tmp_path, more)]
    assert first[-3:] == later[-3:] and len(later) == len(first) + 1


def test_an_explain_cell_is_graded_by_hand_in_nbgrader(tmp_path: Path, small_questions: Path) -> None:
    cell = converted(tmp_path, SOURCE)[-1]
    assert cell["metadata"]["nbgrader"] == {
        "grade": True,
        "grade_id": "ask-model-graph-why",
        "locked": False,
        "points": 3.0,
        "schema_version": 3,
        "solution": True,
        "task": False,
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("answer=...)", 'answer=...)\nask(run, "model.graph.gain")'), "One cell asks"),
        (("x = 1", 'ask(run, "model.graph.why")'), "Two cells have the id"),
        (("## Graph", '## Graph\n\nask(run, "model.graph.why")'), "Markdown cell"),
        (("model.graph.why", "model.graph.whi"), "Did you mean"),
    ],
)
def test_a_source_that_breaks_a_rule_is_refused(
    tmp_path: Path, small_questions: Path, change: tuple[str, str], message: str
) -> None:
    with pytest.raises((NotebookSourceError, QuestionError), match=message):
        converted(tmp_path, SOURCE.replace(*change))


def test_sources_are_files_or_the_notebooks_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    one, two = tmp_path / "part" / "1_one.md", tmp_path / "2_two.md"
    for path in (one, two):
        path.write_text(SOURCE)
    (tmp_path / "part" / "README.md").write_text("# No notebook\n")
    (tmp_path / "part" / "1_one.ipynb").write_text("{}")
    assert notebooks.sources([tmp_path / "part"]) == [one]
    assert notebooks.sources([two, tmp_path]) == [two, one]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("3_gone.md", "3_gone.md does not exist"),
        ("1_one.ipynb", "neither a folder nor a .md notebook source"),
        ("gone", "neither a folder nor a .md notebook source"),
    ],
)
def test_what_is_no_source_is_refused_by_name(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "1_one.ipynb").write_text("{}")
    with pytest.raises(NotebookSourceError, match=message):
        notebooks.sources([tmp_path / name])
