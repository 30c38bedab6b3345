"""`servelab viva`: a page a student, names by the export, and a sentence for whoever handed in nothing to ask about."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

import servelab
from grading.staff.viva.draw import COUNT
from grading.staff.viva.oral import Oral
from grading.staff.viva.pages import Sheet, page, sheets, write_viva
from snippets.errors import UsageError
from snippets.machine.browser import with_page
from tests import pages
from tests.grading.exports import Files, files_handed_in, gradescope, with_manifest, zip_of
from tests.grading.students import hand_in, make_run


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """A whole submission of part edge."""
    return files_handed_in(tmp_path_factory.mktemp("viva"), "aa1", 41)


@pytest.fixture(scope="module")
def export(files: Files, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Gradescope's: one whose manifest gives another name, two partners, one whose record is broken, a PDF."""
    folder = tmp_path_factory.mktemp("export")
    own = with_manifest(files, netid="dd4")
    broken = {**own, "edge/steps.jsonl": files["edge/steps.jsonl"].replace(b'"seconds":', b'"seconds":1', 1)}
    archives = {
        "claims": with_manifest(files, netid="zz9", name="Somebody Else"),
        "pair": with_manifest(files, netid="bb2"),
        "broken": broken,
        "pdf": {"report.pdf": b"%PDF-1.7"},
    }
    made = {name: zip_of(folder / f"{name}.zip", content) for name, content in archives.items()}
    who = {"claims": ["aa1"], "pair": ["bb2", "cc3"], "broken": ["dd4"], "pdf": ["ee5"]}
    return gradescope(folder / "gradescope", [(who[name], made[name]) for name in archives])


def test_each_student_has_a_page_under_the_name_that_the_export_gives(export: Path) -> None:
    made = {sheet.netid: sheet for sheet in sheets([export])}
    assert sorted(made) == ["aa1", "bb2", "cc3", "dd4", "ee5"]
    assert made["aa1"].name == "Jane aa1"
    assert "its manifest says NetID zz9, but aa1 handed it in" in made["aa1"].told
    assert [len(made[netid].orals) for netid in ("aa1", "bb2", "cc3")] == [COUNT] * 3
    assert set(made["bb2"].orals) != set(made["cc3"].orals)  # partners know the same numbers; they are asked others
    assert made["bb2"].runs[0].startswith("edge/mine ")


def test_without_a_record_that_can_be_read_a_sentence_says_why(export: Path) -> None:
    made = {sheet.netid: sheet for sheet in sheets([export])}
    assert made["dd4"].orals == made["ee5"].orals == ()
    assert made["dd4"].told.startswith("No questions can be asked: edge: ") and "/tmp" not in made["dd4"].told
    assert made["ee5"].told.startswith("No questions can be asked: no run record was handed in")


def test_it_is_the_same_again(export: Path) -> None:
    assert sheets([export]) == sheets([export])


def test_a_record_with_little_in_it_gives_fewer_questions_and_says_so(tmp_path: Path) -> None:
    run = make_run(tmp_path / "runs", 43, keep_steps=0.04, answered=False, predict="never")
    hand_in(run, "ff6", tmp_path / "out", pdf=False)
    (sheet,) = sheets([tmp_path / "out" / "submission.zip"])
    assert 0 < len(sheet.orals) < COUNT
    assert sheet.told.startswith(f"Only {len(sheet.orals)} of {COUNT} questions: the record holds too little for more.")


def test_only_the_part_that_is_named_is_asked_about(export: Path) -> None:
    made = {sheet.netid: sheet for sheet in sheets([export], ["system"])}
    assert made["aa1"].orals == () and made["aa1"].told.startswith("No questions can be asked: ")
    assert {oral.template[:5] for oral in sheets([export], ["edge"])[0].orals} == {"edge."}


def test_what_a_student_wrote_is_text_and_no_markup() -> None:
    oral = Oral("You answered <script>1</script>\x1b[31m", "<b>2</b>", (2.0,), (), ("edge/<i>/latency",), "Why?")
    text = page([Sheet("<u>ab", "<img src=x>", ("edge/<s> 1",), (oral,), "<em>")])
    assert not re.search(r"<(script|u|img|s|em)\b[^t]", text.partition("<section>")[2])
    assert "&lt;script&gt;1&lt;/script&gt;\\x1b[31m" in text and "edge/&lt;i&gt;/latency" in text


def test_the_verb_writes_the_page_and_says_for_whom_there_is_nothing(export: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "viva.html"
    done = CliRunner().invoke(servelab.cli, ["viva", str(export), "--out", str(out)])
    assert done.exit_code == 0
    assert done.output == f"wrote {out}: 3 students with questions; none for dd4, ee5\n"
    assert out.read_text().count("<section>") == 5 and out.read_text().count('class="no">1<') == 3


def test_without_submissions_or_without_the_staffs_folder_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError):
        write_viva([tmp_path / "none"], tmp_path / "viva.html")
    monkeypatch.setattr(servelab, "STAFF", tmp_path / "absent")
    done = CliRunner().invoke(servelab.cli, ["viva", str(tmp_path)])
    assert done.exit_code == 2 and "students' copies of the kit lack" in done.output


@pytest.mark.slow
def test_in_print_each_student_has_one_page(export: Path, tmp_path: Path) -> None:
    import io

    import pypdf

    write_viva([export], tmp_path / "viva.html")

    def act(browser_page: object) -> bytes:
        browser_page.goto((tmp_path / "viva.html").as_uri())  # type: ignore[attr-defined]
        return browser_page.pdf(prefer_css_page_size=True)  # type: ignore[attr-defined]

    printed = pypdf.PdfReader(io.BytesIO(with_page(act, width=800, height=1000))).pages
    assert [printed[place].extract_text().split()[0] for place in range(len(printed))] == [
        sheet.netid for sheet in sheets([export])
    ]


@pages.needs_chromium
def test_the_page_has_no_fault_in_a_browser_light_and_dark_on_a_phone_and_on_a_screen(tmp_path: Path) -> None:
    steps = ("baseline/eager/throughput-1", "baseline/compiled-with-a-long-name/throughput-32")
    oral = Oral("How many images a second?", "179 (161 to 197), 1.35 times as many.", (2.0,), (), steps, "Why?")
    (tmp_path / "viva.html").write_text(page([Sheet("ab1", "Ann", ("edge/mine 41b7873d",), (oral,), "Look at this.")]))
    assert pages.faults((tmp_path / "viva.html").as_uri()) == []
