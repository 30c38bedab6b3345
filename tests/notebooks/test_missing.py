"""What a notebook source lacks is named, with the place where it belongs; the lab's own notebooks lack nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from grading import notebooks
from tests.notebooks.missing import main, missing

SOURCES = notebooks.sources()
COMPLETE = """---
kernelspec: {name: python3, display_name: Python 3}
---

# 9. Example

After this notebook you can add one.

```{code-cell} ipython3
:tags: [parameters]
profile: str = "quick"
```

```{code-cell} ipython3
run = open_run("model", notebook="9_example")
kept = run.step("try/kept", measure)
run.figure("try", draw(kept))
```

```{code-cell} ipython3
ask(run, "model.graph.winner", answer=...)
```
"""


@pytest.fixture
def checkout(tmp_path: Path, root: Path) -> Path:
    """What the check looks at, small: the part's judges, a test and a map that name the notebook, and its source."""
    for folder in ("grading/checks", "grading/staff/judges", "snippets/draw", "tests/notebooks", "notebooks/model"):
        (tmp_path / folder).mkdir(parents=True)
    for folder in ("grading/checks", "grading/staff/judges"):
        shutil.copy(root / folder / "model.py", tmp_path / folder)
    (tmp_path / "tests" / "notebooks" / "test_model.py").write_text("NAME = '9_example'\n")
    (tmp_path / "notebooks" / "README.md").write_text("- `9_example`: how to add one\n")
    written(tmp_path, COMPLETE)
    return tmp_path


def written(checkout: Path, text: str) -> Path:
    source = checkout / "notebooks" / "model" / "9_example.md"
    source.write_text(text)
    source.with_suffix(".ipynb").write_text(notebooks.convert(source))
    return source


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_labs_notebooks_lack_nothing(source: Path) -> None:
    assert missing(source) == []


def test_a_complete_notebook_lacks_nothing(checkout: Path) -> None:
    assert missing(written(checkout, COMPLETE), checkout) == []


@pytest.mark.parametrize(
    ("old", "new", "lacks"),
    [
        ("After this notebook you can", "You will", "what the reader can do afterwards"),
        (":tags: [parameters]\n", "", "a cell tagged `parameters`"),
        ("open_run(", "a_run(", "a run record"),
        ("run.figure(", "show(", "a figure"),
        ("kept = run.step(", "run.step(", "a use of the step try/kept"),
        ('ask(run, "model.graph.winner"', 'print(run, "x"', "a question: `ask(run, ...)`"),
    ],
)
def test_what_the_source_itself_lacks_is_named(checkout: Path, old: str, new: str, lacks: str) -> None:
    found = missing(written(checkout, COMPLETE.replace(old, new)), checkout)
    assert [line for line in found if line.startswith(lacks)] == found != []


def test_a_question_that_is_nowhere_written_is_named(checkout: Path) -> None:
    source = checkout / "notebooks" / "model" / "9_example.md"
    source.write_text(COMPLETE.replace("graph.winner", "try.new"))
    first, second = missing(source, checkout)
    assert first == "the question model.try.new: a [[question]] in grading/questions/model.toml"
    assert second.startswith("a source that can be built: ")


def test_a_choice_without_a_judge_is_named(checkout: Path) -> None:
    (checkout / "grading" / "staff" / "judges" / "model.py").write_text("JUDGES = {}\n")
    source = written(checkout, COMPLETE.replace("graph.winner", "graph.vanished"))
    assert missing(source, checkout) == ["a judge of model.graph.vanished: in grading/staff/judges/model.py"]


def test_a_notebook_that_was_not_built_again_is_named(checkout: Path) -> None:
    source = written(checkout, COMPLETE)
    source.write_text(COMPLETE.replace("add one", "add two"))
    assert missing(source, checkout) == ["the notebook of today's source, 9_example.ipynb: `make notebooks`"]


def test_a_missing_test_and_a_missing_line_in_the_map_are_named(checkout: Path) -> None:
    (checkout / "tests" / "notebooks" / "test_model.py").write_text("")
    (checkout / "notebooks" / "README.md").write_text("")
    assert missing(written(checkout, COMPLETE), checkout) == [
        "its name `9_example` in tests/notebooks",
        "its name `9_example` in notebooks/README.md",
    ]


def test_the_command_tells_each_gap_and_fails(checkout: Path) -> None:
    told: list[str] = []
    source = written(checkout, COMPLETE)
    assert main([str(source)], told.append) == 1
    assert told[0].startswith("model/9_example.md lacks ")
    assert main([str(SOURCES[0])], told.append) == 0
    assert told[-1] == "1 sources: nothing is missing."
