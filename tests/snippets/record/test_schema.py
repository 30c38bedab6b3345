"""The published schemas describe real records, and the check without a library finds what they require."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from snippets.record.document import read_content
from snippets.record.head import render
from snippets.record.schema import HEAD_SCHEMA, STEP_SCHEMA, head_problem, schema_problems, step_problem
from tests.snippets.record.folders import measured


@pytest.fixture
def folder() -> Path:
    run = measured(2)
    run.answer("q", [1, "a"])
    run.screenshot("page", b"png")
    return run.folder


def parsed(folder: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    content = read_content(folder)
    return json.loads(render(content.head, content.steps)), content.steps


def test_the_files_of_a_run_are_valid_by_a_checker_that_knows_nothing_of_the_kit(folder: Path, tmp_path: Path) -> None:
    lines = (folder / "steps.jsonl").read_text().split("\n")[:-1]
    for number, line in enumerate(lines):
        (tmp_path / f"{number}.json").write_text(line)
    for schema, files in (
        (HEAD_SCHEMA, [folder / "record.json"]),
        (STEP_SCHEMA, [tmp_path / f"{number}.json" for number in range(len(lines))]),
    ):
        command = [sys.executable, "-m", "check_jsonschema", "--schemafile", str(schema), *map(str, files)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize("schema", [HEAD_SCHEMA, STEP_SCHEMA])
def test_the_schemas_are_schemas(schema: Path) -> None:
    import jsonschema

    jsonschema.Draft202012Validator.check_schema(json.loads(schema.read_text()))


def test_a_valid_record_has_no_problems(folder: Path) -> None:
    head, steps = parsed(folder)
    assert schema_problems(head, steps) == [] and head_problem(head) is None
    assert [step_problem(step, index) for index, step in enumerate(steps)] == [None, None]


def test_each_violation_is_named_by_its_place(folder: Path) -> None:
    head, steps = parsed(folder)
    head["created_utc"] = "today"
    head["steps"]["count"] = -1
    steps[1]["seconds"] = -2
    problems = schema_problems(head, steps)
    assert [problem.partition(":")[0] for problem in problems] == ["created_utc", "steps/count", "steps/1/seconds"]


def test_each_field_that_the_schema_of_the_head_requires_is_required_without_it_too(folder: Path) -> None:
    required = set(json.loads(HEAD_SCHEMA.read_text())["required"]) - {"schema", "schema_version", "steps", "digest"}
    for name in required:
        head, _ = parsed(folder)
        head[name] = 7
        assert head_problem(head) == f"its field {name!r} is missing or of the wrong type"
        head.pop(name)
        assert head_problem(head) == f"its field {name!r} is missing or of the wrong type"
    assert len(required) == 9


def test_each_field_that_the_schema_of_a_step_requires_is_required_without_it_too(folder: Path) -> None:
    required = set(json.loads(STEP_SCHEMA.read_text())["required"])
    for name in required - {"result"}:
        step = parsed(folder)[1][1]
        step[name] = None
        assert step_problem(step, 4) == f"step 4: the field {name!r} is missing or of the wrong type"
    step = parsed(folder)[1][1]
    step["result"] = None
    assert step_problem(step, 4) is None
    step.pop("result")
    assert step_problem(step, 4) == "step 4: the field 'result' is missing" and len(required) == 12


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (7, "value is int, no object"),
        ({"question": ["x"]}, "field 'question' is missing or of the wrong type"),
        (
            {"question": "q", "answered_utc": "", "notebook": "", "measured": [], "after": ""},
            "field 'value' is missing",
        ),
    ],
)
def test_an_answer_of_the_wrong_form_is_named(folder: Path, answer: Any, problem: str) -> None:
    head, _ = parsed(folder)
    head["answers"].append(answer)
    assert head_problem(head) == f"answer 1: the {problem}"
    assert step_problem(7, 0) == "step 0: the value is int, no object"


def test_without_the_library_nothing_is_claimed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jsonschema", None)
    assert schema_problems({}, [{}]) == []
