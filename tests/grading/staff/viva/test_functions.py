"""What is asked about a student's own functions: a call by hand, with the answer that staff's solution gives, too."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path
from typing import Any

import pytest

from grading.checks.evidence import Evidence
from grading.functions import worlds
from grading.functions.tasks import agrees, skeleton, tasks
from grading.questions import questions
from grading.staff.solutions.write import functions_file, solutions
from grading.staff.viva.draw import TEMPLATES, candidates
from grading.staff.viva.functions import CALLS, template
from snippets.parts import PARTS
from snippets.record.run import load_record
from tests.grading.staff.viva.made import model_record, system_record
from tests.grading.students import make_run


def orals(folder: Path, part: str) -> dict[str, Any]:
    return {oral.variant: oral for oral in template(part).orals(Evidence(load_record(folder)))}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run of part edge, without functions.py."""
    folder = make_run(tmp_path, 5)
    (folder / "functions.py").unlink(missing_ok=True)
    return folder


def test_something_is_asked_about_every_coding_question_and_nothing_else() -> None:
    assert set(CALLS) == {task.name for task in tasks()}
    assert all(then.endswith("?") for _, _, then in CALLS.values())


@pytest.mark.parametrize("task", tasks(), ids=lambda task: task.name)
def test_the_answer_is_what_staffs_solution_gives_and_small_enough_for_paper(task: Any) -> None:
    from grading.staff.judges.functions import MAKERS

    space: dict[str, Any] = {}
    exec(f"import asyncio\nimport math\n{solutions(task.part)[task.name]}", space)
    arguments, told, _ = CALLS[task.name]
    given = worlds.call(task.world, space[task.name], copy.deepcopy(arguments))
    assert agrees(worlds.call(task.world, MAKERS[task.name][0], copy.deepcopy(arguments)), given)
    assert len(repr(given)) < 80 and bool(told) == bool(task.world)
    assert arguments != task.arguments, "the example's answer stands in the notebook"


def test_what_is_asked_is_what_they_wrote(run: Path) -> None:
    assert orals(run, "edge") == {}
    (run / "functions.py").write_text(skeleton("edge"))
    assert orals(run, "edge") == {}, "nothing is written yet"
    (run / "functions.py").write_text(functions_file("edge", solutions("edge")))
    (oral,) = orals(run, "edge").values()
    assert "Your crossover_ms, by hand, on its text: what does it give for 9.0, 14.0?" in oral.text
    assert oral.numbers == (0.0,) and oral.answer == "0.0." and oral.template == "edge.function"


@pytest.mark.parametrize(
    "text", ["def crossover_ms(:\n", "(" * 5000, "\0", "def crossover_ms(a, b):\n    ...\n", "x = 1\n"]
)
def test_a_file_that_is_no_functions_asks_nothing(run: Path, text: str) -> None:
    (run / "functions.py").write_text(text)
    assert orals(run, "edge") == {}
    assert candidates(Evidence(load_record(run))), "all else is asked"


def test_a_link_is_not_followed(run: Path, tmp_path: Path) -> None:
    shutil.move(run / "functions.py", tmp_path / "f.py") if (run / "functions.py").exists() else None
    (tmp_path / "f.py").write_text(functions_file("edge", solutions("edge")))
    (run / "functions.py").symlink_to(tmp_path / "f.py")
    assert orals(run, "edge") == {}


# What explanations rest on that is no measurement.
NO_NUMBERS = {"export", "endpoint/onnx/answer"}


@pytest.mark.parametrize("part", PARTS)
def test_about_what_every_explanation_rests_on_something_is_asked(part: str, tmp_path: Path) -> None:
    made = {"model": model_record(1).evidence, "system": system_record(1).evidence}
    if part == "edge":
        made["edge"] = Evidence(load_record(make_run(tmp_path, 5)))
    asked = {step.split("/")[0] for oral in candidates(made[part]) for step in oral.steps}
    assert set(TEMPLATES[part]) > {f"{part}.function"}
    for question in questions(part):
        topics = {step.split("/")[0] for step in question.steps if not step.startswith(tuple(NO_NUMBERS))}
        if question.kind == "explain" and topics:
            assert topics & asked, question.id
