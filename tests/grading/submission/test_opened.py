"""A submission is opened whatever form it came in: who it is from, where it begins, which runs it holds."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from grading.submission.archive import manifest_of
from grading.submission.opened import digest_of, open_records, opened, root_of, runs_in
from snippets.errors import SubmissionError
from snippets.record.run import Run, open_run
from tests.grading.submission.handed_in import collected


def test_a_zips_digest_is_that_of_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "s.zip").write_bytes(b"PK")
    assert digest_of(tmp_path / "s.zip") == hashlib.sha256(b"PK").hexdigest()


def test_a_folders_digest_follows_names_and_contents_and_no_links(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a").write_text("x")
    first = digest_of(tmp_path)
    (tmp_path / "link").symlink_to("/etc/hostname")
    assert digest_of(tmp_path) == first
    (tmp_path / "sub" / "a").write_text("y")
    second = digest_of(tmp_path)
    (tmp_path / "sub" / "a").rename(tmp_path / "sub" / "b")
    assert len({first, second, digest_of(tmp_path)}) == 3


def test_a_folder_and_a_zip_are_read_as_a_copy_for_a_while(run: Run, tmp_path: Path) -> None:
    made = collected(run, tmp_path)
    for path in (made.folder, made.zip):
        with opened(path) as found:
            kept = found.root
            assert kept != made.folder and found.remarks == ()
            assert (found.runs["model"] / "record.json").read_bytes() == (run.folder / "record.json").read_bytes()
        assert not kept.exists()


def test_a_zip_that_lies_in_a_folder_without_a_record_is_the_submission(run: Run, tmp_path: Path) -> None:
    made = collected(run, tmp_path)
    (tmp_path / "upload").mkdir()
    made.zip.rename(tmp_path / "upload" / "mine.zip")
    with opened(tmp_path / "upload") as found:
        assert found.runs == {"model": found.root / "model"}


def test_a_zip_beside_a_run_is_not_the_submission(run: Run, tmp_path: Path) -> None:
    made = collected(run, tmp_path)
    made.zip.rename(made.folder / "older.zip")
    with opened(made.folder) as found:
        assert found.runs == {"model": found.root / "model"} and found.remarks == ()


def written(folder: Path, **texts: str) -> Path:
    """Files by path (`__` for `/`) under `folder`."""
    for name, text in texts.items():
        path = folder / f"{name.replace('__', '/')}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_a_submission_begins_where_its_manifest_lies_or_above_its_first_run(tmp_path: Path) -> None:
    assert root_of(tmp_path) == tmp_path
    written(tmp_path, deep__er__edge__record="{}")
    assert root_of(tmp_path) == tmp_path / "deep" / "er"
    written(tmp_path, deep__manifest="{}")
    assert root_of(tmp_path) == tmp_path / "deep"


@pytest.mark.parametrize("text", ["{", "[]", "3", "\x00"])
def test_a_manifest_that_says_nothing_readable_is_empty(tmp_path: Path, text: str) -> None:
    assert manifest_of(written(tmp_path, manifest=text)) == {}
    assert manifest_of(tmp_path / "nowhere") == {}


def test_a_manifest_says_what_it_says(tmp_path: Path) -> None:
    assert manifest_of(written(tmp_path, manifest=json.dumps({"netid": "ab123"}))) == {"netid": "ab123"}


def test_runs_are_told_apart_by_what_their_records_say_then_by_their_folders(tmp_path: Path) -> None:
    written(tmp_path, model__record='{"part": "system"}', edge__record="not JSON", other__record="{}")
    assert runs_in(tmp_path) == {"edge": tmp_path / "edge", "system": tmp_path / "model"}


def test_of_two_runs_of_a_part_the_one_nearest_the_top_counts(tmp_path: Path) -> None:
    written(tmp_path, edge__old__record='{"part": "edge"}', edge__record='{"part": "edge"}')
    assert runs_in(tmp_path) == {"edge": tmp_path / "edge"}


def test_records_that_cannot_be_read_are_passed_over(run: Run, tmp_path: Path) -> None:
    made = collected(run, tmp_path)
    written(made.folder, edge__record='{"part": "edge"}')
    with open_records(made.folder) as records:
        assert [record.part for record in records] == ["model"]


def test_what_cannot_be_opened_holds_no_records(tmp_path: Path) -> None:
    (tmp_path / "s.zip").write_text("no zip")
    with open_records(tmp_path / "s.zip") as records:
        assert records == []
    with pytest.raises(SubmissionError, match="not a whole zip"), opened(tmp_path / "s.zip"):
        pass


def test_of_several_runs_the_one_with_the_answers_is_graded_though_another_is_newer(tmp_path: Path) -> None:
    for run_id in ("mine", "quick"):  # quick is measured last
        run = open_run("model", runs=tmp_path, run_id=run_id)
        if run_id == "mine":
            run.answer("model.baseline.eager", [5, 20])
        run.step("baseline/eager/latency", lambda: 1, inputs={})
    open_run("model", runs=tmp_path, run_id="typo").answer("model.baseline.batching", "so")
    with opened(tmp_path / "model") as found:
        assert found.runs["model"].name == "mine"
        (remark,) = found.remarks
        assert remark.startswith("of 3 runs of part model, mine was read; beside it lay ")
        assert "quick" in remark and "typo" in remark and remark.endswith("(answers: 1 against 1)")
