"""A part is known by its name, its notebooks run in the order of their numbers, and a wrong name gets a hint."""

from __future__ import annotations

from pathlib import Path

import pytest

from snippets import parts
from snippets.errors import UsageError


@pytest.fixture
def notebooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of notebooks in which only Part 1 and Part 3 have some."""
    for name in ("model/10_last", "model/2_second", "model/1_first", "model/notes", "system/1_only"):
        path = tmp_path / f"{name}.ipynb"
        path.parent.mkdir(exist_ok=True)
        path.touch()
    monkeypatch.setattr(parts, "NOTEBOOKS", tmp_path)
    return tmp_path


def test_notebooks_come_in_the_order_of_their_numbers(notebooks: Path) -> None:
    assert [path.stem for path in parts.notebooks("model")] == ["1_first", "2_second", "10_last"]


def test_all_means_every_part_that_has_notebooks(notebooks: Path) -> None:
    assert parts.expand("all") == ("model", "system")
    assert parts.expand("system") == ("system",)


def test_all_are_named_whether_they_have_notebooks_or_not(notebooks: Path) -> None:
    assert parts.parts_named("all") == parts.PARTS and parts.parts_named("edge") == ("edge",)
    with pytest.raises(UsageError, match="no part 'xyz'; .* or all of them: all"):
        parts.parts_named("xyz")


def test_a_part_without_notebooks_says_how_to_build_them(notebooks: Path) -> None:
    with pytest.raises(UsageError, match="'edge' has no notebooks .* make notebooks"):
        parts.expand("edge")


def test_a_misspelt_part_gets_the_nearest_name() -> None:
    with pytest.raises(UsageError, match="no part 'modle'; .* or all of them: all. Did you mean model?"):
        parts.check_part("modle")


def test_a_name_like_no_part_gets_the_list_alone() -> None:
    with pytest.raises(UsageError, match="the parts are model, edge, system.$"):
        parts.check_part("xyz", all_too=False)


def test_all_is_a_part_only_where_it_is_asked_for() -> None:
    parts.check_part("all")
    with pytest.raises(UsageError, match="no part 'all'"):
        parts.check_part("all", all_too=False)


def test_the_installed_package_alone_says_that_the_notebooks_lie_in_a_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "NOTEBOOKS", tmp_path / "none")
    with pytest.raises(UsageError, match="in a checkout of the kit, and this is the installed package alone"):
        parts.notebooks("model")
