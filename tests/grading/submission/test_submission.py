"""Collecting a submission: zip, manifest, PDF, template, screenshots."""

from __future__ import annotations

import base64
import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pypdf import PdfReader

from grading.errors import UnsafeArchive
from grading.questions import ask, questions
from grading.submission import archive
from grading.submission.collect import Student, Submission, make_submission
from grading.submission.pdf import Heading, Page, render, template_pages
from snippets.errors import SubmissionError
from snippets.record.run import Run, load_record, open_run
from tests.grading.pictures import picture


def pdf_text(path: Path, page: int | None = None) -> str:
    """Text of a PDF, or of one of its pages, line breaks as spaces."""
    pages = PdfReader(path).pages
    wanted = [pages[page - 1]] if page else pages
    return " ".join(" ".join(sheet.extract_text() for sheet in wanted).split())


@pytest.fixture
def run(tmp_path: Path, small_questions: Path) -> Run:
    run = open_run("model", notebook="2_graph", runs=tmp_path / "runs")
    ask(run, "model.graph.layout", answer="all")
    samples = np.random.default_rng(1).normal(8, 0.5, 120)
    run.step("graph/all/latency", lambda: {"latency_ms": samples, "batch": 1}, inputs={})
    ask(run, "model.graph.gain", answer=2.5)
    return run


def collected(run: Run, tmp_path: Path, name: str = "", **options: object) -> Submission:
    options.setdefault("notebooks", tmp_path / "none")
    return make_submission([run.folder], Student("ab123", name), **options)  # type: ignore[arg-type]


def test_the_zip_holds_the_record_the_samples_and_a_manifest_that_fits(run: Run, tmp_path: Path) -> None:
    made = collected(run, tmp_path)
    archive.unpack(made.zip, tmp_path / "read")
    assert archive.manifest_problems(tmp_path / "read") == []
    assert archive.manifest_problems(made.folder) == []
    manifest = json.loads((tmp_path / "read/manifest.json").read_text())
    assert manifest["netid"] == "ab123" and manifest["runs"][0]["part"] == "model"
    assert any(name.startswith("model/samples/") for name in manifest["files"])


def test_a_run_that_goes_on_while_it_is_collected_is_handed_in_whole(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = shutil.copyfile

    def copy_and_go_on(source: Path, target: Path) -> Path:
        done = copy(source, target)
        run.step(f"graph/{source.name}/latency", lambda: {"latency_ms": np.ones(3)}, inputs={})
        run.answer("model.graph.why", f"after {source.name}")
        return done

    monkeypatch.setattr(shutil, "copyfile", copy_and_go_on)
    made = collected(run, tmp_path)
    record = load_record(made.folder / "model")
    assert record.names() == ("graph/all/latency", "graph/record.json/latency") and record.verify() == []
    assert archive.manifest_problems(made.folder) == [] and len(run.record().steps) == 3


def test_a_changed_or_missing_file_shows_against_the_manifest(run: Run, tmp_path: Path) -> None:
    made = collected(run, tmp_path)
    samples = next((made.folder / "model/samples").iterdir())
    samples.write_bytes(b"else")
    (made.folder / "submission.pdf").unlink()
    problems = archive.manifest_problems(made.folder)
    assert len(problems) == 2 and any("changed" in p for p in problems) and any("missing" in p for p in problems)


def test_the_same_run_gives_the_same_bytes(run: Run, tmp_path: Path) -> None:
    first = collected(run, tmp_path, out=tmp_path / "a")
    second = collected(run, tmp_path, out=tmp_path / "b")
    assert first.zip.read_bytes() == second.zip.read_bytes()
    assert first.pdf.read_bytes() == second.pdf.read_bytes()
    assert first.template.read_bytes() == second.template.read_bytes()


def test_the_cap_leaves_out_models_first_and_says_so(run: Run, tmp_path: Path) -> None:
    (run.models / "fp32.onnx").write_bytes(np.random.default_rng(0).bytes(900_000))
    made = collected(run, tmp_path, cap_bytes=800_000)
    assert made.zip.stat().st_size < 800_000
    assert [remark for remark in made.remarks if "left out: model/models/fp32.onnx (0.9 MB)" in remark]
    manifest = json.loads((made.folder / "manifest.json").read_text())
    assert [item["name"] for item in manifest["left_out"]] == ["model/models/fp32.onnx"]


def test_question_n_is_on_page_n_and_missing_answers_are_marked(run: Run, tmp_path: Path) -> None:
    made = collected(run, tmp_path, name="Ada")
    for number, question in enumerate(questions("model"), start=1):
        assert question.id in pdf_text(made.pdf, number)
        assert question.id in pdf_text(made.template, number)
    assert "before the measurement" in pdf_text(made.pdf, 1)
    assert "p50 8" in pdf_text(made.pdf, 1)
    assert "No answer was given" in pdf_text(made.pdf, 3)
    assert "Missing screenshot" in pdf_text(made.pdf, 4)
    assert set(made.unanswered) == {"model.graph.why", "model.cost.front"}


def test_a_long_answer_continues_after_the_last_question(small_questions: Path, tmp_path: Path) -> None:
    asked = questions("model")
    words = [f"w{number}" for number in range(4000)]
    pages = [Page(question, answer="short") for question in asked]
    pages[2] = Page(asked[2], answer=" ".join(words))
    (tmp_path / "long.pdf").write_bytes(render(Heading("t"), pages)[0])
    third = pdf_text(tmp_path / "long.pdf", 3)
    assert "continued on page 6" in third and "w0 " in third
    assert asked[3].id in pdf_text(tmp_path / "long.pdf", 4)
    assert "Question 3, continued" in pdf_text(tmp_path / "long.pdf", 6)
    everything = pdf_text(tmp_path / "long.pdf").split()
    assert set(words) <= set(everything)


def test_names_in_every_script_survive_and_nothing_is_dropped(small_questions: Path, tmp_path: Path) -> None:
    asked = questions("model")[:1]
    pages = [Page(asked[0], answer="\u5f20\u4f1f \u0645\u062d\u0645\u062f \U0001f600 a\u202eb \ue000 \x07")]
    pdf, replaced = render(Heading("t", name="\u5f20\u4f1f \u0645\u062d\u0645\u062f \U0001f680"), pages)
    (tmp_path / "names.pdf").write_bytes(pdf)
    text = pdf_text(tmp_path / "names.pdf")
    assert "\u5f20\u4f1f" in text and "\U0001f600" in text and "\U0001f680" in text
    assert "U+202E" in text and "U+E000" in text and "U+0007" in text
    assert set(replaced) == {"\u202e", "\ue000", "\x07"}


def test_markup_in_an_answer_is_text(small_questions: Path, tmp_path: Path) -> None:
    pages = [Page(questions("model")[0], answer='#panic("x") $y$ *b* @ref \\ #image("data.json") </script>')]
    (tmp_path / "markup.pdf").write_bytes(render(Heading("t"), pages)[0])
    assert '#panic("x") $y$ *b* @ref \\ #image("data.json") </script>' in pdf_text(tmp_path / "markup.pdf")


def test_a_template_has_one_empty_page_per_question(small_questions: Path, tmp_path: Path) -> None:
    asked = questions("model")
    (tmp_path / "template.pdf").write_bytes(render(Heading("t"), template_pages(asked))[0])
    assert len(PdfReader(tmp_path / "template.pdf").pages) == len(asked)


def remarks(run: Run, tmp_path: Path, **options: object) -> str:
    return "\n".join(collected(run, tmp_path, **options).remarks)


@pytest.mark.parametrize("name", ["model.graph.netron.png", "model-graph-netron.PNG", "netron.png"])
def test_a_screenshot_is_found_by_its_file_name(run: Run, tmp_path: Path, name: str) -> None:
    (run.folder / "screens" / name).write_bytes(picture(1))
    made = collected(run, tmp_path)
    assert (made.folder / "screens/model.graph.netron.png").read_bytes() == picture(1)
    assert made.remarks == ()


def test_a_screenshot_pasted_under_its_question_is_found(run: Run, tmp_path: Path) -> None:
    encoded = base64.b64encode(picture(2)).decode()
    cells = [
        {"cell_type": "code", "source": 'ask(run, "model.graph.netron", answer=...)'},
        {
            "cell_type": "markdown",
            "source": "![](attachment:image.png)",
            "attachments": {"image.png": {"image/png": encoded}},
        },
    ]
    (tmp_path / "books/model").mkdir(parents=True)
    (tmp_path / "books/model/2_graph.ipynb").write_text(json.dumps({"cells": cells}))
    made = collected(run, tmp_path, notebooks=tmp_path / "books")
    assert (made.folder / "screens/model.graph.netron.png").read_bytes() == picture(2)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (picture(1, 60, 40), "is tiny (60x40)"),
        (b"no picture", "is not a readable picture"),
        (picture(1)[:200], "is not a readable picture"),
    ],
)
def test_an_unusable_screenshot_is_named(run: Run, tmp_path: Path, data: bytes, message: str) -> None:
    (run.folder / "screens/netron.png").write_bytes(data)
    assert message in remarks(run, tmp_path)


def test_a_blank_screenshot_is_named(run: Run, tmp_path: Path) -> None:
    Image.new("RGB", (800, 600), "white").save(run.folder / "screens/netron.png")
    assert "is blank" in remarks(run, tmp_path)


def test_a_screenshot_of_no_question_is_named_with_the_nearest(run: Run, tmp_path: Path) -> None:
    (run.folder / "screens/model.graph.netrom.png").write_bytes(picture(1))
    told = remarks(run, tmp_path)
    assert "belongs to no screenshot question; did you mean model.graph.netron.png?" in told
    assert "model.graph.netron: no screenshot" in told


def test_one_picture_for_two_questions_is_named(run: Run, tmp_path: Path, small_questions: Path) -> None:
    from grading.questions import schema

    small_questions.write_text(
        small_questions.read_text() + '\n[[question]]\nid = "model.graph.other"\n'
        'kind = "screenshot"\ntext = "t"\npoints = 1\nrubric = "r"\n'
    )
    schema.questions.cache_clear()
    for name in ("netron", "other"):
        (run.folder / f"screens/{name}.png").write_bytes(picture(3))
    assert "model.graph.other: screens/other.png shows the same picture as model.graph.netron" in remarks(run, tmp_path)


def test_a_netid_cannot_name_another_folder(run: Run, tmp_path: Path) -> None:
    with pytest.raises(SubmissionError, match="NetID"):
        make_submission([run.folder], Student("../evil"), notebooks=tmp_path)


def test_two_runs_of_one_part_are_refused(run: Run, tmp_path: Path) -> None:
    with pytest.raises(SubmissionError, match="one run folder for each part"):
        make_submission([run.folder, run.folder], Student("ab123"), notebooks=tmp_path)


def zipped(path: Path, *entries: tuple[str, bytes, int]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, data, mode in entries:
            info = zipfile.ZipInfo(name)
            info.external_attr, info.compress_type = mode << 16, zipfile.ZIP_DEFLATED
            target.writestr(info, data)
    return path


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (("../up.txt", b"x", 0o644), "leads out"),
        (("/etc/passwd", b"x", 0o644), "leads out"),
        (("a/../../b", b"x", 0o644), "leads out"),
        (("C:\\x", b"x", 0o644), "leads out"),
        (("link", b"/etc/passwd", 0o120777), "link or a device"),
        (("pipe", b"", 0o010644), "link or a device"),
        (("bomb", bytes(50_000_000), 0o644), "unpacks to 50 MB"),
    ],
)
def test_a_dangerous_archive_is_refused(tmp_path: Path, entry: tuple[str, bytes, int], message: str) -> None:
    path = zipped(tmp_path / "bad.zip", entry)
    with pytest.raises(UnsafeArchive, match=message):
        archive.unpack(path, tmp_path / "into" / "deep")
    assert not list(tmp_path.glob("*.txt"))


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 nothing", b"%PDF-1.7"])
def test_a_file_that_is_no_zip_is_refused_in_words(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.zip").write_bytes(data)
    with pytest.raises(SubmissionError, match="not a whole zip"):
        archive.unpack(tmp_path / "x.zip", tmp_path / "into")
