"""What the documents say about the checkout is so: links, files, folders, variables."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import rooms

ROOT = rooms.ROOT
FOLDERS = ("notebooks", "reserve", "snippets", "grading", "images", "tests", "benchmarks")
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / folder / "README.md" for folder in FOLDERS), ROOT / "tests/chameleon/README.md"]
)
LINK = re.compile(r"\]\(([^)\s]+)\)")
# `folder/file` in backticks, without placeholders (PART, NAME) and options.
PATH = re.compile(r"`([a-z_.]+(?:/[a-z0-9_.]+)+/?)`")
VARIABLE = re.compile(r"\bSERVELAB_[A-Z0-9]+(?:_[A-Z0-9]+)*\b")
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """The headings of a page, as GitHub spells them in links."""
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in HEADING.findall(page.read_text())}


def named(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if not link.startswith(("http://", "https://", "mailto:")):
            path, _, anchor = link.partition("#")
            target = page.parent / path if path else page
            assert target.exists(), f"{named(page)} links to {link}"
            assert not anchor or anchor in anchors(target), f"{named(page)} links to {link}"


@pytest.mark.parametrize("name", ["ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_every_file_that_a_page_for_developers_names_is_there(name: str) -> None:
    paths = set(PATH.findall((ROOT / name).read_text(encoding="utf-8")))
    assert len(paths) > 10
    assert sorted(path for path in paths if not (ROOT / path).exists()) == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_readme_of_a_folder_is_short_and_names_each_room_in_it(folder: str) -> None:
    text = (ROOT / folder / "README.md").read_text(encoding="utf-8")
    inside = {path.parent for kind in ("*/*.py", "*/*.md") for path in (ROOT / folder).glob(kind)}
    assert sorted(path.name for path in inside if f"`{path.name}/`" not in text) == []
    assert 5 <= sum(bool(line.strip()) for line in text.splitlines()) <= 30


def test_the_table_of_environment_variables_is_what_the_code_reads() -> None:
    sources = [*rooms.modules().values(), ROOT / "setup.sh", ROOT / "Makefile"]
    sources += [path for room in rooms.TOP for path in (ROOT / room).rglob("*") if path.suffix in (".sh", ".yaml")]
    read = {name for path in sources for name in VARIABLE.findall(path.read_text(encoding="utf-8"))}
    rows = re.findall(r"^\| `(SERVELAB_\w+)` \|", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(rows) == sorted(read)


def test_the_changelog_has_a_section_for_the_version_of_today() -> None:
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    sections = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert version is not None and sections[0] == "Unreleased"
    assert sections[1].startswith(f"{version.group(1)} - ")


def test_the_commands_that_the_page_for_assistants_names_exist() -> None:
    import servelab

    page = (ROOT / "AGENTS.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets, verbs = set(re.findall(r"make ([a-z-]+)", page)), set(re.findall(r"servelab ([a-z]+)", page))
    assert {"setup", "lint", "notebooks", "test"} <= targets
    assert {target for target in targets - {"a"} if not re.search(rf"^{target}:", makefile, re.M)} == set()
    assert len(verbs) >= 3 and verbs <= set(servelab.cli.commands)
    for folder in re.findall(r"pytest (\S+)", page):
        assert (ROOT / folder).is_dir()
    for path in set(PATH.findall(page)) - {"grading/staff/"}:  # staff's part is what a student's copy lacks
        assert (ROOT / path).exists(), path
    module = re.search(r"python -m (tests\.[\w.]+) FILE", page)
    assert module and (ROOT / f"{module[1].replace('.', '/')}.py").is_file()


def test_the_page_for_assistants_is_short_and_its_floors_are_those_of_the_tests() -> None:
    page = (ROOT / "AGENTS.md").read_text(encoding="utf-8")
    assert len(page.splitlines()) < 60 and "the course's policy on AI" in page
    held = (ROOT / "tests/test_rooms.py").read_text(encoding="utf-8")
    assert "At most 12 modules a folder and 6 parameters a function" in page
    assert re.search(r"\b12\b", held) and re.search(r"\b6\b", held)
