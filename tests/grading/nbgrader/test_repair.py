"""Broken student notebooks: every mutation is mended by id, and no answer is lost."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import nbformat
import pytest

from grading.nbgrader.release import assignment
from grading.nbgrader.repair import HIDDEN, repair, repair_folder, text_of
from grading.notebooks import NOTEBOOKS, asked

Notebook = dict[str, Any]
SOURCE = assignment(NOTEBOOKS / "edge" / "2_soak_and_cold_start.md", last=True)
QUESTIONS = [question for cell in SOURCE["cells"] if (question := asked(text_of(cell)))]
ANSWER = '"42 and more"'


def student() -> Notebook:
    """The students' version of the assignment with every question answered."""
    notebook = deepcopy(SOURCE)
    for cell in notebook["cells"]:
        cell["source"] = HIDDEN.sub("", text_of(cell))
    for cell in notebook["cells"]:
        if asked(text_of(cell)):
            cell["source"] = text_of(cell).replace("...", ANSWER)
    return notebook


def asking(notebook: Notebook) -> list[int]:
    return [k for k, cell in enumerate(notebook["cells"]) if asked(text_of(cell))]


def answers(notebook: Notebook) -> dict[str, bool]:
    return {
        asked(text_of(cell)) or "": ANSWER in text_of(cell)
        for cell in notebook["cells"]
        if asked(text_of(cell)) and cell["metadata"].get("nbgrader")
    }


def delete(k: int) -> Callable[[Notebook], None]:
    return lambda notebook: notebook["cells"].pop(asking(notebook)[k]) and None


def duplicate(k: int, to_end: bool) -> Callable[[Notebook], None]:
    def change(notebook: Notebook) -> None:
        copy = deepcopy(notebook["cells"][asking(notebook)[k]])
        notebook["cells"].insert(len(notebook["cells"]) if to_end else asking(notebook)[k], copy)

    return change


def unanswered_copy(k: int) -> Callable[[Notebook], None]:
    def change(notebook: Notebook) -> None:
        copy = deepcopy(notebook["cells"][asking(notebook)[k]])
        copy["source"] = text_of(copy).replace(ANSWER, "...")
        notebook["cells"].append(copy)

    return change


def retype(k: int, kind: str) -> Callable[[Notebook], None]:
    return lambda notebook: notebook["cells"][asking(notebook)[k]].update(cell_type=kind)


def without(k: int, *names: str) -> Callable[[Notebook], None]:
    def change(notebook: Notebook) -> None:
        cell = notebook["cells"][asking(notebook)[k]]
        for name in names:
            cell.update(metadata={}) if name == "metadata" else cell.pop(name, None)

    return change


def shuffle(seed: int) -> Callable[[Notebook], None]:
    return lambda notebook: random.Random(seed).shuffle(notebook["cells"])


def every(action: Callable[[dict[str, Any]], Any]) -> Callable[[Notebook], None]:
    return lambda notebook: [action(cell) for cell in notebook["cells"]] and None


def split(notebook: Notebook) -> None:
    """A cell split in the editor: the first half keeps the id, the second has the rest."""
    notebook["cells"].insert(3, {"cell_type": "code", "metadata": {}, "source": "x = 1", "outputs": []})


def locked_edited(notebook: Notebook) -> None:
    for cell in notebook["cells"]:
        if "score(" in text_of(cell):
            cell["source"] = "100.0"


def version_3(notebook: Notebook) -> None:
    cells = notebook.pop("cells")
    for cell in cells:
        if cell["cell_type"] == "code":
            cell["input"] = cell.pop("source")
    notebook.update(worksheets=[{"cells": cells}], nbformat=3, nbformat_minor=0)


COUNT = len(QUESTIONS)
KEPT: dict[str, Callable[[Notebook], None]] = {
    **{
        f"duplicated {k} {'at the end' if end else 'before'}": duplicate(k, end)
        for k in range(COUNT)
        for end in (False, True)
    },
    **{f"an unanswered copy of {k}": unanswered_copy(k) for k in range(COUNT)},
    **{f"retyped {k} to {kind}": retype(k, kind) for k in range(COUNT) for kind in ("markdown", "raw")},
    **{f"metadata of {k} stripped": without(k, "metadata") for k in range(COUNT)},
    **{f"id of {k} stripped": without(k, "id") for k in range(COUNT)},
    **{f"id and metadata of {k} stripped": without(k, "id", "metadata") for k in range(COUNT)},
    **{f"shuffled {seed}": shuffle(seed) for seed in range(4)},
    "reversed": lambda notebook: notebook["cells"].reverse(),
    "all metadata stripped": every(lambda cell: cell.update(metadata={})),
    "all ids stripped": every(lambda cell: cell.pop("id", None)),
    "all ids the same": every(lambda cell: cell.update(id="a")),
    "all metadata null": every(lambda cell: cell.update(metadata=None)),
    "sources as lists": every(lambda cell: cell.update(source=text_of(cell).splitlines(keepends=True))),
    "wrong kernel": lambda notebook: notebook["metadata"].update(kernelspec={"name": "julia", "display_name": "J"}),
    "no notebook metadata": lambda notebook: notebook.update(metadata={}),
    "huge outputs": every(
        lambda cell: cell.update(outputs=[{"output_type": "stream", "name": "stdout", "text": "x" * 60_000}])
    ),
    "outputs of no form": every(lambda cell: cell.update(outputs="none")),
    "own cells in between": split,
    "locked cells edited": locked_edited,
    "locked cells deleted": lambda notebook: notebook.update(
        cells=[cell for cell in notebook["cells"] if "score(" not in text_of(cell)]
    ),
    "only the answers left": lambda notebook: notebook.update(cells=[notebook["cells"][k] for k in asking(notebook)]),
    "nbformat 3": version_3,
    "rubbish among the cells": lambda notebook: notebook["cells"].extend([None, 7, "x", {}, {"source": 3}]),
}
LOST = {
    **{f"deleted {k}": delete(k) for k in range(COUNT)},
    "all answers deleted": lambda notebook: notebook.update(cells=[]),
    "no cells": lambda notebook: notebook.pop("cells") and None,
    "cells of no form": lambda notebook: notebook.update(cells={"a": 1}),
}


def whole(notebook: Notebook) -> None:
    """What nbgrader needs: valid, all graded cells once, in order, locked ones as they were, no marks elsewhere."""
    nbformat.validate(nbformat.from_dict(notebook))
    marks = [cell["metadata"]["nbgrader"] for cell in notebook["cells"] if "nbgrader" in cell["metadata"]]
    assert marks == [cell["metadata"]["nbgrader"] for cell in SOURCE["cells"] if "nbgrader" in cell["metadata"]]
    locked = [text_of(cell) for cell in notebook["cells"] if cell["metadata"].get("nbgrader", {}).get("locked")]
    assert locked and all("score(" in text or "show(" in text for text in locked)
    assert "HIDDEN TESTS" not in json.dumps(notebook)
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    assert len(json.dumps(notebook)) < 200_000


def mended(change: Callable[[Notebook], None]) -> Any:
    notebook = student()
    change(notebook)
    return repair(SOURCE, json.dumps(notebook))


def test_there_are_at_least_sixty_mutations() -> None:
    assert len(KEPT) + len(LOST) >= 60


def test_of_two_answered_copies_the_last_counts_and_an_unanswered_one_never_does() -> None:
    def mended(*sources: str) -> list[str]:
        notebook = student()
        original = notebook["cells"].pop(asking(notebook)[0])
        for source in sources:
            notebook["cells"].append({**original, "source": text_of(original).replace(ANSWER, source)})
        result = repair(SOURCE, json.dumps(notebook))
        assert f"{original['id']} was there {len(sources)} times; the last answer counts" in result.remarks
        filled = next(cell for cell in result.notebook["cells"] if asked(text_of(cell)) == QUESTIONS[0])
        return [source for source in sources if source in text_of(filled)]

    assert mended('"first"', '"second"', '"third"') == ['"third"']
    assert mended('"first"', '"second"', "...") == ['"second"']


@pytest.mark.parametrize("name", KEPT)
def test_a_mutation_loses_no_answer(name: str) -> None:
    result = mended(KEPT[name])
    whole(result.notebook)
    assert answers(result.notebook) == dict.fromkeys(QUESTIONS, True)


@pytest.mark.parametrize("name", LOST)
def test_a_deleted_cell_is_there_again_and_named(name: str) -> None:
    result = mended(LOST[name])
    whole(result.notebook)
    missing = [question for question, there in answers(result.notebook).items() if not there]
    assert missing == ([QUESTIONS[int(name.split()[1])]] if name.split()[1].isdigit() else QUESTIONS)
    assert len([remark for remark in result.remarks if "was missing" in remark]) == len(missing)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000, "\x00\x01", '{"cells": [[[]]]}', "7"])
def test_what_is_no_notebook_becomes_the_assignment(text: str) -> None:
    whole(repair(SOURCE, text).notebook)


def test_an_untouched_notebook_needs_nothing() -> None:
    result = repair(SOURCE, json.dumps(student()))
    assert result.remarks == () and answers(result.notebook) == dict.fromkeys(QUESTIONS, True)


def test_cells_that_the_student_added_are_kept_where_they_stood() -> None:
    notebook = student()
    notebook["cells"].insert(
        4,
        {"cell_type": "code", "id": "mine", "metadata": {}, "source": "my = 1", "outputs": [], "execution_count": None},
    )
    result = repair(SOURCE, json.dumps(notebook))
    assert text_of(result.notebook["cells"][4]) == "my = 1"


def test_a_notebook_that_was_not_handed_in_is_taken_from_the_run_s_folder(tmp_path: Path) -> None:
    from grading.nbgrader.release import release_part

    release_part("edge", tmp_path)
    executed = tmp_path / "submitted" / "ab1" / "edge" / "edge" / "notebooks"
    executed.mkdir(parents=True)
    (executed / "2_soak_and_cold_start.ipynb").write_text(json.dumps(student()))
    done = repair_folder(tmp_path, "edge")
    made = executed.parent.parent / "2_soak_and_cold_start.ipynb"
    assert done.pop(made) == ("taken from the run's folder",)
    assert answers(json.loads(made.read_text())) == dict.fromkeys(QUESTIONS, True)
    assert set(done.values()) == {("was not handed in",)}


def test_a_folder_is_mended_in_place_and_the_original_kept(tmp_path: Path) -> None:
    from grading.nbgrader.release import release_part

    release_part("edge", tmp_path)
    folder = tmp_path / "submitted" / "ab1" / "edge"
    folder.mkdir(parents=True)
    (folder / "1_latency.ipynb").write_text("{")
    done = repair_folder(tmp_path, "edge")
    assert len(done) == 4 and (folder / "1_latency.ipynb.orig").read_text() == "{"
    assert repair_folder(tmp_path, "edge") == {}
