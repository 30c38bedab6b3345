"""`servelab grade --exemplars`: a page a question, each answer beside an exemplar; and nothing of it for students."""

from __future__ import annotations

import io
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

import servelab
from grading.gradescope.build import build_autograder
from grading.nbgrader.release import release_part
from grading.staff.exemplars import templates
from grading.staff.pages import Sheet, page, write_exemplars
from reserve.node.checkout import pack
from snippets.errors import UsageError
from snippets.parts import PARTS
from tests import pages
from tests.grading.students import hand_in, make_run


@pytest.fixture(scope="module")
def handed_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two submissions, one of which only says itself whose it is, and a file that is none."""
    folder = tmp_path_factory.mktemp("class")
    for seed, netid in ((31, "bb2"), (32, "aa1")):
        run = make_run(folder / f"run{seed}", seed)
        (folder / "in").mkdir(exist_ok=True)
        hand_in(run, netid, folder / "out" / netid, pdf=False).zip.rename(
            folder / "in" / f"{'handed-in' if netid == 'bb2' else netid}.zip"
        )
    (folder / "in" / "cc3.zip").write_bytes(b"no zip")
    return folder / "in"


def test_a_page_has_the_rubric_once_and_every_student_beside_an_exemplar(handed_in: Path, tmp_path: Path) -> None:
    said = write_exemplars([handed_in], tmp_path / "pages")
    text = (tmp_path / "pages" / "edge.threads.limit.html").read_text()
    assert text.count("Two of: parts that run on one thread (Amdahl)") == 1
    assert text.index("<h2>aa1</h2>") < text.index("<h2>bb2</h2>") and "cc3" not in text
    assert text.count("On my device number") == 2 and text.count("ms with one thread") == 2
    index = (tmp_path / "pages" / "index.html").read_text()
    assert "edge.threads.limit.html'>edge.threads.limit</a>: 2 answers, 2 points" in index
    assert said == f"wrote 6 pages of explanations beside exemplars: {tmp_path / 'pages' / 'index.html'}"


def test_what_a_student_wrote_is_text_and_no_markup() -> None:
    from grading.questions import question

    shown = page(question("edge.threads.limit"), [Sheet("<b>x", "<script>", "ok"), Sheet("y'>", "", "ok")])
    assert "<script>" not in shown and "&lt;script&gt;" in shown and "<b>x" not in shown and "id='y&#x27;&gt;'" in shown
    assert "no answer" in shown


def test_without_submissions_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        write_exemplars([tmp_path / "none"], tmp_path / "pages")


def test_the_verb_grades_and_writes_the_pages(handed_in: Path, tmp_path: Path) -> None:
    words = ["grade", str(handed_in / "aa1.zip"), "--out", str(tmp_path / "g.csv"), "--exemplars", str(tmp_path / "ex")]
    done = CliRunner().invoke(servelab.cli, words)
    assert done.exit_code == 0 and "wrote 6 pages of explanations" in done.output
    assert (tmp_path / "g.csv").is_file() and (tmp_path / "ex" / "index.html").is_file()


def test_a_copy_without_the_exemplars_says_so_before_it_grades(
    handed_in: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servelab, "STAFF", tmp_path / "absent")
    words = ["grade", str(handed_in), "--out", str(tmp_path / "g.csv"), "--exemplars", str(tmp_path / "ex")]
    done = CliRunner().invoke(servelab.cli, words)
    assert done.exit_code == 2 and "students' copies of the kit lack" in done.output
    assert not (tmp_path / "g.csv").exists()


# --- What a student gets ---

WORDS = [" ".join(text.split())[:60] for text in templates().values() if not text.strip().startswith("{")]
"""How each exemplar begins, enough to find it again."""


def holds_an_exemplar(content: bytes) -> bool:
    text = " ".join(content.decode(errors="replace").split())
    return any(word in text for word in WORDS)


def test_the_words_are_found_where_they_are(root: Path) -> None:
    assert len(WORDS) > 20 and holds_an_exemplar((root / "grading" / "staff" / "exemplars.toml").read_bytes())


def test_no_exemplar_goes_to_a_node(root: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(pack(root).archive)) as tar:
        names = tar.getnames()
        assert "grading/questions/model.toml" in names and not [
            name for name in names if name.startswith("grading/staff")
        ]
        files = [tar.extractfile(member) for member in tar if member.name.endswith((".py", ".toml", ".md", ".ipynb"))]
        assert not [file for file in files if file is not None and holds_an_exemplar(file.read())]


def test_no_exemplar_is_in_what_is_released_to_students(root: Path, tmp_path: Path) -> None:
    for part in PARTS:
        for path in release_part(part, tmp_path / "course"):
            assert not holds_an_exemplar(path.read_bytes()), path
    with zipfile.ZipFile(build_autograder("all", tmp_path / "autograder.zip", functions=True)) as archive:
        names = archive.namelist()
        assert not [name for name in names if holds_an_exemplar(archive.read(name))]
        staff = {name for name in names if name.startswith("grading/staff/")}
        # What grades there must be there; rubrics and questions for a viva need not.
        assert {name.split("/")[2] for name in staff} <= {"__init__.py", "judges"}


def test_no_archive_of_the_repository_holds_an_exemplar(root: Path) -> None:
    done = subprocess.run(
        ["git", "-C", str(root), "archive", "--worktree-attributes", "HEAD"], capture_output=True, check=False
    )
    if done.returncode != 0:
        pytest.skip("this is no git checkout")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
        assert not [name for name in tar.getnames() if name.startswith("grading/staff/")]


def test_no_exemplar_is_in_a_notebook_or_in_a_submission(root: Path, handed_in: Path) -> None:
    for path in (root / "notebooks").rglob("*"):
        assert not (path.is_file() and holds_an_exemplar(path.read_bytes())), path
    with zipfile.ZipFile(handed_in / "aa1.zip") as archive:
        assert not [name for name in archive.namelist() if holds_an_exemplar(archive.read(name))]


@pages.needs_chromium
def test_the_page_has_no_fault_in_a_browser_light_and_dark_on_a_phone_and_on_a_screen(tmp_path: Path) -> None:
    from grading.questions import question

    made = page(question("edge.threads.limit"), [Sheet("ab1", "Memory. " * 60, "ok " * 60), Sheet("cd2", "", "ok")])
    (tmp_path / "page.html").write_text(made)
    assert pages.faults((tmp_path / "page.html").as_uri()) == []
