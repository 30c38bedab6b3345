"""Who handed in, by the names of files, and NetIDs as people type them."""

from __future__ import annotations

from pathlib import Path

import pytest

from grading.submission.people import Person, is_archive, plain_netid, student_of, who_is


@pytest.mark.parametrize(
    ("path", "student"),
    [
        ("submitted/ab123/edge", "ab123"),
        ("course/submitted/ab_123/edge", "ab_123"),
        ("class/ab123_late_77_submission.zip", "ab123"),
        ("class/ab123.zip", "ab123"),
        ("class/AB123.ZIP", "AB123"),
        ("class/ab123.tar.gz", "ab123"),
        ("export/submission_4711", "submission_4711"),
        ("ab123", "ab123"),
    ],
)
def test_the_path_says_who_handed_in(path: str, student: str) -> None:
    assert student_of(Path(path)) == student


@pytest.mark.parametrize("typed", ["ab123", "AB123", " ab123 ", "ab123@nyu.edu", "\uff41b123"])
def test_a_netid_is_the_same_however_it_is_typed(typed: str) -> None:
    assert plain_netid(typed) == "ab123"


def test_a_person_is_known_by_every_id() -> None:
    people = [Person("zz9", "Ann"), Person("jane.doe", "Jane", ("ab123",))]
    assert who_is(people, "AB123 ") == people[1] and who_is(people, "jane.doe@nyu.edu") == people[1]
    assert who_is(people, "") is None and who_is(people, "ab12") is None


def test_archives_are_known_by_their_names() -> None:
    names = ["a.zip", "a.ZIP", "a.tar.gz", "a.tgz", "a.pdf", "a.rar"]
    assert [is_archive(Path(name)) for name in names] == [True, True, True, True, False, False]
