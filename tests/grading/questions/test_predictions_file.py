"""The file of predictions: written to be filled in, read strictly, entered before anything is measured."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from grading.questions import questions
from grading.questions.predictions_file import read, record, render, write
from snippets.errors import UsageError
from snippets.record.run import open_run

EAGER, WINNER = "model.baseline.eager", "model.graph.winner"


def filled(folder: Path, *lines: str) -> Path:
    path = folder / "mine.toml"
    path.write_text("# my predictions\n\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("part", ["model", "edge", "system"])
def test_a_new_file_asks_for_every_prediction_of_its_part_and_holds_none(part: str, tmp_path: Path) -> None:
    text = render(part)
    tomllib.loads(text)
    for asked in questions(part):
        assert (f'\n{asked.id} = ""' in text) == (asked.kind == "predict")
    assert max(len(line) for line in text.splitlines() if not line.startswith("# One of")) <= 120
    (tmp_path / "new.toml").write_text(text)
    assert read(tmp_path / "new.toml", (part,)) == {part: {}}


def test_it_is_never_written_over_answers(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    assert write("edge", path).startswith(f"wrote {path} with 7 predictions to fill in.")
    before = path.read_text()
    with pytest.raises(UsageError, match="is there already, perhaps with your answers"):
        write("edge", path)
    assert path.read_text() == before


def test_answers_are_read_as_the_record_holds_them(tmp_path: Path) -> None:
    path = filled(tmp_path, f"{EAGER} = [5, 20]", f'{WINNER} = [" None -> Basic", 0.6]', 'model.quantize.dynamic = ""')
    assert read(path, ("model",)) == {"model": {EAGER: [5.0, 20.0], WINNER: ["none -> basic", 0.6]}}


def test_one_file_may_hold_several_parts_if_they_are_run(tmp_path: Path) -> None:
    path = filled(tmp_path, f"{EAGER} = [5, 20]", "edge.threads.gain = [1, 2]")
    found = read(path, ("model", "edge", "system"))
    assert {part: list(answers) for part, answers in found.items()} == {
        "model": [EAGER],
        "edge": ["edge.threads.gain"],
        "system": [],
    }


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (f"{EAGER} = 12", "12: give an interval, as [5, 20] for 5 to 20 ms"),
        (f"{EAGER} = [20, 5]", "the smaller number first"),
        (f'{WINNER} = "none -> basic"', "give your choice and how sure you are of it"),
        (f'{WINNER} = ["faster", 0.5]', "'faster' is not one of: none -> basic"),
        (
            "model.baseline.eger = [5, 20]",
            "There is no question 'model.baseline.eger'. Did you mean model.baseline.eager",
        ),
        ("edge.threads.gain = [1, 2]", "part edge is not what is run"),
        ("model.graph.layout = [1, 2]", "this is no prediction"),
    ],
)
def test_the_first_bad_entry_is_named_with_its_line_and_the_remedy(tmp_path: Path, line: str, message: str) -> None:
    path = filled(tmp_path, 'model.quantize.dynamic = ""', line)
    with pytest.raises(UsageError) as refused:
        read(path, ("model",))
    text = str(refused.value)
    assert text.startswith(f"{path}, line 4: ") and message in text and text.endswith("Nothing was measured.")


def test_what_is_no_toml_is_told_with_its_line_and_how_a_line_reads(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"line 3.*A line reads: model\.baseline\.eager = \[5, 20\]"):
        read(filled(tmp_path, f"{EAGER} = 5 to 20"), ("model",))


def test_a_file_that_is_not_there_is_told_how_to_make(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read .*servelab questions PART --predictions"):
        read(tmp_path / "none.toml", ("model",))


def test_predictions_come_before_the_first_step_in_the_chain_and_late_ones_are_named(tmp_path: Path) -> None:
    run = open_run("model", runs=tmp_path)
    assert record(run, {EAGER: [5.0, 20.0]}) == []
    run.step("graph/turns-1", lambda: {"none": [1.0]})
    assert record(run, {EAGER: [5.0, 20.0], WINNER: ["none -> basic", 0.6]}) == [WINNER]
    first, second = run.record().answers
    assert first["after"] == run.record().links[0] and second["after"] == run.record().links[1]
