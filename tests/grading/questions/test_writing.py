"""Coding questions in a notebook: what is kept, what is tried, and what the student is told."""

from __future__ import annotations

import ast
import linecache
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grading.functions.tasks import agrees, skeleton, tasks
from grading.functions.worlds import call
from grading.questions import write, writing
from grading.staff.judges.functions import MAKERS
from snippets.errors import UsageError
from snippets.record import open_run

ID = "model.functions.multiply_by_rows"
RIGHT = """def multiply_by_rows(a, b, c):
    for i in range(len(a)):
        for k in range(len(b)):
            for j in range(len(b[0])):
                c[i][j] += a[i][k] * b[k][j]
    return c
"""
STUB = "def multiply_by_rows(a, b, c):\n    ...\n"


@pytest.fixture
def run(tmp_path: Path):
    return open_run("model", notebook="0_kernel", run_id="t", runs=str(tmp_path), parameters={})


def defined(source: str, name: str = "multiply_by_rows") -> Any:
    """A function as a cell of a notebook defines it, whose text can be found."""
    file = f"<cell {hash(source)}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    space: dict[str, Any] = {}
    exec(compile(source, file, "exec"), space)
    return space[name]


def test_a_right_function_is_kept_beside_the_others_and_handed_back(run, capsys: pytest.CaptureFixture[str]) -> None:
    found = write(run, ID, defined(RIGHT))
    text = (run.folder / "functions.py").read_text()
    assert found is not None and found.function([[2]], [[3]], [[1]]) == [[7]] and found.source in text
    assert {node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)} == {
        task.name for task in tasks() if task.part == "model"
    }
    told = capsys.readouterr().out
    assert "The example agrees" in told and "is `[[17, 8]]`" in told and "3 points" in told


def test_a_cell_without_code_leaves_the_file_and_takes_what_it_holds(run, capsys: pytest.CaptureFixture[str]) -> None:
    assert write(run, ID, defined(STUB)) is None
    assert not (run.folder / "functions.py").exists()
    assert "Not written yet" in capsys.readouterr().out
    (run.folder / "functions.py").write_text(RIGHT)
    found = write(run, ID, defined(STUB))
    assert found is not None and found.source == RIGHT.strip()
    assert (run.folder / "functions.py").read_text() == RIGHT


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (RIGHT.replace("+=", "="), "On the example your function gives `[[6, 6]]`"),
        (RIGHT.replace("    return c\n", ""), "your function gives `None`"),
        (RIGHT.replace("a[i][k]", "a[i, k]"), "fails on the example: TypeError: list indices must be integers"),
        (RIGHT.replace("return c", "return helper(c)"), "NameError: name 'helper' is not defined"),
        (RIGHT.replace("return c", "raise SystemExit(3)"), "fails on the example: SystemExit"),
    ],
)
def test_a_wrong_function_is_told_and_the_kits_goes_on(run, capsys, source: str, told: str) -> None:
    assert write(run, ID, defined(source)) is None
    said = capsys.readouterr().out
    assert told in said and "The kit's version is used meanwhile" in said
    assert source.strip() in (run.folder / "functions.py").read_text(), "what was written is kept all the same"


def test_a_function_that_never_ends_is_ended(run, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "LIMIT_S", 0.2)
    assert write(run, ID, defined("def multiply_by_rows(a, b, c):\n    while True:\n        pass\n")) is None
    assert "it did not end within 0.2 s" in capsys.readouterr().out
    time.sleep(0.3)  # the clock that ends it was switched off, or this would end the test


def test_a_file_that_is_no_python_is_left_alone(run, capsys: pytest.CaptureFixture[str]) -> None:
    (run.folder / "functions.py").write_text("def half(:\n")
    assert write(run, ID, defined(RIGHT)) is None
    assert "is no Python" in capsys.readouterr().out and "def half" in (run.folder / "functions.py").read_text()


def test_a_replay_writes_and_runs_nothing(run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run.step("a", lambda: 1)
    (run.folder / "functions.py").write_text("raise SystemError('was run')\n")
    again = open_run("model", notebook="0_kernel", run_id="t", runs=str(tmp_path), mode="replay", parameters={})
    assert write(again, ID, defined(RIGHT)) is None
    assert "A replay takes what is recorded." in capsys.readouterr().out


def test_one_definition_takes_the_place_of_another() -> None:
    text = "import math\n\n\ndef f(x):\n    return 1\n\n\ndef g():\n    return 2\n"
    assert writing.put(text, "f", "def f(y):\n    return 3\n") == text.replace("f(x)", "f(y)").replace("1", "3")
    assert writing.put("", "f", "def f():\n    return 1\n") == "def f():\n    return 1\n"
    assert writing.put(skeleton("model"), "f", "def f(): ...").endswith("\n\n\ndef f(): ...\n")


def test_a_body_of_words_only_is_none() -> None:
    for body in ("...", "pass", '"words"', "raise NotImplementedError", '"words"\n    ...'):
        assert writing.is_stub(f"def f(x):\n    {body}\n"), body
    assert not writing.is_stub("def f(x):\n    return None\n")


def test_what_the_file_imports_and_its_other_functions_may_be_called(run, capsys: pytest.CaptureFixture[str]) -> None:
    (run.folder / "functions.py").write_text(
        "import math\n\n\ndef helper(c):\n    return [list(map(math.ceil, c[0]))]\n"
    )
    found = write(run, ID, defined(RIGHT.replace("return c", "return helper(c)")))
    assert found is not None and found.function([[2]], [[3]], [[0.5]]) == [[7]]


def test_with_the_kits_version_the_answer_is_something_to_call_in_any_case(run, tmp_path: Path) -> None:
    def kit(a, b, c):
        return [[a[0][0] * b[0][0] + c[0][0]]]

    ours = write(run, ID, defined(STUB), kit)
    assert ours([[2]], [[3]], [[1]]) == [[7]] and ours.by == "the kit"
    theirs = write(run, ID, defined(RIGHT), kit)
    assert theirs([[2]], [[3]], [[1]]) == [[7]] and theirs.by == "you"
    run.step("a", lambda: 1)
    again = open_run("model", notebook="0_kernel", run_id="t", runs=str(tmp_path), mode="replay", parameters={})
    assert write(again, ID, defined(RIGHT), kit)([[2]], [[3]], [[1]]) == [[7]], "a replay has the kit's"


def test_only_questions_with_an_example_are_for_a_notebook(run, monkeypatch: pytest.MonkeyPatch) -> None:
    bare, known = replace(tasks()[0], id="model.functions.bare", example=None), tasks()
    monkeypatch.setattr(writing.tasks, "tasks", lambda: (bare, *known))
    with pytest.raises(UsageError, match="multiply_by_rows"):
        write(run, bare.id, defined(RIGHT))


def test_the_examples_are_what_grading_expects_too() -> None:
    for task in tasks():
        if task.example is not None:
            assert agrees(call(task.world, MAKERS[task.name][0], task.arguments), task.expected), task.id


OPEN = """def open_loop(send, time, due_s):
    began, found = time.perf_counter(), []
    for due in due_s:
        time.sleep(max(0.0, began + due - time.perf_counter()))
        send()
        found.append((time.perf_counter() - began - due) * 1e3)
    return found
"""
BATCHER = """async def batcher(queue, answer, max_batch, max_delay_s):
    import asyncio
    clock = asyncio.get_running_loop().time
    while True:
        batch = [await queue.get()]
        until = clock() + max_delay_s
        while len(batch) < max_batch:
            try:
                batch.append(await asyncio.wait_for(queue.get(), until - clock()))
            except asyncio.TimeoutError:
                break
        await answer(batch)
"""


@pytest.fixture
def system(tmp_path: Path):
    return open_run("system", notebook="1_endpoint", run_id="t", runs=str(tmp_path), parameters={})


@pytest.mark.parametrize(("name", "source"), [("open_loop", OPEN), ("batcher", BATCHER)])
def test_a_function_of_a_world_is_tried_in_it_and_the_example_is_told_in_words(
    system, capsys: pytest.CaptureFixture[str], name: str, source: str
) -> None:
    found = write(system, f"system.functions.{name}", defined(source, name))
    told = capsys.readouterr().out
    assert found is not None and found.function.__name__ == name and "The example agrees" in told
    assert {"open_loop": "due at 0, 0.25 and 1 second: `[500.0, 375.0, 500.0]`", "batcher": "at most 2 requests"}[
        name
    ] in told
    assert source.strip() in (system.folder / "functions.py").read_text()


def test_a_latency_from_the_sending_and_a_batcher_that_never_answers_are_wrong(
    system, capsys: pytest.CaptureFixture[str]
) -> None:
    from_sending = OPEN.replace("        send()", "        due = time.perf_counter() - began\n        send()")
    assert write(system, "system.functions.open_loop", defined(from_sending, "open_loop")) is None
    assert "On the example your function gives `[500.0, 125.0, 500.0]`" in capsys.readouterr().out
    silent = BATCHER.replace("await answer(batch)", "pass")
    assert write(system, "system.functions.batcher", defined(silent, "batcher")) is None
    assert "your function gives `[]`" in capsys.readouterr().out


def test_a_coroutine_that_spins_is_ended(system, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "LIMIT_S", 0.2)
    spins = "async def batcher(queue, answer, max_batch, max_delay_s):\n    while True:\n        pass\n"
    assert write(system, "system.functions.batcher", defined(spins, "batcher")) is None
    assert "it did not end within 0.2 s" in capsys.readouterr().out


def test_a_stub_of_a_coroutine_is_none(system, capsys: pytest.CaptureFixture[str]) -> None:
    stub = "async def batcher(queue, answer, max_batch, max_delay_s):\n    ...\n"
    assert write(system, "system.functions.batcher", defined(stub, "batcher")) is None
    assert "Not written yet" in capsys.readouterr().out
    assert "async def batcher(" in skeleton("system")
