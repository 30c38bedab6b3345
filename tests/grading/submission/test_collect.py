"""From runs to a submission: what goes in, what is left out, and what the student is told."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from grading.questions import questions
from grading.submission import archive
from grading.submission.collect import Student, Submission, make_submission, records_of, write_template
from grading.submission.unpack import unpack
from snippets.errors import SubmissionError
from snippets.record.run import Run, load_record, open_run
from tests.grading.pictures import picture
from tests.grading.submission.handed_in import collected, pdf_text


def test_the_zip_holds_the_record_the_samples_and_a_manifest_that_fits(run: Run, tmp_path: Path) -> None:
    made = collected(run, tmp_path)
    unpack(made.zip, tmp_path / "read")
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


def test_records_come_in_the_order_of_the_parts(tmp_path: Path) -> None:
    folders = [open_run(part, runs=tmp_path).folder for part in ("system", "model", "edge")]
    assert [record.part for record in records_of(folders)] == ["model", "edge", "system"]


def test_no_run_at_all_is_refused() -> None:
    with pytest.raises(SubmissionError, match="got none"):
        records_of([])


def test_a_template_names_its_parts_and_has_a_page_for_each_of_their_questions(
    small_questions: Path, tmp_path: Path
) -> None:
    write_template(["model"], tmp_path / "template.pdf")
    assert "Model serving lab: model" in pdf_text(tmp_path / "template.pdf", 1)
    assert questions("model")[-1].id in pdf_text(tmp_path / "template.pdf", len(questions("model")))


def test_the_student_is_told_the_files_then_what_lacks_then_what_is_odd(tmp_path: Path) -> None:
    for name in ("submission.zip", "submission.pdf"):
        (tmp_path / name).write_bytes(bytes(1_250_000))
    made = Submission(
        tmp_path,
        tmp_path / "submission.zip",
        tmp_path / "submission.pdf",
        tmp_path / "template.pdf",
        ("system.a", "model.b", "model.c"),
        ("left out: x",),
    )
    assert made.lines() == [
        f"{tmp_path / 'submission.zip'} (1.25 MB)",
        f"{tmp_path / 'submission.pdf'} (1.25 MB)",
        "  - no answer yet: model.b, model.c",
        "  - no answer yet: system.a",
        "  - left out: x",
    ]
