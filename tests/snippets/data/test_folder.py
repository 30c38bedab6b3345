"""A folder's classes, splits and pictures are listed as they lie, and its key follows its files."""

from __future__ import annotations

from pathlib import Path

import pytest

from snippets.data.folder import Entry, list_folder
from snippets.errors import DataError


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"not looked at")
    return root


def test_labels_follow_the_alphabet_and_files_their_names(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{split}/{name}/b.jpg" for split in ("train", "val", "TEST") for name in ("soup", "Bread")))
    touch(tmp_path, "train/soup/a.PNG", "train/soup/.hidden.jpg", "train/soup/notes.txt")
    listing = list_folder(tmp_path)
    assert listing.classes == ("Bread", "soup")
    assert listing.splits["training"] == (
        Entry("train/Bread/b.jpg", 0),
        Entry("train/soup/a.PNG", 1),
        Entry("train/soup/b.jpg", 1),
    )
    assert [entry.file for entry in listing.splits["evaluation"]] == ["TEST/Bread/b.jpg", "TEST/soup/b.jpg"]


def test_a_fifth_of_each_class_goes_to_each_split_that_is_missing(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{name}/{n}.jpg" for name in ("egg", "rice") for n in range(10)))
    splits = list_folder(tmp_path).splits
    assert {name: len(entries) for name, entries in splits.items()} == {
        "training": 12,
        "validation": 4,
        "evaluation": 4,
    }
    assert len({entry.file for entries in splits.values() for entry in entries}) == 20


def test_the_key_changes_with_a_files_size_and_not_with_looking(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{name}/{n}.jpg" for name in ("egg", "rice") for n in range(5)))
    before = list_folder(tmp_path).key
    assert list_folder(tmp_path).key == before
    (tmp_path / "egg" / "0.jpg").write_bytes(b"longer than it was before")
    assert list_folder(tmp_path).key != before


def test_a_single_class_is_nothing_to_tell_apart(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"one class only \('egg'\)"):
        list_folder(touch(tmp_path, "egg/0.jpg", "egg/1.jpg", "egg/2.jpg"))
