"""A lesson shows the kit's text and code, a run's outputs where the code is the kit's, and no answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from grading.questions.schema import every
from grading.site.lessons import Block, Recorded, lessons, recorded
from snippets.errors import RecordError
from snippets.parts import PARTS
from snippets.record.run import load_record, open_run
from tests.grading.site import made


def baseline(record_folder: Path | None) -> tuple[Recorded, dict[str, bytes]]:
    pictures: dict[str, bytes] = {}

    def keep(name: str, data: bytes) -> str:
        pictures[name] = data
        return name

    record = load_record(record_folder) if record_folder else None
    return recorded(lessons("model")[1], record, keep), pictures


def text(blocks: tuple[Block, ...]) -> str:
    return "\n".join(f"{block.html} {block.facts}" for block in blocks)


@pytest.mark.parametrize("part", PARTS)
def test_every_lesson_says_how_long_it_takes_and_has_its_questions(part: str) -> None:
    found = lessons(part)
    assert all(lesson.title and lesson.time and 5 <= lesson.thinking <= 60 for lesson in found)
    asked = [question.id for lesson in found for question in lesson.questions]
    assert sorted(asked) == sorted(question.id for question in every(part))


def test_a_lesson_without_a_run_has_text_code_and_questions() -> None:
    shown, pictures = baseline(None)
    kinds = {block.kind for block in shown.blocks}
    assert kinds == {"text", "code", "question", "note"} and pictures == {} and shown.seconds is None
    first = next(block.facts for block in shown.blocks if block.kind == "question")
    assert first is not None and first["id"] == "model.baseline.eager" and first["worth"] == "1 point"


def test_what_a_cell_of_the_kit_printed_is_shown_without_paths_warnings_and_controls(runs: dict[str, Path]) -> None:
    shown, _ = baseline(runs["model"])
    printed = [block.html for block in shown.blocks if block.kind == "printed"]
    assert (
        len(printed) == 2 and "weights from .../mine.pth: 100 calls in .../quick, code ...&lt;b&gt;&amp;" in printed[0]
    )
    assert "warning" not in text(shown.blocks) and "zz9876" not in text(shown.blocks)


def test_no_answer_of_a_student_is_shown_wherever_it_stands(runs: dict[str, Path]) -> None:
    shown, _ = baseline(runs["model"])
    whole = text(shown.blocks)
    assert made.ANSWER not in whole and "471" not in whole and made.CODE not in whole
    assert shown.other == 1, "the cell with other code than the kit's is counted, and its output left out"


def test_each_figure_is_shown_once_as_the_run_recorded_it(runs: dict[str, Path]) -> None:
    shown, pictures = baseline(runs["model"])
    assert sorted(pictures) == ["baseline-latency", "baseline-of-no-cell"]
    assert pictures["baseline-latency"] == (runs["model"] / "figures/baseline-latency.png").read_bytes()
    facts = [block.facts for block in shown.blocks if block.kind == "figure" and block.facts]
    assert [one["width"] for one in facts] == [60, 60] and facts[0]["alt"].startswith("Baseline latency: figure")
    assert "Compiling" in facts[0]["alt"]


def test_without_an_executed_notebook_the_figures_are_there_all_the_same(tmp_path: Path) -> None:
    folder = made.measured(tmp_path)
    (folder / "notebooks/1_baseline.ipynb").unlink()
    shown, pictures = baseline(folder)
    assert not shown.executed and sorted(pictures) == ["baseline-latency", "baseline-of-no-cell"]
    assert [block.kind for block in shown.blocks].count("printed") == 0


def test_a_notebook_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    folder = made.measured(tmp_path)
    (folder / "notebooks/1_baseline.ipynb").write_text("{")
    with pytest.raises(RecordError, match=r"1_baseline\.ipynb is no readable notebook"):
        baseline(folder)


def test_a_run_that_did_not_get_to_a_lesson_adds_nothing(tmp_path: Path) -> None:
    run = open_run("model", notebook="2_graph", run_id="quick", runs=tmp_path)
    run.step("a", lambda: 1)
    shown, _ = baseline(run.folder)
    assert shown.seconds is None and not shown.distributions
