"""What course systems hand out: each submission is an entry, with who handed it in as far as the system tells."""

from __future__ import annotations

from pathlib import Path

import pytest

from grading.batch.exports import Entry, discover, named
from grading.submission.people import Person
from snippets.errors import UsageError


def touched(folder: Path, *names: str) -> Path:
    """Files of those names under `folder`; a name that ends with / is a folder."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(exist_ok=True) if name.endswith("/") else path.write_text("x")
    return folder


def found(folder: Path) -> list[str]:
    return [entry.path.relative_to(folder).as_posix() for entry in discover([folder])]


@pytest.mark.parametrize(
    "name",
    ["ab1.ZIP", "ab1.tar.gz", "ab1.rar", "ab1.7z", "ab1.pdf", "ab1.docx", ".ab1.zip.icloud", "ab1.zip.crdownload"],
)
def test_whatever_somebody_handed_in_is_an_entry(tmp_path: Path, name: str) -> None:
    assert found(touched(tmp_path, name, "cd2.zip")) == [name, "cd2.zip"]


def test_lists_results_and_what_systems_leave_are_no_entries(tmp_path: Path) -> None:
    names = ["grades.csv", "grades.json", "grades.html", "grades.cache/00.json", "index.html", ".DS_Store", "._ab1.zip"]
    assert found(touched(tmp_path, "ab1.zip", *names, "__MACOSX/x.zip", "Thumbs.db")) == ["ab1.zip"]


@pytest.mark.parametrize("inside", ["", "notes.pdf", ".submission.zip.icloud", "a/b/c.txt"])
def test_a_students_folder_is_an_entry_whatever_is_in_it(tmp_path: Path, inside: str) -> None:
    assert found(touched(tmp_path, f"ab1/{inside}", "cd2/submission.zip")) == ["ab1", "cd2"]


def test_a_folder_with_a_few_archives_is_one_student(tmp_path: Path) -> None:
    assert found(touched(tmp_path, "ab1/notes.zip", "ab1/work.zip", "cd2.zip")) == ["ab1", "cd2.zip"]


def test_a_folder_with_several_students_archives_is_a_class(tmp_path: Path) -> None:
    names = ["monday/ab1.zip", "monday/cd2.zip"]
    assert found(touched(tmp_path, *names)) == names
    many = [f"tuesday/work {n}.zip" for n in range(7)]
    assert found(touched(tmp_path, *many)) == [*names, *many]


def test_canvas_names_the_user_and_the_attempt(tmp_path: Path) -> None:
    touched(tmp_path, "doejane_1234_567_submission.zip", "doejane_LATE_1234_568_submission-1.zip", "doe_99_1_a.html")
    other, late, first = sorted(discover([tmp_path]), key=lambda entry: entry.order, reverse=False)
    assert (late.owner, late.people) == (first.owner, (Person("", "doejane"),)) and other.owner != first.owner
    assert late.order == (0.0, 567.0) and first.order == (1.0, 568.0)


def test_moodle_names_the_participant_and_the_kind(tmp_path: Path) -> None:
    names = ["Jane Doe_12_assignsubmission_file_/w.zip", "Jane Doe_12_assignsubmission_onlinetext_/onlinetext.html"]
    file, text = discover([touched(tmp_path, *names)])
    assert file.owner == text.owner and file.order > text.order and file.people == (Person("", "Jane Doe"),)


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("27 November, 2026 1127 PM", "28 November, 2026 0900 AM"),
        ("Nov 27, 2026 859 AM", "Nov 27, 2026 1010 AM"),
        ("9 October, 2026 100 PM", "10 October, 2026 100 PM"),
    ],
)
def test_brightspace_names_the_person_and_the_time(tmp_path: Path, earlier: str, later: str) -> None:
    folders = [named(tmp_path / f"11-22 - Jane Doe - {when}") for when in (earlier, later)]
    assert folders[0].owner == folders[1].owner and 0 < folders[0].order[0] < folders[1].order[0]
    assert folders[0].people == (Person("", "Jane Doe"),)


def test_blackboard_names_the_netid_and_the_time() -> None:
    first, second = (named(Path(f"Lab 1_ab123_attempt_2026-11-{day}-09-00-00_work.zip")) for day in (7, 27))
    assert first.owner == second.owner and first.order < second.order and first.people == (Person("ab123"),)


def test_nbgrader_names_the_netid(tmp_path: Path) -> None:
    touched(tmp_path, "submitted/ab_1/edge/1_latency.ipynb", "submitted/cd2/edge/edge/record.json")
    assert [entry.people for entry in discover([tmp_path])] == [(Person("ab_1"),), (Person("cd2"),)]


METADATA = """---
submission_1:
  :submitters:
  - :name: "Jane: Doe"
    :sid: 0123
    :email: AB123@nyu.edu
  - :name: Ann
    :sid: zz9
    :email:
  :created_at: 2026-11-27 10:00:00.5 Z
submission_2:
  :submitters:
  - :name: Lost
    :sid: no
"""


def test_gradescope_names_all_partners_and_those_whose_files_are_missing(tmp_path: Path) -> None:
    (
        touched(tmp_path, "export/submission_1/x.txt", "export/submission_9/y.zip")
        / "export"
        / "submission_metadata.yml"
    ).write_text(METADATA)
    pair, lost, unlisted = discover([tmp_path])
    assert pair.people == (Person("ab123", "Jane: Doe", ("0123",)), Person("zz9", "Ann", ("zz9",)))
    assert lost.people == (Person("no", "Lost", ("no",)),) and "holds no files" in lost.problem and not pair.problem
    assert pair.order[0] == 1795773600.0  # the 27th of November 2026, 10:00 UTC
    assert unlisted == Entry(tmp_path / "export" / "submission_9" / "y.zip")


@pytest.mark.parametrize("text", ["[", "- a", "\x00", "a: [}"])
def test_a_list_of_gradescope_that_cannot_be_read_is_an_error(tmp_path: Path, text: str) -> None:
    (touched(tmp_path, "submission_1/x.zip") / "submission_metadata.yml").write_text(text)
    with pytest.raises(UsageError, match="submission_metadata.yml"):
        discover([tmp_path])


def test_a_link_is_no_submission(tmp_path: Path) -> None:
    (touched(tmp_path, "class/ab1.zip") / "class" / "cd2.zip").symlink_to("/etc/hostname")
    assert found(tmp_path / "class") == ["ab1.zip"]


def test_a_path_named_twice_is_one_entry(tmp_path: Path) -> None:
    touched(tmp_path, "ab1.zip")
    assert len(discover([tmp_path, tmp_path / "ab1.zip", tmp_path])) == 1
