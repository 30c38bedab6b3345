"""A course's own folder is laid over the kit's tables, and a mistake in it is named. tests/grading/test_course.py walks
the whole way."""

from __future__ import annotations

from pathlib import Path

import pytest

from snippets import course, parts
from snippets.errors import UsageError


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of a course's own."""
    folder = tmp_path / "own"
    folder.mkdir()
    monkeypatch.setenv("SERVELAB_OWN", str(folder))
    return folder


def test_tables_are_laid_over_tables_and_values_take_the_place_of_values() -> None:
    kit = {"a": {"x": 1, "deep": {"y": 2}}, "list": [1, 2], "b": 3}
    assert course.laid_over(kit, {"a": {"deep": {"y": 5, "z": 6}}, "list": [9], "c": {"new": 1}}) == {
        "a": {"x": 1, "deep": {"y": 5, "z": 6}},
        "list": [9],
        "b": 3,
        "c": {"new": 1},
    }
    assert kit == {"a": {"x": 1, "deep": {"y": 2}}, "list": [1, 2], "b": 3}


def test_a_kit_without_a_course_has_none(own: Path) -> None:
    assert course.course() == course.Course() and course.own_table("prices.toml") == {}
    own.rmdir()
    assert course.course() == course.Course()
    course.check_names()


def test_the_settings_are_read_times_of_toml_included(own: Path) -> None:
    (own / "course.toml").write_text(
        'name = "Pets"\ntz = "Asia/Kolkata"\nfrom = 2027-03-01T09:00:00\ndue = "2027-03-20"\n'
    )
    found = course.course()
    assert (found.name, found.start, found.due) == ("Pets", "2027-03-01T09:00:00", "2027-03-20")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("naem = 'x'", "own/course.toml: there is no setting 'naem'; .* Did you mean name?"),
        ("name = 3", "own/course.toml: name is a text between quotes, not 3"),
        ("tz = 'Mars/Olympus'", "own/course.toml: tz is a time zone such as"),
        ("tz = '../etc'", "own/course.toml: tz is a time zone such as"),
        ("tz = 'UTC'\ndue = 'soon'", "own/course.toml: due is a time such as"),
        ("due = '2027-03-20T23:59'", "own/course.toml: due is by whose clock"),
        ("parameters = 3", r"\[parameters\] holds a table for each part"),
        ("[parameters.modle]\ndata = 'x'", r"\[parameters.modle\] is for no part; the parts are model, edge, system"),
        ("[parameters.model]\ndata = {a = 1}", r"\[parameters.model\] data is a text, a number or a list"),
        ("name = 3 4", "own/course.toml is not valid TOML: .*line 1"),
        ("name = '\xe9'", "own/course.toml is not valid TOML"),
    ],
)
def test_a_wrong_setting_is_named_with_what_it_may_be(own: Path, text: str, told: str) -> None:
    (own / "course.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(UsageError, match=told):
        course.course()


def test_what_lies_in_own_is_found_from_any_folder(own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert course.located("own/data/pets") == own / "data" / "pets"
    assert course.located("~/x") == Path.home() / "x" and course.located("rel/x") == Path("rel/x")


def test_a_notebook_of_the_course_comes_by_its_number_or_takes_the_kits_place(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "NOTEBOOKS", tmp_path / "kit")
    for name in ("kit/model/1_a", "kit/model/3_c", "own/notebooks/model/2_b", "own/notebooks/model/3_c"):
        path = tmp_path / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert [str(path.relative_to(tmp_path).with_suffix("")) for path in parts.notebooks("model")] == [
        "kit/model/1_a",
        "own/notebooks/model/2_b",
        "own/notebooks/model/3_c",
    ]
    (own / "notebooks" / "model" / "3_d.ipynb").touch()
    with pytest.raises(UsageError, match="have the same number"):
        parts.notebooks("model")
